/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unlisted programs that have already raised an alert, by a hash of what they
 * are, who started them and in which container. A bounded table that evicts the
 * least recently used, kept in a file over restarts and crashes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

struct known;

#define KNOWN_KEY	16
/* The largest file, with the largest table that can be configured. */
#define KNOWN_BYTES_MAX (8u << 20)

/* -ENOMEM. */
int known_new(size_t capacity, struct known **ret);
void known_free(struct known *k);

/* Did it raise an alert at or after since_wall_ns? */
bool known_has(struct known *k, const uint8_t key[static KNOWN_KEY],
	       int64_t since_wall_ns);
void known_add(struct known *k, const uint8_t key[static KNOWN_KEY],
	       int64_t wall_ns);
/* Has anything been added since the last known_write? */
bool known_is_new(const struct known *k);

/* Append the whole file to out. */
void known_write(struct known *k, struct buf *out,
		 const uint8_t journal[static 16]);
/*
 * Load what known_write wrote. -EBADMSG: the file is not valid, nothing was
 * loaded; -ESTALE: it belongs to another journal, where its alerts are.
 */
int known_read(struct known *k, struct slice file,
	       const uint8_t journal[static 16]);
