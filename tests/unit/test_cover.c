// SPDX-License-Identifier: Apache-2.0
/*
 * A rule that is said to cover another holds whenever the other does: held
 * against made-up rules and events. And what `picket check` makes of it.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "rules/ask.h"
#include "rules/cover.h"
#include "rules/lint.h"
#include "rules_made_up.h"

#define ROUNDS	400
#define PER_SET 60

static struct rule_set *load(const char *text)
{
	struct rule_options opt = { .now_wall_ns = 1 };
	struct rule_set *set = NULL;
	struct rule_error err;

	if (rule_set_load_text("t.ini", slice_str(text), &opt, &set, &err) < 0)
		fail_msg("line %u: %s", err.line, err.what);
	return set;
}

static struct rule_set *made_up(struct buf *text)
{
	buf_reset(text);
	for (int i = 0; i < RULES; i++)
		make_rule(i);
	for (int i = 0; i < RULES; i++)
		print_rule(text, &rules[i]);
	/* Wider ones, so that there are pairs to be found. */
	buf_add_str(
		text,
		"[deny w1]\nexe = /**\n[allow w2]\nuser = 0\nuser = 1\nuser = 1000\nuser = 1001\n"
		"[deny w3]\npath = /**\n[ignore w4]\nport = 1-60000\n"
		"[allow w5]\ndest = 0.0.0.0/0\n"
		"[deny w6]\nnot-exe = /a/b/c\n");
	buf_add_char(text, '\0');
	assert_false(text->failed);
	return load(text->p);
}

static void what_covers_holds_whenever_the_other_does(void **state)
{
	const char *given = getenv("PICKET_TEST_SEED");
	uint64_t seed =
		given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 1000;
	struct buf text = BUF_INIT(4u << 20);
	uint64_t pairs = 0, held = 0;
	static struct scene scene;

	(void)state;
	print_message("# PICKET_TEST_SEED=%" PRIu64 "\n", seed);
	for (int round = 0; round < ROUNDS; round++, seed++) {
		struct rule_set *set;

		chance_state = seed;
		set = made_up(&text);
		for (int i = 0; i < PER_SET; i++) {
			struct question q = { .set = set, .ev = &scene.ev };

			make_line(&scene);
			if (one_in(4))
				move_one(&scene);
			make_event(&scene);
			q.img = scene.img;
			for (uint32_t n = 0; n < set->n_rules; n++) {
				const struct rule *narrow = &set->rules[n];

				if (!(narrow->kinds >> scene.ev.kind & 1) ||
				    rule_holds(&q, narrow) != TRI_YES)
					continue;
				if (rule_is_empty(set, narrow))
					fail_msg("seed %" PRIu64 ": '%s' is "
						 "empty and holds",
						 seed, narrow->name);
				held++;
				for (uint32_t w = 0; w < set->n_rules; w++) {
					const struct rule *wide =
						&set->rules[w];

					if (w == n ||
					    !rule_covers(set, wide, narrow))
						continue;
					pairs++;
					if (rule_holds(&q, wide) != TRI_YES)
						fail_msg("seed %" PRIu64
							 ": '%s' covers '%s'",
							 seed, wide->name,
							 narrow->name);
				}
			}
		}
		rule_set_free(set);
	}
	print_message("# %" PRIu64 " rules held, %" PRIu64 " covered\n", held,
		      pairs);
	assert_true(held > 1000);
	assert_true(pairs > 100);
	buf_done(&text);
}

/* ---- what is told ------------------------------------------------------- */

struct told {
	char text[2000];
};

static int take(void *arg, const struct lint *l)
{
	struct told *t = arg;
	size_t n = strlen(t->text);

	(void)snprintf(t->text + n, sizeof(t->text) - n, "%u:%s:%s%s%s;",
		       l->line, lint_kind_name(l->kind), l->rule,
		       *l->other ? "<" : "", l->other);
	return 0;
}

static const char *lint_in(const char *root, const char *policy)
{
	static struct told t;
	const struct lint_options opt = { .now_wall_ns = 86400000000000ll * 30,
					  .root = root };
	struct rule_set *set = load(policy);
	bool all;

	t.text[0] = '\0';
	assert_int_equal(rule_set_lint(set, &opt, take, &t, &all), 0);
	assert_true(all);
	rule_set_free(set);
	return t.text;
}

#define assert_lint(policy, want) \
	assert_string_equal(lint_in("/nonexistent", policy), want)

static void rules_that_say_nothing_are_found(void **state)
{
	(void)state;
	assert_lint("[ignore a]\nexe = /x/y\nnot-exe = /x/**\n", "1:never:a;");
	assert_lint("[ignore a]\nexe = /x/y\nnot-exe = /x/z\n", "");
	assert_lint("[deny a]\nport = 80\nnot-port = 1-100\n", "1:never:a;");
	/* Where a name is not sure this deny can match. */
	assert_lint("[deny a]\nexe = /x/y\nnot-exe = /x/**\n", "");
	assert_lint(
		"[deny a]\npath = /etc/**\n[deny b]\npath = /etc/cron.d/x\n",
		"3:covered:b<a;");
	/* The same twice: the second is too much. */
	assert_lint("[deny a]\npath = /etc/**\n[deny b]\npath = /etc/**\n",
		    "3:covered:b<a;");
	assert_lint("[deny a]\npath = /etc/**\nuser = 0\n"
		    "[deny b]\npath = /etc/cron.d/x\n",
		    "");
	/* A milder one in a stricter one is not the same. */
	assert_lint("[deny a]\npath = /etc/**\nseverity = low\n"
		    "[deny b]\npath = /etc/cron.d/x\nseverity = high\n",
		    "");
	assert_lint("[deny a]\nport = 1-100\n[deny b]\nport = 80\n",
		    "3:covered:b<a;");
	/* A name in a container, which only a rule about one goes by. */
	assert_lint("[ignore a]\npath = /**\n"
		    "[ignore b]\npath = /x\ncontainer = *\n",
		    "");
	assert_lint("[ignore a]\npath = /**\ncontainer = *\n"
		    "[ignore b]\npath = /x\ncontainer = *\n",
		    "4:covered:b<a;");
	assert_lint("[deny a]\npath = /**\n"
		    "[deny b]\npath = /x\ncontainer = *\n",
		    "3:covered:b<a;");
	assert_lint(
		"[deny a]\ndest = 10.0.0.0/8\n[deny b]\ndest = 10.1.0.0/16\n",
		"3:covered:b<a;");
	assert_lint(
		"[deny a]\ndest = 10.0.0.0/16\n[deny b]\ndest = 10.0.0.0/8\n",
		"1:covered:a<b;");
}

static void what_no_event_has_together_is_found(void **state)
{
	(void)state;
	assert_lint("[deny a]\nop = open\nold-path = /x\n", "1:never:a;");
	assert_lint("[deny a]\nop = open\nop = link\nold-path = /x\n", "");
	assert_lint("[deny a]\nold-path = /x\n", "");
	assert_lint("[deny a]\nsocket = /run/x\nport = 80\n", "1:never:a;");
	assert_lint("[deny a]\nsocket = @x\ndest = 10.0.0.0/8\n", "1:never:a;");
	assert_lint("[deny a]\nsocket = /run/x\nnot-port = 80\n", "");
	assert_lint("[deny a]\nload = bpf\nloaded = /x\n", "1:never:a;");
	assert_lint("[deny a]\nload = module\nloaded = /x\n", "");
	assert_lint("[deny a]\nload = library\nname = x\n", "1:never:a;");
	assert_lint("[deny a]\ntamper = bpf\ntarget = /x\n", "1:never:a;");
}

static void shadowed_allows_are_found(void **state)
{
	(void)state;
	assert_lint("[deny d]\npath = /etc/**\n"
		    "[allow a]\npath = /etc/passwd\nowner = me\n",
		    "3:shadowed:a<d;");
	/* One that excepts it is not; nor one that others may except. */
	assert_lint("[deny d]\npath = /etc/**\n"
		    "[allow a]\npath = /etc/passwd\nexcepts = d\nowner = me\n",
		    "");
	assert_lint("[ignore i]\npath = /srv/**\n"
		    "[allow a]\npath = /srv/x\nowner = me\n",
		    "3:shadowed:a<i;");
	assert_lint("[allow a]\npath = /srv/**\nowner = me\n"
		    "[deny d]\npath = /srv/x\n",
		    "");
}

static void allows_are_looked_at_closely(void **state)
{
	char root[] = "/tmp/picket-test-lint-XXXXXX", path[128];

	(void)state;
	assert_lint("[allow a]\nexe = /usr/bin/x\n", "1:owner:a;");
	assert_lint("[allow a]\nexe = /tmp/x\nowner = me\n", "1:writable:a;");
	assert_lint("[allow a]\nscript = /tmp/x\nowner = me\n",
		    "1:writable:a;");
	assert_lint("[allow a]\nancestor = /tmp/x\nowner = me\n",
		    "1:writable:a;");
	assert_lint("[allow a]\nexe = /home/*/bin/x\nowner = me\n",
		    "1:writable:a;");
	assert_lint("[deny a]\nexe = /tmp/x\n", "");
	assert_lint("[allow a]\nexe = /usr/x\nnot-exe = /tmp/x\n"
		    "owner = me\n",
		    "");
	assert_lint("[allow a]\nnot-exe = /tmp/x\nowner = me\n",
		    "1:writable:a;");
	/* Globs that begin elsewhere, and reach there. */
	assert_lint("[allow a]\nexe = /**\nowner = me\n", "1:writable:a;");
	assert_lint("[allow a]\nexe = /**/bin/x\nowner = me\n",
		    "1:writable:a;");
	assert_lint("[allow a]\nscript = /*/x.py\nowner = me\n",
		    "1:writable:a;");
	assert_lint("[allow a]\nexe = /var/*/*.py\nowner = me\n",
		    "1:writable:a;");
	assert_lint("[allow a]\nexe = /usr/**\nexe = /opt/*/x\n"
		    "owner = me\n",
		    "");
	assert_lint("[allow a]\nexe = /**\ntrust = package\nowner = me\n", "");
	/* No program at all, and what stands for one. */
	assert_lint("[allow a]\nevent = exec\nuser = 0\nowner = me\n",
		    "1:writable:a;");
	assert_lint("[allow a]\nevent = exec\nparent = /usr/sbin/sshd\n"
		    "not-exe = /usr/bin/x\nowner = me\n",
		    "1:writable:a;");
	assert_lint("[allow a]\nevent = write\nuser = 0\nowner = me\n", "");
	assert_lint("[allow a]\nevent = exec\norigin = package\n"
		    "owner = me\n",
		    "");
	assert_lint("[allow a]\nevent = exec\nparent = /usr/sbin/sshd\n"
		    "parent-trust = package\nowner = me\n",
		    "");
	assert_lint("[allow a]\nevent = exec\ncontainer = *\nowner = me\n", "");
	/* On this host: a directory on the way that others may write to. */
	assert_non_null(mkdtemp(root));
	(void)snprintf(path, sizeof(path), "%s/opt", root);
	assert_int_equal(mkdir(path, 0755), 0);
	(void)snprintf(path, sizeof(path), "%s/opt/app", root);
	assert_int_equal(mkdir(path, 0755), 0);
	if (getuid() == 0)
		assert_string_equal(lint_in(root, "[allow a]\n"
						  "exe = /opt/app\n"
						  "owner = me\n"),
				    "");
	assert_int_equal(chmod(path, 0777), 0);
	assert_string_equal(
		lint_in(root, "[allow a]\nexe = /opt/app\nowner = me\n"),
		"1:writable:a;");
	assert_int_equal(rmdir(path), 0);
	(void)snprintf(path, sizeof(path), "%s/opt", root);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(root), 0);
}

static void what_has_an_end_is_told_before(void **state)
{
	(void)state;
	/* Now is day 30 of 1970. */
	assert_lint("[deny a]\nuser = 1\nexpires = 1970-01-10\n",
		    "1:expired:a;");
	assert_lint("[deny a]\nuser = 1\nexpires = 1970-02-05\n",
		    "1:expires:a;");
	assert_lint("[deny a]\nuser = 1\nexpires = 1970-03-20\n", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_covers_holds_whenever_the_other_does),
		cmocka_unit_test(rules_that_say_nothing_are_found),
		cmocka_unit_test(what_no_event_has_together_is_found),
		cmocka_unit_test(shadowed_allows_are_found),
		cmocka_unit_test(allows_are_looked_at_closely),
		cmocka_unit_test(what_has_an_end_is_told_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
