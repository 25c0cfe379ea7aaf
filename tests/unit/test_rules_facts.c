/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions on what a file is, which are found out after the event. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "rules/rules.h"

static struct image img;
static struct event ev;

static struct rule_set *load_as(const char *name, const char *text)
{
	const struct rule_options opt = { .now_wall_ns = 1 };
	struct rule_set *set = NULL;
	struct rule_error err;

	if (rule_set_load_text(name, slice_str(text), &opt, &set, &err) < 0)
		fail_msg("%s:%u: %s", err.file, err.line, err.what);
	return set;
}

static struct rule_set *load(const char *text)
{
	return load_as("test.ini", text);
}

/* A program of a process in a cgroup, from a file that is there. */
static int fresh(void **state)
{
	(void)state;
	ev = (struct event){ .kind = EVENT_EXEC };
	img = (struct image){ .id = 1, .proc.tgid = 100 };
	img.exe.path = slice_str("/usr/bin/tool");
	img.exe_file = (struct file_id){ .known = true, .nlink = 1, .ino = 5 };
	img.cgroup = slice_str("/a");
	return 0;
}

static enum answer judge(struct rule_set *set)
{
	return rule_set_match(set, &ev, &img).answer;
}

static struct file_facts facts(enum trust_state trust)
{
	return (struct file_facts){ .known = true,
				    .trust = (uint8_t)trust,
				    .hash = HASH_DONE };
}

static void a_verdict_waits_for_what_would_decide_it(void **state)
{
	struct rule_set *set = load("[allow a]\nevent = exec\n"
				    "trust = package\n");
	const struct rule_wants *w;

	(void)state;
	assert_int_equal(judge(set), ANSWER_PENDING);
	w = rule_set_wants(set);
	assert_int_equal(w->n, 1);
	assert_ptr_equal(w->list[0].img, &img);
	assert_true(w->list[0].trust);
	assert_false(w->list[0].script);
	img.exe_facts = facts(TRUST_PACKAGE);
	assert_int_equal(judge(set), ANSWER_ALLOWED);
	img.exe_facts = facts(TRUST_CHANGED);
	assert_int_equal(judge(set), ANSWER_UNLISTED);
	/* It will never be known. */
	img.exe_facts = (struct file_facts){ .known = true };
	assert_int_equal(judge(set), ANSWER_UNLISTED);
	rule_set_free(set);
}

static void nothing_is_wanted_that_cannot_decide(void **state)
{
	struct rule_set *set = load("[allow a]\ntrust = package\nexe = /x\n"
				    "[deny b]\nexe = /usr/**\n"
				    "[allow c]\ntrust = package\n");

	(void)state;
	assert_int_equal(judge(set), ANSWER_DENIED);
	assert_int_equal(rule_set_wants(set)->n, 0);
	rule_set_free(set);
}

static void an_exception_from_a_deny_is_waited_for(void **state)
{
	struct rule_set *set = load("[deny b]\nexe = /usr/**\n"
				    "[allow c]\ntrust = package\n"
				    "excepts = b\n");

	(void)state;
	assert_int_equal(judge(set), ANSWER_PENDING);
	img.exe_facts = facts(TRUST_UNPACKAGED);
	assert_int_equal(judge(set), ANSWER_DENIED);
	img.exe_facts = facts(TRUST_PACKAGE);
	assert_int_equal(judge(set), ANSWER_ALLOWED);
	rule_set_free(set);
}

static void of_a_script_both_files_are_trusted_or_none_is(void **state)
{
	struct rule_set *set = load("[allow a]\ntrust = package\n");

	(void)state;
	img.script = slice_str("/usr/bin/script");
	img.script_file = (struct file_id){ .known = true };
	img.exe_facts = facts(TRUST_PACKAGE);
	assert_int_equal(judge(set), ANSWER_PENDING);
	assert_true(rule_set_wants(set)->list[0].script);
	img.script_facts = facts(TRUST_UNPACKAGED);
	assert_int_equal(judge(set), ANSWER_UNLISTED);
	img.script_facts = facts(TRUST_PACKAGE);
	assert_int_equal(judge(set), ANSWER_ALLOWED);
	/* Its name is the caller's word: whatever lies there proves nothing. */
	img.script_file.known = false;
	assert_int_equal(judge(set), ANSWER_UNLISTED);
	rule_set_free(set);
}

static void the_ancestor_that_is_named_is_the_one_that_is_trusted(void **state)
{
	struct rule_set *set = load("[allow a]\nancestor = /usr/bin/dpkg\n"
				    "ancestor-trust = package\n");
	struct image dpkg = img, shell = img;

	(void)state;
	dpkg.id = 2;
	dpkg.exe.path = slice_str("/usr/bin/dpkg");
	dpkg.exe_facts = facts(TRUST_CHANGED);
	shell.id = 3;
	shell.exe_facts = facts(TRUST_PACKAGE);
	shell.parent = &dpkg;
	img.parent = &shell;
	assert_int_equal(judge(set), ANSWER_UNLISTED);
	dpkg.exe_facts.known = false;
	assert_int_equal(judge(set), ANSWER_PENDING);
	assert_int_equal(rule_set_wants(set)->n, 1);
	assert_ptr_equal(rule_set_wants(set)->list[0].img, &dpkg);
	dpkg.exe_facts = facts(TRUST_PACKAGE);
	assert_int_equal(judge(set), ANSWER_ALLOWED);
	rule_set_free(set);
}

static void a_container_has_an_image_and_what_drifted(void **state)
{
	struct rule_set *set = load("[allow a]\norigin = image\n"
				    "[deny b]\norigin = drift\n"
				    "[allow c]\ntrust = package\n");

	(void)state;
	img.container = slice_str("0123");
	img.exe_file.overlay_lower = true;
	assert_int_equal(judge(set), ANSWER_ALLOWED);
	img.exe_file.overlay_lower = false;
	img.exe_file.overlay_upper = true;
	assert_int_equal(judge(set), ANSWER_DENIED);
	img.exe_file.overlay_upper = false;
	assert_int_equal(judge(set), ANSWER_DENIED);
	rule_set_free(set);
}

static void who_may_write_is_asked(void **state)
{
	struct rule_set *set = load("[deny a]\nwritable-by = others\n"
				    "writable-by = group\n");

	(void)state;
	assert_int_equal(judge(set), ANSWER_PENDING);
	img.exe_facts = facts(TRUST_UNKNOWN);
	img.exe_facts.writable = WRITABLE_USER;
	assert_int_equal(judge(set), ANSWER_UNLISTED);
	img.exe_facts.writable = WRITABLE_USER | WRITABLE_GROUP;
	assert_int_equal(judge(set), ANSWER_DENIED);
	rule_set_free(set);
}

#define SUM "0123456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF"

static void a_list_of_digests_is_read_and_names_the_set(void **state)
{
	char list[] = "/tmp/picket-list-XXXXXX", text[200];
	uint8_t hash[32];
	struct rule_set *set;
	int fd = mkstemp(list);

	(void)state;
	assert_true(fd >= 0);
	assert_true(dprintf(fd, "# known\n\n%s  ls\n", SUM) > 0);
	/* Beside the policy, where its name does not say. */
	(void)snprintf(text, sizeof(text), "[allow a]\nsha256-file = %s\n",
		       list + 5);
	set = load_as("/tmp/p.ini", text);
	memcpy(hash, rule_set_hash(set), sizeof(hash));
	assert_int_equal(judge(set), ANSWER_PENDING);
	img.exe_facts = facts(TRUST_UNKNOWN);
	assert_int_equal(judge(set), ANSWER_UNLISTED);
	for (int i = 0; i < 32; i++)
		img.exe_facts.sha256[i] =
			(const uint8_t[]){ 0x01, 0x23, 0x45, 0x67,
					   0x89, 0xab, 0xcd, 0xef }[i % 8];
	assert_int_equal(judge(set), ANSWER_ALLOWED);
	img.exe_facts.hash = HASH_CHANGED;
	assert_int_equal(judge(set), ANSWER_UNLISTED);
	rule_set_free(set);

	assert_true(dprintf(fd, "\\%s  l\\\\s\n", SUM) > 0);
	set = load_as("/tmp/p.ini", text);
	assert_memory_not_equal(hash, rule_set_hash(set), sizeof(hash));
	rule_set_free(set);
	(void)close(fd);
	(void)unlink(list);
}

static void a_bad_line_of_a_list_is_named(void **state)
{
	const struct rule_options opt = { .now_wall_ns = 1 };
	char list[] = "/tmp/picket-list-XXXXXX", text[200], want[200];
	struct rule_set *set = NULL;
	struct rule_error err;
	int fd = mkstemp(list);

	(void)state;
	assert_true(fd >= 0);
	assert_true(dprintf(fd, "%s\nabc\n", SUM) > 0);
	(void)close(fd);
	(void)snprintf(text, sizeof(text), "[allow a]\nsha256-file = %s\n",
		       list);
	(void)snprintf(want, sizeof(want), "%s:2: not a SHA-256 of 64 digits",
		       list);
	assert_int_equal(
		rule_set_load_text("p.ini", slice_str(text), &opt, &set, &err),
		-EINVAL);
	assert_string_equal(err.what, want);
	assert_int_equal(err.line, 2);
	(void)unlink(list);
}

static void what_a_set_needs_is_told(void **state)
{
	struct rule_set *set = load("[allow a]\nexe = /a\n");

	(void)state;
	assert_false(rule_set_needs(set).facts);
	rule_set_free(set);
	set = load("[allow a]\nparent-sha256 = " SUM "\n");
	assert_true(rule_set_needs(set).facts);
	assert_false(rule_set_needs(set).trust);
	rule_set_free(set);
	set = load("[allow a]\nnot-origin = package\n");
	assert_true(rule_set_needs(set).trust);
	rule_set_free(set);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, fresh)
	const struct CMUnitTest tests[] = {
		TEST(a_verdict_waits_for_what_would_decide_it),
		TEST(nothing_is_wanted_that_cannot_decide),
		TEST(an_exception_from_a_deny_is_waited_for),
		TEST(of_a_script_both_files_are_trusted_or_none_is),
		TEST(the_ancestor_that_is_named_is_the_one_that_is_trusted),
		TEST(a_container_has_an_image_and_what_drifted),
		TEST(who_may_write_is_asked),
		TEST(a_list_of_digests_is_read_and_names_the_set),
		TEST(a_bad_line_of_a_list_is_named),
		TEST(what_a_set_needs_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
