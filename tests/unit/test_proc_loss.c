/* SPDX-License-Identifier: Apache-2.0 */
/* The process table when records are lost, late or told twice. */
#include "proc_cast.h"

static void unknown_process_gets_an_image_that_says_so(void **state)
{
	struct image *img = do_act(shell);

	(void)state;
	assert_int_equal(img->flags, IMAGE_F_UNKNOWN);
	assert_int_equal(img->proc.tgid, 10);
	assert_int_equal(img->number, 5);
	assert_int_equal(img->uid, 1000);
	assert_int_equal(img->exe.path.n, 0);
	assert_null(img->parent);
	assert_ptr_equal(do_act(shell), img);
	assert_int_equal(stats().unknown, 1);
}

static void lost_exec_does_not_lend_the_old_image(void **state)
{
	struct image *img;

	(void)state;
	do_exec(shell, "/bin/sh");
	img = do_act((struct who){ 10, 7, 10 * S });
	assert_int_equal(img->flags, IMAGE_F_UNKNOWN);
	assert_int_equal(img->number, 7);
	assert_int_equal(img->exe.path.n, 0);
	assert_slice(img->prev->exe.path, "/bin/sh");
	assert_int_equal(img->parent->proc.tgid, 1);
	assert_int_equal(stats().unseen_execs, 1);
	/* And what comes later for the old number is the old image's. */
	assert_slice(do_act(shell)->exe.path, "/bin/sh");
}

static void gap_before_an_exec_shows_in_the_line(void **state)
{
	struct image *img;

	(void)state;
	do_exec(shell, "/bin/sh");
	img = do_exec((struct who){ 10, 9, 10 * S }, "/bin/x");
	assert_slice(img->exe.path, "/bin/x");
	assert_int_equal(img->prev->flags, IMAGE_F_UNKNOWN);
	assert_int_equal(img->prev->number, 8);
	assert_slice(img->prev->prev->exe.path, "/bin/sh");
	assert_int_equal(img->parent->proc.tgid, 1);
}

static void exec_told_twice_is_one_image(void **state)
{
	struct image *img = do_exec(shell, "/bin/sh");
	uint64_t images = stats().images;

	(void)state;
	assert_ptr_equal(do_exec(shell, "/bin/sh"), img);
	assert_null(img->prev);
	assert_int_equal(stats().images, images);
}

static void exec_that_comes_late_makes_the_unknown_known(void **state)
{
	struct image *img = do_act(shell);
	struct image *kid;
	uint64_t id = img->id;

	(void)state;
	img->described_in = 9;
	kid = image_ref(do_fork(shell, child));
	assert_int_equal(kid->flags, IMAGE_F_FORKED | IMAGE_F_UNKNOWN);
	img = do_exec(shell, "/bin/sh");
	assert_ptr_equal(kid->parent, img);
	assert_slice(kid->parent->exe.path, "/bin/sh");
	assert_int_equal(img->flags, 0);
	assert_true(img->id > id);
	assert_int_equal(img->described_in, 0);
	assert_int_equal(img->parent->proc.tgid, 1);
	image_unref(kid);
}

static void exec_older_than_what_is_known_takes_its_place(void **state)
{
	struct image *img;

	(void)state;
	do_exec((struct who){ 10, 8, 10 * S }, "/bin/c");
	img = do_exec((struct who){ 10, 6, 10 * S }, "/bin/a");
	assert_slice(img->exe.path, "/bin/a");
	img = do_exec((struct who){ 10, 7, 10 * S }, "/bin/b");
	assert_slice(img->exe.path, "/bin/b");
	assert_slice(img->prev->exe.path, "/bin/a");
	img = do_act((struct who){ 10, 8, 10 * S });
	assert_slice(img->exe.path, "/bin/c");
	assert_ptr_equal(img->prev, do_act((struct who){ 10, 7, 10 * S }));
	assert_slice(do_act((struct who){ 10, 6, 10 * S })->exe.path, "/bin/a");
	assert_int_equal(do_act((struct who){ 10, 2, 10 * S })->flags,
			 IMAGE_F_UNKNOWN);
	assert_slice(do_act((struct who){ 10, 8, 10 * S })->exe.path, "/bin/c");
}

static void exec_of_nobody_finds_its_parent_by_the_record(void **state)
{
	struct wire_exec *w;
	struct image *img;

	(void)state;
	do_exec(shell, "/bin/sh");
	w = begin_exec(child_ran, "/bin/ls");
	w->parent_tgid = shell.tgid;
	w->parent_start_ns = shell.start;
	w->parent_image = shell.image;
	img = apply();
	assert_slice(img->parent->exe.path, "/bin/sh");
	assert_null(img->prev);
}

static void fork_of_an_unknown_parent_names_it(void **state)
{
	struct image *img = do_fork(shell, child);
	struct image *parent;

	(void)state;
	assert_int_equal(img->flags, IMAGE_F_FORKED | IMAGE_F_UNKNOWN);
	assert_int_equal(img->uid, 1000);
	parent = img->parent;
	assert_int_equal(parent->flags, IMAGE_F_UNKNOWN);
	assert_int_equal(parent->uid, UINT32_MAX);
	/* Named only; once it acts, its ids are known. */
	assert_ptr_equal(do_act(shell), parent);
	assert_int_equal(parent->uid, 1000);
	assert_int_equal(parent->cgroup_id, 1);
}

static void fork_after_the_childs_first_act_completes_it(void **state)
{
	struct image *img;

	(void)state;
	do_exec(shell, "/bin/sh");
	img = do_act(child);
	assert_int_equal(img->flags, IMAGE_F_UNKNOWN);
	assert_ptr_equal(do_fork(shell, child), img);
	assert_int_equal(img->flags, IMAGE_F_FORKED);
	assert_slice(img->exe.path, "/bin/sh");
	assert_slice(img->parent->exe.path, "/bin/sh");
	/* And a second time changes nothing. */
	assert_ptr_equal(do_fork(shell, child), img);
}

static void exec_after_a_lost_exit_lives(void **state)
{
	(void)state;
	do_exec(shell, "/bin/sh");
	do_exit(shell);
	assert_int_equal(stats().alive, 1);
	do_exec((struct who){ 10, 6, 10 * S }, "/bin/x");
	assert_int_equal(stats().alive, 2);
	assert_false(do_act((struct who){ 10, 6, 10 * S })->flags &
		     IMAGE_F_EXITED);
}

static void pid_used_again_is_another_process(void **state)
{
	static const struct who again = { 10, 3, 20 * S };
	struct image *old;

	(void)state;
	old = image_ref(do_exec(shell, "/bin/sh"));
	assert_int_equal(do_act(again)->flags, IMAGE_F_UNKNOWN);
	/* One pid, one living process: the exit of the first was lost. */
	assert_true(old->flags & IMAGE_F_EXITED);
	assert_slice(do_exec(again, "/bin/new")->exe.path, "/bin/new");
	assert_ptr_equal(do_act(shell), old);
	proc_table_expire(t, now + 2 * S);
	assert_slice(do_act(again)->exe.path, "/bin/new");
	image_unref(old);
}

static void straggler_of_a_gone_process_does_not_bury_the_new_one(void **state)
{
	static const struct who again = { 10, 3, 20 * S };

	(void)state;
	do_exec(again, "/bin/new");
	assert_true(do_act(shell)->flags & IMAGE_F_EXITED);
	assert_false(do_act(again)->flags & IMAGE_F_EXITED);
}

static void nobody_acts_in_interrupt_context(void **state)
{
	(void)state;
	begin(WIRE_EXIT, shell)->flags = WIRE_F_NO_TASK;
	assert_null(apply());
	assert_int_equal(stats().processes, 0);
}

static void parents_are_older_or_none(void **state)
{
	struct image *img;

	(void)state;
	/* Of itself, and of a younger one: lines must not become circles. */
	img = do_fork(shell, shell);
	assert_null(img->parent);
	do_fork(child, shell);
	img = do_fork(shell, child);
	assert_null(img->parent->parent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(unknown_process_gets_an_image_that_says_so),
		TEST(lost_exec_does_not_lend_the_old_image),
		TEST(gap_before_an_exec_shows_in_the_line),
		TEST(exec_told_twice_is_one_image),
		TEST(exec_that_comes_late_makes_the_unknown_known),
		TEST(exec_older_than_what_is_known_takes_its_place),
		TEST(exec_of_nobody_finds_its_parent_by_the_record),
		TEST(fork_of_an_unknown_parent_names_it),
		TEST(fork_after_the_childs_first_act_completes_it),
		TEST(exec_after_a_lost_exit_lives),
		TEST(pid_used_again_is_another_process),
		TEST(straggler_of_a_gone_process_does_not_bury_the_new_one),
		TEST(nobody_acts_in_interrupt_context),
		TEST(parents_are_older_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
