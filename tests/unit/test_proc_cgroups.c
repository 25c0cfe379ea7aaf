/* SPDX-License-Identifier: Apache-2.0 */
/* The process table: who is in which unit and container. */
#include "proc_cast.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
