// SPDX-License-Identifier: Apache-2.0
#include "app/announce.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "limits.h"
#include "store/journal.h"

static struct record_time now(const struct announcer *a)
{
	uint64_t boot_ns = clock_boot_ns();

	return (struct record_time){ boot_ns,
				     (int64_t)boot_ns + a->wall_offset_ns };
}

static uint64_t keep(struct announcer *a, const struct buf *packed,
		     int64_t wall_ns)
{
	uint64_t seq = 0;

	if (packed->failed)
		return 0;
	/* Begins a segment if one is due: an agent event needs no image. */
	(void)journal_segment(a->journal);
	if (journal_append(a->journal, JOURNAL_EVENT, JOURNAL_URGENT, wall_ns,
			   buf_slice(packed), &seq) < 0)
		return 0;
	return seq;
}

uint64_t announce(struct announcer *a, int what,
		  const struct record_fact *facts, const char *fmt, ...)
{
	cleanup_buf struct buf packed = BUF_INIT(PICKET_RECORD_MAX);
	struct record_time at = now(a);
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);

	record_pack_agent(&packed, &(struct record_agent){ what, text, facts },
			  at);
	return keep(a, &packed, at.wall_ns);
}

void announce_coverage(struct announcer *a,
		       const struct record_coverage_table *table)
{
	cleanup_buf struct buf packed = BUF_INIT(PICKET_RECORD_MAX);
	struct record_time at = now(a);
	size_t i, on = 0;
	char text[80];

	for (i = 0; i < table->n; i++)
		on += table->rows[i].active;
	(void)snprintf(text, sizeof(text), "%zu of %zu ways in are watched", on,
		       table->n);
	record_pack_coverage(&packed, text, table, at);
	(void)keep(a, &packed, at.wall_ns);
}
