/* SPDX-License-Identifier: Apache-2.0 */
#include "lend.h"

#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "change.h"
#include "uring_ring.h"

/* The descriptor goes to another process; that one writes. */
int by_another_process(int fd)
{
	char space[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec io = { space, 1 };
	struct msghdr m = {
		.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = space,
		.msg_controllen = sizeof(space),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int s[2], got, status;
	char byte;
	pid_t pid;

	io.iov_base = &byte;
	TRY(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
	TRY(pid = fork());
	if (!pid) {
		(void)close(fd);
		if (recvmsg(s[1], &m, 0) != 1)
			_exit(94);
		memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(got));
		_exit(write(got, "xyz", 3) == 3 ? 0 : 95);
	}
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	TRY(sendmsg(s[0], &m, 0));
	TRY(waitpid(pid, &status, 0));
	return status ? 96 : 0;
}

/* In a child of its own: what it returns is its exit code. */
static int in_another_process(int (*act)(int fd, void *arg), int fd, void *arg)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(act(fd, arg));
	TRY(pid);
	TRY(waitpid(pid, &status, 0));
	return WEXITSTATUS(status);
}

static int fetch_and_write(int fd, void *arg)
{
	int got, process;

	(void)arg;
	(void)close(fd);
	process = (int)syscall(SYS_pidfd_open, getppid(), 0);
	if (process < 0)
		return CANNOT;
	got = (int)syscall(SYS_pidfd_getfd, process, fd, 0);
	if (got < 0)
		return CANNOT;
	return write(got, "xyz", 3) == 3 ? 0 : 95;
}

int by_fetching(int fd)
{
	return in_another_process(fetch_and_write, fd, NULL);
}

static int write_by_ring(int fd, void *ring)
{
	const struct io_uring_sqe sqe = {
		.opcode = IORING_OP_WRITE,
		.flags = IOSQE_FIXED_FILE,
		.addr = (uintptr_t) "xyz",
		.len = 3,
	};

	(void)close(fd);
	return uring_on(ring, &sqe) == 3 ? 0 : 95;
}

/* Rings are shared over a fork: whoever asks acts, whoever made the ring. */
int by_io_uring_of_the_parent(int fd)
{
	struct uring u;

	if (uring_open(&u, 0) < 0)
		return CANNOT;
	TRY(syscall(SYS_io_uring_register, u.fd, IORING_REGISTER_FILES, &fd,
		    1));
	return in_another_process(write_by_ring, fd, &u);
}

bool is_lent(int (*act)(int fd))
{
	return act == by_another_process || act == by_fetching ||
	       act == by_io_uring_of_the_parent;
}
