/* SPDX-License-Identifier: Apache-2.0 */
/* Sections of more than one collector: what is its own, and what is refused. */
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
#include "conf_text.h"

static void each_collector_has_keys_of_its_own(void **state)
{
	static const char text[] = "[collector]\n"
				   "url = https://first/\n"
				   "state_dir = /srv/ship\n"
				   "token_file = /secret\n"
				   "[collector soc]\n"
				   "url = https://second/\n"
				   "kinds = exec tamper\n"
				   "alerts_only = yes\n"
				   "[collector lake-2]\n"
				   "url = http://third/\n"
				   "format = picket\n"
				   "state_dir = /srv/lake\n"
				   "[collector soc]\n"
				   "replay_rate = 500\n";
	cleanup_buf struct buf once = BUF_INIT(1 << 16);
	cleanup_buf struct buf twice = BUF_INIT(1 << 16);
	const struct conf_collector *d;
	struct conf c, again;

	(void)state;
	load(text, &c);
	assert_ptr_equal(conf_destination(&c, 0), &c.collector);
	assert_null(c.collector.name);
	d = conf_destination(&c, 1);
	assert_string_equal(d->name, "soc");
	assert_string_equal(d->url, "https://second/");
	assert_string_equal(d->state_dir, "/srv/ship/soc.d");
	assert_string_equal(d->kinds.words[1], "tamper");
	assert_true(d->alerts_only);
	assert_int_equal(d->replay_rate, 500);
	/* A secret of the first is none of the second's. */
	assert_string_equal(d->token_file, "");
	d = conf_destination(&c, 2);
	assert_string_equal(d->name, "lake-2");
	assert_string_equal(d->state_dir, "/srv/lake");
	assert_int_equal(d->format, CONF_FORMAT_PICKET);
	assert_null(conf_destination(&c, 3));

	print(&c, &once);
	load(once.p, &again);
	print(&again, &twice);
	assert_string_equal(once.p, twice.p);
	assert_non_null(strstr(once.p, "\n[collector lake-2]\nurl = http"));
	conf_done(&c);
	conf_done(&again);
}

static void a_named_collector_needs_no_unnamed_one(void **state)
{
	struct conf c;

	(void)state;
	load("[collector a]\nurl = http://h/\n", &c);
	assert_string_equal(conf_destination(&c, 0)->name, "a");
	assert_string_equal(conf_destination(&c, 0)->state_dir,
			    "/var/lib/picket/ship/a.d");
	assert_null(conf_destination(&c, 1));
	conf_done(&c);
}

static void wrong_collectors_are_refused_by_name(void **state)
{
	cleanup_buf struct buf many = BUF_INIT(1 << 12);
	int i;

	(void)state;
	assert_refused("[collector East]\n", 1,
		       "'East' is not a collector's name: at most 32 of a-z, "
		       "0-9, '-' and '_', and not 'default', which is the one "
		       "without");
	assert_refused(
		"[collector default]\n", 1,
		"'default' is not a collector's name: at most 32 of a-z, "
		"0-9, '-' and '_', and not 'default', which is the one "
		"without");
	assert_refused("[collector ../x]\n", 1,
		       "'../x' is not a collector's name: at most 32 of a-z, "
		       "0-9, '-' and '_', and not 'default', which is the one "
		       "without");
	assert_refused("\n[collector a]\ngzip = no\n", 2,
		       "'url' in [collector a] is missing");
	assert_refused("[collector a]\nurl = http://h/\nurl = http://i/\n", 3,
		       "'url' in [collector a] is given before, in line 2");
	assert_refused("[collector a]\nurll = http://h/\n", 2,
		       "unknown key 'urll' in [collector a]");
	assert_refused("[collector a]\nurl = ftp://h/\n", 2,
		       "'url' in [collector a] does not begin with http:// or "
		       "https://");
	assert_refused("[collector a]\nurl = http://h/\nretry_min = 10m\n", 3,
		       "'retry_min' in [collector a] is longer than retry_max");
	assert_refused("[collector a]\nurl = http://h/\nstate_dir = /s\n"
		       "[collector b]\nurl = http://h/\nstate_dir = /s\n",
		       6,
		       "'state_dir' in [collector b] is another collector's "
		       "too");
	assert_refused("[journal]\ndir = /s/j\n[collector]\n"
		       "state_dir = /s/j/\n",
		       4,
		       "'state_dir' in [collector] holds the journal, or is "
		       "in it");
	assert_refused("[journal]\ndir = /s/j\n[collector]\n"
		       "state_dir = /s/j/ship\n",
		       4,
		       "'state_dir' in [collector] holds the journal, or is "
		       "in it");
	assert_refused("[journal]\ndir = /s/j\n[collector a]\n"
		       "url = http://h/\nstate_dir = /s\n",
		       5,
		       "'state_dir' in [collector a] holds the journal, or is "
		       "in it");
	assert_refused("[collector]\nkinds = exec fork\n", 2,
		       "'kinds' in [collector]: 'fork' is not exec, connect, "
		       "write, exit, agent, listen, load or tamper");
	for (i = 0; i < CONF_NAMED_MAX + 1; i++)
		buf_addf(&many, "[collector c%d]\n", i);
	buf_add_char(&many, '\0');
	assert_refused(many.p, CONF_NAMED_MAX + 1,
		       "more than 7 named collectors");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_collector_has_keys_of_its_own),
		cmocka_unit_test(a_named_collector_needs_no_unnamed_one),
		cmocka_unit_test(wrong_collectors_are_refused_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
