// SPDX-License-Identifier: Apache-2.0
/* The shadow policy's part of the status. */
#include <inttypes.h>

#include "app/health.h"
#include "base/clock.h"
#include "base/escape.h"
#include "base/hex.h"
#include "rules/rules.h"

/* Of the rows on a screen at most so many; --json has them all. */
#define ROWS_SHOWN 12

void health_shadow_text(struct buf *out, const struct health *h)
{
	const struct shadow *s = &h->shadow;
	char sha[65], when[32];

	if (!*s->dir)
		return;
	buf_add_str(out, "shadow    ");
	escape_text(out, slice_str(s->dir));
	buf_add_char(out, '\n');
	if (s->error[0])
		buf_addf(out, "          WRONG: %s%s\n", s->error,
			 s->set ? "; the one from before is asked" : "");
	if (!s->set)
		return;
	buf_addf(
		out,
		"          %zu rules  sha256 %.16s…  since %s\n          %" PRIu64
		" would alert  %" PRIu64 " would not  %" PRIu64
		" otherwise  %" PRIu64 " undecided  of %" PRIu64 " judged\n",
		rule_set_count(s->set),
		hex_print(rule_set_hash(s->set), 32, sha),
		clock_print(s->since_wall_ns, when), s->differ[SHADOW_ALERTED],
		s->differ[SHADOW_SILENCED], s->differ[SHADOW_ANSWERED],
		s->undecided, s->judged);
	for (size_t i = 0; i < s->n_rows && i < ROWS_SHOWN; i++)
		buf_addf(out,
			 "          %12" PRIu64 " %s by %s: %s instead of %s\n",
			 s->rows[i].count,
			 shadow_difference_name(s->rows[i].difference),
			 s->rows[i].rule, answer_name(s->rows[i].is),
			 answer_name(s->rows[i].was));
	if (s->n_rows > ROWS_SHOWN)
		buf_addf(out, "          and %zu rules more: see --json\n",
			 s->n_rows - ROWS_SHOWN);
}

static void json_row(struct buf *out, const struct health *h,
		     const struct shadow_row *row)
{
	char hex[33];

	buf_addf(out,
		 "{\"difference\":\"%s\",\"rule\":\"%s\",\"count\":%" PRIu64
		 ",\"was\":\"%s\",\"is\":\"%s\"",
		 shadow_difference_name(row->difference), row->rule, row->count,
		 answer_name(row->was), answer_name(row->is));
	if (row->seq)
		buf_addf(out, ",\"sample\":\"%s.%u.%" PRIu64 "\"",
			 hex_print(h->journal_id, 16, hex), row->epoch,
			 row->seq);
	buf_add_char(out, '}');
}

void health_shadow_json(struct buf *out, const struct health *h)
{
	const struct shadow *s = &h->shadow;
	char sha[65], when[32];

	if (!*s->dir)
		return;
	buf_add_str(out, ",\"shadow\":{\"dir\":");
	escape_json(out, slice_str(s->dir), NULL);
	buf_add_str(out, ",\"error\":");
	escape_json(out, slice_str(s->error), NULL);
	if (s->set) {
		buf_addf(out,
			 ",\"rules\":%zu,\"sha256\":\"%s\",\"since\":\"%s\""
			 ",\"undecided\":%" PRIu64 ",\"judged\":%" PRIu64,
			 rule_set_count(s->set),
			 hex_print(rule_set_hash(s->set), 32, sha),
			 clock_print(s->since_wall_ns, when), s->undecided,
			 s->judged);
		for (int d = 0; d < SHADOW_DIFFERENCE_COUNT; d++)
			buf_addf(out, ",\"%s\":%" PRIu64,
				 shadow_difference_name(
					 (enum shadow_difference)d),
				 s->differ[d]);
		buf_addf(out, ",\"without_a_row\":%" PRIu64 ",\"by_rule\":[",
			 s->unlisted_rows);
		for (size_t i = 0; i < s->n_rows; i++) {
			if (i)
				buf_add_char(out, ',');
			json_row(out, h, &s->rows[i]);
		}
		buf_add_char(out, ']');
	}
	buf_add_char(out, '}');
}
