/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiled rule set against a plain one: every made-up rule is tried on
 * every made-up event by a loop that knows no index, and the verdicts must be
 * the same.
 *
 * PICKET_TEST_SEED repeats a run, PICKET_TEST_PAIRS makes it longer, as does
 * PICKET_TEST_LONG.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "limits.h"
#include "naive_glob.h"
#include "plain_rules.h"
#include "rules/rules.h"
#include "rules_made_up.h"

/* Of a rule and an event: a second of them, or two minutes. */
#define PAIRS	   4000000u
#define PAIRS_LONG 400000000u
/* Sets in force one after the other, over the same processes. */
#define RELOADS	   3
/* So many events of theirs at least. */
#define STAY	   10

/* ---- the comparison ----------------------------------------------------- */

struct tally {
	uint64_t hits, pending;
};

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

static struct rule_set *compile(struct buf *text)
{
	struct rule_options opt = { .now_wall_ns = 1 };
	struct rule_set *set = NULL;
	struct rule_error err;
	int i;

	buf_reset(text);
	for (i = 0; i < RULES; i++)
		print_rule(text, &rules[i]);
	assert_false(text->failed);
	if (rule_set_load_text("model.ini", buf_slice(text), &opt, &set, &err) <
	    0)
		fail_msg("line %u: %s", err.line, err.what);
	return set;
}

/* What was wanted becomes known; whatever it is. */
static void find_out(struct rule_set *set)
{
	const struct rule_wants *w = rule_set_wants(set);
	unsigned i;

	assert_true(w->n > 0);
	for (i = 0; i < w->n; i++) {
		struct image *img = (struct image *)(uintptr_t)w->list[i].img;
		struct file_facts *f = w->list[i].script ? &img->script_facts
							 : &img->exe_facts;

		assert_false(f->known);
		*f = make_facts();
	}
}

/* Everything that nobody wanted becomes known, too. */
static void find_out_all(struct scene *s)
{
	for (int i = 0; i < LINE; i++) {
		if (!s->line[i].exe_facts.known)
			s->line[i].exe_facts = make_facts();
		if (!s->line[i].script_facts.known)
			s->line[i].script_facts = make_facts();
	}
}

static void compare_one(struct rule_set *set, const struct scene *s,
			struct verdict *ret, const char *where)
{
	static const enum answer answers[] = { [ALLOW] = ANSWER_ALLOWED,
					       [DENY] = ANSWER_DENIED,
					       [IGNORE] = ANSWER_IGNORED };
	bool pending;
	const struct mrule *want = plain_match(&s->ev, s->img, &pending);
	struct verdict got = rule_set_match(set, &s->ev, s->img);

	*ret = got;
	if (pending != (got.answer == ANSWER_PENDING))
		fail_msg("%s: %s", where,
			 pending ? "not pending" : "pending for nothing");
	if (pending) {
		assert_false(got.alert);
		return;
	}
	assert_int_equal(rule_set_wants(set)->n, 0);
	if (strcmp(want ? want->name : "none", got.rule ? got.rule : "none"))
		fail_msg("%s: %s, not %s", where, got.rule ? got.rule : "none",
			 want ? want->name : "none");
	assert_int_equal(got.answer,
			 want ? answers[want->action] : ANSWER_UNLISTED);
	assert_int_equal(got.alert, want && want->action == DENY);
	if (want && want->action == DENY)
		assert_int_equal(got.severity, want->severity);
}

/* Judged until it is settled; then nothing that is learned changes it. */
static void settle(struct rule_set *set, struct scene *s, const char *where,
		   struct tally *t)
{
	struct verdict got, later;
	int tries = 0;

	compare_one(set, s, &got, where);
	t->pending += got.answer == ANSWER_PENDING;
	while (got.answer == ANSWER_PENDING) {
		find_out(set);
		if (++tries > 2 * LINE)
			fail_msg("%s: never settled", where);
		compare_one(set, s, &got, where);
	}
	t->hits += !!got.rule;
	find_out_all(s);
	later = rule_set_match(set, &s->ev, s->img);
	if (later.rule != got.rule && !(later.alert && got.alert))
		fail_msg("%s: %s, and then %s", where,
			 got.rule ? got.rule : "none",
			 later.rule ? later.rule : "none");
}

/*
 * One of the line is another one now, where it stands and whoever refers to
 * it: it was not known, or its memory is used again.
 */
static void replace_one(struct scene *s)
{
	struct image *img = s->img, *parent, *prev;
	uint32_t tgid;

	while (img && img->parent && one_in(2))
		img = img->parent;
	if (!img || !has_room(s, IMAGE_TEXTS))
		return;
	parent = img->parent;
	prev = img->prev;
	tgid = img->proc.tgid;
	s->n_text = s->n_lasting;
	make_image(s, img);
	img->parent = parent;
	img->prev = prev;
	img->proc.tgid = tgid;
	s->n_lasting = s->n_text;
}

/* Who acts runs another program from now on. */
static void exec_one(struct scene *s)
{
	struct image *was = &s->line[s->n_line];

	if (!s->img || s->n_line == LINE || !has_room(s, IMAGE_TEXTS))
		return;
	s->n_line++;
	*was = *s->img;
	s->n_text = s->n_lasting;
	make_image(s, s->img);
	s->img->parent = was->parent;
	s->img->prev = was;
	s->n_lasting = s->n_text;
}

/* Who acts once more may meet what was remembered of it, and of its line. */
static void go_on(struct scene *s, bool stay)
{
	switch (chance(6)) {
	case 0:
	case 1:
		if (!stay)
			make_line(s);
		break;
	case 2:
		move_one(s);
		break;
	case 3:
		replace_one(s);
		break;
	case 4:
		exec_one(s);
		break;
	}
}

/* Where another set was in force before, the same processes go on. */
static void compare(struct rule_set *set, uint64_t seed, int round,
		    struct tally *t)
{
	static struct scene scene;
	char where[64];
	int i;

	for (i = 0; i < EVENTS; i++) {
		if (!i && !round)
			make_line(&scene);
		else
			go_on(&scene, round && i < STAY);
		make_event(&scene);
		(void)snprintf(where, sizeof(where),
			       "seed %" PRIu64 ", set %d, event %d", seed,
			       round, i);
		settle(set, &scene, where, t);
	}
}

static void compiled_and_plain_matcher_agree(void **state)
{
	uint64_t pairs = from_environment(
		"PICKET_TEST_PAIRS",
		getenv("PICKET_TEST_LONG") ? PAIRS_LONG : PAIRS);
	uint64_t seed = from_environment("PICKET_TEST_SEED",
					 (uint64_t)time(NULL) * 1000);
	struct tally t = { 0 };
	uint64_t done;
	struct buf text = BUF_INIT(4u << 20);
	int i, round;

	(void)state;
	print_message("# PICKET_TEST_SEED=%" PRIu64 "\n", seed);
	for (done = 0; done < pairs; done += RELOADS * RULES * EVENTS, seed++) {
		struct rule_set *set;

		chance_state = seed;
		for (round = 0; round < RELOADS; round++) {
			for (i = 0; i < RULES; i++)
				make_rule(i);
			set = compile(&text);
			compare(set, seed, round, &t);
			rule_set_free(set);
		}
	}
	/* The runner shows such a line. */
	print_message("#> %" PRIu64 " times a rule and an event: compiled and "
		      "plain matcher agree; a rule decided %" PRIu64
		      " of %" PRIu64 " events, %" PRIu64 " waited first\n",
		      done, t.hits, done / RULES, t.pending);
	/* Rules and events that never meet would prove nothing. */
	assert_true(t.hits > done / RULES / 10);
	assert_true(t.pending > done / RULES / 400);
	buf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compiled_and_plain_matcher_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
