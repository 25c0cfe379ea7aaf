/* SPDX-License-Identifier: Apache-2.0 */
#include "app/destinations.h"

#include <string.h>

#include "base/clock.h"
#include "out/collector.h"
#include "out/state_lock.h"
#include "store/behind.h"

static bool load_cursor(const struct conf_collector *c, const uint8_t *journal,
			struct cursor *ret)
{
	if (cursor_load(c->state_dir, COLLECTOR_CURSOR, ret) == 0 &&
	    !memcmp(ret->journal, journal, sizeof(ret->journal)))
		return true;
	*ret = (struct cursor){ .seq = 0 };
	return false;
}

/* ---- how far it is behind ----------------------------------------------------- */

/*
 * The shipper says since when its oldest waits. One that is gone said so, or
 * that nothing waited when it was last heard of.
 */
static uint64_t ms_behind(const struct destination *d)
{
	int64_t since_ns = d->status.waiting_since_ns;
	int64_t age_ns;

	if (!d->has_status)
		return 0;
	if (!since_ns)
		since_ns = d->status.written_ns;
	age_ns = clock_wall_ns() - since_ns;
	return age_ns > 0 ? (uint64_t)age_ns / NS_PER_MS : 0;
}

static void measure(struct destination *d, const struct destinations_ask *ask)
{
	struct behind_ask behind = {
		.dir = ask->journal_dir,
		.seq = d->has_cursor ? d->cursor.seq : 0,
		.next_seq = ask->next_seq,
	};

	/* What was trimmed is lost to it, and told as that: it does not wait. */
	if (ask->first_seq > behind.seq + 1)
		behind.seq = ask->first_seq - 1;
	if (ask->next_seq <= behind.seq + 1)
		return;
	d->behind_records = ask->next_seq - behind.seq - 1;
	(void)behind_bytes(&behind, &d->behind_bytes);
	d->behind_ms = ms_behind(d);
}

size_t destinations_read(const struct destinations_ask *ask,
			 struct destination ret[static DESTINATIONS_MAX])
{
	const struct conf_collector *it;
	size_t n;

	for (n = 0; (it = conf_destination(ask->conf, n)); n++) {
		struct destination *d = &ret[n];

		*d = (struct destination){
			.name = it->name ? it->name : "",
			.url = it->url,
		};
		d->has_cursor = load_cursor(it, ask->journal, &d->cursor);
		d->is_running = state_lock_is_held(it->state_dir);
		d->has_status =
			ship_status_load(it->state_dir, COLLECTOR_STATUS,
					 &d->status) == 0;
		measure(d, ask);
	}
	return n;
}

bool destinations_done(const struct conf *c, const uint8_t *journal,
		       uint64_t *ret_seq)
{
	const struct conf_collector *it;
	struct cursor cursor;
	uint64_t least = 0;
	size_t n;

	for (n = 0; (it = conf_destination(c, n)); n++) {
		(void)load_cursor(it, journal, &cursor);
		if (!n || cursor.seq < least)
			least = cursor.seq;
	}
	*ret_seq = least;
	return n > 0;
}
