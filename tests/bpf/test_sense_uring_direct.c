/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and sockets that are no process's descriptors but a ring's own, on
 * whatever backend speaks: a file that another ring passed on
 * (IORING_OP_MSG_RING), a socket that the ring made itself. What is done with
 * them is told once, of who did it, or the coverage table says that it is not.
 */
#include "change.h"
#include "net.h"
#include "uring.h"
#include "uring_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLOT 1 /* in the table of a ring; 0 is left empty */

/* A table of so many files, `fd` the last one of them. 0 or -errno. */
static int give_files(const struct uring *u, int fd)
{
	int32_t fds[SLOT + 1];
	unsigned i;

	for (i = 0; i < SLOT; i++)
		fds[i] = -1;
	fds[SLOT] = fd;
	return syscall(SYS_io_uring_register, u->fd, IORING_REGISTER_FILES, fds,
		       SLOT + 1) < 0
		       ? -errno
		       : 0;
}

/* ---- a file that another ring passed on ------------------------------------ */

struct channel {
	int fds[2];
};

static int get(const struct channel *c)
{
	int value = -1;

	return read(c->fds[0], &value, sizeof(value)) == sizeof(value) ? value
								       : -1;
}

static bool put(const struct channel *c, int value)
{
	return write(c->fds[1], &value, sizeof(value)) == sizeof(value);
}

/* Whoever writes has a ring of its own, and never had the file. */
static int write_what_comes(const struct channel *to_us,
			    const struct channel *from_us)
{
	const struct io_uring_sqe sqe = {
		.opcode = IORING_OP_WRITE,
		.flags = IOSQE_FIXED_FILE,
		.fd = SLOT,
		.addr = (uintptr_t) "xyz",
		.len = 3,
	};
	struct uring u;

	if (uring_open(&u, 0) < 0 || give_files(&u, -1) < 0 ||
	    !put(from_us, u.fd) || get(to_us) != 0)
		return CANNOT;
	return uring_on(&u, &sqe) == 3 ? 0 : 93;
}

static int pass_on(struct uring *u, int ring)
{
	const struct io_uring_sqe sqe = {
		.opcode = IORING_OP_MSG_RING,
		.fd = ring,
		.addr = IORING_MSG_SEND_FD,
		.addr3 = SLOT,
		.file_index = SLOT + 1,
		/* Else the other ring gets an answer that it did not ask for. */
		.msg_ring_flags = IORING_MSG_RING_CQE_SKIP,
	};

	return uring_on(u, &sqe);
}

/* They share descriptors, so that each knows the other's ring. */
static int act_passed_on(void *arg)
{
	struct channel there, back;
	int file, status, r;
	uint32_t *writer = arg;
	struct uring u;
	long pid;

	TRY(pipe2(there.fds, O_CLOEXEC));
	TRY(pipe2(back.fds, O_CLOEXEC));
	TRY(file = open(work_path("passed"), O_WRONLY | O_CREAT | O_CLOEXEC,
			0600));
	if (uring_open(&u, 0) < 0 || give_files(&u, file) < 0)
		return CANNOT;
	TRY(pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0));
	if (!pid)
		_exit(write_what_comes(&there, &back));
	*writer = (uint32_t)pid;
	r = pass_on(&u, get(&back));
	if (!put(&there, r))
		return 92;
	TRY(waitpid((pid_t)pid, &status, 0));
	return r < 0 ? CANNOT : WEXITSTATUS(status);
}

static bool says_blind(const struct seen *w)
{
	return !seen_row(w, "changes through io_uring").active;
}

static void a_file_that_a_ring_passed_on_is_told(void **state)
{
	uint32_t *writer = net_shared(sizeof(*writer));
	const struct wire_write *r;
	struct seen *w = *state;

	seen_run(w, act_passed_on, writer);
	if (WEXITSTATUS(w->status) == CANNOT)
		return net_lacks();
	assert_int_equal(w->status, 0);
	r = seen_write(w, WIRE_OP_WRITE, 0);
	if (!r && says_blind(w))
		return;
	assert_non_null(r);
	assert_int_equal(seen_writes(w, WIRE_OP_WRITE), 1);
	assert_string_equal(told_path(r), work_path("passed"));
	assert_int_equal(r->hdr.tgid, *writer);
}

/* ---- a socket that the ring made ------------------------------------------- */

struct way {
	struct place p;
	uint8_t flags; /* IOSQE_* */
};

static int make_socket(struct uring *u, const struct place *p)
{
	const struct io_uring_sqe sqe = {
		.opcode = URING_OP_SOCKET,
		.fd = p->any.sa_family,
		.off = (uint64_t)p->type,
		.file_index = SLOT + 1,
	};

	return uring_on(u, &sqe);
}

static int act_connect(void *arg)
{
	const struct way *way = arg;
	const struct io_uring_sqe sqe = {
		.opcode = IORING_OP_CONNECT,
		.flags = (uint8_t)(way->flags | IOSQE_FIXED_FILE),
		.fd = SLOT,
		.addr = (uintptr_t)&way->p.any,
		.off = way->p.len,
	};
	struct uring u;

	if (uring_open(&u, 0) < 0 || give_files(&u, -1) < 0 ||
	    make_socket(&u, &way->p) < 0)
		return CANNOT;
	return uring_on(&u, &sqe) ? 93 : 0;
}

static bool reaches(struct seen *w, struct way *way)
{
	seen_run(w, act_connect, way);
	if (WEXITSTATUS(w->status) == CANNOT) {
		net_lacks();
		return false;
	}
	assert_int_equal(w->status, 0);
	return true;
}

static void a_socket_of_the_rings_own_connects_and_is_told(void **state)
{
	static const uint8_t flags[] = { 0, IOSQE_ASYNC };
	struct way way = { .flags = 0 };
	size_t i;
	int fd;

	for (i = 0; i < 2; i++) {
		fd = net_serve(i ? AF_INET6 : AF_INET, SOCK_STREAM, &way.p);
		way.flags = flags[i];
		if (reaches(*state, &way))
			(void)net_once(*state, &way.p, 0);
		(void)close(fd);
	}
}

#define UNIX "unix sockets, streams"

static void a_unix_socket_of_the_rings_own_is_told_or_said(void **state)
{
	struct way way = { .flags = 0 };
	int fd = net_serve(AF_UNIX, SOCK_STREAM, &way.p);
	const struct wire_connect *c;
	struct seen *w = *state;

	if (reaches(w, &way)) {
		if (seen_count(w, WIRE_CONNECT)) {
			c = net_connected(w, &way.p);
			assert_bytes(c, c->unix_path, way.p.local.sun_path,
				     c->unix_path.len);
			assert_true(c->unix_path.len);
		} else if (!net_is_off(w, UNIX)) {
			assert_non_null(strstr(net_blind(w, UNIX),
					       "those made by io_uring"));
		}
	}
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_that_a_ring_passed_on_is_told),
		cmocka_unit_test(
			a_socket_of_the_rings_own_connects_and_is_told),
		cmocka_unit_test(
			a_unix_socket_of_the_rings_own_is_told_or_said),
	};

	return cmocka_run_group_tests_name("uring direct", tests, net_setup,
					   seen_teardown);
}
