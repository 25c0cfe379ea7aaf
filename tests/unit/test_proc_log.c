/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the next agent knows of processes that it never saw: the table is filled
 * and thrown away, as by SIGKILL, and another one recalls what it kept.
 */
/* Before the cast, which has a clock of its own. */
#include "seed.h"

#include <errno.h>
#include <stdlib.h>

#include "proc/image_log.h"
#include "proc_cast.h"

#define SIZE	(256u << 10)
#define FORGOTS 20000
#define ROUNDS	300

static uint64_t *memory;

static void remember(size_t size)
{
	assert_int_equal(proc_table_remember(t, memory, size, now), 0);
}

static int begin_log(void **state)
{
	memory = calloc(1, SIZE);
	assert_non_null(memory);
	if (setup(state) < 0)
		return -1;
	remember(SIZE);
	return 0;
}

static int end_log(void **state)
{
	free(memory);
	return teardown(state);
}

/* The agent is killed, and the next one starts. */
static void restart_of(size_t size)
{
	proc_table_free(t);
	assert_int_equal(setup_with(1000, 1000), 0);
	assert_int_equal(proc_table_recall(t, memory, size, now), 0);
}

static void restart(void)
{
	restart_of(SIZE);
}

static void who_ran_is_known_to_the_next(void **state)
{
	struct wire_exec *w;
	struct image *img;

	(void)state;
	add_cgroup(1, "/system.slice/web.service");
	do_fork(init, shell);
	w = begin_exec((struct who){ 10, 6, 10 * S }, "/bin/sh");
	w->login_uid = 1000;
	w->file.ino = 77;
	w->env = wb_bytes(&b, "SSH_CLIENT=here", 16);
	apply();
	restart();
	img = do_act((struct who){ 10, 6, 10 * S });
	assert_int_equal(img->flags, 0);
	assert_slice(img->exe.path, "/bin/sh");
	assert_slice(img->exe.fs_path, "/bin/sh");
	assert_slice(img->cwd, "/home/user");
	assert_int_equal(img->args.n, 5);
	assert_memory_equal(img->args.p, "x\0-y", 5);
	assert_slice(slice_of(img->env.p, img->env.n - 1), "SSH_CLIENT=here");
	assert_int_equal(img->login_uid, 1000);
	assert_int_equal(img->exe_file.ino, 77);
	/* The cgroup is gone, and nobody tells its name again. */
	assert_slice(img->unit, "web.service");
	assert_int_equal(stats().unknown, 0);
	assert_int_equal(img->prev->number, 5);
}

static void fork_that_never_acted_is_known(void **state)
{
	struct image *img;

	(void)state;
	do_exec(shell, "/bin/sh");
	do_fork(shell, child);
	do_exit(shell);
	remember(SIZE);
	restart();
	/* The fork, and the first of all, of whom only the name is known. */
	assert_int_equal(stats().alive, 2);
	img = do_exit(child);
	assert_slice(img->exe.path, "/bin/sh");
	assert_true(img->flags & IMAGE_F_FORKED);
	/* And who forked it, though that one is long gone. */
	assert_int_equal(img->parent->proc.tgid, shell.tgid);
	assert_ptr_equal(img->exe.path.p, img->parent->exe.path.p);
}

static void what_is_recalled_is_remembered(void **state)
{
	(void)state;
	do_exec(shell, "/bin/sh");
	do_fork(shell, child);
	do_exec(child_ran, "/bin/ls");
	for (int i = 0; i < 3; i++) {
		restart();
		remember(SIZE);
	}
	assert_slice(do_act(shell)->exe.path, "/bin/sh");
	assert_slice(do_act(child_ran)->exe.path, "/bin/ls");
	assert_slice(do_act(child_ran)->parent->exe.path, "/bin/sh");
}

/* An exec while nobody read: the snapshot has the new program alone. */
static void what_ran_before_the_last_exec_is_known(void **state)
{
	const struct wire_task task = { .tgid = child.tgid,
					.start_ns = child.start,
					.image = 9 };

	(void)state;
	do_exec(shell, "/bin/sh");
	do_fork(shell, child);
	restart();
	proc_table_heal_begin(t);
	assert_int_equal(proc_table_snapshot(t, &task), 0);
	(void)proc_table_end_unseen(t, now);
	assert_slice(do_act(child)->exe.path, "/bin/sh");
	assert_slice(do_exec(child_ran, "/bin/ls")->exe.path, "/bin/ls");
}

static void who_is_not_there_any_more_has_ended(void **state)
{
	const struct wire_task task = { .tgid = child.tgid,
					.start_ns = child.start,
					.image = child.image };
	struct image *img;

	(void)state;
	do_exec(shell, "/bin/sh");
	do_fork(shell, child);
	restart();
	/* With the shell's parent, which is only named. */
	assert_int_equal(stats().alive, 3);
	proc_table_heal_begin(t);
	assert_int_equal(proc_table_snapshot(t, &task), 0);
	assert_int_equal(proc_table_end_unseen(t, now), 2);
	assert_int_equal(stats().alive, 1);
	assert_int_equal(stats().healed, 0);
	/* What it did before is still in the ring. */
	img = do_act(shell);
	assert_slice(img->exe.path, "/bin/sh");
	/* And what lives is what was recalled, not what /proc says. */
	assert_false(do_act(child)->flags & IMAGE_F_SNAPSHOT);
}

/* Processes that come and go, as many as fill it again and again. */
static void full_it_keeps_those_that_live(void **state)
{
	struct who who = { 100, 6, 20 * S };

	(void)state;
	do_exec(shell, "/bin/sh");
	do_fork(shell, child);
	for (int i = 0; i < FORGOTS; i++) {
		who.tgid = 100 + (uint32_t)i;
		who.start++;
		do_exec(who, "/bin/short");
		do_exit(who);
	}
	who.tgid++;
	do_exec(who, "/bin/last");
	restart();
	assert_slice(do_act(shell)->exe.path, "/bin/sh");
	assert_slice(do_act(child)->exe.path, "/bin/sh");
	assert_slice(do_act(who)->exe.path, "/bin/last");
	assert_int_equal(stats().unknown, 0);
	/* Of the dead only the last ones. */
	assert_true(stats().processes < FORGOTS / 10);
}

static void more_than_it_holds_is_left_out(void **state)
{
	struct who who = { 100, 6, 20 * S };
	unsigned known = 0;
	uint64_t left;

	(void)state;
	remember(IMAGE_LOG_MIN);
	for (int i = 0; i < 500; i++, who.tgid++, who.start++)
		do_exec(who, "/bin/long");
	left = stats().unlogged;
	restart_of(IMAGE_LOG_MIN);
	who = (struct who){ 100, 6, 20 * S };
	for (int i = 0; i < 500; i++, who.tgid++, who.start++)
		known += do_act(who)->exe.path.n > 0;
	assert_true(known > 5);
	assert_true(known < 500);
	assert_int_equal(stats().unknown, 500 - known);
	assert_int_equal(left, 500 - known);
	/* What has ended need not be known. */
	remember(IMAGE_LOG_MIN);
	assert_true(stats().unlogged > 0);
	while (who.tgid-- > 100) {
		who.start--;
		do_exit(who);
	}
	remember(IMAGE_LOG_MIN);
	assert_int_equal(stats().unlogged, 0);
}

/* Killed while it wrote the other half. */
static void half_written_is_as_if_not_begun(void **state)
{
	struct image_log l;
	struct image *img;

	(void)state;
	img = do_exec(shell, "/bin/sh");
	assert_int_equal(image_log_open(&l, memory, SIZE), 0);
	image_log_begin(&l);
	image_log_begin(&l);
	image_log_begin(&l);
	img->number++;
	assert_true(image_log_add(&l, img));
	restart();
	assert_slice(do_act(shell)->exe.path, "/bin/sh");
}

static void what_another_build_left_says_nothing(void **state)
{
	(void)state;
	do_exec(shell, "/bin/sh");
	memory[0] ^= 1;
	restart();
	assert_true(do_act(shell)->flags & IMAGE_F_UNKNOWN);
	/* And is written over. */
	do_exec(child_ran, "/bin/ls");
	remember(SIZE);
	restart();
	assert_slice(do_act(child_ran)->exe.path, "/bin/ls");
}

static void memory_too_small_is_refused(void **state)
{
	(void)state;
	assert_int_equal(proc_table_remember(t, memory, IMAGE_LOG_MIN - 1, now),
			 -EINVAL);
	assert_int_equal(proc_table_recall(t, memory, 16, now), 0);
}

/* Whoever may write there: nothing is read that is not there, or believed. */
static void any_bytes_are_read_safely(void **state)
{
	uint64_t seed = any_seed();
	unsigned char *images, *was;
	struct image_log l;

	(void)state;
	do_exec(shell, "/bin/sh");
	do_fork(shell, child);
	do_exec(child_ran, "/bin/ls");
	assert_int_equal(image_log_open(&l, memory, SIZE), 0);
	assert_int_equal(l.which, 1);
	images = (unsigned char *)memory + SIZE - l.half;
	was = malloc(SIZE);
	assert_non_null(was);
	memcpy(was, memory, SIZE);
	for (int i = 0; i < ROUNDS; i++) {
		memcpy(memory, was, SIZE);
		/* Lengths and references, then anything; then the head's. */
		for (int k = 0; k < 8; k++)
			images[chance(&seed, k % 2 ? 32 : 4096)] =
				(unsigned char)chance(&seed, 256);
		if (chance(&seed, 4) == 0)
			memory[1 + chance(&seed, 3)] = chance(&seed, 1u << 20);
		restart();
		(void)do_act(shell);
		(void)do_fork(child_ran, (struct who){ 12, 6, 12 * S });
	}
	free(was);
}

/* An image that names what comes after it, or itself. */
static void reference_ahead_ends_the_reading(void **state)
{
	struct image_log l;
	uint32_t *entry;
	uint32_t was;

	(void)state;
	do_exec(shell, "/bin/sh");
	assert_int_equal(image_log_open(&l, memory, SIZE), 0);
	entry = (uint32_t *)(void *)((char *)memory + SIZE - l.half);
	/* After the size: the parent, what ran before, whose strings. */
	for (int i = 1; i <= 3; i++) {
		was = entry[i];
		entry[i] = i == 1 ? 1 : UINT32_MAX;
		restart();
		assert_int_equal(stats().processes, 0);
		entry[i] = was;
	}
	restart();
	assert_int_equal(stats().processes, 2);
}

#define LOGGED(test) cmocka_unit_test_setup_teardown(test, begin_log, end_log)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOGGED(who_ran_is_known_to_the_next),
		LOGGED(fork_that_never_acted_is_known),
		LOGGED(what_is_recalled_is_remembered),
		LOGGED(what_ran_before_the_last_exec_is_known),
		LOGGED(who_is_not_there_any_more_has_ended),
		LOGGED(full_it_keeps_those_that_live),
		LOGGED(more_than_it_holds_is_left_out),
		LOGGED(half_written_is_as_if_not_begun),
		LOGGED(what_another_build_left_says_nothing),
		LOGGED(memory_too_small_is_refused),
		LOGGED(any_bytes_are_read_safely),
		LOGGED(reference_ahead_ends_the_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
