/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A script's file is told before the exec that runs it: which of those records
 * belongs to which exec, when execs fail, threads race and records are lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proc/proc_table.h"
#include "sense/decode.h"
#include "wire_builder.h"

#define S 1000000000ull

static struct wire_builder b;
static struct decode_scratch scratch;
static struct proc_table *t;

static int setup(void **state)
{
	const struct proc_limits limits = { .max_processes = 64,
					    .keep_dead_ms = 1000 };

	(void)state;
	return proc_table_new(&limits, "/nonexistent", &t);
}

static int teardown(void **state)
{
	(void)state;
	proc_table_free(t);
	return 0;
}

static struct image *apply(void)
{
	struct image *img = NULL;
	const char *why = "";
	struct event ev;

	wb_end(&b);
	if (decode_record(b.bytes, b.used, &scratch, &ev, &why) < 0)
		fail_msg("refused: %s", why);
	assert_int_equal(proc_table_apply(t, &ev, &img), 0);
	/* Whatever was kept of the record must be a copy. */
	memset(b.bytes, 0xee, sizeof(b.bytes));
	memset(&scratch, 0xee, sizeof(scratch));
	return img;
}

static void tell_script(uint32_t tgid, uint64_t time_ns, const char *path,
			uint64_t ino)
{
	struct wire_script *w = wb_begin(&b, WIRE_SCRIPT);

	w->hdr.tgid = w->hdr.tid = tgid;
	w->hdr.start_ns = tgid * S;
	w->hdr.time_ns = time_ns;
	w->file.ino = ino;
	w->file.mode = 0100755;
	wb_path(&b, &w->path, path);
	(void)apply();
}

static struct image *run_script(uint32_t tgid, uint32_t image,
				uint64_t script_ns)
{
	struct wire_exec *w = wb_begin(&b, WIRE_EXEC);

	w->hdr.tgid = w->hdr.tid = tgid;
	w->hdr.start_ns = tgid * S;
	w->hdr.image = image;
	w->flags = WIRE_EXEC_SCRIPT;
	w->script_ns = script_ns;
	wb_path(&b, &w->exe, "/bin/sh");
	wb_path(&b, &w->cwd, "/home");
	w->filename = wb_str(&b, "./said");
	return apply();
}

static void assert_script(const struct image *img, const char *path,
			  uint64_t ino)
{
	assert_int_equal(img->script.n, strlen(path));
	assert_memory_equal(img->script.p, path, strlen(path));
	assert_int_equal(img->script_file.known, ino != 0);
	assert_int_equal(img->script_file.ino, ino);
}

static void the_kernels_file_stands_for_the_claimed_name(void **state)
{
	(void)state;
	tell_script(10, 7 * S, "/tmp/real", 42);
	assert_script(run_script(10, 2, 7 * S), "/tmp/real", 42);
}

static void without_a_record_the_name_is_claimed(void **state)
{
	(void)state;
	assert_script(run_script(11, 2, 0), "/home/said", 0);
	/* Told, and lost on the way. */
	assert_script(run_script(11, 3, 8 * S), "/home/said", 0);
}

static void a_failed_exec_gives_its_script_to_nobody(void **state)
{
	(void)state;
	tell_script(12, 9 * S, "/tmp/failed", 1);
	assert_script(run_script(12, 2, 0), "/home/said", 0);
	tell_script(12, 10 * S, "/tmp/second", 2);
	assert_script(run_script(12, 3, 10 * S), "/tmp/second", 2);
}

static void scripts_of_other_processes_are_not_mixed_up(void **state)
{
	(void)state;
	tell_script(13, 11 * S, "/tmp/one", 1);
	tell_script(14, 11 * S, "/tmp/two", 2);
	assert_script(run_script(14, 2, 11 * S), "/tmp/two", 2);
	assert_script(run_script(13, 2, 11 * S), "/tmp/one", 1);
	assert_script(run_script(15, 2, 11 * S), "/home/said", 0);
}

static void two_at_once_in_one_process_are_both_doubted(void **state)
{
	(void)state;
	tell_script(16, 12 * S, "/tmp/one", 1);
	tell_script(16, 12 * S, "/tmp/two", 2);
	assert_script(run_script(16, 2, 12 * S), "/home/said", 0);
}

static void the_oldest_give_way(void **state)
{
	uint64_t i;

	(void)state;
	for (i = 0; i < 5000; i++)
		tell_script(17, 20 * S + i, "/tmp/flood", 3);
	assert_script(run_script(17, 2, 20 * S), "/home/said", 0);
	assert_script(run_script(17, 3, 20 * S + 4999), "/tmp/flood", 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernels_file_stands_for_the_claimed_name),
		cmocka_unit_test(without_a_record_the_name_is_claimed),
		cmocka_unit_test(a_failed_exec_gives_its_script_to_nobody),
		cmocka_unit_test(scripts_of_other_processes_are_not_mixed_up),
		cmocka_unit_test(two_at_once_in_one_process_are_both_doubted),
		cmocka_unit_test(the_oldest_give_way),
	};

	return cmocka_run_group_tests_name("scripts", tests, setup, teardown);
}
