// SPDX-License-Identifier: Apache-2.0
/* What was found out later: by file, by event, and where it is too much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "out/findings.h"

/* The bound of files, and that of verdicts. */
#define MOST 65536u

static char rule[] = "cron", tag[] = "T1";

struct told {
	Picket__V1__File file;
	Picket__V1__Finding found;
	Picket__V1__Verdict verdict;
	Picket__V1__Resolution resolution;
	Picket__V1__Amendment amendment;
	struct view view;
};

/* That this file is so, and that the event `seq` was settled with it. */
static void made(struct told *t, uint64_t ino, uint64_t seq)
{
	picket__v1__file__init(&t->file);
	picket__v1__finding__init(&t->found);
	picket__v1__verdict__init(&t->verdict);
	picket__v1__resolution__init(&t->resolution);
	picket__v1__amendment__init(&t->amendment);
	t->file.inode = ino;
	t->file.device = 3;
	t->file.mtime_ns = 11;
	t->file.ctime_ns = 12;
	t->found.trust = PICKET__V1__TRUST__TRUST_PACKAGE;
	t->verdict.answer = PICKET__V1__ANSWER__ANSWER_DENIED;
	t->verdict.severity = PICKET__V1__SEVERITY__SEVERITY_HIGH;
	t->verdict.rule = rule;
	t->verdict.tag = tag;
	t->resolution.verdict = &t->verdict;
	t->resolution.exe = &t->found;
	t->resolution.exe_file = &t->file;
	t->amendment.epoch = 2;
	t->amendment.seq = seq;
	t->amendment.resolution = &t->resolution;
	t->view = (struct view){ .seq = seq + 1, .amendment = &t->amendment };
}

static struct file_facts of_inode(struct findings *f, uint64_t ino)
{
	const struct file_id id = { .known = true,
				    .ino = ino,
				    .dev = 3,
				    .mtime_ns = 11,
				    .ctime_ns = 12 };

	return findings_of(f, &id);
}

static void a_file_is_known_by_all_that_it_is(void **state)
{
	struct file_id id = { .known = true,
			      .ino = 7,
			      .dev = 3,
			      .mtime_ns = 11,
			      .ctime_ns = 12 };
	struct findings *f;
	struct told t;

	(void)state;
	assert_int_equal(findings_new(&f), 0);
	made(&t, 7, 10);
	findings_take(f, &t.view);
	assert_true(findings_of(f, &id).known);
	assert_int_equal(findings_of(f, &id).trust, TRUST_PACKAGE);
	id.ctime_ns++;
	assert_false(findings_of(f, &id).known);
	id.ctime_ns--;
	id.size++;
	assert_false(findings_of(f, &id).known);
	id.size--;
	/* What is said of it last holds. */
	t.found.trust = PICKET__V1__TRUST__TRUST_CHANGED;
	findings_take(f, &t.view);
	assert_int_equal(findings_of(f, &id).trust, TRUST_CHANGED);
	id.known = false;
	assert_false(findings_of(f, &id).known);
	findings_free(f);
}

static void a_verdict_is_known_by_its_event(void **state)
{
	const struct settled *s;
	struct findings *f;
	struct told t;

	(void)state;
	assert_int_equal(findings_new(&f), 0);
	made(&t, 7, 10);
	t.verdict.repeated = true;
	findings_take(f, &t.view);
	assert_null(findings_verdict(f, 2, 11));
	assert_null(findings_verdict(f, 1, 10));
	s = findings_verdict(f, 2, 10);
	assert_non_null(s);
	assert_true(s->alert);
	assert_true(s->repeated);
	assert_int_equal(s->severity, SEVERITY_HIGH);
	assert_string_equal(s->rule, "cron");
	assert_string_equal(s->tag, "T1");
	t.verdict.repeated = false;
	t.verdict.alert = true;
	findings_take(f, &t.view);
	s = findings_verdict(f, 2, 10);
	assert_true(s->alert);
	assert_false(s->repeated);
	findings_free(f);
}

static void what_is_too_much_is_left_out_and_counted(void **state)
{
	struct findings_left left;
	struct findings *f;
	struct told t;

	(void)state;
	assert_int_equal(findings_new(&f), 0);
	for (uint64_t i = 0; i < MOST; i++) {
		made(&t, i, i);
		findings_take(f, &t.view);
	}
	findings_left(f, &left);
	assert_int_equal(left.files + left.verdicts, 0);
	for (uint64_t i = MOST; i < MOST + 10; i++) {
		made(&t, i, i);
		findings_take(f, &t.view);
	}
	findings_left(f, &left);
	assert_int_equal(left.files, 10);
	assert_int_equal(left.verdicts, 10);
	/* The first are there, and can be told of once more. */
	assert_true(of_inode(f, 0).known);
	assert_true(of_inode(f, MOST - 1).known);
	assert_false(of_inode(f, MOST).known);
	assert_non_null(findings_verdict(f, 2, 0));
	assert_null(findings_verdict(f, 2, MOST));
	made(&t, 5, 5);
	t.found.trust = PICKET__V1__TRUST__TRUST_CHANGED;
	findings_take(f, &t.view);
	findings_left(f, &left);
	assert_int_equal(left.files, 10);
	assert_int_equal(of_inode(f, 5).trust, TRUST_CHANGED);
	findings_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_known_by_all_that_it_is),
		cmocka_unit_test(a_verdict_is_known_by_its_event),
		cmocka_unit_test(what_is_too_much_is_left_out_and_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
