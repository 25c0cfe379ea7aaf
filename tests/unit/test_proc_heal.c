// SPDX-License-Identifier: Apache-2.0
/*
 * The table of processes after a loss, held against what runs; and filled
 * from /proc alone, until records say what /proc could not.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_process.h"
#include "proc/proc_table.h"

static struct proc_table *t;

static int setup(void **state)
{
	const struct proc_limits limits = { .max_processes = 100,
					    .keep_dead_ms = 1000 };

	(void)state;
	fake_proc_new(&fake);
	return proc_table_new(&limits, fake.root, &t);
}

static int teardown(void **state)
{
	(void)state;
	proc_table_free(t);
	fake_proc_free(&fake);
	return 0;
}

static struct event event_of(enum event_kind kind, const struct wire_task *task)
{
	return (struct event){
		.kind = kind,
		.time_ns = 900 * TICK,
		.actor = { .proc = { task->start_ns, task->tgid },
			   .image_number = task->image,
			   .cgroup_id = task->cgroup_id },
	};
}

static struct image *apply(enum event_kind kind, const struct wire_task *task)
{
	struct event ev = event_of(kind, task);
	struct image *img;

	assert_int_equal(proc_table_apply(t, &ev, &img), 0);
	return img;
}

static struct proc_stats stats(void)
{
	struct proc_stats s;

	proc_table_stats(t, &s);
	return s;
}

static void heal(const struct wire_task *tasks, size_t n)
{
	size_t i;

	proc_table_heal_begin(t);
	for (i = 0; i < n; i++)
		assert_int_equal(proc_table_heal_task(t, &tasks[i]), 0);
	proc_table_heal_end(t, 1000 * TICK);
}

static void lost_exec_is_found_by_its_number(void **state)
{
	struct wire_task task = task_of(50, 100);
	const struct image *img;

	(void)state;
	task.parent_tgid = 0;
	/* Met first as image 3, of which nothing but its ids is known. */
	img = apply(EVENT_WRITE, &task);
	assert_true(img->flags & IMAGE_F_UNKNOWN);
	make_process(50, 100);
	task.image = 4;
	heal(&task, 1);
	img = apply(EVENT_WRITE, &task);
	assert_int_equal(img->number, 4);
	assert_false(img->flags & IMAGE_F_UNKNOWN);
	assert_true(img->flags & IMAGE_F_SNAPSHOT);
	assert_true(img->exe.path.n > 0);
	assert_int_equal(stats().healed, 1);
	/* What is right already is left alone, and costs no look at /proc. */
	heal(&task, 1);
	assert_int_equal(stats().healed, 1);
}

static void lost_exit_is_found_by_absence(void **state)
{
	struct wire_task tasks[] = { task_of(50, 100), task_of(51, 110),
				     task_of(52, 120) };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		make_process(tasks[i].tgid, 100 + 10 * (unsigned)i);
		assert_int_equal(proc_table_snapshot(t, &tasks[i]), 0);
	}
	assert_int_equal(stats().alive, 4); /* and the parent that they name */
	tasks[1] = tasks[2];
	heal(tasks, 2);
	assert_int_equal(stats().alive, 2);
	/* The exit was only late: it changes nothing. */
	tasks[1] = task_of(51, 110);
	assert_true(apply(EVENT_EXIT, &tasks[1])->flags & IMAGE_F_EXITED);
	assert_int_equal(stats().alive, 2);
}

static void lost_fork_is_entered_as_at_start(void **state)
{
	struct wire_task task = task_of(60, 200);

	(void)state;
	make_process(60, 200);
	heal(&task, 1);
	assert_false(apply(EVENT_WRITE, &task)->flags & IMAGE_F_UNKNOWN);
	assert_int_equal(stats().unknown, 0);
}

static void the_dead_stay_dead(void **state)
{
	struct wire_task task = task_of(60, 200);

	(void)state;
	make_process(60, 200);
	assert_int_equal(proc_table_snapshot(t, &task), 0);
	(void)apply(EVENT_EXIT, &task);
	/* A zombie: the kernel still lists it. */
	heal(&task, 1);
	assert_true(apply(EVENT_WRITE, &task)->flags & IMAGE_F_EXITED);
}

static void younger_than_the_comparison_is_not_missed(void **state)
{
	struct wire_task task = task_of(60, 2000);

	(void)state;
	(void)apply(EVENT_WRITE, &task);
	heal(NULL, 0);
	assert_int_equal(stats().alive, 1);
}

static void scanned_process_gets_its_key_from_its_first_record(void **state)
{
	struct wire_task task = task_of(50, 100);
	const struct image *img;

	(void)state;
	make_process(50, 100);
	make_process(51, 130);
	assert_int_equal(proc_table_scan(t), 0);
	assert_int_equal(stats().alive, 2);
	/* The record knows the start to the nanosecond, and the number. */
	img = apply(EVENT_WRITE, &task);
	assert_false(img->flags & IMAGE_F_UNKNOWN);
	assert_int_equal(img->number, 3);
	assert_int_equal(img->proc.start_ns, task.start_ns);
	assert_true(img->exe.path.n > 0);
	assert_int_equal(stats().alive, 2);
	assert_int_equal(stats().unknown, 0);
	/* From here on the key is exact. */
	task.start_ns++;
	img = apply(EVENT_WRITE, &task);
	assert_true(img->flags & IMAGE_F_UNKNOWN);
}

static void pid_of_another_start_is_another_process(void **state)
{
	struct wire_task task = task_of(50, 101);

	(void)state;
	make_process(50, 100);
	assert_int_equal(proc_table_scan(t), 0);
	assert_true(apply(EVENT_WRITE, &task)->flags & IMAGE_F_UNKNOWN);
	assert_int_equal(stats().unknown, 1);
}

static void scan_of_no_directory_is_an_error(void **state)
{
	(void)state;
	fake_proc_free(&fake);
	assert_int_equal(proc_table_scan(t), -ENOENT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(lost_exec_is_found_by_its_number),
		TEST(lost_exit_is_found_by_absence),
		TEST(lost_fork_is_entered_as_at_start),
		TEST(the_dead_stay_dead),
		TEST(younger_than_the_comparison_is_not_missed),
		TEST(scanned_process_gets_its_key_from_its_first_record),
		TEST(pid_of_another_start_is_another_process),
		TEST(scan_of_no_directory_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
