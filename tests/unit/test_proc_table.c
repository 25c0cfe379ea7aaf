/* SPDX-License-Identifier: Apache-2.0 */
/* The process table: the ordinary life of a process. */
#include "proc_cast.h"

static void exec_describes_the_image(void **state)
{
	struct wire_exec *w = begin_exec(shell, "/bin/sh");
	struct image *img;

	(void)state;
	w->env = wb_bytes(&b, "LD_PRELOAD=/x\0LD_PRELOADX=1\0SSH=2\0NO\0", 37);
	w->flags = WIRE_EXEC_SCRIPT | WIRE_EXEC_SECURE;
	w->filename = wb_str(&b, "../bin/./s.sh");
	w->file.ino = 77;
	w->file.dev = 8 << 20 | 3;
	w->file.mode = 0100755;
	w->suid = 3;
	w->cap_effective = 1ull << 40;
	w->login_uid = 1000;
	w->tty = 136 << 20;
	w->stdio[0].mode = 020620;
	w->stdio[0].rdev = 136 << 20;
	w->stdio[1].mode = 020666;
	w->stdio[1].rdev = 1 << 20 | 3;
	w->stdio[2].mode = 010600;
	img = apply();
	assert_true(img->id > 0);
	assert_int_equal(img->proc.tgid, 10);
	assert_int_equal(img->number, 5);
	assert_int_equal(img->flags, IMAGE_F_SCRIPT | IMAGE_F_SECURE);
	assert_slice(img->exe.path, "/bin/sh");
	assert_ptr_equal(img->exe.fs_path.p, img->exe.path.p);
	assert_slice(img->script, "/home/bin/s.sh");
	assert_slice(img->filename, "../bin/./s.sh");
	assert_slice(img->cwd, "/home/user");
	assert_int_equal(img->args.n, 5);
	assert_memory_equal(img->args.p, "x\0-y\0", 5);
	assert_int_equal(img->env.n, 14);
	assert_memory_equal(img->env.p, "LD_PRELOAD=/x", 14);
	assert_int_equal(img->argc, 2);
	assert_string_equal(img->comm, "comm");
	assert_int_equal(img->uid, 1000);
	assert_int_equal(img->suid, 3);
	assert_int_equal(img->cap_effective, 1ull << 40);
	assert_int_equal(img->login_uid, 1000);
	assert_int_equal(img->exe_file.ino, 77);
	assert_int_equal(img->stdio[0].kind, STDIO_TTY);
	assert_int_equal(img->stdio[1].kind, STDIO_NULL);
	assert_int_equal(img->stdio[2].kind, STDIO_PIPE);
	assert_int_equal(img->parent->proc.tgid, 1);
	assert_int_equal(img->parent->flags, IMAGE_F_UNKNOWN);
	assert_null(img->prev);
}

static void cut_lists_get_their_zero(void **state)
{
	struct wire_exec *w = begin_exec(shell, "/bin/sh");
	struct image *img;

	(void)state;
	w->args = wb_bytes(&b, "a\0cu", 4);
	w->flags = WIRE_EXEC_ARGS_TRUNCATED;
	img = apply();
	assert_int_equal(img->args.n, 5);
	assert_memory_equal(img->args.p, "a\0cu", 5);
	assert_int_equal(img->flags, IMAGE_F_ARGS_TRUNCATED);
}

static void fork_runs_its_parents_program(void **state)
{
	struct image *sh = do_exec(shell, "/bin/sh");
	uint64_t sh_id = sh->id;
	struct image *img = do_fork(shell, child);

	(void)state;
	assert_int_equal(img->flags, IMAGE_F_FORKED);
	assert_int_equal(img->proc.tgid, 11);
	assert_int_equal(img->proc.start_ns, 11 * S);
	assert_int_equal(img->number, 5);
	assert_true(img->id > sh_id);
	assert_int_equal(img->parent->id, sh_id);
	assert_null(img->prev);
	assert_slice(img->exe.path, "/bin/sh");
	assert_ptr_equal(img->exe.path.p, img->parent->exe.path.p);
	assert_int_equal(img->began_ns, now);
}

static void exec_in_a_child_keeps_parent_and_predecessor(void **state)
{
	struct image *img;
	uint64_t forked;

	(void)state;
	do_exec(shell, "/bin/sh");
	forked = do_fork(shell, child)->id;
	img = do_exec(child_ran, "/bin/ls");
	assert_slice(img->exe.path, "/bin/ls");
	assert_int_equal(img->number, 6);
	assert_int_equal(img->prev->id, forked);
	assert_int_equal(img->parent->proc.tgid, 10);
	assert_slice(img->parent->exe.path, "/bin/sh");
	/* Later events are the new image's; stragglers keep theirs. */
	assert_ptr_equal(do_act(child_ran), img);
	assert_int_equal(do_act(child)->id, forked);
}

static void parent_is_the_image_that_forked(void **state)
{
	struct image *img;

	(void)state;
	do_exec(shell, "/bin/sh");
	do_fork(shell, child);
	do_exec((struct who){ 10, 6, 10 * S }, "/bin/other");
	img = do_exec(child_ran, "/bin/ls");
	assert_slice(img->parent->exe.path, "/bin/sh");
	img = do_fork((struct who){ 10, 6, 10 * S },
		      (struct who){ 12, 6, 12 * S });
	assert_slice(img->parent->exe.path, "/bin/other");
	assert_slice(img->parent->prev->exe.path, "/bin/sh");
}

static void the_dead_stay_a_while(void **state)
{
	struct image *img;

	(void)state;
	do_exec(shell, "/bin/sh");
	img = do_exit(shell);
	assert_true(img->flags & IMAGE_F_EXITED);
	assert_int_equal(stats().alive, 1); /* the parent that was named */
	assert_int_equal(stats().processes, 2);
	assert_slice(do_act(shell)->exe.path, "/bin/sh");
	proc_table_expire(t, now + S / 2);
	assert_int_equal(stats().processes, 2);
	proc_table_expire(t, now + S);
	assert_int_equal(stats().processes, 1);
	assert_true(do_act(shell)->flags & IMAGE_F_UNKNOWN);
}

static void exit_twice_is_one_exit(void **state)
{
	struct image *img;

	(void)state;
	do_exec(shell, "/bin/sh");
	img = do_exit(shell);
	assert_ptr_equal(do_exit(shell), img);
	assert_int_equal(stats().processes, 2);
	assert_int_equal(stats().alive, 1);
}

static void ancestors_live_as_long_as_descendants(void **state)
{
	struct image *kept;

	(void)state;
	do_exec(shell, "/bin/sh");
	do_fork(shell, child);
	kept = image_ref(do_exec(child_ran, "/bin/ls"));
	do_exit(shell);
	do_exit(child_ran);
	proc_table_expire(t, now + 10 * S);
	do_exit(init);
	proc_table_expire(t, now + 20 * S);
	assert_int_equal(stats().processes, 0);
	assert_slice(kept->exe.path, "/bin/ls");
	assert_slice(kept->parent->exe.path, "/bin/sh");
	assert_true(kept->parent->flags & IMAGE_F_EXITED);
	assert_slice(kept->prev->exe.path, "/bin/sh");
	image_unref(kept);
	/* The one returned last is held until the next call. */
	add_cgroup(1, "/");
	assert_int_equal(stats().images, 0);
	assert_int_equal(stats().bytes, 0);
}

static void images_may_outlive_the_table(void **state)
{
	struct image *kept;

	do_exec(shell, "/bin/sh");
	kept = image_ref(do_fork(shell, child));
	proc_table_free(t);
	assert_slice(kept->parent->exe.path, "/bin/sh");
	image_unref(kept);
	assert_int_equal(setup(state), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(exec_describes_the_image),
		TEST(cut_lists_get_their_zero),
		TEST(fork_runs_its_parents_program),
		TEST(exec_in_a_child_keeps_parent_and_predecessor),
		TEST(parent_is_the_image_that_forked),
		TEST(the_dead_stay_a_while),
		TEST(exit_twice_is_one_exit),
		TEST(ancestors_live_as_long_as_descendants),
		TEST(images_may_outlive_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
