/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rule set from what was read to the end of its life. What is built never
 * changes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "rules/load_part.h"
#include "rules/names.h"
#include "rules/redact.h"
#include "rules/strings.h"

/* ---- ordering ----------------------------------------------------------- */

static int compare_strength(const void *a, const void *b)
{
	const struct rule *ra = a, *rb = b;

	if (ra->action != rb->action)
		return ra->action - rb->action;
	if (ra->severity != rb->severity)
		return rb->severity - ra->severity;
	return strcmp(ra->name, rb->name);
}

static int fail_except(struct loading *l, const struct except_line *e,
		       const char *why)
{
	const struct rule_note *note = l->b.notes.p;
	char **files = l->b.files.p;
	char what[sizeof(l->err->what)];

	(void)snprintf(what, sizeof(what), "excepts '%s': %s", e->name, why);
	load_error(l->err, files[note[e->rule].file], e->line, what);
	return -EINVAL;
}

/* Each `excepts` must name a deny that can be silenced. */
static int check_excepts(struct loading *l)
{
	const struct except_line *lines = l->b.excepts.p;
	const struct rule *rules = l->b.rules.p;
	struct rule *deny;
	size_t i;

	for (i = 0; i < l->b.excepts.n; i++) {
		deny = builder_find(&l->b, lines[i].name);
		if (!deny)
			return fail_except(l, &lines[i], "no such rule");
		if (deny->action != ACTION_DENY)
			return fail_except(l, &lines[i], "not a deny rule");
		if (deny->final)
			return fail_except(l, &lines[i],
					   "is final and takes no exception");
		if (!rules[lines[i].rule].expired)
			deny->is_excepted = true;
	}
	return 0;
}

/* Rules by strength, and what pointed at their old places put right. */
static int order_rules(struct loading *l, struct rule_set *set)
{
	const struct except_line *lines = l->b.excepts.p;
	const struct rule *before = l->b.rules.p;
	uint32_t *place = NULL;
	size_t i, n = l->b.rules.n;

	set->rules = aligned_alloc(sizeof(*set->rules),
				   (n + 1) * sizeof(*set->rules));
	set->by_place = calloc(n + 1, sizeof(*set->by_place));
	set->excepts = calloc(l->b.excepts.n + 1, sizeof(*set->excepts));
	place = calloc(n + 1, sizeof(*place));
	if (!set->rules || !set->by_place || !set->excepts || !place) {
		free(place);
		return -ENOMEM;
	}
	if (n)
		memcpy(set->rules, before, n * sizeof(*before));
	set->n_rules = (uint32_t)n;
	/* Hits are not counted yet: until they are, the old place is there. */
	for (i = 0; i < n; i++)
		set->rules[i].hits = i;
	qsort(set->rules, n, sizeof(*set->rules), compare_strength);
	for (i = 0; i < n; i++) {
		place[set->rules[i].hits] = (uint32_t)i;
		set->by_place[set->rules[i].hits] = (uint32_t)i;
		set->rules[i].hits = 0;
	}
	for (i = 0; i < l->b.excepts.n; i++)
		set->excepts[i] =
			place[builder_find(&l->b, lines[i].name) - before];
	free(place);
	return 0;
}

static int take_over(struct loading *l, struct rule_set *set)
{
	struct builder *b = &l->b;
	int r;

	r = order_rules(l, set);
	if (r < 0)
		return r;
	set->notes = vec_steal(&b->notes, sizeof(struct rule_note));
	set->n_conds = (uint32_t)b->conds.n;
	set->conds = vec_steal(&b->conds, sizeof(struct cond));
	set->n_patterns = (uint32_t)b->patterns.n;
	set->patterns = vec_steal(&b->patterns, sizeof(struct pattern *));
	set->numbers = vec_steal(&b->numbers, sizeof(uint64_t));
	set->cidrs = vec_steal(&b->cidrs, sizeof(struct cidr));
	set->n_files = (uint32_t)b->files.n;
	set->files = vec_steal(&b->files, sizeof(char *));
	r = redact_build(b, &set->redactor);
	if (r < 0)
		return r;
	set->strings = steal_ptr(b->strings);
	set->stats = calloc(set->n_rules + 1, sizeof(*set->stats));
	set->silenced = calloc(set->n_rules + 1, sizeof(*set->silenced));
	set->denies = calloc(set->n_rules + 1, sizeof(*set->denies));
	set->hashes = vec_steal(&b->hashes, sizeof(*set->hashes));
	set->maybes = calloc(set->n_rules + 1, sizeof(*set->maybes));
	set->fits = calloc(FITS_MEMOS, sizeof(*set->fits));
	if (!set->notes || !set->conds || !set->patterns || !set->numbers ||
	    !set->cidrs || !set->files || !set->stats || !set->silenced ||
	    !set->denies || !set->maybes || !set->hashes || !set->fits)
		return -ENOMEM;
	for (uint32_t i = 0; i < set->n_rules; i++)
		set->stats[i].since_wall_ns = set->opt.now_wall_ns;
	if (EVP_DigestFinal_ex(l->hash, set->hash, NULL) != 1)
		return -ENOMEM;
	return 0;
}

static struct rule_needs needs_of(const struct rule_set *set)
{
	struct rule_needs n = { 0 };
	uint32_t i;

	for (i = 0; i < set->n_conds; i++) {
		const struct cond *c = &set->conds[i];
		bool trust = c->subject == SUBJECT_TRUST ||
			     (c->subject == SUBJECT_ORIGIN &&
			      (c->mask >> ORIGIN_PACKAGE & 1));

		n.trust |= trust;
		n.facts |= trust || c->subject == SUBJECT_SHA256 ||
			   c->subject == SUBJECT_WRITABLE;
	}
	return n;
}

int rule_set_build(struct loading *l, const struct rule_options *opt,
		   struct rule_set **ret)
{
	struct rule_set *set;
	int r;

	r = check_excepts(l);
	if (r < 0)
		return r;
	set = calloc(1, sizeof(*set));
	if (!set)
		return -ENOMEM;
	set->opt = *opt;
	set->offset_ns = opt->now_wall_ns - (int64_t)clock_boot_ns();
	r = take_over(l, set);
	/* What only reading needed is gone before the index is built. */
	builder_done(&l->b);
	if (r == 0)
		r = rule_set_pack(set);
	if (r == 0)
		r = rule_set_compile(set);
	if (r < 0) {
		rule_set_free(set);
		return r;
	}
	set->needs = needs_of(set);
	*ret = set;
	return 0;
}

/* ---- what there is ------------------------------------------------------- */

void rule_set_free(struct rule_set *set)
{
	uint32_t i;

	if (!set)
		return;
	for (i = 0; i < EVENT_KIND_COUNT; i++)
		kind_index_done(&set->kind[i]);
	for (i = 0; i < set->n_conds; i++)
		cond_done(&set->conds[i]);
	for (i = 0; !set->pattern_block && i < set->n_patterns; i++)
		pattern_free(set->patterns[i]);
	free(set->pattern_block);
	for (i = 0; i < set->n_files; i++)
		free(set->files[i]);
	redactor_free(set->redactor);
	strings_free(set->strings);
	free(set->rules);
	free(set->by_place);
	free(set->notes);
	free(set->stats);
	free(set->conds);
	free(set->patterns);
	free(set->numbers);
	free(set->cidrs);
	free(set->excepts);
	free(set->files);
	free(set->silenced);
	free(set->denies);
	free(set->maybes);
	free(set->fits);
	free(set->hashes);
	free(set);
}

size_t rule_set_count(const struct rule_set *set)
{
	return set->n_rules;
}

void rule_set_info(const struct rule_set *set, size_t i, struct rule_info *ret)
{
	const struct rule *rule = &set->rules[set->by_place[i]];
	const struct rule_note *note = &set->notes[i];
	const struct rule_stat *stat = &set->stats[set->by_place[i]];
	int64_t now = (int64_t)clock_boot_ns() + set->offset_ns;

	*ret = (struct rule_info){
		.name = rule->name,
		.file = set->files[note->file],
		.line = note->line,
		.action = action_words.words[rule->action],
		.severity = (enum severity)rule->severity,
		.tag = rule->tag,
		.final = rule->final,
		.owner = note->owner,
		.ticket = note->ticket,
		.reason = note->reason,
		.expires_wall_ns = rule->expires_ns,
		.text_hash = note->text_hash,
		.hits = stat->hits + rule->hits,
		.last_hit_wall_ns = stat->last_wall_ns,
		.since_wall_ns = stat->since_wall_ns,
		.sample_epoch = stat->epoch,
		.sample_seq = stat->seq,
		.expired = rule->expired || now >= rule->expires_ns,
	};
	if (rule->hits)
		ret->last_hit_wall_ns =
			(int64_t)rule->last_hit_ns + clock_offset_ns();
}

struct rule_needs rule_set_needs(const struct rule_set *set)
{
	return set->needs;
}

const uint8_t *rule_set_hash(const struct rule_set *set)
{
	return set->hash;
}

const struct redactor *rule_set_redactor(const struct rule_set *set)
{
	return set->redactor;
}
