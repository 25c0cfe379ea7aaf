/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names changed and files opened through io_uring, on whatever backend speaks:
 * the kernel's own where there are hooks inside it, once done; with tracepoints
 * what was asked for, and marked so. Where neither, the table says it.
 */
#include "change.h"
#include "uring_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint64_t at(const char *name)
{
	return (uintptr_t)name;
}

/* What each request does; all begin in work_dir()/NAME-of-the-request. */
static const struct request {
	const char *name;
	struct io_uring_sqe sqe;
	struct change want;
} requests[] = {
	{ "openat",
	  { .opcode = IORING_OP_OPENAT,
	    .fd = AT_FDCWD,
	    .open_flags = O_WRONLY | O_TRUNC },
	  { WIRE_OP_OPEN, "openat/a", NULL, 0, 0, WIRE_WRITE_TRUNC } },
	{ "rename",
	  { .opcode = IORING_OP_RENAMEAT,
	    .fd = AT_FDCWD,
	    .len = (uint32_t)AT_FDCWD },
	  { WIRE_OP_RENAME, "rename/a", "rename/b", 0, 0, 0 } },
	{ "unlink",
	  { .opcode = IORING_OP_UNLINKAT, .fd = AT_FDCWD },
	  { WIRE_OP_UNLINK, "unlink/a", NULL, 0, 0, 0 } },
	{ "rmdir",
	  { .opcode = IORING_OP_UNLINKAT,
	    .fd = AT_FDCWD,
	    .unlink_flags = AT_REMOVEDIR },
	  { WIRE_OP_RMDIR, "rmdir/d", NULL, 0, 0, 0 } },
	{ "mkdir",
	  { .opcode = IORING_OP_MKDIRAT, .fd = AT_FDCWD, .len = 0700 },
	  { WIRE_OP_MKDIR, "mkdir/b", NULL, 0700, 0, 0 } },
	{ "symlink",
	  { .opcode = IORING_OP_SYMLINKAT, .fd = AT_FDCWD },
	  { WIRE_OP_SYMLINK, "symlink/b", "a", 0, 0, 0 } },
	{ "link",
	  { .opcode = IORING_OP_LINKAT,
	    .fd = AT_FDCWD,
	    .len = (uint32_t)AT_FDCWD },
	  { WIRE_OP_LINK, "link/a", "link/b", 0, 0, 0 } },
};

static void give_names(struct io_uring_sqe *sqe, enum wire_write_op op)
{
	switch (op) {
	case WIRE_OP_RENAME:
	case WIRE_OP_LINK:
	case WIRE_OP_SYMLINK:
		sqe->addr = at("a");
		sqe->addr2 = at("b");
		break;
	case WIRE_OP_MKDIR:
		sqe->addr = at("b");
		break;
	case WIRE_OP_RMDIR:
		sqe->addr = at("d");
		break;
	default:
		sqe->addr = at("a");
		break;
	}
}

static int act_request(void *arg)
{
	const struct request *q = arg;
	struct io_uring_sqe sqe = q->sqe;
	struct uring u;
	int r;

	TRY(chdir(work_path(q->name)));
	if (uring_open(&u, 0) < 0)
		return CANNOT;
	give_names(&sqe, q->want.op);
	r = uring_on(&u, &sqe);
	/* An opcode that this kernel does not have. */
	if (r == -EINVAL)
		return CANNOT;
	return r < 0 ? 93 : 0;
}

/* The row of the table for what only tracepoints of io_uring could tell. */
static bool is_said_blind(const struct seen *w)
{
	struct sensor_row rows[SENSOR_ROWS_MAX];
	size_t i, n = sensor_coverage(w->sensor, rows);

	for (i = 0; i < n; i++)
		if (strcmp(rows[i].family, "write") == 0 && !rows[i].active &&
		    strstr(rows[i].hook, "io_uring"))
			return true;
	return false;
}

static void check_request(struct seen *w, const struct request *q)
{
	const struct wire_write *r;
	struct change want = q->want;

	seen_run(w, act_request, (void *)(uintptr_t)q);
	if (WEXITSTATUS(w->status) == CANNOT) {
		print_message("# %s: not on this machine\n", q->name);
		return;
	}
	assert_int_equal(w->status, 0);
	r = seen_nth(w, WIRE_WRITE, 0);
	if (!r && is_said_blind(w))
		return;
	assert_non_null(r);
	assert_int_equal(seen_count(w, WIRE_WRITE), 1);
	if (!is_from_kernel(r))
		want.flags |= WIRE_WRITE_SUBMITTED;
	if (want.op == WIRE_OP_OPEN)
		want.arg = r->arg;
	assert_change(r, &want);
	assert_int_equal(r->hdr.tgid, w->child);
}

static void each_request_is_told_once(void **state)
{
	char path[4096];
	size_t i;

	for (i = 0; i < COUNT(requests); i++) {
		(void)snprintf(path, sizeof(path), "%s",
			       work_path(requests[i].name));
		assert_int_equal(mkdir(path, 0755), 0);
		(void)strcat(path, "/a");
		assert_int_equal(mknod(path, S_IFREG | 0644, 0), 0);
		path[strlen(path) - 1] = 'd';
		assert_int_equal(mkdir(path, 0755), 0);
		check_request(*state, &requests[i]);
	}
}

/* A completion that nobody is told of, and one that finds no room. */
static int act_hidden(void *arg)
{
	struct io_uring_sqe nop = { .opcode = IORING_OP_NOP };
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_WRITE,
		.addr = at("x"),
		.len = 1,
	};
	bool full = *(bool *)arg;
	struct uring u;
	int i;

	TRY(sqe.fd = open(work_path(full ? "full" : "skipped"), O_WRONLY));
	if (uring_open(&u, 0) < 0)
		return CANNOT;
	for (i = 0; full && i < 64; i++)
		TRY(uring_submit(&u, &nop));
	if (!full)
		sqe.flags = IOSQE_CQE_SKIP_SUCCESS;
	/* A kernel that refuses what it does not know says so, and is seen. */
	TRY(uring_submit(&u, &sqe));
	return 0;
}

static void a_completion_that_is_hidden_hides_no_write(void **state)
{
	const struct wire_write *r;
	struct seen *w = *state;
	const char *name;
	struct stat st;
	int i;

	for (i = 0; i < 2; i++) {
		bool full = i;

		name = full ? "full" : "skipped";
		assert_int_equal(mknod(work_path(name), S_IFREG | 0644, 0), 0);
		seen_run(w, act_hidden, &full);
		if (WEXITSTATUS(w->status) == CANNOT)
			return;
		assert_int_equal(w->status, 0);
		assert_int_equal(stat(work_path(name), &st), 0);
		r = seen_write(w, WIRE_OP_WRITE, 0);
		/* Not written: a flag that this kernel does not know. */
		if (st.st_size == 0 || (!r && is_said_blind(w)))
			continue;
		assert_non_null(r);
		assert_string_equal(told_path(r), work_path(name));
		assert_int_equal(seen_writes(w, WIRE_OP_WRITE), 1);
	}
}

/*
 * What is asked for waits for a read that waits, and the descriptor names
 * another file by then: of the one it named before there is nothing to tell.
 */
static int act_behind(void *arg)
{
	struct io_uring_sqe nop = { .opcode = IORING_OP_NOP };
	struct io_uring_sqe wait = { .opcode = IORING_OP_READ, .len = 1 };
	struct io_uring_sqe put = { .opcode = IORING_OP_WRITE,
				    .flags = IOSQE_IO_DRAIN,
				    .addr = at("x"),
				    .len = 1 };
	struct stat st = { 0 };
	int i, p[2], named, file;
	struct uring u;
	char byte;

	(void)arg;
	TRY(pipe(p));
	TRY(named = open("/dev/null", O_WRONLY));
	TRY(file = open(work_path("behind"), O_WRONLY));
	if (uring_open(&u, 0) < 0)
		return CANNOT;
	for (i = 0; i < 64; i++)
		TRY(uring_submit(&u, &nop));
	wait.fd = p[0];
	wait.addr = (uint64_t)(uintptr_t)&byte;
	TRY(uring_submit(&u, &wait));
	put.fd = named;
	TRY(uring_submit(&u, &put));
	TRY(dup2(file, named));
	if (write(p[1], "x", 1) != 1)
		return 1;
	for (i = 0; i < 1000 && st.st_size == 0; i++) {
		/* It goes on when somebody enters. */
		(void)uring_submit(&u, &nop);
		(void)usleep(1000);
		TRY(fstat(file, &st));
	}
	return 0;
}

static void what_comes_behind_the_descriptor_is_told_or_said(void **state)
{
	const struct wire_write *r;
	struct seen *w = *state;
	struct stat st;

	assert_int_equal(mknod(work_path("behind"), S_IFREG | 0644, 0), 0);
	seen_run(w, act_behind, NULL);
	if (WEXITSTATUS(w->status) == CANNOT)
		return;
	assert_int_equal(w->status, 0);
	assert_int_equal(stat(work_path("behind"), &st), 0);
	r = seen_write(w, WIRE_OP_WRITE, 0);
	/* Debian's 6.1 and 6.12 do not get to it while the ring is full. */
	if (st.st_size == 0 && getenv("PICKET_GUEST")) {
		print_message("# not on this kernel\n");
		return;
	}
	assert_int_equal(st.st_size, 1);
	if (r)
		assert_string_equal(told_path(r), work_path("behind"));
	else if (!is_said_blind(w))
		assert_said(w, "changes through io_uring",
			    "comes behind the descriptor later");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_request_is_told_once),
		cmocka_unit_test(a_completion_that_is_hidden_hides_no_write),
		cmocka_unit_test(
			what_comes_behind_the_descriptor_is_told_or_said),
	};

	return cmocka_run_group_tests_name("write_uring", tests, seen_setup,
					   seen_teardown);
}
