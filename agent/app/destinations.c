/* SPDX-License-Identifier: Apache-2.0 */
#include "app/destinations.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "out/collector.h"
#include "out/state_lock.h"
#include "store/dir.h"
#include "store/identity.h"
#include "store/locate.h"
#include "store/segment.h"

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

static uint64_t file_bytes(int dirfd, uint64_t number)
{
	char name[SEGMENT_NAME_MAX];
	struct stat st;

	if (fstatat(dirfd, segment_name(number, "seg", name), &st,
		    AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return (uint64_t)st.st_size;
}

/* The first number that a segment holds, or `fallback`. */
static uint64_t first_of(int dirfd, const struct dir_list *l, size_t i,
			 uint64_t fallback)
{
	struct journal_segment_header h;
	char name[SEGMENT_NAME_MAX];
	cleanup_close int fd = -1;

	if (i >= l->n)
		return fallback;
	fd = openat(dirfd, segment_name(l->numbers[i], "seg", name),
		    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || segment_read_header(fd, &h) < 0)
		return fallback;
	return h.first_seq;
}

/* The part of segment i that lies behind seq. */
static uint64_t part_behind(int dirfd, const struct dir_list *l, size_t i,
			    const struct destinations_ask *ask, uint64_t seq)
{
	uint64_t first = first_of(dirfd, l, i, ask->next_seq);
	uint64_t end = first_of(dirfd, l, i + 1, ask->next_seq);
	double share = 1;

	if (seq >= first && end > first)
		share = seq + 1 < end ? (double)(end - seq - 1) /
						(double)(end - first)
				      : 0;
	return (uint64_t)(share * (double)file_bytes(dirfd, l->numbers[i]));
}

static uint64_t bytes_behind(const struct destinations_ask *ask, uint64_t seq)
{
	cleanup_dir_list struct dir_list l = { 0 };
	cleanup_close int dirfd = -1;
	uint64_t sum;
	size_t i;

	dirfd = open(ask->journal_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0 || dir_list(dirfd, &l) < 0 || !l.n)
		return 0;
	identity_find(dirfd, &l);
	i = locate_seq(dirfd, &l, seq + 1);
	sum = part_behind(dirfd, &l, i, ask, seq);
	while (++i < l.n)
		sum += file_bytes(dirfd, l.numbers[i]);
	return sum;
}

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
	uint64_t done = d->has_cursor ? d->cursor.seq : 0;

	if (ask->next_seq <= done + 1)
		return;
	d->behind_records = ask->next_seq - done - 1;
	d->behind_bytes = bytes_behind(ask, done);
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
