/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is counted of rules, beyond the life of a set: carried from one to the
 * next, and kept in a file. A rule is the same if it has the same name and
 * says the same (text_hash of rule_info); one that was changed begins anew.
 *
 * The file is text, a line each:
 *
 *	picket-rules 1 JOURNAL
 *	NAME TEXT HITS LAST SINCE EPOCH SEQ
 *	…
 *	end COUNT CRC
 *
 * JOURNAL: id of the journal that EPOCH and SEQ are of, 32 hexadecimal digits.
 * TEXT: text_hash, 16 hexadecimal digits. LAST and SINCE: wall clock, ns; LAST
 * is 0 of a rule that was never used, EPOCH and SEQ are 0 without a sample.
 * COUNT: of the lines in between; CRC: CRC-32C of all bytes before this line,
 * 8 hexadecimal digits. Names are unique. Of a set beyond RULE_STATS_MAX rules
 * the first so many, in the order of the files.
 */
#pragma once

#include "base/buf.h"
#include "rules/rules.h"

#define RULE_STATS_MAX	     100000u
#define RULE_STATS_BYTES_MAX (24u << 20)

/* The event that a verdict's rule decided, as the journal has it. */
void rule_set_sample(struct rule_set *set, const struct verdict *v,
		     uint32_t epoch, uint64_t seq);

/* What `from` counted of the rules that are in `to` as well. -ENOMEM. */
int rule_stats_carry(struct rule_set *to, const struct rule_set *from);

void rule_stats_write(struct buf *out, const struct rule_set *set,
		      const uint8_t journal[static 16]);
/*
 * -EBADMSG: not a whole file of this kind, and the set is as it was; -ENOMEM.
 * Samples of another journal are left out. Lines of rules that are not in the
 * set mean nothing to it.
 */
int rule_stats_read(struct rule_set *set, struct slice text,
		    const uint8_t journal[static 16]);
