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

#define SOCKET_NAME	  "status.sock"
#define ANSWER_MAX	  (4u << 20)
#define ASK_TIMEOUT_MS	  3000
/* A large policy takes seconds to be read, and those before it too. */
#define RELOAD_TIMEOUT_MS 60000
#define CLIENTS_MAX	  8

struct client {
	uint64_t id; /* 0: free */
	int fd;
	bool asked;	/* what it wants is known */
	struct buf out; /* what it has not read yet */
	size_t sent;
};

struct status_socket {
	struct loop *loop;
	status_fn fn;
	void *arg;
	int dirfd;
	int fd;
	struct stat name; /* of SOCKET_NAME in dirfd when it was made */
	uint64_t last_id;
	struct client clients[CLIENTS_MAX];
};

static void address(int dirfd, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	(void)snprintf(ret->sun_path, sizeof(ret->sun_path),
		       "/proc/self/fd/%d/" SOCKET_NAME, dirfd);
}

static void drop_client(struct status_socket *s, struct client *c)
{
	loop_remove(s->loop, c->fd);
	(void)close(c->fd);
	buf_done(&c->out);
	*c = (struct client){ 0 };
}

/* As much as the socket takes; when all is out, that was it. */
static void send_more(struct status_socket *s, struct client *c)
{
	ssize_t n;

	while (!c->out.failed && c->sent < c->out.n) {
		n = send(c->fd, c->out.p + c->sent, c->out.n - c->sent,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) {
			if (loop_modify(s->loop, c->fd, EPOLLOUT) < 0)
				break;
			return;
		}
		if (n <= 0)
			break;
		c->sent += (size_t)n;
	}
	drop_client(s, c);
}

static void take_question(struct status_socket *s, struct client *c)
{
	struct status_ask ask = { .client = c->id, .uid = (uid_t)-1 };
	struct ucred peer;
	socklen_t size = sizeof(peer);
	char want;

	if (recv(c->fd, &want, 1, MSG_DONTWAIT) != 1) {
		drop_client(s, c);
		return;
	}
	ask.form = (enum status_form)want;
	if (!getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size)) {
		ask.pid = peer.pid;
		ask.uid = peer.uid;
	}
	c->asked = true;
	if (s->fn(s->arg, &ask, &c->out))
		send_more(s, c);
}

static int client_ready(int fd, uint32_t events, void *arg)
{
	struct status_socket *s = arg;

	for (struct client *c = s->clients; c < s->clients + CLIENTS_MAX; c++) {
		if (!c->id || c->fd != fd)
			continue;
		if (!c->asked)
			take_question(s, c);
		else if (events & EPOLLOUT)
			send_more(s, c);
		else /* It says more than a question, or has gone. */
			drop_client(s, c);
		break;
	}
	return 0;
}

/* A free place; beyond the cap the oldest client makes room. */
static struct client *find_place(struct status_socket *s)
{
	struct client *oldest = s->clients;

	for (struct client *c = s->clients; c < s->clients + CLIENTS_MAX; c++)
		if (c->id < oldest->id)
			oldest = c;
	if (oldest->id)
		drop_client(s, oldest);
	return oldest;
}

static int accept_client(int fd, uint32_t events, void *arg)
{
	cleanup_close int client =
		accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct status_socket *s = arg;
	struct client *c;

	(void)events;
	if (client < 0)
		return 0;
	c = find_place(s);
	if (loop_add(s->loop, client, EPOLLIN, client_ready, s) < 0)
		return 0;
	*c = (struct client){ .id = ++s->last_id };
	buf_init(&c->out, ANSWER_MAX);
	c->fd = steal_fd(&client);
	return 0;
}

void status_socket_answer(struct status_socket *s, uint64_t client,
			  struct slice answer)
{
	if (!s || !client)
		return;
	for (struct client *c = s->clients; c < s->clients + CLIENTS_MAX; c++) {
		if (c->id != client)
			continue;
		buf_add(&c->out, answer.p, answer.n);
		send_more(s, c);
		return;
	}
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
		if (s->clients[i].id)
			drop_client(s, &s->clients[i]);
	loop_remove(s->loop, s->fd);
	(void)close(s->fd);
	(void)unlinkat(s->dirfd, SOCKET_NAME, 0);
	(void)close(s->dirfd);
	free(s);
}

static int timeout_of(enum status_form form)
{
	return form == STATUS_RELOAD || form == STATUS_RELOAD_JSON
		       ? RELOAD_TIMEOUT_MS
		       : ASK_TIMEOUT_MS;
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
		int ready = poll(&pfd, 1, timeout_of(form));

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
