// SPDX-License-Identifier: Apache-2.0
/*
 * A request is a packet with the descriptors it is about. Each is served by a
 * child, so that the memory it took is gone with it, and so is whoever trips
 * over a database that is not what it should be.
 */
#include "app/trust_maker.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/helper.h"

#define FDS	      4
/* Of ioprio_set(2): no header has them everywhere. */
#define IO_OF_PROCESS 1
#define IO_IDLE	      (3 << 13)

struct request {
	char rpm[PATH_MAX], rpm_dir[PATH_MAX];
	/* Which of root, dpkg and rpm come along; the file always does. */
	bool has[FDS - 1];
};

/* ---- in the process ----------------------------------------------------- */

static void make_in_child(const struct trust_make *m, int answer_fd)
{
	struct trust_made made;

	(void)setpriority(PRIO_PROCESS, 0, 19);
	(void)syscall(SYS_ioprio_set, IO_OF_PROCESS, 0, IO_IDLE);
	made = trust_make(m);
	(void)!write(answer_fd, &made, sizeof(made));
	_exit(0);
}

static struct trust_made make(const struct trust_make *m)
{
	struct trust_made made = { .result = -EIO };
	int fds[2];
	pid_t pid;

	if (pipe(fds) < 0)
		return made;
	pid = fork();
	if (!pid)
		make_in_child(m, fds[1]);
	(void)close(fds[1]);
	if (pid > 0) {
		/* Nothing comes of one that died. */
		if (read(fds[0], &made, sizeof(made)) != (ssize_t)sizeof(made))
			made = (struct trust_made){ .result = -EIO };
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	(void)close(fds[0]);
	return made;
}

/* The descriptors of a packet; those not sent are -1. */
static int receive(int fd, struct request *q, int fds[FDS])
{
	char control[CMSG_SPACE(FDS * sizeof(int))];
	struct iovec v = { .iov_base = q, .iov_len = sizeof(*q) };
	struct msghdr msg = { .msg_iov = &v,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	size_t n = 0, at = 0;
	int got[FDS];

	do
		v.iov_len = (size_t)recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	while ((ssize_t)v.iov_len < 0 && errno == EINTR);
	if (v.iov_len != sizeof(*q))
		return -EPIPE;
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_type == SCM_RIGHTS)
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	if (n > FDS)
		return -EPIPE;
	if (n)
		memcpy(got, CMSG_DATA(c), n * sizeof(int));
	for (size_t i = 0; i < FDS; i++)
		fds[i] = (i == FDS - 1 || q->has[i]) && at < n ? got[at++] : -1;
	return 0;
}

static void serve(int fd, int *kept_fd)
{
	static struct request q;
	struct trust_made made;
	int fds[FDS];

	(void)kept_fd;
	while (receive(fd, &q, fds) == 0) {
		const struct trust_make m = {
			.sources = { fds[0], fds[1], fds[2] },
			.rpm = q.rpm,
			.rpm_dir = q.rpm_dir,
			.out_fd = fds[3],
		};

		made = make(&m);
		for (int i = 0; i < FDS; i++)
			if (fds[i] >= 0)
				(void)close(fds[i]);
		if (send(fd, &made, sizeof(made), MSG_NOSIGNAL) < 0)
			return;
	}
}

/* ---- in the agent ------------------------------------------------------- */

int trust_maker_start(struct helper **ret)
{
	return helper_start_as("picket-trust", serve, NULL, ret);
}

int trust_maker_ask(struct helper *h, const struct trust_make *m)
{
	static struct request q;
	const int fds[FDS] = { m->sources.root_fd, m->sources.dpkg_fd,
			       m->sources.rpm_fd, m->out_fd };
	char control[CMSG_SPACE(FDS * sizeof(int))] = { 0 };
	struct iovec v = { .iov_base = &q, .iov_len = sizeof(q) };
	struct msghdr msg = { .msg_iov = &v,
			      .msg_iovlen = 1,
			      .msg_control = control };
	struct cmsghdr *c;
	int sent[FDS];
	size_t n = 0;

	memset(&q, 0, sizeof(q));
	(void)snprintf(q.rpm, sizeof(q.rpm), "%s", m->rpm);
	(void)snprintf(q.rpm_dir, sizeof(q.rpm_dir), "%s", m->rpm_dir);
	for (size_t i = 0; i < FDS; i++) {
		if (fds[i] < 0)
			continue;
		if (i < FDS - 1)
			q.has[i] = true;
		sent[n++] = fds[i];
	}
	msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), sent, n * sizeof(int));
	if (sendmsg(helper_fd(h), &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	return 0;
}

int trust_maker_answer(struct helper *h, struct trust_made *ret)
{
	struct trust_made made;
	ssize_t n = recv(helper_fd(h), &made, sizeof(made), MSG_DONTWAIT);

	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	if (n != (ssize_t)sizeof(made))
		return -EPIPE;
	*ret = made;
	return 0;
}
