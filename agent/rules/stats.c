// SPDX-License-Identifier: Apache-2.0
/*
 * Counters of a set are bare (struct rule); what came from before the set is
 * beside them (struct rule_stat) and added where they are shown.
 */
#include "rules/stats.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/crc32c.h"
#include "base/hex.h"
#include "base/text.h"
#include "rules/rule.h"

#define HEADER "picket-rules 1 "

/* One rule as a line has it, or as another set does. */
struct past {
	struct slice name;
	uint64_t text_hash;
	struct rule_stat stat;
};

void rule_set_sample(struct rule_set *set, const struct verdict *v,
		     uint32_t epoch, uint64_t seq)
{
	struct rule_stat *s;

	if (!v->rule || v->rule_at >= set->n_rules)
		return;
	s = &set->stats[v->rule_at];
	s->epoch = epoch;
	s->seq = seq;
}

/* ---- names -------------------------------------------------------------- */

static int compare_past(const void *a, const void *b)
{
	const struct past *x = a, *y = b;

	return slice_cmp(x->name, y->name);
}

static const struct past *find(const struct past *list, size_t n,
			       struct slice name)
{
	const struct past want = { .name = name };

	return n ? bsearch(&want, list, n, sizeof(*list), compare_past) : NULL;
}

/* list: sorted by name. */
static void adopt(struct rule_set *set, const struct past *list, size_t n)
{
	for (uint32_t i = 0; i < set->n_rules; i++) {
		uint32_t at = set->by_place[i];
		const struct past *p =
			find(list, n, slice_str(set->rules[at].name));

		if (p && p->text_hash == set->notes[i].text_hash)
			set->stats[at] = p->stat;
	}
}

static struct rule_stat stat_of(const struct rule_set *set, uint32_t i)
{
	const struct rule_stat *s = &set->stats[set->by_place[i]];
	struct rule_info info;

	rule_set_info(set, i, &info);
	return (struct rule_stat){
		.hits = info.hits,
		.last_wall_ns = info.last_hit_wall_ns,
		.since_wall_ns = info.since_wall_ns,
		.seq = s->seq,
		.epoch = s->epoch,
	};
}

int rule_stats_carry(struct rule_set *to, const struct rule_set *from)
{
	struct past *list = calloc(from->n_rules + 1u, sizeof(*list));

	if (!list)
		return -ENOMEM;
	for (uint32_t i = 0; i < from->n_rules; i++)
		list[i] = (struct past){
			.name = slice_str(from->rules[from->by_place[i]].name),
			.text_hash = from->notes[i].text_hash,
			.stat = stat_of(from, i),
		};
	qsort(list, from->n_rules, sizeof(*list), compare_past);
	adopt(to, list, from->n_rules);
	free(list);
	return 0;
}

/* ---- the file ----------------------------------------------------------- */

void rule_stats_write(struct buf *out, const struct rule_set *set,
		      const uint8_t journal[static 16])
{
	size_t from = out->n;
	uint32_t n =
		set->n_rules < RULE_STATS_MAX ? set->n_rules : RULE_STATS_MAX;

	buf_add_str(out, HEADER);
	hex_add(out, journal, 16);
	buf_add_char(out, '\n');
	for (uint32_t i = 0; i < n; i++) {
		struct rule_stat s = stat_of(set, i);

		buf_addf(out,
			 "%s %016" PRIx64 " %" PRIu64 " %" PRIu64 " %" PRIu64
			 " %u %" PRIu64 "\n",
			 set->rules[set->by_place[i]].name,
			 set->notes[i].text_hash, s.hits,
			 (uint64_t)s.last_wall_ns, (uint64_t)s.since_wall_ns,
			 s.epoch, s.seq);
	}
	if (!out->failed)
		buf_addf(out, "end %u %08x\n", n,
			 crc32c(0, out->p + from, out->n - from));
}

static bool take_line(struct slice *rest, struct slice *ret)
{
	const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
	size_t n;

	if (!end)
		return false;
	n = (size_t)(end - rest->p);
	*ret = slice_of(rest->p, n);
	*rest = slice_of(end + 1, rest->n - n - 1);
	return true;
}

static bool take_number(struct slice *line, uint64_t *ret)
{
	struct slice word;

	return text_word(line, &word) && text_u64(word, ret) == 0;
}

static bool take_hex(struct slice *line, size_t digits, uint64_t *ret)
{
	struct slice word;

	return text_word(line, &word) && word.n == digits &&
	       text_hex_u64(word, ret) == 0;
}

static bool take_time(struct slice *line, int64_t *ret)
{
	uint64_t n;

	if (!take_number(line, &n) || n > INT64_MAX)
		return false;
	*ret = (int64_t)n;
	return true;
}

static bool take_past(struct slice line, struct past *ret)
{
	struct past p = { 0 };
	uint64_t epoch;

	if (!text_word(&line, &p.name) || p.name.n > RULE_NAME_MAX ||
	    !take_hex(&line, 16, &p.text_hash) ||
	    !take_number(&line, &p.stat.hits) ||
	    !take_time(&line, &p.stat.last_wall_ns) ||
	    !take_time(&line, &p.stat.since_wall_ns) ||
	    !take_number(&line, &epoch) || epoch > UINT32_MAX ||
	    !take_number(&line, &p.stat.seq) || line.n)
		return false;
	p.stat.epoch = (uint32_t)epoch;
	*ret = p;
	return true;
}

/* "end COUNT CRC" is the last line, and right. */
static int check_end(struct slice text, uint64_t *ret_count)
{
	struct slice line, word;
	uint64_t crc;
	size_t at;

	if (text.n < 2 || text.n > RULE_STATS_BYTES_MAX ||
	    text.p[text.n - 1] != '\n')
		return -EBADMSG;
	for (at = text.n - 1; at && text.p[at - 1] != '\n'; at--)
		;
	line = slice_of(text.p + at, text.n - at - 1);
	if (!text_word(&line, &word) || !slice_eq(word, slice_str("end")) ||
	    !take_number(&line, ret_count) || !take_hex(&line, 8, &crc) ||
	    line.n || *ret_count > RULE_STATS_MAX ||
	    crc != crc32c(0, text.p, at))
		return -EBADMSG;
	return 0;
}

static bool is_of_journal(struct slice line, const uint8_t journal[static 16])
{
	char hex[33];

	return slice_eq(line, slice_str(hex_print(journal, 16, hex)));
}

/* The lines between the first and the last, sorted. */
static int read_lines(struct slice text, struct past *list, size_t n)
{
	struct slice line;
	size_t i;

	for (i = 0; i < n; i++)
		if (!take_line(&text, &line) || !take_past(line, &list[i]))
			return -EBADMSG;
	/* Of the end, whose place is known to be right. */
	if (!take_line(&text, &line) || text.n)
		return -EBADMSG;
	qsort(list, n, sizeof(*list), compare_past);
	for (i = 1; i < n; i++)
		if (!compare_past(&list[i - 1], &list[i]))
			return -EBADMSG;
	return 0;
}

int rule_stats_read(struct rule_set *set, struct slice text,
		    const uint8_t journal[static 16])
{
	const struct slice header = slice_str(HEADER);
	struct slice rest = text, line;
	struct past *list;
	uint64_t n, i;
	bool same;
	int r;

	r = check_end(text, &n);
	if (r < 0)
		return r;
	if (!take_line(&rest, &line) || !slice_starts(line, header) ||
	    line.n != header.n + 32)
		return -EBADMSG;
	same = is_of_journal(slice_of(line.p + header.n, line.n - header.n),
			     journal);
	list = calloc(n + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	r = read_lines(rest, list, n);
	for (i = 0; i < n && !same; i++)
		list[i].stat.seq = list[i].stat.epoch = 0;
	if (r == 0)
		adopt(set, list, n);
	free(list);
	return r;
}
