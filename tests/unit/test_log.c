/* SPDX-License-Identifier: Apache-2.0 */
/* base/log: one safe line per fact, for a terminal or systemd's journal. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

static int memory, saved_stderr;
static char text[20000];

/* stderr becomes a file in memory while a test runs. */
static int catch_stderr(void **state)
{
	(void)state;
	memory = memfd_create("stderr", MFD_CLOEXEC);
	saved_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (memory < 0 || saved_stderr < 0)
		return -1;
	return dup2(memory, STDERR_FILENO) < 0 ? -1 : 0;
}

static int release_stderr(void **state)
{
	(void)state;
	(void)dup2(saved_stderr, STDERR_FILENO);
	(void)close(saved_stderr);
	return close(memory);
}

/* What was written since the last call. */
static const char *caught(void)
{
	ssize_t n = pread(memory, text, sizeof(text) - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
	assert_int_equal(ftruncate(memory, 0), 0);
	assert_int_equal(lseek(memory, 0, SEEK_SET), 0);
	return text;
}

static void lines_name_program_and_level(void **state)
{
	(void)state;
	assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
	log_init("picket-test", LOG_DEBUG);
	log_error("cannot open '%s'", "x");
	assert_string_equal(caught(), "picket-test: error: cannot open 'x'\n");
	log_warning("w");
	log_notice("n");
	log_info("i");
	log_debug("d %d", 1);
	assert_string_equal(caught(), "picket-test: warning: w\n"
				      "picket-test: notice: n\n"
				      "picket-test: info: i\n"
				      "picket-test: debug: d 1\n");
}

static void lines_past_the_level_are_left_out(void **state)
{
	(void)state;
	log_init("t", LOG_WARNING);
	log_notice("not seen");
	assert_string_equal(caught(), "");
	log_set_level(LOG_NOTICE);
	log_notice("seen");
	log_info("not seen");
	assert_string_equal(caught(), "t: notice: seen\n");
}

static void the_journal_gets_priorities(void **state)
{
	char stream[64];
	struct stat st;

	(void)state;
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	(void)snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
		       (uintmax_t)st.st_ino);
	assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
	log_init("t", LOG_DEBUG);
	log_error("a");
	log_debug("b");
	assert_string_equal(caught(), "<3>a\n<7>b\n");
}

static void a_redirected_stderr_is_not_the_journal(void **state)
{
	static const char *const streams[] = { "1:2", "",   "nonsense", ":",
					       "1:",  ":2", "1:2x" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		assert_int_equal(setenv("JOURNAL_STREAM", streams[i], 1), 0);
		log_init("t", LOG_ERROR);
		log_error("a");
		assert_string_equal(caught(), "t: error: a\n");
	}
	assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
}

static void device_and_inode_must_both_be_ours(void **state)
{
	char stream[64];
	struct stat st;
	int i;

	(void)state;
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	for (i = 0; i < 2; i++) {
		(void)snprintf(stream, sizeof(stream), "%ju:%ju",
			       (uintmax_t)st.st_dev + (i == 0),
			       (uintmax_t)st.st_ino + (i == 1));
		assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
		log_init("t", LOG_ERROR);
		log_error("a");
		assert_string_equal(caught(), "t: error: a\n");
	}
	assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
}

static void no_byte_ends_the_line_early(void **state)
{
	(void)state;
	log_init("t", LOG_ERROR);
	log_error("a\nt: error: forged\r\x1b[2J\x7f");
	assert_string_equal(caught(), "t: error: a?t: error: forged??[2J?\n");
}

static void a_long_line_is_cut_and_says_so(void **state)
{
	static char big[9000];
	const char *got;
	size_t n;

	(void)state;
	memset(big, 'b', sizeof(big) - 1);
	log_init("t", LOG_ERROR);
	log_error("%s", big);
	got = caught();
	n = strlen(got);
	assert_true(n > 4000 && n <= 4096);
	assert_string_equal(got + n - 5, " ...\n");
	assert_ptr_equal(strchr(got, '\n'), got + n - 1);
}

static void errno_survives_and_can_be_printed(void **state)
{
	(void)state;
	log_init("t", LOG_ERROR);
	errno = ENOENT;
	log_error("%m");
	assert_int_equal(errno, ENOENT);
	assert_string_equal(caught(), "t: error: No such file or directory\n");
	errno = EPERM;
	log_debug("left out");
	assert_int_equal(errno, EPERM);
}

static void levels_have_names(void **state)
{
	(void)state;
	assert_int_equal(log_level_parse("error"), LOG_ERROR);
	assert_int_equal(log_level_parse("warning"), LOG_WARNING);
	assert_int_equal(log_level_parse("notice"), LOG_NOTICE);
	assert_int_equal(log_level_parse("info"), LOG_INFO);
	assert_int_equal(log_level_parse("debug"), LOG_DEBUG);
	assert_int_equal(log_level_parse("Error"), -EINVAL);
	assert_int_equal(log_level_parse(""), -EINVAL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, catch_stderr, release_stderr)

/* Last: from here on nothing is waited for. */
static void a_log_that_is_full_is_not_waited_for(void **state)
{
	char got[8192];
	int ends[2], full;
	ssize_t n;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	log_init("picket-test", LOG_DEBUG);
	log_never_wait();
	log_error("one");
	n = read(ends[0], got, sizeof(got) - 1);
	assert_true(n > 0);
	got[n] = '\0';
	assert_string_equal(got, "picket-test: error: one\n");
	/* Another open file: what was inherited must keep its flags. */
	assert_int_equal(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
	full = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(full >= 0);
	memset(text, 'x', sizeof(text));
	while (write(full, text, sizeof(text)) > 0 || write(full, text, 1) > 0)
		;
	log_error("two");
	log_error("three");
	assert_int_equal(close(full), 0);
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	while ((n = read(ends[0], got, sizeof(got))) > 0)
		;
	log_error("four");
	n = read(ends[0], got, sizeof(got) - 1);
	assert_true(n > 0);
	got[n] = '\0';
	assert_string_equal(got, "picket-test: warning: 2 lines had no room\n"
				 "picket-test: error: four\n");
	(void)close(ends[0]);
	(void)close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_name_program_and_level),
		TEST(lines_past_the_level_are_left_out),
		TEST(the_journal_gets_priorities),
		TEST(a_redirected_stderr_is_not_the_journal),
		TEST(device_and_inode_must_both_be_ours),
		TEST(no_byte_ends_the_line_early),
		TEST(a_long_line_is_cut_and_says_so),
		TEST(errno_survives_and_can_be_printed),
		TEST(levels_have_names),
		cmocka_unit_test_setup_teardown(
			a_log_that_is_full_is_not_waited_for, catch_stderr,
			release_stderr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
