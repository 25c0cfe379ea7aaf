// SPDX-License-Identifier: Apache-2.0
/* What picket why makes of a script: of its own file, and of its name alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "cmd/why.h"
#include "rules/rules.h"

static const char packaged[] = "[allow packaged]\nevent = exec\n"
			       "trust = package\n";

static struct rule_set *load(const char *text)
{
	const struct rule_options opt = { .now_wall_ns = 1 };
	struct rule_set *set = NULL;
	struct rule_error err;

	if (rule_set_load_text("test.ini", slice_str(text), &opt, &set, &err))
		fail_msg("line %u: %s", err.line, err.what);
	return set;
}

/* A packaged interpreter runs a script whose file was seen, or was not. */
static struct image script_image(bool seen)
{
	return (struct image){
		.id = 2,
		.flags = IMAGE_F_SCRIPT,
		.exe.path = slice_str("/usr/bin/bash"),
		.exe_file = { .known = true, .ino = 1, .nlink = 1 },
		.exe_facts = { .known = true, .trust = TRUST_PACKAGE },
		.script = slice_str("/usr/bin/ldd"),
		.script_file = { .known = seen, .ino = 2, .nlink = 1 },
		.script_facts = { .known = seen, .trust = TRUST_PACKAGE },
		.cgroup = slice_str("/"),
	};
}

static const struct event exec_event = { .kind = EVENT_EXEC };

static void a_script_by_name_alone_is_told_and_not_trusted(void **state)
{
	struct rule_set *set = load(packaged);
	struct image img = script_image(false);
	struct why w;

	(void)state;
	assert_int_equal(why_ask(set, &exec_event, &img, &w), 0);
	assert_int_equal(w.verdict.answer, ANSWER_UNLISTED);
	assert_non_null(w.nearest);
	assert_string_equal(w.nearest->conds[0].key, "trust");
	assert_true(w.nearest->conds[0].unknown);
	assert_string_equal(w.nearest->conds[0].actual,
			    "package, and of its script only the name that "
			    "the caller gave is known");
	why_done(&w);
	img.script_file.known = true;
	img.script_facts.known = true;
	assert_int_equal(why_ask(set, &exec_event, &img, &w), 0);
	assert_int_equal(w.verdict.answer, ANSWER_ALLOWED);
	why_done(&w);
	img.script_facts.trust = TRUST_CHANGED;
	assert_int_equal(why_ask(set, &exec_event, &img, &w), 0);
	assert_string_equal(w.nearest->conds[0].actual, "changed");
	why_done(&w);
	rule_set_free(set);
}

/* The policy with the edit behind it. */
static enum answer after(const struct why *w, const char *text,
			 const struct image *img)
{
	struct buf all = BUF_INIT(1u << 16);
	struct rule_set *set;
	enum answer a;

	buf_addf(&all, "%s\n%s", text, w->text);
	buf_add_char(&all, '\0');
	set = load(all.p);
	a = rule_set_match(set, &exec_event, img).answer;
	rule_set_free(set);
	buf_done(&all);
	return a;
}

static void the_edit_allows_this_script_and_no_other(void **state)
{
	static const char *const policies[] = {
		packaged,
		/* One more value here would be the whole interpreter. */
		"[allow tools]\nevent = exec\nuser = 0\nexe = /usr/bin/a\n",
	};
	struct image img = script_image(false), other = script_image(false);
	struct image seen = script_image(true);

	(void)state;
	other.script = slice_str("/usr/bin/other");
	seen.script_facts.trust = TRUST_CHANGED;
	for (size_t i = 0; i < 2; i++) {
		struct rule_set *set = load(policies[i]);
		struct why w;

		assert_int_equal(why_ask(set, &exec_event, &img, &w), 0);
		assert_int_equal(w.edit, WHY_NEW_RULE);
		assert_non_null(strstr(w.text, "[allow ldd-exec]"));
		assert_non_null(strstr(w.text, "# as the caller named it"));
		assert_non_null(strstr(w.text, "script = /usr/bin/ldd"));
		assert_int_equal(after(&w, policies[i], &img), ANSWER_ALLOWED);
		assert_int_equal(after(&w, policies[i], &other),
				 ANSWER_UNLISTED);
		why_done(&w);
		/* What was seen is no claim. */
		assert_int_equal(why_ask(set, &exec_event, &seen, &w), 0);
		assert_null(strstr(w.text, "caller"));
		assert_non_null(strstr(w.text, "script = /usr/bin/ldd"));
		why_done(&w);
		rule_set_free(set);
	}
}

static void a_program_is_allowed_as_before(void **state)
{
	static const char tools[] =
		"[allow tools]\nevent = exec\nuser = 0\nexe = /usr/bin/a\n";
	struct image img = script_image(false);
	struct rule_set *set = load(tools);
	struct why w;

	(void)state;
	img.flags = 0;
	img.script = slice_str("");
	assert_int_equal(why_ask(set, &exec_event, &img, &w), 0);
	assert_int_equal(w.edit, WHY_ADD_VALUE);
	assert_string_equal(w.text, "exe = /usr/bin/bash");
	why_done(&w);
	rule_set_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_script_by_name_alone_is_told_and_not_trusted),
		cmocka_unit_test(the_edit_allows_this_script_and_no_other),
		cmocka_unit_test(a_program_is_allowed_as_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
