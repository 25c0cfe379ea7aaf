// SPDX-License-Identifier: Apache-2.0
/* out/text on a terminal: what fits into its columns, and what never gives way. */
#include "out_lines.h"

static void a_terminal_gets_what_fits_and_alarms_whole(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_event(EVENT_EXEC);
	struct text_style style = { .columns = 140 };

	assert_int_equal(sample_take(s, &ev, &s->shell, &allowed), 1);
	assert_line(s, &style,
		    "      21:04:05.678 sshd→bash→curl[4711]           "
		    "ssh.service      exec    "
		    "/usr/bin/curl -s 'https://x.test/a b'        "
		    "allowed by shells");
	style.columns = 120;
	assert_line(s, &style,
		    "      21:04:05.678 sshd→bash→curl[4711]           "
		    "ssh.service      exec    "
		    "/usr/bin/curl -s 'https:/… allowed by shells");
	/* Of a file it is the name that tells. */
	ev = sample_write("/srv/shop/releases/2026-11-27/\nx/a", OP_UNLINK);
	assert_int_equal(sample_take(s, &ev, &s->shell, &allowed), 1);
	assert_line(s, &style,
		    "      21:04:05.678 sshd→bash→curl[4711]           "
		    "ssh.service      write   "
		    "unlink '…2026-11-27/\\nx/a' allowed by shells");
	ev = sample_event(EVENT_EXEC);
	assert_int_equal(sample_take(s, &ev, &s->shell, &allowed), 1);
	/* No room for both: what was done stands alone. */
	style.columns = 100;
	assert_line(s, &style,
		    "      21:04:05 sshd→bash→curl[4711]     "
		    "ssh.service    exec    "
		    "/usr/bin/curl -s 'https://x.test/a b'");
	style.columns = 80;
	assert_line(s, &style,
		    "      21:04:05 …→bash→curl[4711]  "
		    "ssh.service  exec    "
		    "/usr/bin/curl -s 'https:…");
	assert_int_equal(sample_take(s, &ev, &s->shell, &alert), 1);
	assert_line(s, &style,
		    "HIGH  21:04:05 sshd→bash→curl[4711]  "
		    "ssh.service  exec    "
		    "/usr/bin/curl -s 'https://x.test/a b'  "
		    "denied by cron-files (T1053.003)");
}

static void where_it_runs_keeps_to_its_column(void **state)
{
	static const struct {
		size_t columns;
		const char *unit, *want;
	} rows[] = {
		{ 80, "", "-            write" },
		{ 80, "nginx.service", "nginx        write" },
		{ 80, "session-12.scope", "session-12.… write" },
		{ 80, "systemd-journald.service", "systemd-jou… write" },
		{ 80, "it's.service", "'it\\'s'      write" },
		{ 80, "\033[2J.service", "\\x1b[2J      write" },
		{ 80,
		  "\xe7\x8c\xab\xe7\x8c\xab\xe7\x8c\xab\xe7\x8c\xab"
		  "\xe7\x8c\xab\xe7\x8c\xab\xe7\x8c\xab",
		  "猫猫猫猫猫…  write" },
		{ 100, "nginx.service", "nginx.service  write" },
		{ 100, "systemd-logind.service", "systemd-logind write" },
		{ 120, "systemd-journald.service", "systemd-journald write" },
		{ 0, "systemd-journald.service",
		  "systemd-journald.service  write" },
	};
	struct sample *s = *state;
	struct event ev = sample_write("/a", OP_WRITE);
	struct buf out = BUF_INIT(64 << 10);

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct text_style style = { .columns = rows[i].columns };

		s->shell.unit = slice_str(rows[i].unit);
		assert_int_equal(sample_describe(s, &s->shell), 0);
		assert_int_equal(sample_take(s, &ev, &s->shell, &allowed), 1);
		buf_reset(&out);
		text_line(&out, s->images, &s->view, &style);
		buf_add_char(&out, '\0');
		if (!strstr(out.p, rows[i].want))
			fail_msg("'%s' is not in '%s'", rows[i].want, out.p);
	}
	buf_done(&out);
}

static void a_long_name_keeps_its_number_and_its_column(void **state)
{
	const struct text_style style = { .columns = 80 };
	struct sample *s = *state;
	struct event ev = sample_write("/a", OP_WRITE);
	struct image img = sample_image(
		9, 471200, "/usr/lib/systemd/systemd-journald", &s->bash);

	assert_int_equal(sample_describe(s, &img), 0);
	assert_int_equal(sample_take(s, &ev, &img, &allowed), 1);
	assert_line(s, &style,
		    "      21:04:05 …→systemd…[471200] -            "
		    "write   write /a");
	/* An alarm's line is whole. */
	assert_int_equal(sample_take(s, &ev, &img, &alert), 1);
	assert_line(s, &style,
		    "HIGH  21:04:05 …→bash→systemd-journald[471200]  -"
		    "            write   write /a  "
		    "denied by cron-files (T1053.003)");
}

static void wide_characters_take_two_columns(void **state)
{
	static const char name[] = "a猫\033[1;31me\xcc\x81\033[0mz";

	(void)state;
	assert_int_equal(text_columns(slice_str("")), 0);
	assert_int_equal(text_columns(slice_str(name)), 5);
	assert_int_equal(text_columns(slice_str("…→")), 2);
	/* Never half a character. */
	assert_int_equal(text_head(slice_str("猫猫"), 3), 3);
	assert_int_equal(text_head(slice_str("猫猫"), 1), 0);
	assert_int_equal(text_head(slice_str("ab"), 9), 2);
	assert_int_equal(text_tail(slice_str("猫猫"), 3), 3);
	assert_int_equal(text_tail(slice_str("ab"), 9), 0);
	assert_int_equal(text_tail(slice_str("ab"), 0), 2);
	/* Nor half of what stands for a byte. */
	assert_int_equal(text_tail(slice_str("a\\x1bc"), 4), 5);
	assert_int_equal(text_tail(slice_str("a\\x1bc"), 5), 1);
	assert_int_equal(text_tail(slice_str("a\\nc"), 2), 3);
	assert_int_equal(text_tail(slice_str("a\\"), 1), 1);
	/* Bytes that end inside a character, or are none. */
	assert_int_equal(text_columns(slice_of("\xe7\x8c", 2)), 1);
	assert_int_equal(text_columns(slice_of("\x80\xff", 2)), 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, sample_teardown)
		T(a_terminal_gets_what_fits_and_alarms_whole),
		T(where_it_runs_keeps_to_its_column),
		T(a_long_name_keeps_its_number_and_its_column),
		T(wide_characters_take_two_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
