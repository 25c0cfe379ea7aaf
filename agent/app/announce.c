// SPDX-License-Identifier: Apache-2.0
#include "app/announce.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "limits.h"
#include "store/journal.h"

void announce(struct announcer *a, int what, const struct record_fact *facts,
	      const char *fmt, ...)
{
	static const struct record_fact none[] = { { NULL, NULL } };
	cleanup_buf struct buf packed = BUF_INIT(PICKET_RECORD_MAX);
	uint64_t boot_ns = clock_boot_ns();
	int64_t wall_ns = (int64_t)boot_ns + a->wall_offset_ns;
	char text[512];
	uint64_t seq;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);

	record_pack_agent(&packed, what, text, facts ? facts : none, boot_ns,
			  wall_ns);
	if (packed.failed)
		return;
	/* Begins a segment if one is due: an agent event needs no image. */
	(void)journal_segment(a->journal);
	(void)journal_append(a->journal, JOURNAL_EVENT, JOURNAL_URGENT, wall_ns,
			     buf_slice(&packed), &seq);
}
