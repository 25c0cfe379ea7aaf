// SPDX-License-Identifier: Apache-2.0
#include "app/amend.h"

#include "app/pipeline.h"
#include "journal_format.h"
#include "store/journal.h"

struct record_amends amend_begin(struct pipeline *p, struct amend_target target,
				 uint64_t boot_ns)
{
	buf_reset(&p->packed);
	return (struct record_amends){
		.epoch = target.epoch,
		.seq = target.seq,
		.boot_ns = boot_ns,
		.wall_ns = RECORD_WALL_OF_FRAME,
	};
}

bool amend_end(struct pipeline *p, const struct record_amends *of,
	       unsigned flags)
{
	int64_t wall_ns = (int64_t)of->boot_ns + p->wall_offset_ns;
	uint64_t seq;

	if (p->packed.failed ||
	    journal_append(p->journal, JOURNAL_AMENDMENT, flags, wall_ns,
			   buf_slice(&p->packed), &seq) < 0) {
		p->counts.refused++;
		return false;
	}
	p->counts.amended++;
	return true;
}
