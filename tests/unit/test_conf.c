/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf: every key of the table, the shipped file, and what is refused with
 * which words.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/ini.h"
#include "base/log.h"
#include "conf/conf.h"
#include "conf/conf_key.h"
#include "conf_text.h"

#define SHIPPED "packaging/agent.ini"

static void defaults_are_what_the_design_says(void **state)
{
	struct conf c;

	(void)state;
	assert_int_equal(conf_init(&c), 0);
	assert_string_equal(c.agent.log_level, "info");
	assert_string_equal(c.agent.metrics_file, "");
	assert_string_equal(c.sensor.exec, "auto");
	assert_string_equal(c.sensor.connect, "auto");
	assert_string_equal(c.sensor.write, "auto");
	assert_int_equal(c.sensor.ring_size, 16 << 20);
	assert_int_equal(c.sensor.write_window_ms, 30000);
	assert_false(c.sensor.unix_sockets);
	assert_string_equal(c.sensor.env.words[0], "LD_PRELOAD");
	assert_string_equal(c.sensor.env.words[17], "GCONV_PATH");
	assert_null(c.sensor.env.words[18]);
	assert_int_equal(c.process.max_processes, 65536);
	assert_int_equal(c.process.keep_dead_ms, 120000);
	assert_string_equal(c.rules.dir, "/etc/picket/policy.d");
	assert_int_equal(c.rules.unlisted_exec, CONF_UNLISTED_ALERT);
	assert_int_equal(c.rules.unlisted_connect, CONF_UNLISTED_RECORD);
	assert_int_equal(c.rules.unlisted_write, CONF_UNLISTED_RECORD);
	assert_string_equal(c.journal.dir, "/var/lib/picket/journal");
	assert_int_equal(c.journal.max_size, 1 << 30);
	assert_int_equal(c.journal.segment_size, 16 << 20);
	assert_int_equal(c.journal.buffer_size, 16 << 20);
	assert_int_equal(c.journal.max_age_ms, 30ull * 86400000);
	assert_int_equal(c.journal.sync_interval_ms, 1000);
	assert_string_equal(c.collector.url, "");
	assert_int_equal(c.collector.format, CONF_FORMAT_OTLP);
	assert_string_equal(c.collector.state_dir, "/var/lib/picket/ship");
	assert_int_equal(c.collector.batch_records, 2000);
	assert_int_equal(c.collector.batch_bytes, 1 << 20);
	assert_int_equal(c.collector.batch_age_ms, 1000);
	assert_int_equal(c.collector.timeout_ms, 30000);
	assert_int_equal(c.collector.connect_timeout_ms, 10000);
	assert_int_equal(c.collector.retry_min_ms, 1000);
	assert_int_equal(c.collector.retry_max_ms, 300000);
	assert_true(c.collector.gzip);
	assert_string_equal(c.collector.ca_file, "");
	assert_string_equal(c.collector.cert_file, "");
	assert_string_equal(c.collector.key_file, "");
	assert_string_equal(c.collector.token_file, "");
	assert_string_equal(c.collector.headers_file, "");
	assert_string_equal(c.collector.proxy, "");
	assert_null(c.collector.kinds.words[0]);
	assert_false(c.collector.alerts_only);
	assert_int_equal(c.collector.replay_rate, 0);
	assert_int_equal(c.n_named, 0);
	assert_null(conf_destination(&c, 0));
	conf_done(&c);
}

static void what_is_printed_is_a_configuration(void **state)
{
	static const char text[] = "[sensor]\n"
				   "exec = kprobe\n"
				   "env =\n"
				   "unix_sockets = yes\n"
				   "write_window = 1500ms\n"
				   "[journal]\n"
				   "dir = /srv/with blank/#1\n"
				   "max_age = 0s\n"
				   "[collector]\n"
				   "url = https://collector:4318/v1/logs\n"
				   "format = picket\n"
				   "gzip = no\n";
	cleanup_buf struct buf once = BUF_INIT(1 << 16);
	cleanup_buf struct buf twice = BUF_INIT(1 << 16);
	struct conf first, second;

	(void)state;
	load(text, &first);
	print(&first, &once);
	load(once.p, &second);
	print(&second, &twice);
	assert_string_equal(once.p, twice.p);
	assert_non_null(strstr(once.p, "\nenv =\n"));
	assert_non_null(strstr(once.p, "\nwrite_window = 1500ms\n"));
	assert_non_null(strstr(once.p, "\ndir = /srv/with blank/#1\n"));
	assert_non_null(strstr(once.p, "\nformat = picket\n"));
	assert_non_null(strstr(once.p, "\nmax_age = 0s\n"));
	assert_null(second.sensor.env.words[0]);
	conf_done(&first);
	conf_done(&second);
}

/* ---- the shipped file --------------------------------------------------------- */

struct shipped {
	const char *text;
	bool seen[128];
	size_t n;
};

/* The text of the line that is n above the given one (1-based). */
static struct slice line_above(const char *text, unsigned line, unsigned n)
{
	const char *end;

	for (line -= n; line > 1; line--)
		text = strchr(text, '\n') + 1;
	end = strchr(text, '\n');
	return slice_of(text, (size_t)(end - text));
}

static void assert_comment(const struct shipped *s, unsigned line, unsigned n,
			   struct slice want)
{
	struct slice got = line_above(s->text, line, n);

	if (got.n < 2 || !slice_eq(slice_of(got.p + 2, got.n - 2), want) ||
	    memcmp(got.p, "# ", 2) != 0)
		fail_msg("%s:%u: '%.*s' should be '# %.*s'", SHIPPED, line - n,
			 (int)got.n, got.p, (int)want.n, want.p);
}

static int check_shipped_key(void *arg, unsigned line, const char *section,
			     const char *key, const char *value)
{
	struct shipped *s = arg;
	cleanup_buf struct buf b = BUF_INIT(4096);
	const struct conf_key *k;

	if (!key)
		return 0;
	k = conf_key_find(section, key, NULL);
	assert_non_null(k);
	assert_string_equal(value, k->fallback);
	s->seen[k - conf_keys] = true;
	s->n++;
	conf_key_describe(k, &b);
	assert_comment(s, line, 2, slice_str(k->help));
	assert_comment(s, line, 1, buf_slice(&b));
	return 0;
}

static void the_shipped_file_shows_every_key_at_its_default(void **state)
{
	cleanup_free char *text = NULL;
	struct shipped s = { 0 };
	struct ini_error err;
	size_t n, i;

	(void)state;
	assert_int_equal(fs_read_file(AT_FDCWD, SHIPPED, 1 << 20, &text, &n),
			 0);
	s.text = text;
	assert_int_equal(
		ini_read(slice_of(text, n), check_shipped_key, &s, &err), 0);
	for (i = 0; i < conf_keys_n; i++) {
		if (!s.seen[i])
			fail_msg("%s lacks '%s' in [%s]", SHIPPED,
				 conf_keys[i].name, conf_keys[i].section);
	}
	assert_int_equal(s.n, conf_keys_n);
}

static void the_shipped_file_loads_as_the_defaults(void **state)
{
	cleanup_buf struct buf shipped = BUF_INIT(1 << 16);
	cleanup_buf struct buf fresh = BUF_INIT(1 << 16);
	struct conf_error err;
	struct conf c;

	(void)state;
	assert_int_equal(conf_load(SHIPPED, &c, &err), 0);
	print(&c, &shipped);
	conf_done(&c);
	assert_int_equal(conf_init(&c), 0);
	print(&c, &fresh);
	conf_done(&c);
	assert_string_equal(shipped.p, fresh.p);
}

/* ---- the table ------------------------------------------------------------------ */

static void load_one(const struct conf_key *k, const char *value, int want)
{
	char text[300];
	struct conf_error err;
	struct conf c;
	int r;

	(void)snprintf(text, sizeof(text), "[%s]\n%s = %s\n", k->section,
		       k->name, value);
	r = conf_load_text("x", slice_str(text), &c, &err);
	if (r != want)
		fail_msg("%s gives %d: %s", text, r, r ? err.what : "");
	if (r == 0)
		conf_done(&c);
	else
		assert_int_equal(err.line, 2);
}

static void empty_values_are_refused_unless_the_key_may_be_empty(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < conf_keys_n; i++)
		load_one(&conf_keys[i], "",
			 conf_keys[i].may_be_empty ? 0 : -EINVAL);
}

static void bounds_are_within_and_one_past_is_refused(void **state)
{
	const struct conf_key *k;
	char value[32];
	const char *unit;

	(void)state;
	for (k = conf_keys; k < conf_keys + conf_keys_n; k++) {
		if (!k->max)
			continue;
		unit = k->type == CONF_DURATION ? "ms" : "";
		(void)snprintf(value, sizeof(value), "%ju%s",
			       (uintmax_t)k->max + 1, unit);
		load_one(k, value, -EINVAL);
		if (k->min) {
			(void)snprintf(value, sizeof(value), "%ju%s",
				       (uintmax_t)k->min - 1, unit);
			load_one(k, value, -EINVAL);
		}
		/* The bounds themselves pass what looks at this key alone. */
		{
			struct conf c;
			char what[200];

			assert_int_equal(conf_init(&c), 0);
			(void)snprintf(value, sizeof(value), "%ju%s",
				       (uintmax_t)k->min, unit);
			assert_int_equal(conf_key_set(k,
						      conf_key_place(k, &c, 0),
						      value, what),
					 0);
			(void)snprintf(value, sizeof(value), "%ju%s",
				       (uintmax_t)k->max, unit);
			assert_int_equal(conf_key_set(k,
						      conf_key_place(k, &c, 0),
						      value, what),
					 0);
			conf_done(&c);
		}
	}
}

static void every_choice_is_taken(void **state)
{
	const struct conf_key *k;
	int i;

	(void)state;
	for (k = conf_keys; k < conf_keys + conf_keys_n; k++) {
		for (i = 0; k->choices && k->choices[i]; i++)
			load_one(k, k->choices[i], 0);
		if (k->choices)
			load_one(k, "Auto", -EINVAL);
	}
}

static void every_log_level_has_a_meaning(void **state)
{
	const struct conf_key *k = conf_key_find("agent", "log_level", NULL);
	int i;

	(void)state;
	for (i = 0; k->choices[i]; i++)
		assert_int_equal(log_level_parse(k->choices[i]), i);
	assert_int_equal(i, LOG_LEVEL_COUNT);
}

static void keys_are_unique_and_sections_stand_together(void **state)
{
	const struct conf_key *a, *b;
	bool known;

	(void)state;
	for (a = conf_keys; a < conf_keys + conf_keys_n; a++) {
		assert_ptr_equal(conf_key_find(a->section, a->name, &known), a);
		assert_true(known);
		for (b = a + 1; b < conf_keys + conf_keys_n; b++) {
			assert_true(a->at != b->at || a->each != b->each);
			/* Once a section has ended it does not come again. */
			if (strcmp(a->section, a[1].section) != 0)
				assert_string_not_equal(a->section, b->section);
		}
	}
}

/* ---- what is refused --------------------------------------------------------------- */

static void unknown_names_are_refused(void **state)
{
	(void)state;
	assert_refused("[journal]\nmax_sise = 1G\n", 2,
		       "unknown key 'max_sise' in [journal]");
	assert_refused("\n[jurnal]\n", 2, "unknown section [jurnal]");
	assert_refused("[collector]\nmax_size = 1G\n", 2,
		       "unknown key 'max_size' in [collector]");
	assert_refused("[journal sub]\n", 1, "unknown section [journal sub]");
}

static void a_repeated_key_is_refused_with_both_lines(void **state)
{
	(void)state;
	assert_refused("[sensor]\nexec = lsm\n\n[sensor]\nexec = auto\n", 5,
		       "'exec' in [sensor] is given before, in line 2");
}

#define URL_PORT                                                     \
	"'url' in [collector] has a port that is not a number from " \
	"1 to 65535"

static void wrong_values_are_refused_in_words(void **state)
{
	static const struct {
		const char *text, *what;
	} rows[] = {
		{ "[agent]\nlog_level = loud\n",
		  "'log_level' in [agent]: 'loud' is not error, warning, "
		  "notice, info or debug" },
		{ "[agent]\nmetrics_file = /x/picket\n",
		  "'metrics_file' in [agent] does not end in .prom" },
		{ "[sensor]\nring_size = 100K\n",
		  "'ring_size' in [sensor]: '100K' is not within 256K to 1G" },
		{ "[sensor]\nring_size = 3M\n",
		  "'ring_size' in [sensor] is not a power of two" },
		{ "[sensor]\nring_size = lots\n",
		  "'ring_size' in [sensor]: 'lots' is not a size such as 64K, "
		  "16M or 2G" },
		{ "[sensor]\nwrite_window = 30\n",
		  "'write_window' in [sensor]: '30' is not a duration such as "
		  "250ms, 30s, 5m or 7d" },
		{ "[sensor]\nunix_sockets = true\n",
		  "'unix_sockets' in [sensor]: 'true' is not yes or no" },
		{ "[sensor]\nenv = HOME PATH HOME\n",
		  "'env' in [sensor]: 'HOME' is given twice" },
		{ "[sensor]\nenv = HOME A=b\n",
		  "'env' in [sensor] has a word that is not the name of a "
		  "variable" },
		{ "[process]\nmax_processes = 64K\n",
		  "'max_processes' in [process]: '64K' is not a whole number" },
		{ "[process]\nmax_processes = 99999999999999999999\n",
		  "'max_processes' in [process]: '99999999999999999999' is "
		  "not within 1024 to 4194304" },
		{ "[rules]\ndir =\n", "'dir' in [rules]: the value is empty" },
		{ "[journal]\ndir = var/journal\n",
		  "'dir' in [journal]: 'var/journal' is not an absolute path" },
		{ "[journal]\nmax_size = 16M\n",
		  "'max_size' in [journal] is less than twice segment_size" },
		{ "[journal]\nmax_size = 16T\n",
		  "'max_size' in [journal] is more than 4096 times "
		  "segment_size" },
		{ "[collector]\nurl = collector:4318\n",
		  "'url' in [collector] does not begin with http:// or "
		  "https://" },
		{ "[collector]\nurl = https:///v1/logs\n",
		  "'url' in [collector] has no host" },
		{ "[collector]\nurl = http://a b/\n",
		  "'url' in [collector] has a blank or control character in "
		  "it" },
		{ "[collector]\nurl = https://me:secret@host/\n",
		  "'url' in [collector] has a user name or password in it; "
		  "use token_file or headers_file" },
		{ "[collector]\nurl = http://h:99999/\n", URL_PORT },
		{ "[collector]\nurl = http://h:0\n", URL_PORT },
		{ "[collector]\nurl = http://h:/v1\n", URL_PORT },
		{ "[collector]\nurl = http://h:80a\n", URL_PORT },
		{ "[collector]\nurl = http://[::1]:65536\n", URL_PORT },
		{ "[collector]\nurl = http://[::1]4318\n",
		  "'url' in [collector] has something behind the ']' that is "
		  "no port" },
		{ "[collector]\nurl = http://[::1/v1\n",
		  "'url' in [collector] has no ']' behind its address" },
		{ "[collector]\nurl = http://fe80::1:80/\n",
		  "'url' in [collector] has an IPv6 address without brackets "
		  "in it" },
		{ "[collector]\nproxy = http://h:70000\n",
		  "'proxy' in [collector] has a port that is not a number from "
		  "1 to 65535" },
		{ "[collector]\nproxy = socks5://h\n",
		  "'proxy' in [collector] does not begin with http:// or "
		  "https://" },
		{ "[collector]\nkey_file = /k\n",
		  "'key_file' in [collector] is given without cert_file" },
		{ "[collector]\ncert_file = /k\n",
		  "'cert_file' in [collector] is given without key_file" },
		{ "[collector]\nretry_min = 10m\n",
		  "'retry_min' in [collector] is longer than retry_max" },
		{ "[collector]\nconnect_timeout = 1m\n",
		  "'connect_timeout' in [collector] is longer than timeout" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_refused(rows[i].text, 2, rows[i].what);
}

static void a_client_certificate_needs_tls(void **state)
{
	(void)state;
	assert_refused("[collector]\nurl = http://h/\nkey_file = /k\n"
		       "cert_file = /c\n",
		       4,
		       "'cert_file' in [collector] is given, but url is not "
		       "https://");
}

static void ports_that_are_some_pass(void **state)
{
	static const char *const urls[] = {
		"http://h:1",	"https://h:65535/x",
		"http://[::1]", "http://[::1]:4318/v1/logs",
		"http://h/a:b", "http://h?a:99999",
	};
	char text[128];
	struct conf c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		(void)snprintf(text, sizeof(text), "[collector]\nurl = %s\n",
			       urls[i]);
		load(text, &c);
		assert_string_equal(c.collector.url, urls[i]);
		conf_done(&c);
	}
}

static void revocation_lists_need_tls(void **state)
{
	(void)state;
	assert_refused("[collector]\nurl = http://h/\ncrl_file = /k\n", 3,
		       "'crl_file' in [collector] is given, but url is not "
		       "https://");
}

/* Blamed is a key that the file does not hold: there is no line to name. */
static void a_clash_with_a_default_names_the_file(void **state)
{
	(void)state;
	assert_refused("[journal]\nsegment_size = 1G\n", 0,
		       "'max_size' in [journal] is less than twice "
		       "segment_size");
}

static void too_many_words_are_refused(void **state)
{
	char text[1000] = "[sensor]\nenv =";
	size_t n = strlen(text);
	struct conf c;
	int i;

	(void)state;
	for (i = 0; i < CONF_WORDS_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " V%d", i);
	load(text, &c);
	assert_string_equal(c.sensor.env.words[CONF_WORDS_MAX - 1], "V63");
	assert_null(c.sensor.env.words[CONF_WORDS_MAX]);
	conf_done(&c);
	(void)snprintf(text + n, sizeof(text) - n, " V64");
	assert_refused(text, 2, "'env' in [sensor]: more than 64 words");
}

static void syntax_errors_keep_their_line(void **state)
{
	(void)state;
	assert_refused("[sensor]\n exec = auto\n", 2,
		       "blank at the start of the line");
}

static void foreign_bytes_in_errors_are_escaped(void **state)
{
	(void)state;
	assert_refused("[agent]\nlog_level = \x1b[2J\n", 2,
		       "'log_level' in [agent]: '\\x1b[2J' is not error, "
		       "warning, notice, info or debug");
	assert_refused("[\x1b]\n", 1, "unknown section [\\x1b]");
}

static void files_that_cannot_be_read_are_named(void **state)
{
	static char name[600];
	struct conf_error err;
	struct conf c;

	(void)state;
	assert_int_equal(conf_load("/nowhere/a\n.ini", &c, &err), -ENOENT);
	assert_string_equal(err.file, "/nowhere/a\\n.ini");
	assert_int_equal(err.line, 0);
	assert_string_equal(err.what,
			    "cannot read the file: No such file or directory");
	/* Of a long name the end is kept. */
	memset(name, 'd', sizeof(name) - 1);
	(void)strcpy(name + 590, "/end.ini");
	assert_true(conf_load(name, &c, &err) < 0);
	assert_int_equal(strlen(err.file), sizeof(err.file) - 1);
	assert_string_equal(err.file + strlen(err.file) - 8, "/end.ini");
}

static void a_zeroed_struct_can_be_freed(void **state)
{
	struct conf c = { 0 };

	(void)state;
	conf_done(&c);
	conf_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_what_the_design_says),
		cmocka_unit_test(what_is_printed_is_a_configuration),
		cmocka_unit_test(
			the_shipped_file_shows_every_key_at_its_default),
		cmocka_unit_test(the_shipped_file_loads_as_the_defaults),
		cmocka_unit_test(
			empty_values_are_refused_unless_the_key_may_be_empty),
		cmocka_unit_test(bounds_are_within_and_one_past_is_refused),
		cmocka_unit_test(every_choice_is_taken),
		cmocka_unit_test(every_log_level_has_a_meaning),
		cmocka_unit_test(keys_are_unique_and_sections_stand_together),
		cmocka_unit_test(unknown_names_are_refused),
		cmocka_unit_test(a_repeated_key_is_refused_with_both_lines),
		cmocka_unit_test(wrong_values_are_refused_in_words),
		cmocka_unit_test(ports_that_are_some_pass),
		cmocka_unit_test(revocation_lists_need_tls),
		cmocka_unit_test(a_client_certificate_needs_tls),
		cmocka_unit_test(a_clash_with_a_default_names_the_file),
		cmocka_unit_test(too_many_words_are_refused),
		cmocka_unit_test(syntax_errors_keep_their_line),
		cmocka_unit_test(foreign_bytes_in_errors_are_escaped),
		cmocka_unit_test(files_that_cannot_be_read_are_named),
		cmocka_unit_test(a_zeroed_struct_can_be_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
