/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file mapped executable while another thread puts something else in its
 * descriptor's place, and is gone before the mapping is done. No other family
 * asks for the begin of calls here.
 */
#include "change.h"
#include "forced.h"
#include "fuse_server.h"
#include "thread_call.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct swap {
	const char *other; /* in its place; NULL: it is closed */
	int gate[2];
	int fd;
	pid_t tid;    /* of who maps */
	bool crowded; /* by calls that fail and keep nothing */
};

/* More than the kernel's side keeps descriptors' files of. */
#define CROWD 9000

static void *fail_to_load(void *arg)
{
	return syscall(SYS_finit_module, -1, "", 0) < 0 ? NULL : arg;
}

static void crowd(void)
{
	pthread_t t;

	for (int i = 0; i < CROWD; i++)
		if (pthread_create(&t, NULL, fail_to_load, NULL) == 0)
			(void)pthread_join(t, NULL);
}

/* Its pages are asked for when it is mapped already. */
static void *swap_and_leave(void *arg)
{
	const struct swap *s = arg;
	int other;

	while (thread_call(s->tid) != SYS_mmap)
		(void)sched_yield();
	if (s->other) {
		other = open(s->other, O_RDONLY | O_CLOEXEC);
		(void)dup2(other, s->fd);
	} else {
		(void)close(s->fd);
	}
	(void)unshare(CLONE_FILES);
	if (s->crowded)
		crowd();
	(void)!write(s->gate[1], "for all it asks", 16);
	return NULL;
}

static int map_while_swapped(struct swap *s)
{
	pthread_t t;
	void *p;

	/* Not for ever, where nobody says who sleeps in what. */
	(void)alarm(60);
	s->tid = gettid();
	TRY(s->fd = open(work_path("fs/" FUSE_PROGRAM), O_RDONLY));
	/* The server is asked whether that may be: not while it waits. */
	TRY(close(s->fd));
	TRY(s->fd = open(work_path("fs/" FUSE_PROGRAM), O_RDONLY));
	if (pthread_create(&t, NULL, swap_and_leave, s) != 0)
		return 92;
	p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_POPULATE,
		 s->fd, 0);
	(void)pthread_join(t, NULL);
	return p == MAP_FAILED ? 93 : 0;
}

static int act_swapped(void *arg)
{
	struct swap *s = arg;
	int r, server;
	pid_t pid;

	TRY(pipe(s->gate));
	if (enter_mounts() < 0 || (server = fuse_mount(work_path("fs"))) < 0)
		return CANNOT;
	TRY(pid = fork());
	if (!pid) {
		(void)close(s->gate[1]);
		_exit(fuse_serve(server, s->gate[0]));
	}
	(void)close(server);
	r = map_while_swapped(s);
	(void)kill(pid, SIGKILL);
	TRY(waitpid(pid, NULL, 0));
	return r;
}

static const struct wire_load *mapped(const struct seen *w, const char *path)
{
	const struct wire_load *r;
	size_t i;

	for (i = 0; (r = seen_load(w, WIRE_LOAD_MMAP, i)); i++)
		if (r->path.path.len == strlen(path) &&
		    memcmp((const char *)r + r->path.path.off, path,
			   strlen(path)) == 0)
			return r;
	return NULL;
}

static void check_swapped(struct seen *w, struct swap *s)
{
	struct sensor_row row = seen_row(w, "files mapped executable");
	bool by_calls = strcmp(row.backend, "tp_btf") == 0 ||
			strcmp(row.backend, "raw_tp") == 0;
	const struct wire_load *r;

	seen_run(w, act_swapped, s);
	if (WEXITSTATUS(w->status) == CANNOT) {
		print_message("# no file system served by a process\n");
		return;
	}
	assert_int_equal(w->status, 0);
	r = mapped(w, work_path("fs/" FUSE_PROGRAM));
	assert_non_null(r);
	assert_int_equal(r->flags, by_calls ? WIRE_LOAD_FD_CLAIMED : 0);
	assert_int_equal(r->file.ino, FUSE_PROGRAM_INO);
	assert_non_null(by_calls ? strstr(row.reason,
					  "which of two files, where a second "
					  "thread swaps the descriptor")
				 : "");
	r = s->other ? mapped(w, s->other) : NULL;
	assert_int_equal(r != NULL, by_calls && s->other);
	if (r)
		assert_int_equal(r->flags, WIRE_LOAD_FD_CLAIMED);
}

static void a_file_swapped_while_it_is_mapped_is_told(void **state)
{
	struct swap s = { .other = work_path("innocent") };

	assert_int_equal(copy_file("/bin/true", s.other), 0);
	check_swapped(*state, &s);
}

static void a_file_closed_while_it_is_mapped_is_told(void **state)
{
	check_swapped(*state, &(struct swap){ .other = NULL });
}

static void what_fails_to_load_drives_nothing_out(void **state)
{
	check_swapped(*state, &(struct swap){ .crowded = true });
}

static int setup(void **state)
{
	/*
	 * A second mount may get the number of the first, and its inode that
	 * one's place: it is no repeat.
	 */
	struct sensor_settings s = {
		.ring_bytes = 1u << 20,
		.window_ms = 1,
		.env_names = seen_env_names,
		.self_tgid = (uint32_t)getpid(),
	};
	enum wire_family family;
	struct seen *w = NULL;
	char what[256];

	for (family = 0; family < WIRE_FAM_COUNT; family++)
		if (family != WIRE_FAM_FORK && family != WIRE_FAM_EXIT &&
		    family != WIRE_FAM_LOAD)
			s.force[family] = SENSOR_OFF;
	forced_by_env(s.force);
	if (seen_try(&s, &w, what) < 0 || mkdir(work_path("fs"), 0755) < 0)
		return -1;
	*state = w;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_swapped_while_it_is_mapped_is_told),
		cmocka_unit_test(a_file_closed_while_it_is_mapped_is_told),
		cmocka_unit_test(what_fails_to_load_drives_nothing_out),
	};

	return cmocka_run_group_tests_name("load swap", tests, setup,
					   seen_teardown);
}
