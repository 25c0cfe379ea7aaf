/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a backend does not see of a write: it really happens, and where it is
 * not told, or told though it did not come to pass, or not with all there is to
 * know, the coverage table says so in the words that people read.
 */
#include "change.h"
#include "uring_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define BYTES "bytes written"
#define URING "changes through io_uring"

static void make(const char *name)
{
	assert_int_equal(mknod(work_path(name), S_IFREG | 0644, 0), 0);
}

/* ---- bytes ----------------------------------------------------------------- */

static int act_aio_in_vain(void *arg)
{
	const struct rlimit none = { 0, 0 };
	int64_t result;
	int fd, r;

	(void)arg;
	TRY(fd = open(work_path("vain"), O_WRONLY));
	(void)signal(SIGXFSZ, SIG_IGN);
	TRY(setrlimit(RLIMIT_FSIZE, &none));
	r = aio_write(fd, &result);
	return r ? r : result == -EFBIG ? 0 : 93;
}

/* The hooks inside the kernel come before it, too: README has it. */
static void an_aio_that_fails_is_told_as_asked_for(void **state)
{
	const struct wire_write *r;
	struct seen *w = *state;

	make("vain");
	if (!can_run(w, act_aio_in_vain, "aio"))
		return;
	assert_int_equal(seen_writes(w, WIRE_OP_WRITE), 1);
	r = seen_write(w, WIRE_OP_WRITE, 0);
	assert_string_equal(told_path(r), work_path("vain"));
	assert_int_equal(r->bytes, 0);
	if (is_from_kernel(r))
		return;
	assert_true(r->flags & WIRE_WRITE_SUBMITTED);
	assert_said(w, BYTES, "whether aio was done");
}

static int by_write(int fd)
{
	TRY(write(fd, "xyz", 3));
	return 0;
}

static int by_io_uring(int fd)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_WRITE,
		.fd = fd,
		.addr = (uintptr_t) "xyz",
		.len = 3,
	};
	struct uring u;

	if (uring_open(&u, 0) < 0)
		return CANNOT;
	return uring_on(&u, &sqe) == 3 ? 0 : 93;
}

static const struct way {
	const char *name;
	int (*act)(int fd);
	/* The table's word for it, where of some calls bytes are not known. */
	const char *word;
} ways[] = {
	{ "by-write", by_write, "write" },
	{ "by-splice", by_splice, "splice" },
	{ "by-aio", by_aio, "aio" },
	{ "by-uring", by_io_uring, "io_uring" },
};

static int act_way(void *arg)
{
	const struct way *way = arg;
	int fd;

	TRY(fd = open(work_path(way->name), O_WRONLY));
	return way->act(fd);
}

static uint64_t take_bytes(struct seen *w, const struct wire_write *r)
{
	const struct wire_written_key key = sum_key(r);
	struct wire_written sum;

	assert_int_equal(sensor_take_written(w->sensor, &key, &sum), 0);
	return sum.bytes;
}

/* A write that was done: all of its bytes, or none where the table says so. */
static void check_bytes(struct seen *w, const struct way *way)
{
	const struct wire_write *r = seen_write(w, WIRE_OP_WRITE, 0);
	const struct sensor_row row = seen_row(w, BYTES);
	uint64_t bytes = take_bytes(w, r);

	assert_int_equal(seen_writes(w, WIRE_OP_WRITE), 1);
	if (bytes == 3)
		return;
	assert_int_equal(bytes, 0);
	if (r->flags & WIRE_WRITE_SUBMITTED) {
		/* Not even that it was done. */
		if (way->act == by_aio)
			assert_said(w, BYTES, "whether aio was done");
		else
			assert_said(w, URING, "whether it is done or not");
		return;
	}
	assert_said(w, BYTES, "how many bytes");
	/* Of some calls, or of any. */
	if (strstr(row.reason, "how many bytes by"))
		assert_said(w, BYTES, way->word);
}

static void bytes_are_all_told_or_said_unknown(void **state)
{
	struct seen *w = *state;
	size_t i;

	for (i = 0; i < COUNT(ways); i++) {
		make(ways[i].name);
		seen_run(w, act_way, (void *)(uintptr_t)&ways[i]);
		if (WEXITSTATUS(w->status) == CANNOT) {
			print_message("# %s: not on this machine\n",
				      ways[i].name);
			continue;
		}
		assert_int_equal(w->status, 0);
		if (seen_writes(w, WIRE_OP_WRITE)) {
			check_bytes(w, &ways[i]);
			continue;
		}
		assert_true(ways[i].act == by_io_uring);
		assert_false(seen_row(w, URING).active);
	}
}

/* ---- mappings and names ---------------------------------------------------- */

static int act_map_for_reading(void *arg)
{
	int fd;

	(void)arg;
	TRY(fd = open(work_path("mapped"), O_RDWR));
	return mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED;
}

static void a_mapping_never_made_writable_is_none_or_said(void **state)
{
	struct seen *w = *state;

	make("mapped");
	assert_true(can_run(w, act_map_for_reading, "mmap"));
	assert_true(seen_writes(w, WIRE_OP_MMAP) <= 1);
	if (seen_writes(w, WIRE_OP_MMAP))
		assert_said(w, "mappings made writable later",
			    "whether made writable or not");
}

static int act_names(void *arg)
{
	(void)arg;
	TRY(chdir(work_dir()));
	TRY(mknod("named", S_IFREG | 0600, 0));
	TRY(chmod("named", 0640));
	TRY(setxattr("named", "trusted.a", "b", 1, 0));
	TRY(link("named", "linked"));
	TRY(symlink("named", "symlinked"));
	TRY(rename("linked", "renamed"));
	TRY(unlink("renamed"));
	TRY(mkdir("dir", 0700));
	TRY(rmdir("dir"));
	return 0;
}

static void names_are_the_kernels_or_said_to_be_the_callers(void **state)
{
	static const struct {
		enum wire_write_op op;
		const char *hook, *words;
	} rows[] = {
		{ WIRE_OP_MKNOD, "mknod", "the names are the caller's" },
		{ WIRE_OP_CHMOD, "mode, owner, size, times",
		  "without a descriptor the name is the caller's" },
		{ WIRE_OP_XATTR, "extended attributes, access lists",
		  "without a descriptor the name is the caller's" },
		{ WIRE_OP_LINK, "link", "the names are the caller's" },
		{ WIRE_OP_SYMLINK, "symlink", "the names are the caller's" },
		{ WIRE_OP_RENAME, "rename", "the names are the caller's" },
		{ WIRE_OP_UNLINK, "unlink", "the names are the caller's" },
		{ WIRE_OP_MKDIR, "mkdir", "the names are the caller's" },
		{ WIRE_OP_RMDIR, "rmdir", "the names are the caller's" },
	};
	const struct wire_write *r;
	struct seen *w = *state;
	size_t i;

	assert_true(can_run(w, act_names, "names"));
	for (i = 0; i < COUNT(rows); i++) {
		assert_int_equal(seen_writes(w, rows[i].op), 1);
		r = seen_write(w, rows[i].op, 0);
		if (r->flags & WIRE_WRITE_NAME_CLAIMED)
			assert_said(w, rows[i].hook, rows[i].words);
		else
			assert_true(is_from_kernel(r));
	}
}

static int act_unlink_nothing(void *arg)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_UNLINKAT,
		.fd = AT_FDCWD,
		.addr = (uintptr_t) "there is no such file",
	};
	struct uring u;
	int r;

	(void)arg;
	TRY(chdir(work_dir()));
	if (uring_open(&u, 0) < 0)
		return CANNOT;
	r = uring_on(&u, &sqe);
	return r == -EINVAL ? CANNOT : r == -ENOENT ? 0 : 93;
}

static void a_request_in_vain_is_none_or_said(void **state)
{
	const struct wire_write *r;
	struct seen *w = *state;

	if (!can_run(w, act_unlink_nothing, "unlink by io_uring"))
		return;
	r = seen_nth(w, WIRE_WRITE, 0);
	if (!r)
		return;
	assert_false(is_from_kernel(r));
	assert_true(r->flags & WIRE_WRITE_SUBMITTED);
	assert_said(w, URING, "told when asked for, whether it is done or not");
}

/* ---- x32 --------------------------------------------------------------------- */

#define X32	   0x40000000
#define X32_WRITE  (X32 + 1)
#define X32_WRITEV (X32 + 516)

#if defined(__x86_64__)
/* Memory that is to be named in 32 bits lies low. */
static int act_x32(void *arg)
{
	struct {
		uint32_t base, len;
		char bytes[8];
	} *iov = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long number = *(long *)arg;
	int fd;

	if (iov == MAP_FAILED)
		return 92;
	(void)memcpy(iov->bytes, "xyz", 3);
	iov->base = (uint32_t)(uintptr_t)iov->bytes;
	iov->len = 3;
	TRY(fd = open(work_path(number == X32_WRITE ? "x32" : "x32v"),
		      O_WRONLY));
	if (number == X32_WRITE ? syscall(number, fd, iov->bytes, 3) != 3
				: syscall(number, fd, iov, 1) != 3)
		return errno == ENOSYS ? CANNOT : 93;
	return 0;
}
#else
static int act_x32(void *arg)
{
	(void)arg;
	return CANNOT;
}
#endif

/* Numbers from 512 on are theirs alone. */
static void what_an_x32_program_writes_is_told_or_said(void **state)
{
	static const long numbers[] = { X32_WRITE, X32_WRITEV };
	struct seen *w = *state;
	long number;
	size_t i;

	make("x32");
	make("x32v");
	for (i = 0; i < COUNT(numbers); i++) {
		number = numbers[i];
		seen_run(w, act_x32, &number);
		if (WEXITSTATUS(w->status) == CANNOT) {
			print_message("# x32: not on this machine\n");
			return;
		}
		assert_int_equal(w->status, 0);
		if (number == X32_WRITEV && !seen_writes(w, WIRE_OP_WRITE))
			assert_said(w, "system calls of x32 programs",
				    "their own numbers from 512 on (writev");
		else
			assert_int_equal(seen_writes(w, WIRE_OP_WRITE), 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_aio_that_fails_is_told_as_asked_for),
		cmocka_unit_test(bytes_are_all_told_or_said_unknown),
		cmocka_unit_test(a_mapping_never_made_writable_is_none_or_said),
		cmocka_unit_test(
			names_are_the_kernels_or_said_to_be_the_callers),
		cmocka_unit_test(a_request_in_vain_is_none_or_said),
		cmocka_unit_test(what_an_x32_program_writes_is_told_or_said),
	};

	return cmocka_run_group_tests_name("write_blind", tests, seen_setup,
					   seen_teardown);
}
