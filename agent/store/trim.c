/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal's bounds. The one idea: only whole segments go, the oldest
 * first, never the one being written; as readers pass segments in the same
 * order, what was delivered goes before what was not by itself.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "limits.h"
#include "store/journal_parts.h"

/* What a file takes at least, however little is in it. */
#define FILE_COST 4096

uint64_t trim_total(const struct journal *j)
{
	uint64_t total = j->cut_bytes;
	size_t i;

	for (i = 0; i < j->n_infos; i++)
		total += j->infos[i].bytes < FILE_COST ? FILE_COST
						       : j->infos[i].bytes;
	return total;
}

/* Numbers of the oldest segment that no reader with a cursor has passed. */
static uint64_t unread(const struct journal *j)
{
	uint64_t first = j->infos[0].first_seq, end = j->infos[1].first_seq;

	if (!j->has_cursor || end <= j->cursor + 1)
		return 0;
	return end - (first > j->cursor ? first : j->cursor + 1);
}

static int drop_oldest(struct journal *j)
{
	char name[SEGMENT_NAME_MAX];

	segment_name(j->infos[0].number, "seg", name);
	j->what = "remove segment";
	if (unlinkat(j->dirfd, name, 0) < 0 && errno != ENOENT)
		return -errno;
	(void)pthread_mutex_lock(&j->lock);
	j->stats.trimmed_unread += unread(j);
	j->n_infos--;
	memmove(j->infos, j->infos + 1, j->n_infos * sizeof(*j->infos));
	(void)pthread_mutex_unlock(&j->lock);
	return 0;
}

/* The youngest frame of the oldest segment is older than that. */
static bool too_old(const struct journal *j)
{
	const uint64_t max_ms = j->settings.max_age_ms;
	int64_t age_ns = clock_wall_ns() - j->infos[1].wall_ns;

	return max_ms && age_ns > 0 && (uint64_t)age_ns / NS_PER_MS > max_ms;
}

int trim(struct journal *j, uint64_t more)
{
	const uint64_t most = j->settings.max_size;
	int r;

	while (j->n_infos > 1 &&
	       ((most && trim_total(j) + more > most) ||
		j->n_infos >= PICKET_SEGMENTS_MAX || too_old(j))) {
		r = drop_oldest(j);
		if (r < 0)
			return r;
	}
	return 0;
}
