/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that no rule lists and that an alert has told of: by a hash of
 * what they are, who started them and where. A bounded table, the longest
 * unused gives way, which is kept in a file over restarts and crashes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

struct known;

#define KNOWN_KEY	16
/* The file of the most that can be configured. */
#define KNOWN_BYTES_MAX (8u << 20)

/* -ENOMEM. */
int known_new(size_t capacity, struct known **ret);
void known_free(struct known *k);

/* Told of at or after since_wall_ns? */
bool known_has(struct known *k, const uint8_t key[static KNOWN_KEY],
	       int64_t since_wall_ns);
void known_add(struct known *k, const uint8_t key[static KNOWN_KEY],
	       int64_t wall_ns);
/* Has anything been added since the last known_write? */
bool known_is_new(const struct known *k);

/* The whole file. */
void known_write(struct known *k, struct buf *out,
		 const uint8_t journal[static 16]);
/*
 * Take in what known_write wrote. -EBADMSG: it is not that, and nothing was
 * taken in; -ESTALE: it is of another journal, which alone has the alerts.
 */
int known_read(struct known *k, struct slice file,
	       const uint8_t journal[static 16]);
