/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A descriptor that a second thread makes name another socket while connect(2)
 * waits: what was reached is told, whatever the descriptor names afterwards.
 */
#include "net.h"
#include "thread_call.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STREAM "unix sockets, streams"

struct server {
	int fd;
	struct place place;
};

static void serve(struct server *s, const char *name, int backlog)
{
	const char *path = work_path(name);

	memset(s, 0, sizeof(*s));
	s->place.local.sun_family = AF_UNIX;
	(void)snprintf(s->place.local.sun_path, sizeof(s->place.local.sun_path),
		       "%s", path);
	s->place.len = sizeof(s->place.local);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(s->fd >= 0);
	assert_int_equal(bind(s->fd, &s->place.any, s->place.len), 0);
	assert_int_equal(listen(s->fd, backlog), 0);
}

static int reach(const struct server *s)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, &s->place.any, s->place.len) < 0)
		exit(90);
	return fd;
}

struct swap {
	struct server *full, *other;
	int tid, victim, with, kept;
};

static void *swap_while_blocked(void *arg)
{
	struct swap *s = arg;

	while (thread_call(s->tid) != SYS_connect)
		(void)sched_yield();
	/* It stays open, and connected. */
	s->kept = dup(s->victim);
	(void)dup2(s->with, s->victim);
	(void)accept(s->full->fd, NULL, NULL);
	return NULL;
}

/* The server's queue is full with the first of these. */
static int act_swapped(void *arg)
{
	struct swap *s = arg;
	pthread_t t;

	/* Not for ever, where nobody says who sleeps in what. */
	(void)alarm(60);
	s->tid = gettid();
	(void)reach(s->full);
	s->with = reach(s->other);
	s->victim = socket(AF_UNIX, SOCK_STREAM, 0);
	if (pthread_create(&t, NULL, swap_while_blocked, s) != 0)
		return 91;
	if (connect(s->victim, &s->full->place.any, s->full->place.len) < 0)
		return errno;
	(void)pthread_join(t, NULL);
	return 0;
}

static size_t times_reached(const struct seen *w, const struct server *s)
{
	const char *path = s->place.local.sun_path;
	const struct wire_connect *c;
	size_t i, n = 0;

	for (i = 0; (c = seen_nth(w, WIRE_CONNECT, i)); i++)
		n += c->unix_path.len == strlen(path) &&
		     memcmp((const char *)c + c->unix_path.off, path,
			    strlen(path)) == 0;
	return n;
}

static void a_socket_swapped_while_it_waits_is_told(void **state)
{
	const char *words = "which of two sockets, where a second thread "
			    "swaps the descriptor";
	struct seen *w = *state;
	struct server full, other;
	struct swap s = { .full = &full, .other = &other };
	bool by_call;

	if (net_is_off(w, STREAM))
		return;
	serve(&full, "full", 0);
	serve(&other, "other", 8);
	seen_run(w, act_swapped, &s);
	assert_int_equal(w->status, 0);
	assert_int_equal(times_reached(w, &full), 2);
	by_call = times_reached(w, &other) == 2;
	assert_true(by_call || times_reached(w, &other) == 1);
	assert_int_equal(strstr(net_blind(w, STREAM), words) != NULL, by_call);
	(void)close(full.fd);
	(void)close(other.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_socket_swapped_while_it_waits_is_told),
	};

	return cmocka_run_group_tests(tests, net_setup, seen_teardown);
}
