/* SPDX-License-Identifier: Apache-2.0 */
/* app/learn_names: few globs, and each name that was seen fits one of them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "cmd/learn_names.h"
#include "rules/literal.h"
#include "rules/pattern.h"
#include "seed.h"

static struct learn_room room = { .left = SIZE_MAX };

static int add_glob(void *arg, const struct names_glob *g)
{
	struct buf *out = arg;

	buf_add_slice(out, g->glob);
	buf_add_char(out, '\n');
	return 0;
}

/* The globs of blank-separated names, a line each. */
static void check(const char *names, const char *globs)
{
	cleanup_buf struct buf out = BUF_INIT(1u << 16);
	char *copy = strdup(names), *save = NULL;
	struct names *n;

	assert_non_null(copy);
	assert_int_equal(names_new(&room, &n), 0);
	for (char *s = strtok_r(copy, " ", &save); s;
	     s = strtok_r(NULL, " ", &save))
		assert_int_equal(names_add(n, slice_str(s)), 0);
	assert_int_equal(names_globs(n, add_glob, &out), 0);
	buf_add_char(&out, '\0');
	assert_string_equal(out.p, globs);
	names_free(n);
	free(copy);
}

static void few_names_stay_as_they_are(void **state)
{
	(void)state;
	check("/etc/passwd /etc/passwd /var/lib/x/a.db", "/etc/passwd\n"
							 "/var/lib/x/a.db\n");
	check("/", "/\n");
}

static void directories_of_versions_are_any_version(void **state)
{
	(void)state;
	check("/opt/app-1.2.3/data", "/opt/app-[0-9]*/data\n");
	check("/usr/lib/python3.11/x", "/usr/lib/python[0-9]*/x\n");
	check("/usr/lib/modules/6.1.0-18-amd64/x",
	      "/usr/lib/modules/[0-9]*-18-amd64/x\n");
	check("/srv/app-1.2.3 /srv/app-1.2.4.tar.gz",
	      "/srv/app-[0-9]*\n/srv/app-[0-9]*tar.gz\n");
	check("/proc/4711/oom_score_adj", "/proc/[0-9]*/oom_score_adj\n");
}

static void temporary_names_are_any_name(void **state)
{
	(void)state;
	check("/srv/d/sedXy3kQ9", "/srv/d/*\n");
	check("/srv/d/sedXy3kQ9 /srv/d/sedabcdef /srv/d/sedABCDEF "
	      "/srv/d/sedate",
	      "/srv/d/sed*\n/srv/d/sedate\n");
	check("/srv/d/sedXy3kQ9 /srv/d/sedab3dQf /srv/d/sed0B2D1F "
	      "/srv/d/sedabcdef",
	      "/srv/d/sed*\n");
	check("/srv/d/.app.Xy3kQ9.tmp", "/srv/d/.app.*.tmp\n");
	check("/srv/d/01ab23cd45ef.part", "/srv/d/*.part\n");
	check("/srv/d/log.20261127", "/srv/d/log.[0-9]*\n");
	check("/tmp/ccabcdef.o /tmp/ccuvwxyz.o", "/tmp/cc*.o\n");
	check("/tmp/lock", "/tmp/lock\n");
	check("/tmp/tmp.a/x /tmp/tmp.b/y", "/tmp/**\n");
}

static void many_files_of_a_directory_are_one_glob(void **state)
{
	(void)state;
	check("/srv/o/a.o /srv/o/b.o", "/srv/o/a.o\n/srv/o/b.o\n");
	check("/srv/o/a.o /srv/o/b.o /srv/o/c.o", "/srv/o/*.o\n");
	check("/srv/o/f10 /srv/o/f11 /srv/o/f12 /srv/o/f13 /srv/o/f14 "
	      "/srv/o/f15 /srv/o/f16",
	      "/srv/o/f*\n");
	check("/srv/o/a /srv/o/b /srv/o/c /srv/o/d /srv/o/e/x /srv/o/f "
	      "/srv/o/g",
	      "/srv/o/**\n");
	/* /etc is not given away for seven files in it. */
	check("/etc/a /etc/b /etc/c /etc/d /etc/e /etc/f /etc/g",
	      "/etc/a\n/etc/b\n/etc/c\n/etc/d\n/etc/e\n/etc/f\n/etc/g\n");
}

static void what_is_no_name_is_refused(void **state)
{
	static const char *const bad[] = { "",	   "a",	    "/a/", "/a//b",
					   "/./a", "/a/..", "//" };
	struct names *n;

	(void)state;
	assert_int_equal(names_new(&room, &n), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(names_add(n, slice_str(bad[i])), -EINVAL);
	assert_int_equal(names_add(n, slice_of("/a\0b", 4)), -EINVAL);
	names_free(n);
}

/* ---- chance ------------------------------------------------------------- */

#define NAMES 400

static char names[NAMES][64];
static struct pattern *patterns[NAMES];
static size_t n_patterns;

static uint64_t seed;

/* Of few directories, and of bytes that hurt. */
static void make_up(char *to)
{
	static const char *const dirs[] = { "",	      "/tmp",	 "/var/tmp",
					    "/a",     "/a/b1.2", "/a/b",
					    "/srv/*", "/[",	 "/dev/shm/x" };
	static const char bytes[] = "aZ09.-_ *?[]\\\n\t;#=\"'\x01\x7f\xff\xc3";
	size_t n = (size_t)sprintf(
		to, "%s/", dirs[chance(&seed, sizeof(dirs) / sizeof(*dirs))]);

	for (unsigned parts = 1 + chance(&seed, 3), p = 0; p < parts; p++) {
		if (p)
			to[n++] = '/';
		/* "x": never "." or ".." alone. */
		to[n++] = 'x';
		for (unsigned k = chance(&seed, 9); k; k--)
			to[n++] = bytes[chance(&seed, sizeof(bytes) - 1)];
	}
	to[n] = '\0';
}

static int take_glob(void *arg, const struct names_glob *g)
{
	const char *why = "";
	int r = pattern_new(PATTERN_PATH, g->glob, &patterns[n_patterns], &why);

	(void)arg;
	if (r < 0)
		print_message("glob '%.*s': %s\n", (int)g->glob.n, g->glob.p,
			      why);
	assert_int_equal(r, 0);
	assert_true(pattern_match(patterns[n_patterns], g->sample));
	n_patterns++;
	return 0;
}

static bool fits_one(const char *name)
{
	for (size_t i = 0; i < n_patterns; i++)
		if (pattern_match(patterns[i], slice_str(name)))
			return true;
	return false;
}

static void each_name_fits_a_glob_whatever_is_in_it(void **state)
{

	(void)state;
	seed = any_seed();
	for (unsigned round = 0; round < 200; round++) {
		unsigned count = 1 + chance(&seed, NAMES);
		struct names *n;

		assert_int_equal(names_new(&room, &n), 0);
		for (unsigned i = 0; i < count; i++) {
			make_up(names[i]);
			assert_int_equal(names_add(n, slice_str(names[i])), 0);
		}
		n_patterns = 0;
		assert_int_equal(names_globs(n, take_glob, NULL), 0);
		for (unsigned i = 0; i < count; i++)
			if (!fits_one(names[i]))
				fail_msg("'%s' fits none", names[i]);
		for (size_t i = 0; i < n_patterns; i++)
			pattern_free(patterns[i]);
		names_free(n);
	}
}

static void a_program_by_itself_fits_its_own_glob(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		cleanup_buf struct buf glob = BUF_INIT(4096);
		struct pattern *p;
		const char *why;

		make_up(names[0]);
		names_generalise(&glob, slice_str(names[0]));
		assert_int_equal(
			pattern_new(PATTERN_PATH, buf_slice(&glob), &p, &why),
			0);
		assert_true(pattern_match(p, slice_str(names[0])));
		pattern_free(p);
		buf_reset(&glob);
		names_generalise_word(&glob, slice_str(names[0]));
		assert_int_equal(
			pattern_new(PATTERN_PLAIN, buf_slice(&glob), &p, &why),
			0);
		assert_true(pattern_match(p, slice_str(names[0])));
		pattern_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_names_stay_as_they_are),
		cmocka_unit_test(directories_of_versions_are_any_version),
		cmocka_unit_test(temporary_names_are_any_name),
		cmocka_unit_test(many_files_of_a_directory_are_one_glob),
		cmocka_unit_test(what_is_no_name_is_refused),
		cmocka_unit_test(each_name_fits_a_glob_whatever_is_in_it),
		cmocka_unit_test(a_program_by_itself_fits_its_own_glob),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
