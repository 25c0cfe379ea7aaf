/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal's bounds. The one idea: only whole segments go, the oldest
 * first, never the one being written; as readers pass segments in the same
 * order, what was delivered goes before what was not by itself. One that
 * cannot be removed (somebody made it immutable) takes its room for good, and
 * the next one goes in its place.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "limits.h"
#include "store/journal_parts.h"

/* What a file takes at least, however little is in it. */
#define FILE_COST 4096

/* What the oldest n segments take. */
static uint64_t bytes_of(const struct journal *j, size_t n)
{
	uint64_t total = 0;
	size_t i;

	for (i = 0; i < n; i++)
		total += j->infos[i].bytes < FILE_COST ? FILE_COST
						       : j->infos[i].bytes;
	return total;
}

uint64_t trim_total(const struct journal *j)
{
	return j->cut_bytes + bytes_of(j, j->n_infos);
}

/* Numbers of a segment that no reader with a cursor has passed. */
static uint64_t unread(const struct journal *j, size_t i)
{
	uint64_t first = j->infos[i].first_seq, end = j->infos[i + 1].first_seq;

	if (first <= j->cursor)
		first = j->cursor + 1;
	/* A header that was forged upward may say that it ends before. */
	return j->has_cursor && end > first ? end - first : 0;
}

/*
 * Before it goes, so that what is gone besides was somebody else's doing. Where
 * this fails the segment goes all the same, and the next state says so.
 */
static void note_oldest(struct journal *j, uint64_t number)
{
	j->saved.oldest = number;
	j->saved.clean = false;
	(void)state_save(j->dirfd, &j->saved, j->settings.file_mode);
}

static int drop(struct journal *j, size_t i)
{
	char name[SEGMENT_NAME_MAX];

	if (!i)
		note_oldest(j, j->infos[1].number);
	segment_name(j->infos[i].number, "seg", name);
	j->what = "remove segment";
	if (unlinkat(j->dirfd, name, 0) < 0 && errno != ENOENT)
		return -errno;
	(void)pthread_mutex_lock(&j->lock);
	j->stats.trimmed_unread += unread(j, i);
	j->n_infos--;
	memmove(j->infos + i, j->infos + i + 1,
		(j->n_infos - i) * sizeof(*j->infos));
	(void)pthread_mutex_unlock(&j->lock);
	return 0;
}

/* The youngest frame of a segment is older than that. */
static bool too_old(const struct journal *j, size_t i)
{
	const uint64_t max_ms = j->settings.max_age_ms;
	int64_t age_ns = clock_wall_ns() - j->infos[i + 1].wall_ns;

	return max_ms && age_ns > 0 && (uint64_t)age_ns / NS_PER_MS > max_ms;
}

static void note_stuck(struct journal *j, uint64_t segments)
{
	(void)pthread_mutex_lock(&j->lock);
	j->stats.stuck = segments;
	(void)pthread_mutex_unlock(&j->lock);
}

int trim(struct journal *j, uint64_t more)
{
	const uint64_t most = j->settings.max_size;
	bool over;
	size_t i = 0;
	int r, stuck = 0;

	for (;;) {
		over = (most && trim_total(j) + more > most) ||
		       j->n_infos >= PICKET_SEGMENTS_MAX;
		if (i + 1 >= j->n_infos || (!over && !too_old(j, i)))
			break;
		r = drop(j, i);
		if (r >= 0)
			continue;
		stuck = r;
		i++;
	}
	note_stuck(j, i);
	/* Where they alone are too much, nothing more is written. */
	return over && bytes_of(j, i) + more > most ? stuck : 0;
}
