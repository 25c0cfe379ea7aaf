/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes by whoever does not want them told: the descriptor is closed, the
 * request is overwritten when the call ends; or the kernel is made to do it. Each is told, or the coverage table says that it is not.
 */
#include "change.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPENED "files opened for writing"
#define BYTES  "bytes written"

/* ---- closed or covered under way -------------------------------------------- */

#define FILES  400
#define ROUNDS 3 /* or until one was hidden in time */

/* What is opened is closed, or this is put over it. */
enum cover { NO_COVER, READ_ONLY, PIPE };

struct hider {
	atomic_bool stop;
	int fd;
	int cover; /* -1: none */
};

static void *hide_for_ever(void *arg)
{
	struct hider *h = arg;

	while (!atomic_load(&h->stop))
		(void)(h->cover < 0 ? syscall(SYS_close, h->fd)
				    : dup2(h->cover, h->fd));
	return NULL;
}

static int open_cover(enum cover cover)
{
	int ends[2] = { -1, -1 };

	if (cover == READ_ONLY)
		return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	return cover == PIPE && pipe(ends) < 0 ? -1 : ends[1];
}

struct hidden {
	enum cover cover;
	int round;
};

static int act_hidden_under_way(void *arg)
{
	struct hider h = { .stop = false };
	const struct hidden *how = arg;
	char name[32];
	pthread_t t;
	int i, fd;

	TRY(chdir(work_path("closed")));
	h.cover = open_cover(how->cover);
	if ((how->cover == NO_COVER) != (h.cover < 0))
		return 93;
	/* The number that comes next. */
	TRY(h.fd = open("/dev/null", O_RDONLY | O_CLOEXEC));
	if (pthread_create(&t, NULL, hide_for_ever, &h) != 0)
		return 92;
	for (i = 0; i < FILES; i++) {
		(void)snprintf(name, sizeof(name), "file-%d-%d", how->round, i);
		(void)close(h.fd);
		TRY(fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
		(void)close(fd);
	}
	atomic_store(&h.stop, true);
	(void)pthread_join(t, NULL);
	return 0;
}

static size_t times_told(const struct seen *w, const char *path)
{
	const struct wire_write *r;
	size_t i, n = 0;

	for (i = 0; (r = seen_nth(w, WIRE_WRITE, i)); i++)
		n += r->op == WIRE_OP_OPEN && strcmp(told_path(r), path) == 0;
	return n;
}

/*
 * How many were told by what their caller asked for. Not more may be missing
 * than were counted as lost: others may have filled the ring.
 */
static size_t check_round(const struct seen *w, int round, uint64_t lost)
{
	const struct wire_write *r;
	size_t i, n, claimed = 0, missing = 0;
	char name[48];

	for (i = 0; i < FILES; i++) {
		(void)snprintf(name, sizeof(name), "closed/file-%d-%zu", round,
			       i);
		n = times_told(w, work_path(name));
		assert_true(n <= 1);
		missing += !n;
	}
	assert_true(missing <= lost);
	for (i = 0; (r = seen_nth(w, WIRE_WRITE, i)); i++) {
		if (!(r->flags & WIRE_WRITE_NAME_CLAIMED))
			continue;
		assert_true(r->flags & WIRE_WRITE_FD_CLAIMED);
		assert_int_equal(r->arg & (O_ACCMODE | O_CREAT),
				 O_WRONLY | O_CREAT);
		claimed++;
	}
	return claimed;
}

static void check_hidden(struct seen *w, enum cover cover)
{
	struct hidden how = { .cover = cover, .round = (int)cover * ROUNDS };
	size_t claimed = 0;
	uint64_t before;
	int end = how.round + ROUNDS;

	assert_true(mkdir(work_path("closed"), 0755) == 0 || errno == EEXIST);
	for (; !claimed && how.round < end; how.round++) {
		before = seen_counters(w, WIRE_FAM_WRITE).lost;
		seen_run(w, act_hidden_under_way, &how);
		assert_int_equal(w->status, 0);
		claimed = check_round(w, how.round,
				      seen_counters(w, WIRE_FAM_WRITE).lost -
					      before);
	}
	print_message("# %zu were hidden, in %d rounds\n", claimed,
		      ROUNDS - (end - how.round));
}

static void what_is_closed_under_way_is_told(void **state)
{
	check_hidden(*state, NO_COVER);
}

static void what_is_covered_under_way_is_told(void **state)
{
	check_hidden(*state, READ_ONLY);
	check_hidden(*state, PIPE);
}

/* ---- requests that are overwritten ----------------------------------------- */

/* The second of two requests reads another one over the first. */
static int act_aio_overwritten(void *arg)
{
	struct iocb over = { .aio_lio_opcode = IOCB_CMD_NOOP };
	struct iocb put = { .aio_lio_opcode = IOCB_CMD_PWRITE };
	struct iocb get = { .aio_lio_opcode = IOCB_CMD_PREAD };
	struct iocb *list[] = { &put, &get };
	aio_context_t aio = 0;
	struct stat st;
	int from, to;

	(void)arg;
	TRY(chdir(work_dir()));
	if (syscall(SYS_io_setup, 2, &aio) < 0)
		return errno == ENOSYS ? CANNOT : 90;
	TRY(from = open("requests", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	TRY(to = open("target", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	TRY(write(from, &over, sizeof(over)));
	put.aio_fildes = (uint32_t)to;
	put.aio_buf = (uintptr_t) "xyz";
	put.aio_nbytes = 3;
	get.aio_fildes = (uint32_t)from;
	get.aio_buf = (uintptr_t)&put;
	get.aio_nbytes = sizeof(put);
	if (syscall(SYS_io_submit, aio, 2, list) != 2)
		return 93;
	TRY(fstat(to, &st));
	return st.st_size == 3 ? 0 : CANNOT;
}

static void an_overwritten_request_is_told_or_said(void **state)
{
	struct seen *w = *state;

	if (!can_run(w, act_aio_overwritten, "aio"))
		return;
	if (seen_writes(w, WIRE_OP_WRITE) == 1)
		assert_said(w, BYTES, "aio whose requests are overwritten");
	else
		assert_int_equal(seen_writes(w, WIRE_OP_WRITE), 2);
}

/* ---- arguments in memory ---------------------------------------------------- */

#define MAPPED	   "shared mappings"
#define EXECUTABLE "files mapped executable"

#if defined(__x86_64__)
#define OLD_MMAP 90

static int act_old_mmap(void *arg)
{
	uint32_t *args = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long r;
	int fd;

	(void)arg;
	if (args == MAP_FAILED)
		return 92;
	TRY(fd = open(work_path("mapped"), O_RDWR | O_CREAT | O_CLOEXEC, 0700));
	TRY(ftruncate(fd, 4096));
	args[1] = 4096;
	args[2] = PROT_READ | PROT_WRITE | PROT_EXEC;
	args[3] = MAP_SHARED;
	args[4] = (uint32_t)fd;
	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(OLD_MMAP), "b"(args)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)r == -ENOSYS ? CANNOT : (uint32_t)r < -4095u ? 0 : 93;
}
#else
static int act_old_mmap(void *arg)
{
	(void)arg;
	return CANNOT;
}
#endif

static void what_old_mmap_maps_is_told_or_said(void **state)
{
	struct seen *w = *state;

	if (!can_run(w, act_old_mmap, "old_mmap"))
		return;
	if (!seen_writes(w, WIRE_OP_MMAP))
		assert_said(w, MAPPED, "old_mmap of 32-bit programs");
	/* In a run of one family alone the other is off, and says that. */
	if (!seen_count(w, WIRE_LOAD) &&
	    !strstr(seen_row(w, EXECUTABLE).reason, "switched off"))
		assert_said(w, EXECUTABLE, "old_mmap of 32-bit programs");
}

/* ---- what the kernel does for a program ------------------------------------ */

static int act_dump(void *arg)
{
	const struct rlimit any = { RLIM_INFINITY, RLIM_INFINITY };
	int status;
	pid_t pid;

	(void)arg;
	TRY(mkdir(work_path("dump"), 0700));
	TRY(chdir(work_path("dump")));
	TRY(setrlimit(RLIMIT_CORE, &any));
	TRY(pid = fork());
	if (!pid)
		abort();
	TRY(waitpid(pid, &status, 0));
	/* A pattern may lead it elsewhere, or to a program. */
	return WIFSIGNALED(status) && rmdir(work_path("dump")) < 0 ? 0 : CANNOT;
}

static void a_core_dump_is_told_or_said(void **state)
{
	struct seen *w = *state;

	if (!can_run(w, act_dump, "core dumps in the working directory"))
		return;
	if (seen_writes(w, WIRE_OP_OPEN))
		assert_int_equal(seen_writes(w, WIRE_OP_OPEN), 1);
	else
		assert_said(w, OPENED, "core dumps");
}

/* No direct I/O in a ramfs: refused, but only once the file is there. */
static int act_make_in_vain(void *arg)
{
	const char *at = arg;

	if (enter_mounts() < 0 || mkdir(work_path("ram"), 0755) < 0 ||
	    mount("ram", work_path("ram"), "ramfs", 0, NULL) < 0)
		return CANNOT;
	if (open(at, O_WRONLY | O_CREAT | O_DIRECT | O_CLOEXEC, 0644) >= 0)
		return CANNOT;
	return access(at, F_OK) == 0 ? 0 : CANNOT;
}

static void a_file_made_by_an_open_that_fails_is_told_or_said(void **state)
{
	struct seen *w = *state;
	char at[PATH_MAX];
	int status;

	(void)snprintf(at, sizeof(at), "%s", work_path("ram/made"));
	seen_run(w, act_make_in_vain, at);
	status = w->status;
	(void)rmdir(work_path("ram"));
	if (WEXITSTATUS(status) == CANNOT) {
		print_message("# no ramfs, or it can do direct I/O\n");
		return;
	}
	assert_int_equal(status, 0);
	if (seen_writes(w, WIRE_OP_OPEN)) {
		assert_int_equal(seen_writes(w, WIRE_OP_OPEN), 1);
		assert_true(seen_write(w, WIRE_OP_OPEN, 0)->flags &
			    WIRE_WRITE_CREATED);
	} else {
		assert_said(w, OPENED, "files made by an open that fails");
	}
}

static int act_bind(void *arg)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "bound" };
	int fd;

	(void)arg;
	TRY(chdir(work_dir()));
	TRY(fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	TRY(bind(fd, (struct sockaddr *)&at, sizeof(at)));
	return 0;
}

static void a_socket_that_is_bound_is_told_or_said(void **state)
{
	const struct wire_write *r;
	struct seen *w = *state;

	seen_run(w, act_bind, NULL);
	assert_int_equal(w->status, 0);
	r = seen_write(w, WIRE_OP_MKNOD, 0);
	if (r)
		assert_string_equal(told_path(r), work_path("bound"));
	else
		assert_said(w, "mknod", "what bind(2) makes of a unix socket");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_closed_under_way_is_told),
		cmocka_unit_test(what_is_covered_under_way_is_told),
		cmocka_unit_test(an_overwritten_request_is_told_or_said),
		cmocka_unit_test(what_old_mmap_maps_is_told_or_said),
		cmocka_unit_test(a_core_dump_is_told_or_said),
		cmocka_unit_test(
			a_file_made_by_an_open_that_fails_is_told_or_said),
		cmocka_unit_test(a_socket_that_is_bound_is_told_or_said),
	};

	return cmocka_run_group_tests_name("write hidden", tests, seen_setup,
					   seen_teardown);
}
