/* SPDX-License-Identifier: Apache-2.0 */
/* rules/stats: what was counted survives, for the same rule and no other. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rules/stats.h"

static const uint8_t journal[16] = { 1, 2, 3 }, other_journal[16] = { 9 };

static const char policy[] = "[deny bad]\nevent = exec\nexe = /bad\n"
			     "[allow good]\nevent = exec\nexe = /good\n"
			     "[allow idle]\nevent = exec\nexe = /idle\n";

static struct rule_set *load(const char *text)
{
	const struct rule_options opt = { .now_wall_ns = 1795000000000000000 };
	struct rule_error err;
	struct rule_set *set;

	assert_int_equal(
		rule_set_load_text("p.ini", slice_str(text), &opt, &set, &err),
		0);
	return set;
}

static struct verdict ask(struct rule_set *set, const char *exe)
{
	struct image img = { .proc.tgid = 1, .exe.path = slice_str(exe) };
	const struct event ev = { .kind = EVENT_EXEC, .time_ns = 5 };

	return rule_set_match(set, &ev, &img);
}

static struct rule_info info_of(const struct rule_set *set, const char *name)
{
	struct rule_info info;

	for (size_t i = 0; i < rule_set_count(set); i++) {
		rule_set_info(set, i, &info);
		if (!strcmp(info.name, name))
			return info;
	}
	fail_msg("no rule '%s'", name);
	return (struct rule_info){ 0 };
}

/* Two hits of one, three of the other, with samples. */
static struct rule_set *used(void)
{
	struct rule_set *set = load(policy);
	struct verdict v;

	for (unsigned i = 0; i < 3; i++) {
		v = ask(set, "/good");
		rule_set_sample(set, &v, 4, 70 + i);
	}
	(void)ask(set, "/bad");
	v = ask(set, "/bad");
	rule_set_sample(set, &v, 4, 80);
	v = ask(set, "/else");
	rule_set_sample(set, &v, 4, 81);
	return set;
}

static void check_used(const struct rule_set *set)
{
	struct rule_info good = info_of(set, "good");
	struct rule_info bad = info_of(set, "bad");

	assert_int_equal(good.hits, 3);
	assert_int_equal(good.sample_epoch, 4);
	assert_int_equal(good.sample_seq, 72);
	assert_true(good.last_hit_wall_ns != 0);
	assert_int_equal(bad.hits, 2);
	assert_int_equal(bad.sample_seq, 80);
	assert_int_equal(info_of(set, "idle").hits, 0);
	assert_int_equal(info_of(set, "idle").last_hit_wall_ns, 0);
}

static void a_file_brings_back_what_was_counted(void **state)
{
	cleanup_buf struct buf file = BUF_INIT(1u << 16);
	cleanup_buf struct buf again = BUF_INIT(1u << 16);
	struct rule_set *set = used(), *fresh = load(policy);

	(void)state;
	check_used(set);
	rule_stats_write(&file, set, journal);
	assert_int_equal(rule_stats_read(fresh, buf_slice(&file), journal), 0);
	check_used(fresh);
	rule_stats_write(&again, fresh, journal);
	assert_true(slice_eq(buf_slice(&file), buf_slice(&again)));
	/* And goes on from there. */
	(void)ask(fresh, "/good");
	assert_int_equal(info_of(fresh, "good").hits, 4);
	rule_set_free(set);
	rule_set_free(fresh);
}

static void a_changed_rule_begins_anew(void **state)
{
	struct rule_set *set = used();
	struct rule_set *next =
		load("[allow good]\nevent = exec\nexe = /good2\n"
		     "[deny new]\nevent = exec\nexe = /new\n"
		     "# moved, and not changed\n\n"
		     "[deny bad]\nevent=exec\nexe =   /bad\n");

	(void)state;
	assert_int_equal(rule_stats_carry(next, set), 0);
	assert_int_equal(info_of(next, "good").hits, 0);
	assert_int_equal(info_of(next, "good").sample_seq, 0);
	assert_int_equal(info_of(next, "new").hits, 0);
	assert_int_equal(info_of(next, "bad").hits, 2);
	assert_int_equal(info_of(next, "bad").sample_seq, 80);
	rule_set_free(set);
	rule_set_free(next);
}

static void samples_of_another_journal_are_left_out(void **state)
{
	cleanup_buf struct buf file = BUF_INIT(1u << 16);
	struct rule_set *set = used(), *fresh = load(policy);

	(void)state;
	rule_stats_write(&file, set, other_journal);
	assert_int_equal(rule_stats_read(fresh, buf_slice(&file), journal), 0);
	assert_int_equal(info_of(fresh, "good").hits, 3);
	assert_int_equal(info_of(fresh, "good").sample_seq, 0);
	rule_set_free(set);
	rule_set_free(fresh);
}

static void a_torn_or_changed_file_is_none(void **state)
{
	cleanup_buf struct buf file = BUF_INIT(1u << 16);
	struct rule_set *set = used(), *fresh = load(policy);

	(void)state;
	rule_stats_write(&file, set, journal);
	for (size_t n = 0; n < file.n; n++) {
		assert_int_equal(
			rule_stats_read(fresh, slice_of(file.p, n), journal),
			-EBADMSG);
		file.p[n] ^= 1;
		assert_int_equal(
			rule_stats_read(fresh, buf_slice(&file), journal),
			-EBADMSG);
		file.p[n] ^= 1;
	}
	assert_int_equal(info_of(fresh, "good").hits, 0);
	assert_int_equal(rule_stats_read(fresh, buf_slice(&file), journal), 0);
	rule_set_free(set);
	rule_set_free(fresh);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_brings_back_what_was_counted),
		cmocka_unit_test(a_changed_rule_begins_anew),
		cmocka_unit_test(samples_of_another_journal_are_left_out),
		cmocka_unit_test(a_torn_or_changed_file_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
