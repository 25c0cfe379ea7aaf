// SPDX-License-Identifier: Apache-2.0
/* out/collector: settings against the files they name; the state they keep. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "out/collector.h"
#include "out/ship_status.h"
#include "remove_tree.h"

static char dir[] = "/tmp/picket-test-XXXXXX";
static int dirfd_;

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dirfd_ < 0 ? -1 : 0;
}

static int remove_dir(void **state)
{
	(void)state;
	(void)close(dirfd_);
	return remove_tree(dir);
}

static const char *put(const char *name, const char *text, mode_t mode)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];

	assert_int_equal(fs_replace(dirfd_, name, text, strlen(text), mode), 0);
	assert_int_equal(fchmodat(dirfd_, name, mode, 0), 0);
	(void)snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static struct collector nothing_set(void)
{
	return (struct collector){ .url = "https://c.test",
				   .ca_file = "",
				   .crl_file = "",
				   .cert_file = "",
				   .key_file = "",
				   .token_file = "",
				   .headers_file = "",
				   .proxy = "" };
}

/* ---- URL -------------------------------------------------------------------- */

static void url_without_a_path_gets_the_one_of_otlp(void **state)
{
	static const struct {
		const char *given, *posted;
		enum collector_format format;
	} rows[] = {
		{ "https://c.test", "https://c.test/v1/logs", COLLECTOR_OTLP },
		{ "https://c.test/", "https://c.test/v1/logs", COLLECTOR_OTLP },
		{ "http://[::1]:4318", "http://[::1]:4318/v1/logs",
		  COLLECTOR_OTLP },
		{ "https://c.test/x", "https://c.test/x", COLLECTOR_OTLP },
		{ "https://c.test/?k=v", "https://c.test/?k=v",
		  COLLECTOR_OTLP },
		{ "https://c.test", "https://c.test", COLLECTOR_PICKET },
	};
	struct collector c = nothing_set();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf url = BUF_INIT(4096);

		c.url = rows[i].given;
		c.format = rows[i].format;
		assert_int_equal(collector_url(&c, &url), 0);
		assert_string_equal(url.p, rows[i].posted);
	}
}

/* ---- headers ------------------------------------------------------------------ */

static int parse(const char *text, struct collector_headers *h, unsigned *line)
{
	*h = (struct collector_headers){ .n = 0 };
	*line = 0;
	return collector_headers_parse(slice_str(text), h, line);
}

static void header_lines_are_trimmed_and_kept(void **state)
{
	struct collector_headers h;
	unsigned line;

	(void)state;
	assert_int_equal(parse("# a comment\n\nX-One:  two words \r\n"
			       "x-empty:\nLast:\tno newline",
			       &h, &line),
			 0);
	assert_int_equal(h.n, 3);
	assert_string_equal(h.lines[0], "X-One: two words");
	assert_string_equal(h.lines[1], "x-empty;");
	assert_string_equal(h.lines[2], "Last: no newline");
	collector_headers_done(&h);
	assert_int_equal(h.n, 0);
}

static void what_is_no_header_is_refused_with_its_line(void **state)
{
	static const char *const bad[] = {
		"no colon",
		": no name",
		"sp ace: x",
		"a\x01: x",
		"X: a\x01z",
		"X: a\rInjected: z",
		"Content-Type: x",
		"content-LENGTH: 1",
		"Content-Encoding: x",
		"Transfer-Encoding: chunked",
		"Connection: close",
		"Expect: 100-continue",
		"X: del\x7f",
		" X: folded",
	};
	struct collector_headers h;
	unsigned line;
	char text[128];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(text, sizeof(text), "A: b\n%s\nC: d\n", bad[i]);
		if (parse(text, &h, &line) != -EINVAL || line != 2)
			fail_msg("'%s' was taken", bad[i]);
		collector_headers_done(&h);
	}
}

static void too_many_headers_are_refused(void **state)
{
	cleanup_buf struct buf text = BUF_INIT(4096);
	struct collector_headers h;
	unsigned line;
	int i;

	(void)state;
	for (i = 0; i <= COLLECTOR_HEADERS_MAX; i++)
		buf_addf(&text, "X-%d: y\n", i);
	buf_add_char(&text, '\0');
	assert_int_equal(parse(text.p, &h, &line), -EINVAL);
	assert_int_equal(line, COLLECTOR_HEADERS_MAX + 1);
	collector_headers_done(&h);
}

static void token_is_the_first_line_of_its_file(void **state)
{
	struct collector_headers h = { .n = 0 };
	struct collector c = nothing_set();
	char what[256] = "";

	(void)state;
	c.token_file = put("token", " abc.DEF-1~+/= \r\nsecond\n", 0600);
	assert_int_equal(collector_headers_read(&c, &h, what), 0);
	assert_int_equal(h.n, 1);
	assert_string_equal(h.lines[0], "Authorization: Bearer abc.DEF-1~+/=");
	collector_headers_done(&h);

	c.token_file = put("token", "\nabc\n", 0600);
	assert_int_equal(collector_headers_read(&c, &h, what), -EINVAL);
	c.token_file = put("token", "two words\n", 0600);
	assert_int_equal(collector_headers_read(&c, &h, what), -EINVAL);
	assert_non_null(strstr(what, "token"));
	c.token_file = "/nonexistent/token";
	assert_int_equal(collector_headers_read(&c, &h, what), -ENOENT);
	assert_non_null(strstr(what, "/nonexistent/token"));
	assert_int_equal(h.n, 0);
}

/* ---- files -------------------------------------------------------------------- */

static void count_warning(void *arg, const char *line)
{
	assert_non_null(strstr(line, "token_file"));
	++*(int *)arg;
}

static void secrets_that_others_read_are_warned_of(void **state)
{
	struct collector c = nothing_set();
	char what[256], pipe[128];
	int n = 0;

	(void)state;
	c.ca_file = put("ca", "x", 0644);
	c.token_file = put("token", "x\n", 0640);
	assert_int_equal(collector_check_files(&c, count_warning, &n, what), 0);
	assert_int_equal(n, 0);
	c.token_file = put("token", "x\n", 0644);
	assert_int_equal(collector_check_files(&c, count_warning, &n, what), 0);
	assert_int_equal(n, 1);
	c.key_file = "/nonexistent/key";
	assert_int_equal(collector_check_files(&c, count_warning, &n, what),
			 -ENOENT);
	assert_non_null(strstr(what, "key_file"));
	/* A pipe would be waited at. */
	c.key_file = "";
	assert_int_equal(mkfifoat(dirfd_, "pipe", 0600), 0);
	c.crl_file = pipe;
	(void)snprintf(pipe, sizeof(pipe), "%s/pipe", dir);
	assert_int_equal(collector_check_files(&c, count_warning, &n, what),
			 -EINVAL);
	assert_non_null(strstr(what, "not a file"));
}

static void stamp_changes_when_a_file_is_replaced(void **state)
{
	struct collector c = nothing_set();
	uint64_t before;

	(void)state;
	c.cert_file = put("cert", "one", 0600);
	before = collector_stamp(&c);
	assert_true(collector_stamp(&c) == before);
	c.cert_file = put("cert", "two", 0600);
	assert_true(collector_stamp(&c) != before);
	before = collector_stamp(&c);
	assert_int_equal(unlinkat(dirfd_, "cert", 0), 0);
	assert_true(collector_stamp(&c) != before);
}

/* ---- status ---------------------------------------------------------------------- */

static void status_is_read_as_it_was_written(void **state)
{
	struct ship_status s = { .pid = 4711,
				 .acked_epoch = 3,
				 .acked_seq = UINT64_MAX,
				 .backlog = 12,
				 .error_ns = 1795467845678000000 };
	struct ship_status back;

	(void)state;
	(void)strcpy(s.state, "waiting");
	(void)strcpy(s.error, "status 503: a=b \\n");
	assert_int_equal(ship_status_save(dir, "status", &s), 0);
	assert_int_equal(ship_status_load(dir, "status", &back), 0);
	assert_int_equal(back.pid, 4711);
	assert_int_equal(back.acked_epoch, 3);
	assert_true(back.acked_seq == UINT64_MAX);
	assert_int_equal(back.backlog, 12);
	assert_true(back.error_ns == s.error_ns);
	assert_string_equal(back.state, "waiting");
	assert_string_equal(back.error, s.error);
	assert_int_equal(ship_status_load(dir, "none", &back), -ENOENT);
}

static void status_that_is_none_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"picket-ship-status 2\n",
		"picket-ship-status 1\nno equals sign\n",
		"picket-ship-status 1\npid=x\n",
		"picket-ship-status 1\nacked_seq=99999999999999999999\n",
		"picket-ship-status 1\nwaiting_since_ns=9223372036854775808\n",
	};
	struct ship_status s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ship_status_parse(slice_str(bad[i]), &s),
				 -EBADMSG);
	/* Keys of a later version are passed over. */
	assert_int_equal(ship_status_parse(slice_str("picket-ship-status 1\n"
						     "later=1\npid=5\n"),
					   &s),
			 0);
	assert_int_equal(s.pid, 5);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(url_without_a_path_gets_the_one_of_otlp),
		cmocka_unit_test(header_lines_are_trimmed_and_kept),
		cmocka_unit_test(what_is_no_header_is_refused_with_its_line),
		cmocka_unit_test(too_many_headers_are_refused),
		cmocka_unit_test(token_is_the_first_line_of_its_file),
		cmocka_unit_test(secrets_that_others_read_are_warned_of),
		cmocka_unit_test(stamp_changes_when_a_file_is_replaced),
		cmocka_unit_test(status_is_read_as_it_was_written),
		cmocka_unit_test(status_that_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
