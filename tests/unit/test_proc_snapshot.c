/* SPDX-License-Identifier: Apache-2.0 */
/* What already runs, read from trees that look like /proc. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "fake_process.h"
#include "proc/proc_table.h"
#include "proc/procfs.h"
#include "sense/decode.h"
#include "wire_builder.h"

static const char *const env_names[] = { "SSH_CLIENT", "LD_PRELOAD", NULL };

static unsigned actor_tgid;
static struct proc_table *t;

static int setup(void **state)
{
	const struct proc_limits limits = { .max_processes = 100,
					    .keep_dead_ms = 1000,
					    .env_names = env_names };

	(void)state;
	actor_tgid = 42;
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

static struct image *act(const struct wire_task *task)
{
	const struct event ev = {
		.kind = EVENT_WRITE,
		.actor = { .proc = { task->start_ns, task->tgid },
			   .image_number = task->image,
			   .cgroup_id = task->cgroup_id },
	};
	struct image *img;

	assert_int_equal(proc_table_apply(t, &ev, &img), 0);
	return img;
}

static struct image *snapshot(const struct wire_task *task)
{
	assert_int_equal(proc_table_snapshot(t, task), 0);
	return act(task);
}

static void assert_slice(struct slice s, const char *want)
{
	assert_int_equal(s.n, strlen(want));
	if (s.n)
		assert_memory_equal(s.p, want, s.n);
}

static void process_is_read_from_proc(void **state)
{
	const struct wire_task task = task_of(42, 700);
	struct image *img;
	struct stat st;
	char path[512];

	(void)state;
	make_process(42, 700);
	img = snapshot(&task);
	assert_int_equal(img->flags, IMAGE_F_SNAPSHOT | IMAGE_F_NO_NEW_PRIVS);
	assert_int_equal(img->number, 3);
	assert_int_equal(img->began_ns, task.start_ns);
	assert_string_equal(img->comm, "we) S (b");
	assert_int_equal(img->pgid, 20);
	assert_int_equal(img->sid, 30);
	assert_int_equal(img->tty, 136 << 20 | 1);
	assert_int_equal(img->uid, 1);
	assert_int_equal(img->euid, 2);
	assert_int_equal(img->suid, 3);
	assert_int_equal(img->fsuid, 4);
	assert_int_equal(img->gid, 5);
	assert_int_equal(img->egid, 6);
	assert_int_equal(img->sgid, 7);
	assert_int_equal(img->ns_pid, 7);
	assert_int_equal(img->cap_inheritable, 1);
	assert_int_equal(img->cap_permitted, 0x1ffffffffffull);
	assert_int_equal(img->cap_effective, 0x1fffffffffeull);
	assert_int_equal(img->cap_bounding, 0x1fffffffffdull);
	assert_int_equal(img->cap_ambient, 4);
	assert_int_equal(img->login_uid, 1000);
	assert_int_equal(img->session_id, 3);
	assert_int_equal(img->pid_ns, 4026531836u);
	assert_int_equal(img->net_ns, 4026531840u);
	assert_int_equal(img->mnt_ns, 4026531841u);
	fake_proc_path(&fake, "bin/web", path);
	assert_slice(img->exe.path, path);
	assert_int_equal(img->exe.flags, 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(img->exe_file.known);
	assert_int_equal(img->exe_file.ino, st.st_ino);
	assert_int_equal(img->exe_file.size, 4);
	assert_int_equal(img->exe_file.mode, st.st_mode);
	assert_int_equal(img->exe_file.dev, procfs_kernel_dev(st.st_dev));
	assert_int_equal(img->argc, 2);
	assert_int_equal(img->args_bytes, 9);
	assert_int_equal(img->args.n, 9);
	assert_memory_equal(img->args.p, "web\0-a b\0", 9);
	assert_int_equal(img->env.n, 13);
	assert_memory_equal(img->env.p, "SSH_CLIENT=x", 13);
	assert_slice(img->cwd, "/srv");
	assert_int_equal(img->stdio[0].kind, STDIO_NULL);
	assert_int_equal(img->stdio[1].kind, STDIO_FILE);
	assert_int_equal(img->stdio[2].kind, STDIO_CLOSED);
	assert_int_equal(img->parent->proc.tgid, 1);
	assert_int_equal(img->parent->number, 2);
}

/* /proc tells of it all but what it runs, as its memory is given back. */
static void process_that_is_about_to_end_is_left_to_its_fork(void **state)
{
	const struct wire_task task = task_of(42, 700);
	const struct wire_task parent = task_of(41, 600);
	const struct event fork = {
		.kind = EVENT_FORK,
		.actor = { .proc = { task.start_ns, task.tgid },
			   .image_number = task.image },
		.fork = { .parent = { parent.start_ns, parent.tgid },
			  .parent_image = parent.image },
	};
	struct image *img;
	char path[512];

	(void)state;
	make_process(41, 600);
	make_process(42, 700);
	assert_int_equal(unlink(fake_proc_path(&fake, "42/exe", path)), 0);
	(void)snapshot(&parent);
	img = snapshot(&task);
	assert_int_equal(img->flags, IMAGE_F_SNAPSHOT | IMAGE_F_UNKNOWN |
					     IMAGE_F_NO_NEW_PRIVS);
	assert_int_equal(img->uid, 1);
	assert_int_equal(proc_table_apply(t, &fork, &img), 0);
	assert_false(img->flags & IMAGE_F_UNKNOWN);
	assert_slice(img->exe.path, fake_proc_path(&fake, "bin/web", path));
}

static void another_process_with_the_pid_is_not_taken(void **state)
{
	const struct wire_task task = task_of(42, 700);
	struct image *img;

	(void)state;
	make_process(42, 701);
	img = snapshot(&task);
	assert_int_equal(img->flags, IMAGE_F_SNAPSHOT | IMAGE_F_UNKNOWN);
	assert_int_equal(img->exe.path.n, 0);
	assert_int_equal(img->args.n, 0);
	assert_int_equal(img->parent->proc.tgid, 1);
}

static void process_that_is_gone_is_entered_by_its_key(void **state)
{
	const struct wire_task task = task_of(42, 700);
	struct image *img = snapshot(&task);
	struct proc_stats s;

	(void)state;
	assert_int_equal(img->flags, IMAGE_F_SNAPSHOT | IMAGE_F_UNKNOWN);
	proc_table_stats(t, &s);
	assert_int_equal(s.unknown, 0);
}

static void kernel_threads_have_no_executable(void **state)
{
	struct wire_task task = task_of(2, 0);
	struct image *img;

	(void)state;
	make_stat(2, "kthreadd-with-a-long-name", 0);
	fake_proc_text(&fake, "2/status", status);
	fake_proc_text(&fake, "2/cmdline", "not mine");
	task.flags = WIRE_F_KTHREAD;
	task.parent_tgid = 0;
	img = snapshot(&task);
	assert_int_equal(img->flags & ~(uint32_t)IMAGE_F_NO_NEW_PRIVS,
			 IMAGE_F_SNAPSHOT | IMAGE_F_KTHREAD);
	assert_string_equal(img->comm, "kthreadd-with-a");
	assert_int_equal(img->exe.path.n, 0);
	assert_int_equal(img->args.n, 0);
	assert_null(img->parent);
}

static void parents_are_linked_in_any_order(void **state)
{
	struct wire_task parent = task_of(40, 600);
	struct wire_task task = task_of(42, 700);
	struct image *img, *named;
	uint64_t id;

	(void)state;
	make_process(40, 600);
	make_process(42, 700);
	task.parent_tgid = 40;
	task.parent_start_ns = parent.start_ns;
	task.parent_image = parent.image;
	img = image_ref(snapshot(&task));
	named = img->parent;
	id = named->id;
	assert_int_equal(named->flags, IMAGE_F_UNKNOWN);
	assert_int_equal(named->exe.path.n, 0);
	assert_ptr_equal(snapshot(&parent), named);
	assert_ptr_equal(img->parent, named);
	assert_int_equal(named->flags, IMAGE_F_SNAPSHOT | IMAGE_F_NO_NEW_PRIVS);
	assert_true(named->exe.path.n > 0);
	assert_true(named->id > id);
	image_unref(img);
}

static void what_events_told_stands(void **state)
{
	struct wire_task task = task_of(42, 700);
	struct decode_scratch *scratch = test_malloc(sizeof(*scratch));
	static struct wire_builder b;
	struct wire_exec *w = wb_begin(&b, WIRE_EXEC);
	struct image *img, *again;
	const char *why;
	struct event ev;

	(void)state;
	make_process(42, 700);
	w->hdr.tgid = 42;
	w->hdr.start_ns = task.start_ns;
	w->hdr.image = 4;
	w->hdr.cgroup_id = 9;
	wb_path(&b, &w->exe, "/bin/seen");
	wb_end(&b);
	assert_int_equal(decode_record(b.bytes, b.used, scratch, &ev, &why), 0);
	assert_int_equal(proc_table_apply(t, &ev, &img), 0);
	image_ref(img);
	/* The iterator was slower than the ring, */
	assert_int_equal(proc_table_snapshot(t, &task), 0);
	task.image = 4;
	assert_ptr_equal(act(&task), img);
	/* as fast, */
	assert_ptr_equal(snapshot(&task), img);
	assert_int_equal(img->flags, 0);
	assert_slice(img->exe.path, "/bin/seen");
	assert_int_equal(img->parent->proc.tgid, 1);
	/* or faster: then the record knows more than /proc. */
	task.image = 5;
	again = snapshot(&task);
	assert_true(again->flags & IMAGE_F_SNAPSHOT);
	assert_ptr_equal(again->prev, img);
	w->hdr.image = 5;
	assert_int_equal(decode_record(b.bytes, b.used, scratch, &ev, &why), 0);
	assert_int_equal(proc_table_apply(t, &ev, &again), 0);
	assert_int_equal(again->flags, 0);
	assert_slice(again->exe.path, "/bin/seen");
	assert_ptr_equal(again->prev, img);
	image_unref(img);
	test_free(scratch);
}

static void long_arguments_are_cut_and_counted(void **state)
{
	const struct wire_task task = task_of(42, 700);
	static char args[10000];
	struct image *img;

	(void)state;
	make_process(42, 700);
	memset(args, 'a', sizeof(args));
	for (size_t i = 99; i < sizeof(args); i += 100)
		args[i] = 0;
	fake_proc_bytes(&fake, "42/cmdline", args, sizeof(args));
	img = snapshot(&task);
	assert_true(img->flags & IMAGE_F_ARGS_TRUNCATED);
	assert_int_equal(img->argc, 100);
	assert_int_equal(img->args_bytes, sizeof(args));
	assert_int_equal(img->args.n, 4096 + 1);
	assert_int_equal(img->args.p[4096], 0);
}

static void mount_tells_device_and_path_on_it(void **state)
{
	const struct wire_task task = task_of(42, 700);
	char path[512], text[1024];
	struct image *img;
	struct statx sx;

	(void)state;
	make_process(42, 700);
	fake_proc_path(&fake, "bin/web", path);
	if (statx(AT_FDCWD, path, 0, STATX_MNT_ID, &sx) < 0 ||
	    !(sx.stx_mask & STATX_MNT_ID))
		skip();
	(void)snprintf(text, sizeof(text),
		       "1 1 8:1 / / rw - ext4 x rw\n"
		       "%llu 1 0:44 /sub\\040vol %s rw - btrfs x rw\n",
		       (unsigned long long)sx.stx_mnt_id, fake.root);
	fake_proc_text(&fake, "42/mountinfo", text);
	fake_proc_text(&fake, "1/mountinfo",
		       "7 1 0:44 / /pool rw - btrfs x rw\n");
	img = snapshot(&task);
	assert_int_equal(img->exe_file.dev, 44);
	assert_slice(img->exe.fs_path, "/sub vol/bin/web");
	assert_slice(img->exe.host_path, "/pool/sub vol/bin/web");
}

static void deleted_is_told_by_links_not_by_name(void **state)
{
	const struct wire_task task = task_of(42, 700);
	char path[512];
	struct image *img;

	(void)state;
	make_process(42, 700);
	fake_proc_text(&fake, "bin/web (deleted)", "x");
	fake_proc_link(&fake, "42/exe",
		       fake_proc_path(&fake, "bin/web (deleted)", path));
	img = snapshot(&task);
	assert_slice(img->exe.path, path);
	assert_int_equal(img->exe.flags, 0);
}

/* A real one, of this kernel: a copy of ourselves, unlinked while it runs. */
static void deleted_executable_is_marked(void **state)
{
	static const char suffix[] = " (deleted)";
	int in[2], out[2];
	char path[512], line[32] = { 0 }, *text;
	struct proc_limits limits = { .max_processes = 10 };
	struct proc_table *real;
	struct procfs_stat st;
	struct wire_task task;
	struct slice stat_text;
	struct image *img;
	pid_t pid;
	size_t n;

	(void)state;
	assert_int_equal(procfs_read("/bin/cat", 64 << 20, &text, &n), 0);
	fake_proc_bytes(&fake, "bin/cat", text, n);
	free(text);
	assert_int_equal(chmod(fake_proc_path(&fake, "bin/cat", path), 0755),
			 0);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		(void)dup2(in[0], 0);
		(void)dup2(out[1], 1);
		(void)execl(path, "cat", NULL);
		_exit(1);
	}
	/* An echo proves that it runs what we are about to unlink. */
	assert_int_equal(write(in[1], "x", 1), 1);
	assert_int_equal(read(out[0], line, 1), 1);
	assert_int_equal(unlink(path), 0);
	(void)snprintf(line, sizeof(line), "/proc/%d/stat", pid);
	assert_int_equal(procfs_read(line, 4096, &text, &stat_text.n), 0);
	stat_text.p = text;
	assert_int_equal(procfs_parse_stat(stat_text, &st), 0);
	free(text);
	task = task_of((unsigned)pid, (unsigned)st.start_ticks);
	assert_int_equal(proc_table_new(&limits, "/proc", &real), 0);
	assert_int_equal(proc_table_snapshot(real, &task), 0);
	(void)close(in[1]);
	{
		const struct event ev = {
			.kind = EVENT_EXIT,
			.actor = { .proc = { task.start_ns, task.tgid },
				   .image_number = task.image,
				   .cgroup_id = task.cgroup_id },
		};

		assert_int_equal(proc_table_apply(real, &ev, &img), 0);
	}
	assert_slice(img->exe.path, path);
	assert_int_equal(img->exe.flags, PATH_F_DELETED);
	assert_int_equal(img->exe_file.nlink, 0);
	assert_null(memmem(img->exe.path.p, img->exe.path.n, suffix,
			   sizeof(suffix) - 1));
	assert_int_equal(img->stdio[0].kind, STDIO_PIPE);
	proc_table_free(real);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	(void)close(in[0]);
	(void)close(out[0]);
	(void)close(out[1]);
}

static void both_names_of_an_event_have_their_host_path(void **state)
{
	const struct file_id file = { .dev = 44 };
	struct file_path from = { .path = slice_str("/v/from"),
				  .fs_path = slice_str("/from") };
	struct file_path to = { .path = slice_str("/v/to"),
				.fs_path = slice_str("/to") };

	(void)state;
	fake_proc_text(&fake, "1/mountinfo",
		       "7 1 0:44 / /pool rw - btrfs x rw\n");
	proc_table_host_path(t, 5, &file, &from);
	proc_table_host_path(t, 5, &file, &to);
	assert_slice(from.host_path, "/pool/from");
	assert_slice(to.host_path, "/pool/to");
}

/* ---- cgroups ------------------------------------------------------------ */

static uint64_t make_cgroup(const char *name)
{
	char path[512];
	struct stat st;

	(void)mkdir(fake_proc_path(&fake, name, path), 0755);
	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

static void make_cgroup_mounts(void)
{
	char text[2048];

	(void)snprintf(text, sizeof(text),
		       "1 1 8:1 / / rw - ext4 x rw\n"
		       "2 1 0:1 / %s/cg/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
		       "3 1 0:2 / %s/cg/mem rw - cgroup cgroup rw,memory\n"
		       "4 1 0:3 /part %s/cg/part rw - cgroup2 cgroup2 rw\n"
		       "5 1 0:3 /../.. %s/cg/unified rw - cgroup2 cgroup2 rw\n",
		       fake.root, fake.root, fake.root, fake.root);
	fake_proc_text(&fake, "self/mountinfo", text);
	fake_proc_text(&fake, "self/cgroup",
		       "7:cpu,cpuacct:/\n5:memory:/x\n0::/\n");
}

static struct image *act_in(uint64_t unified, uint64_t v1)
{
	struct wire_task task = task_of(actor_tgid, 700);
	const struct event ev = {
		.kind = EVENT_WRITE,
		.actor = { .proc = { task.start_ns, task.tgid },
			   .image_number = task.image,
			   .cgroup_id = unified,
			   .cgroup_v1_id = v1 },
	};
	struct image *img;

	assert_int_equal(proc_table_apply(t, &ev, &img), 0);
	return img;
}

static void scan_learns_names_of_all_that_exist(void **state)
{
	uint64_t root, unit, deep, v1, other;
	struct proc_stats s;

	(void)state;
	root = make_cgroup("cg/unified");
	unit = make_cgroup("cg/unified/system.slice/a.service");
	deep = make_cgroup("cg/unified/lxc/.web/b/c");
	v1 = make_cgroup("cg/mem/system.slice/b.service");
	other = make_cgroup("cg/cpu/system.slice/c.service");
	(void)make_cgroup("cg/part/x");
	make_cgroup_mounts();
	assert_int_equal(proc_table_scan_cgroups(t), 0);
	proc_table_stats(t, &s);
	assert_int_equal(s.cgroups, 7 + 3);
	assert_slice(act_in(root, 0)->cgroup, "/");
	assert_slice(act_in(unit, 0)->unit, "a.service");
	assert_slice(act_in(deep, 0)->cgroup, "/lxc/.web/b/c");
	assert_slice(act_in(deep, 0)->container, ".web");
	assert_slice(act_in(root, v1)->unit, "b.service");
	/* Ids of the hierarchy that is not reported are nobody's. */
	assert_slice(act_in(root, other)->unit, "");
	/* Told which one is: the next process is named by that. */
	proc_table_set_v1(t, 7);
	assert_int_equal(proc_table_scan_cgroups(t), 0);
	actor_tgid = 43;
	assert_slice(act_in(root, other)->unit, "c.service");
	assert_slice(act_in(unit, 0)->unit, "a.service");
}

static void missed_name_is_asked_of_the_process(void **state)
{
	uint64_t id;

	(void)state;
	make_cgroup("cg/unified");
	make_cgroup_mounts();
	(void)make_cgroup("cg/mem");
	assert_int_equal(proc_table_scan_cgroups(t), 0);
	id = make_cgroup("cg/unified/system.slice/new.service");
	fake_proc_text(&fake, "42/cgroup",
		       "5:memory:/\n0::/system.slice/new.service\n");
	assert_slice(act_in(id, 0)->unit, "new.service");
	/* It has moved on: its name is not that cgroup's. */
	assert_slice(act_in(id + 1000000, 0)->unit, "");
}

static void scan_without_hierarchies_says_why(void **state)
{
	(void)state;
	assert_int_equal(proc_table_scan_cgroups(t), -ENOENT);
	make_cgroup_mounts();
	(void)make_cgroup("cg/mem/system.slice/b.service");
	/* One that cannot be opened does not cost the other's names. */
	assert_int_equal(proc_table_scan_cgroups(t), -ENOENT);
	assert_slice(
		act_in(0, make_cgroup("cg/mem/system.slice/b.service"))->unit,
		"b.service");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(process_is_read_from_proc),
		TEST(process_that_is_about_to_end_is_left_to_its_fork),
		TEST(another_process_with_the_pid_is_not_taken),
		TEST(process_that_is_gone_is_entered_by_its_key),
		TEST(kernel_threads_have_no_executable),
		TEST(parents_are_linked_in_any_order),
		TEST(what_events_told_stands),
		TEST(long_arguments_are_cut_and_counted),
		TEST(mount_tells_device_and_path_on_it),
		TEST(both_names_of_an_event_have_their_host_path),
		TEST(deleted_is_told_by_links_not_by_name),
		TEST(deleted_executable_is_marked),
		TEST(scan_learns_names_of_all_that_exist),
		TEST(missed_name_is_asked_of_the_process),
		TEST(scan_without_hierarchies_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
