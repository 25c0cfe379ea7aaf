/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every way for bytes to get into a file, on whatever backend speaks: the file
 * is told once, under the process and the path; or the coverage table says in
 * words that this backend cannot see it.
 */
#include "change.h"
#include "lend.h"
#include "uring_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* linux/falloc.h, which glibc's fcntl.h does not go along with everywhere. */
struct space_resv {
	int16_t l_type, l_whence;
	int64_t l_start, l_len;
	int32_t l_sysid;
	uint32_t l_pid;
	int32_t l_pad[4];
};
#define FS_IOC_RESVSP	  _IOW('X', 40, struct space_resv)
#define FS_IOC_UNRESVSP64 _IOW('X', 43, struct space_resv)
#define FS_IOC_ZERO_RANGE _IOW('X', 57, struct space_resv)

static struct iovec three = { (char[]){ "xyz" }, 3 };

/* Each gets a descriptor of the file, open for reading and writing. */

static int by_write(int fd)
{
	TRY(write(fd, "xyz", 3));
	return 0;
}

static int by_pwrite(int fd)
{
	TRY(pwrite(fd, "xyz", 3, 0));
	return 0;
}

static int by_writev(int fd)
{
	TRY(writev(fd, &three, 1));
	return 0;
}

static int by_pwritev(int fd)
{
	TRY(pwritev(fd, &three, 1, 0));
	return 0;
}

static int by_pwritev2(int fd)
{
	TRY(pwritev2(fd, &three, 1, 0, RWF_DSYNC));
	return 0;
}

static int by_sendfile(int fd)
{
	off_t at = 0;
	int in;

	TRY(in = open("source", O_RDONLY));
	TRY(sendfile(fd, in, &at, 3));
	return 0;
}

static int by_copy_file_range(int fd)
{
	off64_t at = 0;
	int in;

	TRY(in = open("source", O_RDONLY));
	TRY(copy_file_range(in, &at, fd, NULL, 3, 0));
	return 0;
}

static int by_vmsplice_and_tee(int fd)
{
	int p[2], q[2];

	TRY(pipe(p));
	TRY(pipe(q));
	TRY(vmsplice(p[1], &three, 1, 0));
	TRY(tee(p[0], q[1], 3, 0));
	TRY(splice(q[0], NULL, fd, NULL, 3, 0));
	return 0;
}

static int by_fallocate(int fd)
{
	if (fallocate(fd, 0, 0, 8192) < 0)
		return errno == EOPNOTSUPP ? CANNOT : 90;
	return 0;
}

static int by_punching_a_hole(int fd)
{
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) <
	    0)
		return errno == EOPNOTSUPP ? CANNOT : 90;
	return 0;
}

/* What fallocate(2) does as well, asked for as XFS first had it. */
static int by_request(int fd, unsigned long request)
{
	struct space_resv what = { .l_len = 4096 };

	if (ioctl(fd, request, &what) < 0)
		return errno == EOPNOTSUPP || errno == ENOTTY ? CANNOT : 90;
	return 0;
}

static int by_reserving(int fd)
{
	return by_request(fd, FS_IOC_RESVSP);
}

static int by_unreserving(int fd)
{
	return by_request(fd, FS_IOC_UNRESVSP64);
}

static int by_zeroing(int fd)
{
	return by_request(fd, FS_IOC_ZERO_RANGE);
}

static int by_clone(int fd)
{
	int in;

	TRY(in = open("source", O_RDONLY));
	if (ioctl(fd, FICLONE, in) < 0)
		return CANNOT;
	return 0;
}

static int uring_write(int fd, uint32_t setup, uint8_t opcode, uint8_t flags)
{
	struct io_uring_sqe sqe = {
		.opcode = opcode,
		.flags = flags,
		.fd = flags & IOSQE_FIXED_FILE ? 0 : fd,
		.len = 3,
	};
	static char buffer[4096] = "xyz";
	struct iovec fixed = { buffer, sizeof(buffer) };
	struct uring u;

	sqe.addr = (uintptr_t)(opcode == IORING_OP_WRITEV ? (void *)&three
							  : buffer);
	if (opcode == IORING_OP_WRITEV)
		sqe.len = 1;
	if (uring_open(&u, setup) < 0)
		return CANNOT;
	TRY(syscall(SYS_io_uring_register, u.fd, IORING_REGISTER_BUFFERS,
		    &fixed, 1));
	TRY(syscall(SYS_io_uring_register, u.fd, IORING_REGISTER_FILES, &fd,
		    1));
	return uring_on(&u, &sqe) == 3 ? 0 : 93;
}

static int by_io_uring(int fd)
{
	return uring_write(fd, 0, IORING_OP_WRITE, 0);
}

static int by_io_uring_writev(int fd)
{
	return uring_write(fd, 0, IORING_OP_WRITEV, 0);
}

static int by_io_uring_buffer(int fd)
{
	return uring_write(fd, 0, IORING_OP_WRITE_FIXED, 0);
}

static int by_io_uring_file(int fd)
{
	return uring_write(fd, 0, IORING_OP_WRITE_FIXED, IOSQE_FIXED_FILE);
}

static int by_io_uring_polled(int fd)
{
	return uring_write(fd, IORING_SETUP_SQPOLL, IORING_OP_WRITE,
			   IOSQE_FIXED_FILE);
}

static int by_io_uring_worker(int fd)
{
	return uring_write(fd, 0, IORING_OP_WRITE, IOSQE_ASYNC);
}

static int by_io_uring_splice(int fd)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_SPLICE,
		.fd = fd,
		.off = (uint64_t)-1,
		.splice_off_in = (uint64_t)-1,
		.len = 3,
	};
	struct uring u;
	int p[2];

	if (uring_open(&u, 0) < 0)
		return CANNOT;
	TRY(pipe(p));
	TRY(write(p[1], "xyz", 3));
	sqe.splice_fd_in = p[0];
	return uring_on(&u, &sqe) == 3 ? 0 : 93;
}

static int by_io_uring_fallocate(int fd)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_FALLOCATE,
		.fd = fd,
		.addr = 8192,
	};
	struct uring u;
	int r;

	if (uring_open(&u, 0) < 0)
		return CANNOT;
	r = uring_on(&u, &sqe);
	return r == -EOPNOTSUPP ? CANNOT : r ? 93 : 0;
}

static int by_reopening(int fd)
{
	char name[40];
	int again;

	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	TRY(again = open(name, O_WRONLY));
	TRY(write(again, "xyz", 3));
	return 0;
}

static int by_mapping(int fd)
{
	char *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (m == MAP_FAILED)
		return 92;
	m[0] = 'x';
	return 0;
}

static int by_mprotect(int fd)
{
	char *m = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	if (m == MAP_FAILED)
		return 92;
	TRY(mprotect(m, 4096, PROT_READ | PROT_WRITE));
	m[0] = 'x';
	return 0;
}

/* What an opened file is to have happen to it, and who cannot see that. */
static const struct way {
	const char *name;
	int (*act)(int fd);
	enum wire_write_op op;
	/* Of the coverage table of a backend that sees system calls only. */
	const char *blind;
} ways[] = {
	{ "write", by_write, WIRE_OP_WRITE, NULL },
	{ "pwrite", by_pwrite, WIRE_OP_WRITE, NULL },
	{ "writev", by_writev, WIRE_OP_WRITE, NULL },
	{ "pwritev", by_pwritev, WIRE_OP_WRITE, NULL },
	{ "pwritev2", by_pwritev2, WIRE_OP_WRITE, NULL },
	{ "sendfile", by_sendfile, WIRE_OP_WRITE, NULL },
	{ "copy_file_range", by_copy_file_range, WIRE_OP_WRITE, NULL },
	{ "splice", by_splice, WIRE_OP_WRITE, NULL },
	{ "vmsplice", by_vmsplice_and_tee, WIRE_OP_WRITE, NULL },
	{ "fallocate", by_fallocate, WIRE_OP_WRITE, NULL },
	{ "hole", by_punching_a_hole, WIRE_OP_WRITE, NULL },
	{ "reserved", by_reserving, WIRE_OP_WRITE, NULL },
	{ "unreserved", by_unreserving, WIRE_OP_WRITE, NULL },
	{ "zeroed", by_zeroing, WIRE_OP_WRITE, NULL },
	{ "clone", by_clone, WIRE_OP_WRITE, NULL },
	{ "aio", by_aio, WIRE_OP_WRITE, NULL },
	{ "io_uring", by_io_uring, WIRE_OP_WRITE, "io_uring" },
	{ "io_uring-writev", by_io_uring_writev, WIRE_OP_WRITE, "io_uring" },
	{ "io_uring-buffer", by_io_uring_buffer, WIRE_OP_WRITE, "io_uring" },
	{ "io_uring-file", by_io_uring_file, WIRE_OP_WRITE, "io_uring" },
	{ "io_uring-polled", by_io_uring_polled, WIRE_OP_WRITE, "io_uring" },
	{ "io_uring-worker", by_io_uring_worker, WIRE_OP_WRITE, "io_uring" },
	{ "io_uring-splice", by_io_uring_splice, WIRE_OP_WRITE, "io_uring" },
	{ "io_uring-fallocate", by_io_uring_fallocate, WIRE_OP_WRITE,
	  "io_uring" },
	{ "reopened", by_reopening, WIRE_OP_WRITE, NULL },
	{ "mapped", by_mapping, WIRE_OP_MMAP, NULL },
	{ "mprotect", by_mprotect, WIRE_OP_MMAP, NULL },
	{ "passed", by_another_process, WIRE_OP_WRITE, NULL },
	{ "fetched", by_fetching, WIRE_OP_WRITE, NULL },
	{ "io_uring-lent", by_io_uring_of_the_parent, WIRE_OP_WRITE,
	  "io_uring" },
};

static int act_way(void *arg)
{
	const struct way *way = arg;
	int fd;

	TRY(chdir(work_dir()));
	TRY(fd = open(way->name, O_RDWR));
	return way->act(fd);
}

/* A row of the table that says it does not see what `blind` names. */
static bool is_said_blind(const struct seen *w, const char *blind)
{
	struct sensor_row rows[SENSOR_ROWS_MAX];
	size_t i, n = sensor_coverage(w->sensor, rows);

	for (i = 0; i < n; i++)
		if (strcmp(rows[i].family, "write") == 0 && !rows[i].active &&
		    strstr(rows[i].hook, blind))
			return true;
	return false;
}

static void check_way(struct seen *w, const struct way *way)
{
	const struct wire_write *opened, *r;
	struct stat st;
	size_t n;

	seen_run(w, act_way, (void *)(uintptr_t)way);
	if (WEXITSTATUS(w->status) == CANNOT) {
		print_message("# %s: not on this machine\n", way->name);
		return;
	}
	assert_int_equal(w->status, 0);
	assert_int_equal(stat(work_path(way->name), &st), 0);
	/* Opened twice is one kind of change. */
	n = seen_writes(w, WIRE_OP_OPEN);
	if (n != 1)
		print_message("# %s: %zu events of opening\n", way->name, n);
	assert_int_equal(n, 1);
	opened = seen_write(w, WIRE_OP_OPEN, 0);
	assert_string_equal(told_path(opened), work_path(way->name));
	n = seen_writes(w, way->op);
	if (n != 1)
		print_error("%s: %zu events\n", way->name, n);
	if (n == 0 && way->blind && is_said_blind(w, way->blind))
		return;
	assert_int_equal(n, 1);
	assert_int_equal(seen_count(w, WIRE_WRITE), 2);
	r = seen_write(w, way->op, 0);
	assert_string_equal(told_path(r), work_path(way->name));
	assert_int_equal(r->file.ino, st.st_ino);
	if (is_lent(way->act))
		assert_int_not_equal(r->hdr.tgid, w->child);
	else
		assert_int_equal(r->hdr.tgid, w->child);
}

static void every_way_into_a_file_is_told_once(void **state)
{
	struct seen *w = *state;
	char block[8192] = { 1 };
	size_t i;
	int fd;

	fd = open(work_path("source"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(write(fd, block, sizeof(block)), sizeof(block));
	(void)close(fd);
	for (i = 0; i < COUNT(ways); i++) {
		assert_int_equal(
			copy_file(work_path("source"), work_path(ways[i].name)),
			0);
		check_way(w, &ways[i]);
	}
}

static int act_open_flags(void *arg)
{
	struct {
		uint64_t flags, mode, resolve;
	} how = { O_RDWR | O_APPEND, 0, 0 };
	int fd;

	(void)arg;
	TRY(chdir(work_dir()));
	TRY(fd = open("flags", O_RDONLY | O_CREAT | O_EXCL, 0600));
	TRY(fd = open("flags", O_RDONLY | O_TRUNC));
	TRY(fd = (int)syscall(SYS_openat2, AT_FDCWD, "flags", &how,
			      sizeof(how)));
	/* None of these can change the file, or has. */
	TRY(fd = open("flags", O_PATH | O_TRUNC));
	TRY(fd = open("flags", O_RDONLY));
	REFUSED(open("flags", O_WRONLY | O_CREAT | O_EXCL, 0600));
	REFUSED(open("flags", O_WRONLY | O_TRUNC | O_DIRECTORY));
	return fd < 0;
}

/*
 * O_TRUNC takes all there is, O_CREAT makes a file, whatever right to write was
 * asked for.
 */
static void opening_is_told_where_it_changes_or_may(void **state)
{
	const struct wire_write *r;
	struct seen *w = *state;

	seen_run(w, act_open_flags, NULL);
	assert_int_equal(w->status, 0);
	r = seen_write(w, WIRE_OP_OPEN, 0);
	assert_string_equal(told_path(r), work_path("flags"));
	assert_int_equal(r->flags, WIRE_WRITE_CREATED);
	r = seen_write(w, WIRE_OP_OPEN, 1);
	assert_non_null(r);
	assert_int_equal(r->flags, WIRE_WRITE_TRUNC);
	/* Then only a repeat of an opening, which is summed. */
	assert_int_equal(seen_count(w, WIRE_WRITE), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_way_into_a_file_is_told_once),
		cmocka_unit_test(opening_is_told_where_it_changes_or_may),
	};

	return cmocka_run_group_tests_name("write_ways", tests, seen_setup,
					   seen_teardown);
}
