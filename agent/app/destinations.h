/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collectors that the journal is shipped to, and what each of them has,
 * from what the shipper leaves in its state directories. The agent only reads
 * there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "out/ship_status.h"
#include "store/cursor.h"

#define DESTINATIONS_MAX (1 + CONF_NAMED_MAX)

struct destination {
	const char *name; /* "" for [collector]; name and url belong to conf */
	const char *url;
	bool has_cursor; /* one of this journal */
	struct cursor cursor;
	bool is_running; /* a shipper runs now */
	bool has_status;
	struct ship_status status;
	/* What it does not have yet, as far as the journal still has it. */
	uint64_t behind_records;
	uint64_t behind_bytes; /* of the journal on disk, see behind.h */
	uint64_t behind_ms;    /* age of the oldest of them */
};

struct destinations_ask {
	const struct conf *conf;
	const char *journal_dir;
	const uint8_t *journal; /* its id */
	uint64_t first_seq;	/* the oldest in the journal; 0: not known */
	uint64_t next_seq;
};

/* Returns how many there are. */
size_t destinations_read(const struct destinations_ask *ask,
			 struct destination ret[static DESTINATIONS_MAX]);

/*
 * *ret_seq: the number up to which every destination has the journal; 0 while
 * one of them has nothing. Returns false if there is no destination.
 */
bool destinations_done(const struct conf *c, const uint8_t *journal,
		       uint64_t *ret_seq);
