// SPDX-License-Identifier: Apache-2.0
/*
 * sun_path holds 108 bytes and a journal may lie deeper, so both sides go
 * through /proc/self/fd/N of the directory.
 */
#include "app/status_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/loop.h"

#define SOCKET_NAME    "status.sock"
#define ANSWER_MAX     (256u << 10)
#define ASK_TIMEOUT_MS 3000
#define CLIENTS_MAX    8

struct status_socket {
	struct loop *loop;
	status_fn fn;
	void *arg;
	int dirfd;
	int fd;
	struct stat name;	  /* of SOCKET_NAME in dirfd when it was made */
	int clients[CLIENTS_MAX]; /* -1: free */
};

static void address(int dirfd, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	(void)snprintf(ret->sun_path, sizeof(ret->sun_path),
		       "/proc/self/fd/%d/" SOCKET_NAME, dirfd);
}

static void drop_client(struct status_socket *s, int fd)
{
	for (int i = 0; i < CLIENTS_MAX; i++) {
		if (s->clients[i] != fd)
			continue;
		s->clients[i] = -1;
		loop_remove(s->loop, fd);
		(void)close(fd);
	}
}

static int client_ready(int fd, uint32_t events, void *arg)
{
	cleanup_buf struct buf out = BUF_INIT(ANSWER_MAX);
	struct status_socket *s = arg;
	char want;

	(void)events;
	if (recv(fd, &want, 1, MSG_DONTWAIT) == 1) {
		s->fn(s->arg, (enum status_form)want, &out);
		if (!out.failed)
			(void)send(fd, out.p, out.n,
				   MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	drop_client(s, fd);
	return 0;
}

static int accept_client(int fd, uint32_t events, void *arg)
{
	cleanup_close int client =
		accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct status_socket *s = arg;
	int room = ANSWER_MAX;

	(void)events;
	if (client < 0)
		return 0;
	/* Beyond the cap the oldest silent client makes room. */
	if (s->clients[CLIENTS_MAX - 1] >= 0)
		drop_client(s, s->clients[CLIENTS_MAX - 1]);
	(void)setsockopt(client, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	if (loop_add(s->loop, client, EPOLLIN, client_ready, s) < 0)
		return 0;
	for (int i = CLIENTS_MAX - 1; i > 0; i--)
		s->clients[i] = s->clients[i - 1];
	s->clients[0] = steal_fd(&client);
	return 0;
}

static int open_dir(const char *dir)
{
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Take the name there, and tell its inode. */
static int listen_in(int dirfd, int *ret_fd, struct stat *ret_name)
{
	cleanup_close int fd = -1;
	struct sockaddr_un addr;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* Left by an agent that was killed; the journal's lock is ours. */
	(void)unlinkat(dirfd, SOCKET_NAME, 0);
	address(dirfd, &addr);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    fchmodat(dirfd, SOCKET_NAME, 0660, 0) < 0 ||
	    fstatat(dirfd, SOCKET_NAME, ret_name, AT_SYMLINK_NOFOLLOW) < 0 ||
	    listen(fd, 4) < 0)
		return -errno;
	*ret_fd = steal_fd(&fd);
	return 0;
}

int status_socket_open(const char *dir, struct loop *loop, status_fn fn,
		       void *arg, struct status_socket **ret)
{
	cleanup_close int dirfd = open_dir(dir);
	cleanup_close int fd = -1;
	struct status_socket *s;
	struct stat name;
	int r;

	if (dirfd < 0)
		return dirfd;
	r = listen_in(dirfd, &fd, &name);
	if (r < 0)
		return r;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	memset(s->clients, 0xff, sizeof(s->clients));
	s->loop = loop;
	s->fn = fn;
	s->arg = arg;
	s->name = name;
	r = loop_add(loop, fd, EPOLLIN, accept_client, s);
	if (r < 0) {
		free(s);
		return r;
	}
	s->fd = steal_fd(&fd);
	s->dirfd = steal_fd(&dirfd);
	*ret = s;
	return 0;
}

int status_socket_follow(struct status_socket *s, const char *dir)
{
	cleanup_close int dirfd = open_dir(dir);
	cleanup_close int fd = -1;
	struct stat name;
	int r;

	if (dirfd < 0)
		return dirfd;
	if (!fstatat(dirfd, SOCKET_NAME, &name, AT_SYMLINK_NOFOLLOW) &&
	    name.st_ino == s->name.st_ino && name.st_dev == s->name.st_dev)
		return 0;
	r = listen_in(dirfd, &fd, &name);
	if (r >= 0)
		r = loop_add(s->loop, fd, EPOLLIN, accept_client, s);
	if (r < 0)
		return r;
	loop_remove(s->loop, s->fd);
	(void)close(s->fd);
	(void)close(s->dirfd);
	s->fd = steal_fd(&fd);
	s->dirfd = steal_fd(&dirfd);
	s->name = name;
	return 0;
}

void status_socket_close(struct status_socket *s)
{
	if (!s)
		return;
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (s->clients[i] >= 0)
			drop_client(s, s->clients[i]);
	loop_remove(s->loop, s->fd);
	(void)close(s->fd);
	(void)unlinkat(s->dirfd, SOCKET_NAME, 0);
	(void)close(s->dirfd);
	free(s);
}

int status_socket_ask(const char *dir, enum status_form form, struct buf *out)
{
	cleanup_close int dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int fd = -1;
	struct sockaddr_un addr;
	char want = (char)form;
	struct pollfd pfd;

	if (dirfd < 0)
		return -errno;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	address(dirfd, &addr);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	if (send(fd, &want, 1, MSG_NOSIGNAL) != 1)
		return -errno;
	pfd = (struct pollfd){ .fd = fd, .events = POLLIN };
	for (;;) {
		char chunk[4096];
		ssize_t n;
		int ready = poll(&pfd, 1, ASK_TIMEOUT_MS);

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return ready < 0 ? -errno : -ETIMEDOUT;
		n = recv(fd, chunk, sizeof(chunk), 0);
		if (n < 0)
			return -errno;
		if (!n)
			return out->n ? 0 : -ENODATA;
		buf_add(out, chunk, (size_t)n);
		if (out->failed)
			return -EMSGSIZE;
	}
}
