/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs run, processes made and ended, as the kernel side tells them.
 * Each test's child really does it; expectations come from what the child was
 * told to do and from stat, not from picket.
 */
#include "harness.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "net.h"

/* What a child executes. */
struct run {
	const char *file;
	char *const *argv;
	char *const *envp;
	const char *cwd;
};

static char *const no_env[] = { NULL };

static int act_run(void *arg)
{
	const struct run *r = arg;

	if (r->cwd && chdir(r->cwd) < 0)
		return 98;
	(void)execve(r->file, r->argv, r->envp ? r->envp : no_env);
	return 97;
}

/* Where a name of the system really leads; good until the next call. */
static const char *real(const char *name)
{
	static char path[PATH_MAX];

	assert_non_null(realpath(name, path));
	return path;
}

static void assert_is_file(const struct wire_file *f, const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(f->ino, st.st_ino);
	assert_int_equal(f->size, st.st_size);
	assert_int_equal(f->mode, st.st_mode);
	assert_int_equal(f->uid, st.st_uid);
	assert_int_equal(f->nlink, st.st_nlink);
	assert_int_equal(f->mtime_ns,
			 st.st_mtim.tv_sec * 1000000000ll + st.st_mtim.tv_nsec);
	assert_int_equal(f->ctime_ns,
			 st.st_ctim.tv_sec * 1000000000ll + st.st_ctim.tv_nsec);
	/* Holds on file systems with a device of their own only. */
	assert_int_equal(f->dev, major(st.st_dev) << 20 | minor(st.st_dev));
}

static void exec_tells_file_arguments_and_place(void **state)
{
	static const char want[] = "odd name\0two words\0line\nbreak\0"
				   "\xc3\xbc\xff\0";
	char *argv[] = { (char[]){ "odd name" },
			 (char[]){ "two words" },
			 (char[]){ "line\nbreak" },
			 (char[]){ "\xc3\xbc\xff" },
			 (char[]){ "" },
			 NULL };
	const char *file = work_path("a b\n\xc3\xbc");
	struct run r = { .file = file, .argv = argv, .cwd = work_dir() };
	const struct wire_exec *e;
	const struct wire_exit *x;
	struct seen *w = *state;

	assert_int_equal(copy_file("/bin/true", file), 0);
	seen_run(w, act_run, &r);
	assert_int_equal(seen_count(w, WIRE_EXEC), 1);
	e = seen_nth(w, WIRE_EXEC, 0);
	net_spoke(w, &e->hdr, WIRE_FAM_EXEC, "programs run");
	assert_int_equal(e->hdr.tgid, w->child);
	assert_int_equal(e->hdr.tid, w->child);
	assert_int_equal(e->old_tid, w->child);
	assert_int_equal(e->parent_tgid, getpid());
	assert_path(e, &e->exe, file);
	assert_path(e, &e->cwd, work_dir());
	assert_str(e, e->filename, file);
	assert_int_equal(e->interp.len, 0);
	assert_bytes(e, e->args, want, sizeof(want));
	assert_int_equal(e->argc, 5);
	assert_int_equal(e->args_bytes, sizeof(want));
	assert_int_equal(e->envc, 0);
	assert_int_equal(e->flags, 0);
	assert_is_file(&e->file, file);
	assert_int_equal(e->sid, getsid(0));
	assert_int_equal(e->pgid, getpgid(0));
	assert_int_equal(e->hdr.uid, getuid());
	assert_int_equal(e->ns_pid, w->child);
	assert_string_equal(e->comm, "a b\n\xc3\xbc");
	x = seen_nth(w, WIRE_EXIT, 0);
	/* Which is 127 where programs are links to one that knows no name. */
	assert_int_equal(x->status, w->status);
	assert_int_equal(x->hdr.image, e->hdr.image);
	assert_int_equal(x->hdr.start_ns, e->hdr.start_ns);
}

static uint32_t ns_inode(const char *name)
{
	char path[64];
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	assert_int_equal(stat(path, &st), 0);
	return (uint32_t)st.st_ino;
}

static void exec_tells_namespaces_and_descriptors(void **state)
{
	char *argv[] = { (char[]){ "true" }, NULL };
	struct run r = { .file = "/bin/true", .argv = argv };
	const struct wire_exec *e;
	struct stat st;
	int fd;

	seen_run(*state, act_run, &r);
	e = seen_nth(*state, WIRE_EXEC, 0);
	assert_non_null(e);
	assert_int_equal(e->hdr.mnt_ns, ns_inode("mnt"));
	assert_int_equal(e->pid_ns, ns_inode("pid"));
	assert_int_equal(e->net_ns, ns_inode("net"));
	assert_int_equal(e->user_ns, ns_inode("user"));
	assert_int_equal(e->uts_ns, ns_inode("uts"));
	assert_int_equal(e->ipc_ns, ns_inode("ipc"));
	assert_int_equal(e->cgroup_ns, ns_inode("cgroup"));
	for (fd = 0; fd < 3; fd++) {
		if (fstat(fd, &st) < 0)
			memset(&st, 0, sizeof(st));
		assert_int_equal(e->stdio[fd].ino, st.st_ino);
		assert_int_equal(e->stdio[fd].mode, st.st_mode);
	}
	assert_int_equal(e->cap_effective & 1, getuid() == 0);
}

static void three_hundred_arguments_are_kept(void **state)
{
	char *argv[301], text[300][8], want[300 * 8];
	struct run r = { .file = "/bin/true", .argv = argv };
	const struct wire_exec *e;
	size_t n = 0;
	int i;

	for (i = 0; i < 300; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "arg%d", i);
		argv[i] = text[i];
		memcpy(want + n, text[i], strlen(text[i]) + 1);
		n += strlen(text[i]) + 1;
	}
	argv[300] = NULL;
	seen_run(*state, act_run, &r);
	e = seen_nth(*state, WIRE_EXEC, 0);
	assert_int_equal(e->argc, 300);
	assert_bytes(e, e->args, want, n);
	assert_int_equal(e->flags & WIRE_EXEC_ARGS_TRUNCATED, 0);
}

static void long_argument_is_cut_and_says_so(void **state)
{
	static char text[5001];
	char *argv[] = { (char[]){ "true" }, text, (char[]){ "end" }, NULL };
	struct run r = { .file = "/bin/true", .argv = argv };
	const struct wire_exec *e;

	memset(text, 'x', sizeof(text) - 1);
	seen_run(*state, act_run, &r);
	e = seen_nth(*state, WIRE_EXEC, 0);
	assert_int_equal(e->argc, 3);
	assert_int_equal(e->args_bytes, 5 + 5001 + 4);
	assert_int_equal(e->args.len, WIRE_ARGS_MAX);
	assert_memory_equal((const char *)e + e->args.off + 5, text,
			    WIRE_ARGS_MAX - 5);
	assert_true(e->flags & WIRE_EXEC_ARGS_TRUNCATED);
	assert_path(e, &e->exe, real("/bin/true"));
}

static void only_named_environment_is_kept(void **state)
{
	static char value[3000 + 32] = "PICKET_TEST_LONG=";
	static char want[sizeof(value) + 64];
	char *argv[] = { (char[]){ "true" }, NULL };
	char *envp[] = { (char[]){ "SECRET=1" },
			 (char[]){ "LD_PRELOAD=/nowhere" },
			 (char[]){ "BASH_ENVIRON=no" },
			 (char[]){ "" },
			 value,
			 (char[]){ "BASH_ENV=x" },
			 (char[]){ "X=BASH_ENV=" },
			 NULL };
	struct run r = { .file = "/bin/true", .argv = argv, .envp = envp };
	const struct wire_exec *e;
	size_t n = 0;

	memset(value + strlen(value), 'v', 3000);
	n += (size_t)sprintf(want + n, "LD_PRELOAD=/nowhere") + 1;
	/* Its first eight bytes are those of BASH_ENV=: user space's job. */
	n += (size_t)sprintf(want + n, "BASH_ENVIRON=no") + 1;
	n += (size_t)sprintf(want + n, "%s", value) + 1;
	n += (size_t)sprintf(want + n, "BASH_ENV=x") + 1;
	seen_run(*state, act_run, &r);
	e = seen_nth(*state, WIRE_EXEC, 0);
	assert_int_equal(e->envc, 7);
	assert_bytes(e, e->env, want, n);
	assert_int_equal(e->flags & WIRE_EXEC_ENV_TRUNCATED, 0);
}

/* It is searched in pieces: behind what of any length a string may begin. */
static void environment_is_found_wherever_it_begins(void **state)
{
	static char text[64][40];
	char *argv[] = { (char[]){ "true" }, NULL };
	char *envp[65] = { NULL }, want[31 * 16];
	struct run r = { .file = "/bin/true", .argv = argv, .envp = envp };
	const struct wire_exec *e;
	int shift, i, n, length;

	for (shift = 0; shift < 16; shift++) {
		for (n = 0, i = 0; i < 31; i++) {
			length = (i ? i : shift) % 19;
			envp[2 * i] = text[2 * i];
			(void)snprintf(text[2 * i], sizeof(text[0]), "%.*s",
				       length, "BASH_EN=XXXXXXXXXXXXX");
			envp[2 * i + 1] = text[2 * i + 1];
			n += sprintf(want + n, "BASH_ENV=%d", shift + i) + 1;
			(void)snprintf(text[2 * i + 1], sizeof(text[0]),
				       "BASH_ENV=%d", shift + i);
		}
		seen_run(*state, act_run, &r);
		e = seen_nth(*state, WIRE_EXEC, 0);
		assert_bytes(e, e->env, want, (size_t)n);
		assert_int_equal(e->flags & WIRE_EXEC_ENV_TRUNCATED, 0);
	}
}

static void environment_too_large_to_search_says_so(void **state)
{
	static char text[700][128];
	static char *envp[702];
	char *argv[] = { (char[]){ "true" }, NULL };
	struct run r = { .file = "/bin/true", .argv = argv, .envp = envp };
	const struct wire_exec *e;
	int i;

	for (i = 0; i < 700; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "A%d=%0100d", i, i);
		envp[i] = text[i];
	}
	envp[700] = (char[]){ "LD_PRELOAD=/hidden" };
	seen_run(*state, act_run, &r);
	e = seen_nth(*state, WIRE_EXEC, 0);
	assert_int_equal(e->envc, 701);
	assert_true(e->flags & WIRE_EXEC_ENV_TRUNCATED);
}

static int act_memfd(void *arg)
{
	char *argv[] = { (char[]){ "mem" }, NULL };
	int fd = memfd_create("thing", MFD_CLOEXEC);
	int in = open("/bin/true", O_RDONLY | O_CLOEXEC);
	char bytes[4096];
	ssize_t n;

	(void)arg;
	while ((n = read(in, bytes, sizeof(bytes))) > 0)
		if (write(fd, bytes, (size_t)n) != n)
			return 98;
	(void)fexecve(fd, argv, no_env);
	return 97;
}

static void memfd_is_told_as_such(void **state)
{
	const struct wire_exec *e;

	seen_run(*state, act_memfd, NULL);
	e = seen_nth(*state, WIRE_EXEC, 0);
	assert_non_null(e);
	assert_str(e, e->exe.path, "/memfd:thing");
	assert_true(e->exe.flags & WIRE_PATH_UNRESOLVED);
	assert_true(e->file.flags & WIRE_FILE_MEMFD);
	assert_true(e->flags & WIRE_EXEC_BY_FD);
	assert_int_equal(e->file.nlink, 0);
}

static int act_deleted(void *arg)
{
	char *argv[] = { (char[]){ "gone" }, NULL };
	int fd = open(arg, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || unlink(arg) < 0)
		return 98;
	(void)fexecve(fd, argv, no_env);
	return 97;
}

static void deleted_file_is_told_as_such(void **state)
{
	char *file = strdup(work_path("gone"));
	const struct wire_exec *e;

	assert_int_equal(copy_file("/bin/true", file), 0);
	seen_run(*state, act_deleted, file);
	e = seen_nth(*state, WIRE_EXEC, 0);
	assert_str(e, e->exe.path, file);
	assert_int_equal(e->exe.flags, WIRE_PATH_DELETED);
	assert_int_equal(e->file.nlink, 0);
	assert_int_equal(e->file.flags & WIRE_FILE_MEMFD, 0);
	free(file);
}

static void script_tells_both_names(void **state)
{
	char *argv[] = { (char[]){ "script" }, NULL };
	const char *file = work_path("script");
	struct run r = { .file = file, .argv = argv };
	int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	const struct wire_exec *e;
	const struct wire_exit *x;

	assert_int_equal(write(fd, "#!/bin/sh -e\nexit 7\n", 20), 20);
	(void)close(fd);
	seen_run(*state, act_run, &r);
	assert_int_equal(seen_count(*state, WIRE_EXEC), 1);
	e = seen_nth(*state, WIRE_EXEC, 0);
	assert_true(e->flags & WIRE_EXEC_SCRIPT);
	assert_str(e, e->filename, file);
	assert_str(e, e->interp, "/bin/sh");
	assert_path(e, &e->exe, real("/bin/sh"));
	x = seen_nth(*state, WIRE_EXIT, 0);
	assert_int_equal(x->status, 7 << 8);
}

static void failed_exec_is_no_exec(void **state)
{
	char *argv[] = { (char[]){ "x" }, NULL };
	struct run r = { .file = "/tmp", .argv = argv };
	const struct wire_exit *x;

	seen_run(*state, act_run, &r);
	assert_int_equal(seen_count(*state, WIRE_EXEC), 0);
	x = seen_nth(*state, WIRE_EXIT, 0);
	assert_int_equal(x->status, 97 << 8);
}

static int act_bind_mounts(void *arg)
{
	char *argv[] = { (char[]){ "true" }, NULL };
	struct run r = { .file = "/bin/true", .argv = argv };
	char path[256];
	int in_chroot = *(int *)arg;

	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 96;
	(void)snprintf(path, sizeof(path), "%s/new", work_dir());
	(void)mkdir(path, 0755);
	if (mount(in_chroot ? "/" : work_dir(), path, NULL, MS_BIND, NULL) < 0)
		return 95;
	if (in_chroot) {
		if (chroot(path) < 0 || chdir("/tmp") < 0)
			return 94;
		return act_run(&r);
	}
	(void)strcat(path, "/bound");
	r.file = path;
	return act_run(&r);
}

static void chroot_hides_no_part_of_the_path(void **state)
{
	const struct wire_exec *e;
	int in_chroot = 1;
	char want[PATH_MAX + 256];

	seen_run(*state, act_bind_mounts, &in_chroot);
	e = seen_nth(*state, WIRE_EXEC, 0);
	assert_non_null(e);
	(void)snprintf(want, sizeof(want), "%s/new%s", work_dir(),
		       real("/bin/true"));
	assert_path(e, &e->exe, want);
	assert_int_equal(e->exe.tail, strlen(real("/bin/true")));
	assert_int_equal(e->exe.prefix.len, 0);
	(void)snprintf(want, sizeof(want), "%s/new/tmp", work_dir());
	assert_path(e, &e->cwd, want);
	assert_str(e, e->filename, "/bin/true");
	assert_int_not_equal(e->hdr.mnt_ns, ns_inode("mnt"));
}

static void bind_mount_tells_the_path_in_the_file_system(void **state)
{
	const struct wire_exec *e;
	struct stat st, top;
	int in_chroot = 0;
	char want[256];

	assert_int_equal(copy_file("/bin/true", work_path("bound")), 0);
	seen_run(*state, act_bind_mounts, &in_chroot);
	e = seen_nth(*state, WIRE_EXEC, 0);
	assert_non_null(e);
	(void)snprintf(want, sizeof(want), "%s/new/bound", work_dir());
	assert_path(e, &e->exe, want);
	assert_int_equal(e->exe.tail, strlen("/bound"));
	assert_int_equal(stat("/", &top), 0);
	assert_int_equal(stat(work_dir(), &st), 0);
	/* From the root of the file system that /tmp is on. */
	assert_str(e, e->exe.prefix,
		   st.st_dev == top.st_dev ? work_dir()
					   : work_dir() + strlen("/tmp"));
	assert_is_file(&e->file, work_path("bound"));
}

static int act_deep(void *arg)
{
	char *argv[] = { (char[]){ "true" }, NULL };
	struct run r = { .file = "/bin/true", .argv = argv };
	const char *name = arg;
	int i;

	if (chdir(work_dir()) < 0)
		return 96;
	for (i = 0; i < 200; i++)
		if (mkdir(name, 0755) < 0 || chdir(name) < 0)
			return 95;
	return act_run(&r);
}

static void two_hundred_levels_are_told_whole(void **state)
{
	const struct wire_exec *e;
	char want[4096];
	int i;

	(void)snprintf(want, sizeof(want), "%s", work_dir());
	for (i = 0; i < 200; i++)
		(void)strcat(want, "/deep");
	seen_run(*state, act_deep, (char[]){ "deep" });
	e = seen_nth(*state, WIRE_EXEC, 0);
	assert_non_null(e);
	assert_path(e, &e->cwd, want);
}

static void path_over_the_limit_keeps_its_end(void **state)
{
	char name[101], end[420];
	const struct wire_exec *e;
	const char *got;

	memset(name, 'n', 100);
	name[100] = '\0';
	seen_run(*state, act_deep, name);
	e = seen_nth(*state, WIRE_EXEC, 0);
	assert_non_null(e);
	assert_int_equal(e->cwd.path.len, WIRE_NAME_MAX);
	assert_int_equal(e->cwd.flags, WIRE_PATH_TRUNCATED);
	got = (const char *)e + e->cwd.path.off + WIRE_NAME_MAX - 303;
	(void)snprintf(end, sizeof(end), "/%s/%s/%s", name, name, name);
	assert_memory_equal(got, end, 303);
}

static void *exec_in_thread(void *arg)
{
	(void)act_run(arg);
	return NULL;
}

static int act_thread_exec(void *arg)
{
	pthread_t t;

	if (pthread_create(&t, NULL, exec_in_thread, arg) == 0)
		(void)pthread_join(t, NULL);
	return 96;
}

static void exec_by_a_thread_names_it(void **state)
{
	char *argv[] = { (char[]){ "true" }, NULL };
	struct run r = { .file = "/bin/true", .argv = argv };
	const struct wire_exec *e;
	struct seen *w = *state;

	seen_run(w, act_thread_exec, &r);
	assert_int_equal(seen_count(w, WIRE_FORK), 1);
	assert_int_equal(seen_count(w, WIRE_EXIT), 1);
	e = seen_nth(w, WIRE_EXEC, 0);
	assert_int_equal(e->hdr.tgid, w->child);
	assert_int_equal(e->hdr.tid, w->child);
	assert_int_not_equal(e->old_tid, w->child);
	assert_int_equal(((const struct wire_fork *)seen_nth(w, WIRE_FORK, 0))
				 ->hdr.start_ns,
			 e->hdr.start_ns);
}

static void images_are_numbered_by_exec(void **state)
{
	char *argv[] = { (char[]){ "sh" }, (char[]){ "-c" },
			 (char[]){ "/bin/true; exec /bin/true" }, NULL };
	struct run r = { .file = "/bin/sh", .argv = argv };
	const struct wire_exec *e[3];
	const struct wire_fork *f[2];
	struct seen *w = *state;
	uint32_t image;

	seen_run(w, act_run, &r);
	assert_int_equal(seen_count(w, WIRE_FORK), 2);
	assert_int_equal(seen_count(w, WIRE_EXEC), 3);
	assert_int_equal(seen_count(w, WIRE_EXIT), 2);
	f[0] = seen_nth(w, WIRE_FORK, 0);
	f[1] = seen_nth(w, WIRE_FORK, 1);
	e[0] = seen_nth(w, WIRE_EXEC, 0);
	e[1] = seen_nth(w, WIRE_EXEC, 1);
	e[2] = seen_nth(w, WIRE_EXEC, 2);
	image = f[0]->parent_image;
	assert_int_equal(f[0]->hdr.image, image);
	assert_int_equal(e[0]->hdr.image, image + 1);
	assert_int_equal(f[1]->parent_tgid, w->child);
	assert_int_equal(f[1]->parent_image, image + 1);
	assert_int_equal(f[1]->parent_start_ns, e[0]->hdr.start_ns);
	assert_int_equal(e[1]->hdr.tgid, f[1]->hdr.tgid);
	assert_int_equal(e[1]->hdr.image, image + 2);
	assert_int_equal(e[1]->parent_image, image + 1);
	assert_int_equal(e[2]->hdr.tgid, w->child);
	assert_int_equal(e[2]->hdr.image, image + 2);
}

static int act_die(void *arg)
{
	(void)arg;
	(void)signal(SIGTERM, SIG_DFL);
	(void)raise(SIGTERM);
	return 0;
}

static void death_by_signal_is_the_status(void **state)
{
	const struct wire_exit *x;

	seen_run(*state, act_die, NULL);
	x = seen_nth(*state, WIRE_EXIT, 0);
	assert_int_equal(x->status, SIGTERM);
}

static void *sleep_long(void *arg)
{
	(void)arg;
	(void)pause();
	return NULL;
}

static int act_threads(void *arg)
{
	pthread_t t;
	int i;

	(void)arg;
	for (i = 0; i < 4; i++)
		if (pthread_create(&t, NULL, sleep_long, NULL) != 0)
			return 98;
	exit(3);
}

static void threads_are_not_processes(void **state)
{
	const struct wire_exit *x;

	seen_run(*state, act_threads, NULL);
	assert_int_equal(seen_count(*state, WIRE_FORK), 1);
	assert_int_equal(seen_count(*state, WIRE_EXIT), 1);
	x = seen_nth(*state, WIRE_EXIT, 0);
	assert_int_equal(x->status, 3 << 8);
}

struct found {
	const struct wire_fork *fork;
	unsigned tasks, selves, kthreads;
	bool agrees;
};

static int look(void *arg, const struct wire_task *t)
{
	struct found *f = arg;

	f->tasks++;
	f->kthreads += t->flags & WIRE_F_KTHREAD;
	if (t->tgid != (uint32_t)getpid())
		return 0;
	f->selves++;
	f->agrees = t->start_ns == f->fork->parent_start_ns &&
		    t->image == f->fork->parent_image &&
		    t->parent_tgid == (uint32_t)getppid() &&
		    t->cgroup_id == f->fork->hdr.cgroup_id &&
		    t->cgroup_v1_id == f->fork->hdr.cgroup_v1_id &&
		    t->mnt_ns == f->fork->hdr.mnt_ns;
	return 0;
}

static void snapshot_agrees_with_events(void **state)
{
	struct found f = { 0 };
	struct seen *w = *state;

	seen_run(w, act_die, NULL);
	f.fork = seen_nth(w, WIRE_FORK, 0);
	assert_int_equal(sensor_tasks(w->sensor, look, &f), 0);
	assert_true(f.tasks > 2);
	assert_true(f.kthreads > 1);
	assert_int_equal(f.selves, 1);
	assert_true(f.agrees);
}

static int stop_at_once(void *arg, const struct wire_task *t)
{
	(void)t;
	++*(int *)arg;
	return -7;
}

static void snapshot_ends_when_told(void **state)
{
	struct seen *w = *state;
	int calls = 0, fds = open_fds();

	assert_int_equal(sensor_tasks(w->sensor, stop_at_once, &calls), -7);
	assert_int_equal(calls, 1);
	assert_int_equal(open_fds(), fds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exec_tells_file_arguments_and_place),
		cmocka_unit_test(exec_tells_namespaces_and_descriptors),
		cmocka_unit_test(three_hundred_arguments_are_kept),
		cmocka_unit_test(long_argument_is_cut_and_says_so),
		cmocka_unit_test(only_named_environment_is_kept),
		cmocka_unit_test(environment_is_found_wherever_it_begins),
		cmocka_unit_test(environment_too_large_to_search_says_so),
		cmocka_unit_test(memfd_is_told_as_such),
		cmocka_unit_test(deleted_file_is_told_as_such),
		cmocka_unit_test(script_tells_both_names),
		cmocka_unit_test(failed_exec_is_no_exec),
		cmocka_unit_test(chroot_hides_no_part_of_the_path),
		cmocka_unit_test(bind_mount_tells_the_path_in_the_file_system),
		cmocka_unit_test(two_hundred_levels_are_told_whole),
		cmocka_unit_test(path_over_the_limit_keeps_its_end),
		cmocka_unit_test(exec_by_a_thread_names_it),
		cmocka_unit_test(images_are_numbered_by_exec),
		cmocka_unit_test(death_by_signal_is_the_status),
		cmocka_unit_test(threads_are_not_processes),
		cmocka_unit_test(snapshot_agrees_with_events),
		cmocka_unit_test(snapshot_ends_when_told),
	};

	return cmocka_run_group_tests_name("exec", tests, seen_setup,
					   seen_teardown);
}
