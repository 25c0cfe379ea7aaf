/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Amendments: what becomes known of an event after it was journaled is a frame
 * of its own, which names the event. Used as
 *
 *	of = amend_begin(p, target, now_ns);
 *	record_pack_...(&p->packed, &of, ...);
 *	amend_end(p, &of, 0);
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "out/record.h"

struct pipeline;

/* An event of this journal; seq 0: none. */
struct amend_target {
	uint64_t seq;
	uint32_t epoch;
};

/* Empties p->packed. boot_ns: CLOCK_BOOTTIME when it became known. */
struct record_amends amend_begin(struct pipeline *p, struct amend_target target,
				 uint64_t boot_ns);
/*
 * Append p->packed to the journal, and count it. flags: 0 or JOURNAL_URGENT.
 * False: the amendment is lost, which is counted as refused.
 */
bool amend_end(struct pipeline *p, const struct record_amends *of,
	       unsigned flags);
