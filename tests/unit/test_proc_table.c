/* SPDX-License-Identifier: Apache-2.0 */
/* The process table, fed with records as the ring has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "proc/proc_table.h"
#include "sense/decode.h"
#include "wire_builder.h"

#define S 1000000000ull

static const char *const env_names[] = { "LD_PRELOAD", "SSH_CLIENT", NULL };

static struct wire_builder b;
static struct decode_scratch scratch;
static struct proc_table *t;
static uint64_t now = 100 * S;

struct who {
	uint32_t tgid, image;
	uint64_t start;
};

/* The cast. */
static const struct who init = { 1, 0, 1 };
static const struct who shell = { 10, 5, 10 * S };
static const struct who child = { 11, 5, 11 * S };
static const struct who child_ran = { 11, 6, 11 * S };

/* ---- events ------------------------------------------------------------- */

static struct wire_hdr *begin(enum wire_type type, struct who who)
{
	struct wire_hdr *hdr = wb_begin(&b, type);

	hdr->time_ns = ++now;
	hdr->tgid = hdr->tid = who.tgid;
	hdr->start_ns = who.start;
	hdr->image = who.image;
	hdr->uid = hdr->euid = 1000;
	hdr->cgroup_id = 1;
	return hdr;
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
	return img;
}

static struct image *do_fork(struct who parent, struct who kid)
{
	struct wire_fork *w = (struct wire_fork *)begin(WIRE_FORK, kid);

	w->parent_tgid = parent.tgid;
	w->parent_start_ns = parent.start;
	w->parent_image = parent.image;
	return apply();
}

static struct wire_exec *begin_exec(struct who who, const char *exe)
{
	struct wire_exec *w = (struct wire_exec *)begin(WIRE_EXEC, who);

	wb_path(&b, &w->exe, exe);
	wb_path(&b, &w->cwd, "/home/user");
	w->args = wb_bytes(&b, "x\0-y", 5);
	w->argc = 2;
	w->parent_tgid = 1;
	w->parent_start_ns = 1;
	memcpy(w->comm, "comm", 5);
	return w;
}

static struct image *do_exec(struct who who, const char *exe)
{
	(void)begin_exec(who, exe);
	return apply();
}

static struct image *do_exit(struct who who)
{
	begin(WIRE_EXIT, who);
	return apply();
}

/* Anything that is not about the table itself. */
static struct image *do_act(struct who who)
{
	struct wire_write *w = (struct wire_write *)begin(WIRE_WRITE, who);

	w->op = WIRE_OP_OPEN;
	wb_path(&b, &w->path, "/tmp/x");
	return apply();
}

static void add_cgroup(uint64_t id, const char *path)
{
	struct wire_cgroup *w = (struct wire_cgroup *)begin(WIRE_CGROUP, init);

	w->id = id;
	w->path = wb_str(&b, path);
	assert_null(apply());
}

static struct proc_stats stats(void)
{
	struct proc_stats s;

	proc_table_stats(t, &s);
	return s;
}

static void assert_slice(struct slice s, const char *want)
{
	assert_int_equal(s.n, strlen(want));
	if (s.n)
		assert_memory_equal(s.p, want, s.n);
}

static int setup_with(size_t max, uint64_t keep_ms)
{
	const struct proc_limits limits = { .max_processes = max,
					    .keep_dead_ms = keep_ms,
					    .env_names = env_names };

	/* No /proc at all: nothing here may depend on the host. */
	return proc_table_new(&limits, "/nonexistent", &t);
}

static int setup(void **state)
{
	(void)state;
	return setup_with(1000, 1000);
}

static int teardown(void **state)
{
	(void)state;
	proc_table_free(t);
	return 0;
}

/* ---- the ordinary life -------------------------------------------------- */

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

/* ---- what a loss leaves ------------------------------------------------- */

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

/* ---- bounds ------------------------------------------------------------- */

static unsigned prev_length(const struct image *img)
{
	unsigned n = 0;

	for (; img->prev; img = img->prev)
		n++;
	return n;
}

static void execs_without_end_keep_the_first_and_the_newest(void **state)
{
	struct image *img = NULL;
	char exe[32];

	(void)state;
	for (uint32_t i = 1; i <= 10000; i++) {
		(void)snprintf(exe, sizeof(exe), "/bin/%u", i);
		img = do_exec((struct who){ 10, i, 10 * S }, exe);
	}
	assert_int_equal(prev_length(img), 16);
	assert_slice(img->exe.path, "/bin/10000");
	for (uint32_t i = 10000; i >= 9988; i--, img = img->prev)
		assert_int_equal(img->number, i);
	for (uint32_t i = 4; i >= 1; i--, img = img->prev)
		assert_int_equal(img->number, i);
	assert_null(img);
	assert_true(stats().images <= 20);
}

static unsigned line_length(const struct image *img)
{
	unsigned n = 0;

	for (; img->parent; img = img->parent)
		n++;
	return n;
}

static void lines_without_end_keep_the_first_and_the_newest(void **state)
{
	struct who who = { 10, 1, 10 * S };
	struct image *img;
	unsigned longest = 0;
	char exe[32];

	(void)state;
	do_exec(who, "/bin/1");
	for (uint32_t i = 2; i <= 10000; i++) {
		struct who next = { 9 + i, i - 1, (9 + i) * S };

		do_fork(who, next);
		do_exit(who);
		next.image = i;
		(void)snprintf(exe, sizeof(exe), "/bin/%u", i);
		img = do_exec(next, exe);
		who = next;
		proc_table_expire(t, now + 2 * S);
		if (line_length(img) > longest)
			longest = line_length(img);
	}
	img = do_act(who);
	assert_int_equal(longest, 64);
	assert_true(line_length(img) >= 40);
	for (uint32_t i = 10000; i > 9970; i--, img = img->parent)
		assert_int_equal(img->number, i);
	while (img->parent && img->parent->parent)
		img = img->parent;
	assert_slice(img->exe.path, "/bin/1");
	assert_int_equal(img->parent->proc.tgid, 1);
	assert_true(stats().images < 300);
}

/*
 * Thirty lines at once, each 100 generations of 20 programs: 60 000 images
 * that somebody could want to keep. Past the budget lines get short.
 */
static void lines_get_short_when_memory_does(void **state)
{
	struct image *leaf[30] = { 0 };
	unsigned longest = 0;

	teardown(state);
	assert_int_equal(setup_with(128, 0), 0);
	for (uint32_t gen = 0; gen < 100; gen++) {
		for (uint32_t i = 0; i < 30; i++) {
			struct who me = { 100 + gen * 30 + i, 20 * gen + 1, 0 };
			struct who above = { me.tgid - 30, me.image, 0 };

			me.start = me.tgid * S;
			above.start = above.tgid * S;
			if (gen)
				do_fork(above, me);
			for (uint32_t k = 0; k < 20; k++, me.image++)
				leaf[i] = do_exec(me, "/usr/bin/program");
			if (gen)
				do_exit(above);
		}
		proc_table_expire(t, now);
	}
	for (uint32_t i = 0; i < 30; i++)
		if (line_length(leaf[i]) > longest)
			longest = line_length(leaf[i]);
	assert_in_range(longest, 1, 12);
	/* Budgeted are 128 * 4 KiB; without a budget it were 20 MiB. */
	assert_true(stats().bytes < 2 << 20);
	assert_int_equal(stats().processes, 31);
}

static void the_dead_give_way_when_memory_gets_short(void **state)
{
	uint64_t most = 0;
	char *args;

	teardown(state);
	assert_int_equal(setup_with(65536, 3600000), 0);
	args = test_calloc(1, 4096);
	for (uint32_t i = 0; i < 20000; i++) {
		struct who who = { 100 + i, 1, (100 + i) * S };
		struct wire_exec *w;

		now += S / 1000;
		w = begin_exec(who, "/bin/x");
		w->args = wb_bytes(&b, args, 4096);
		apply();
		if (stats().bytes > most)
			most = stats().bytes;
		do_exit(who);
	}
	test_free(args);
	assert_in_range(most, 23 << 20, 25 << 20);
	assert_true(stats().evicted_dead > 10000);
	/* Whoever went less than a second ago is there. */
	assert_true(stats().processes > 1000);
	assert_int_equal(stats().evicted_alive, 0);
}

static void full_table_lets_the_oldest_dead_go_first(void **state)
{
	struct who who[40];

	teardown(state);
	assert_int_equal(setup_with(32, 1000000), 0);
	for (uint32_t i = 0; i < 40; i++)
		who[i] = (struct who){ 100 + i, 1, (100 + i) * S };
	for (uint32_t i = 0; i < 31; i++)
		do_exec(who[i], "/bin/x"); /* and 1, their parent */
	do_exit(who[7]);
	do_exit(who[3]);
	do_exec(who[31], "/bin/x");
	do_exec(who[32], "/bin/x");
	assert_int_equal(stats().evicted_dead, 2);
	assert_int_equal(stats().evicted_alive, 0);
	/* Then who was not heard of longest, as child or as parent. */
	do_act(who[0]);
	do_exec(who[33], "/bin/x");
	do_exec(who[34], "/bin/x");
	assert_int_equal(stats().evicted_alive, 2);
	assert_int_equal(stats().processes, 32);
	assert_false(do_act(who[0])->flags & IMAGE_F_UNKNOWN);
	assert_true(do_act(who[1])->flags & IMAGE_F_UNKNOWN);
	assert_true(do_act(who[2])->flags & IMAGE_F_UNKNOWN);
}

/* ---- cgroups ------------------------------------------------------------ */

static struct image *act_in(struct who who, uint64_t cgroup)
{
	struct wire_write *w = (struct wire_write *)begin(WIRE_WRITE, who);

	w->hdr.cgroup_id = cgroup;
	w->op = WIRE_OP_OPEN;
	return apply();
}

static void cgroup_names_unit_and_container(void **state)
{
	struct image *img;

	(void)state;
	add_cgroup(1, "/system.slice/ssh.service");
	img = do_exec(shell, "/bin/sh");
	assert_slice(img->cgroup, "/system.slice/ssh.service");
	assert_slice(img->unit, "ssh.service");
	assert_slice(img->container, "");
	img = do_fork(shell, child);
	assert_slice(img->unit, "ssh.service");
}

static void move_gives_another_image_of_the_same_number(void **state)
{
	struct image *first, *moved;
	uint64_t id;

	(void)state;
	add_cgroup(1, "/init.scope");
	add_cgroup(2, "/system.slice/a.service");
	first = image_ref(do_exec(shell, "/bin/sh"));
	first->described_in = 4;
	id = first->id;
	moved = act_in(shell, 2);
	assert_ptr_not_equal(moved, first);
	assert_true(moved->id > id);
	assert_int_equal(moved->described_in, 0);
	assert_int_equal(moved->number, first->number);
	assert_slice(moved->unit, "a.service");
	assert_slice(moved->exe.path, "/bin/sh");
	assert_ptr_equal(moved->parent, first->parent);
	assert_null(moved->prev);
	/* What was described is as it was. */
	assert_slice(first->unit, "init.scope");
	assert_int_equal(first->id, id);
	assert_int_equal(first->described_in, 4);
	/* It stays there; and the way back is known. */
	assert_ptr_equal(act_in(shell, 2), moved);
	assert_ptr_equal(act_in(shell, 1), first);
	assert_ptr_equal(act_in(shell, 2), moved);
	image_unref(first);
}

static void threads_in_many_cgroups_do_not_add_up(void **state)
{
	uint64_t images;

	(void)state;
	do_exec(shell, "/bin/sh");
	for (uint64_t i = 1; i < 10; i++)
		act_in(shell, i);
	images = stats().images;
	for (uint64_t i = 1; i < 10000; i++)
		act_in(shell, 1 + i % 50);
	assert_int_equal(stats().images, images);
	assert_true(images <= 6);
	do_exit(shell);
	assert_true(act_in(shell, 51)->flags & IMAGE_F_EXITED);
}

static void moved_unknown_becomes_known_all_the_same(void **state)
{
	struct image *img;

	(void)state;
	do_exec(shell, "/bin/sh");
	add_cgroup(2, "/system.slice/a.service");
	do_act(child);
	assert_int_equal(act_in(child, 2)->flags, IMAGE_F_UNKNOWN);
	/* The fork's record is from before the move. */
	img = do_fork(shell, child);
	assert_int_equal(img->flags, IMAGE_F_FORKED);
	assert_slice(img->exe.path, "/bin/sh");
	img = act_in(child, 2);
	assert_int_equal(img->flags, IMAGE_F_FORKED);
	assert_slice(img->exe.path, "/bin/sh");
	assert_slice(img->unit, "a.service");
}

static void exec_after_a_move_has_the_moved_as_predecessor(void **state)
{
	struct image *moved, *img;
	struct wire_exec *w;

	(void)state;
	add_cgroup(2, "/system.slice/a.service");
	do_exec(shell, "/bin/sh");
	do_fork(shell, child);
	moved = image_ref(act_in(child, 2));
	w = begin_exec(child_ran, "/bin/a");
	w->hdr.cgroup_id = 2;
	img = apply();
	assert_slice(img->unit, "a.service");
	assert_ptr_equal(img->prev, moved);
	assert_ptr_equal(act_in(child, 2), moved);
	image_unref(moved);
}

static void unknown_cgroup_is_no_move(void **state)
{
	struct image *img;

	(void)state;
	add_cgroup(1, "/system.slice/a.service");
	img = do_exec(shell, "/bin/sh");
	assert_ptr_equal(act_in(shell, 0), img);
	assert_slice(img->unit, "a.service");
}

static void hierarchy_that_tells_most_is_taken(void **state)
{
	struct wire_cgroup *w;
	struct wire_exec *x;
	struct image *img;

	(void)state;
	proc_table_set_v1(t, 4);
	add_cgroup(1, "/a/long/name/that/tells/nothing");
	/* The same id in another hierarchy is another cgroup. */
	w = (struct wire_cgroup *)begin(WIRE_CGROUP, init);
	w->id = 1;
	w->hierarchy = 4;
	w->path = wb_str(&b, "/system.slice/b.service");
	apply();
	/* Of hierarchies that no record speaks of nothing is kept. */
	w = (struct wire_cgroup *)begin(WIRE_CGROUP, init);
	w->id = 1;
	w->hierarchy = 5;
	w->path = wb_str(&b, "/x");
	apply();
	assert_int_equal(stats().cgroups, 2);
	x = begin_exec(shell, "/bin/sh");
	x->hdr.cgroup_v1_id = 1;
	img = apply();
	assert_slice(img->cgroup, "/system.slice/b.service");
	assert_slice(img->unit, "b.service");
	/* Nothing told by either: the longer. */
	w = (struct wire_cgroup *)begin(WIRE_CGROUP, init);
	w->id = 2;
	w->hierarchy = 4;
	w->path = wb_str(&b, "/x");
	apply();
	x = begin_exec(child_ran, "/bin/sh");
	x->hdr.cgroup_v1_id = 2;
	assert_slice(apply()->cgroup, "/a/long/name/that/tells/nothing");
}

static void cgroup_names_are_bounded(void **state)
{
	static char path[2000];
	uint64_t most = 0;

	(void)state;
	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	for (uint64_t i = 1; i < 40000; i++) {
		add_cgroup(i, i < 20000 ? path : "/short");
		if (stats().cgroups > most)
			most = stats().cgroups;
	}
	assert_int_equal(most, 16384);
	/* The first went long ago, the newest is there. */
	add_cgroup(50000, "/system.slice/a.service");
	do_exec(shell, "/bin/sh");
	assert_slice(act_in(shell, 50000)->unit, "a.service");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
		TEST(execs_without_end_keep_the_first_and_the_newest),
		TEST(lines_without_end_keep_the_first_and_the_newest),
		TEST(lines_get_short_when_memory_does),
		TEST(the_dead_give_way_when_memory_gets_short),
		TEST(full_table_lets_the_oldest_dead_go_first),
		TEST(cgroup_names_unit_and_container),
		TEST(move_gives_another_image_of_the_same_number),
		TEST(threads_in_many_cgroups_do_not_add_up),
		TEST(moved_unknown_becomes_known_all_the_same),
		TEST(exec_after_a_move_has_the_moved_as_predecessor),
		TEST(unknown_cgroup_is_no_move),
		TEST(hierarchy_that_tells_most_is_taken),
		TEST(cgroup_names_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
