/* SPDX-License-Identifier: Apache-2.0 */
/* app/health_check: what a probe is told. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "app/health.h"

static struct health h;

static int setup(void **state)
{
	(void)state;
	memset(&h, 0, sizeof(h));
	h.rows[0] = (struct sensor_row){ .family = "exec",
					 .hook = "execve",
					 .backend = "tp_btf",
					 .active = true };
	h.rows[1] = (struct sensor_row){ .family = "write",
					 .hook = "open",
					 .backend = "-",
					 .reason = "EPERM" };
	h.rows[2] = (struct sensor_row){ .family = "write",
					 .hook = "io_uring",
					 .backend = "tp_btf",
					 .active = true };
	h.row_count = 3;
	return 0;
}

static void expect(const char *line)
{
	cleanup_buf struct buf out = BUF_INIT(1000);

	health_check(&out, &h);
	buf_add_char(&out, '\0');
	assert_string_equal(out.p, line);
}

static void what_works_is_ok(void **state)
{
	(void)state;
	/* One way in of a family is off: in the coverage, no reason to end. */
	expect("ok\n");
	/* A flood that is over, and a collector that is dead. */
	h.families[0].lost = 5;
	h.destination_count = 1;
	h.destinations[0].behind_records = 1000000;
	expect("ok\n");
}

static void a_family_without_a_hook_is_told(void **state)
{
	(void)state;
	h.rows[2].active = false;
	expect("write is not watched at all: EPERM\n");
}

static void a_family_that_is_not_wanted_is_no_trouble(void **state)
{
	(void)state;
	for (size_t i = 1; i < 3; i++) {
		h.rows[i].active = false;
		(void)strcpy(h.rows[i].reason, SENSOR_OFF_REASON);
	}
	expect("ok\n");
}

static void a_canary_that_is_missing_is_told(void **state)
{
	(void)state;
	h.canary.is_missing = true;
	expect("the canary did not come through: what it did was not seen, or "
	       "not kept\n");
}

static void a_journal_that_cannot_be_written_comes_first(void **state)
{
	(void)state;
	h.canary.is_missing = true;
	h.journal.error = ENOSPC;
	(void)snprintf(h.journal.error_what, sizeof(h.journal.error_what),
		       "write");
	expect("the journal cannot be written: write: No space left on "
	       "device\n");
}

static void packages_that_are_not_followed_are_told(void **state)
{
	(void)state;
	h.trust.is_fixed = true;
	/* No rule asks for them. */
	expect("ok\n");
	h.trust.wanted = true;
	expect("installed packages are not followed: the process that reads "
	       "their databases is gone\n");
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_works_is_ok),
		TEST(a_family_without_a_hook_is_told),
		TEST(a_family_that_is_not_wanted_is_no_trouble),
		TEST(packages_that_are_not_followed_are_told),
		TEST(a_canary_that_is_missing_is_told),
		TEST(a_journal_that_cannot_be_written_comes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
