/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A descriptor that a second thread makes name another socket while connect(2)
 * is under way: what was reached is told, whatever the descriptor names
 * afterwards; and where the ends of calls tell, that it is a claim.
 */
#include "net.h"
#include "thread_call.h"
#include "tries.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STREAM "unix sockets, streams"
#define VSOCK  "connect, vsock"

/* Whether only the ends of calls tell, and that the table says what of. */
static bool goes_by_calls(const struct seen *w, const char *hook)
{
	const char *words = "which of two sockets, where a second thread "
			    "swaps the descriptor";
	const char *backend = seen_row(w, hook).backend;
	bool by_calls =
		!strcmp(backend, "tp_btf") || !strcmp(backend, "raw_tp");

	assert_int_equal(strstr(net_blind(w, hook), words) != NULL, by_calls);
	return by_calls;
}

/* ---- unix sockets ---------------------------------------------------------- */

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
	/* Of a test that failed. */
	(void)unlink(path);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(s->fd >= 0);
	assert_int_equal(bind(s->fd, &s->place.any, s->place.len), 0);
	assert_int_equal(listen(s->fd, backlog), 0);
}

static void serve_no_more(struct server *s)
{
	(void)close(s->fd);
	(void)unlink(s->place.local.sun_path);
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
	bool and_back;
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
	if (s->and_back) {
		(void)dup2(s->kept, s->victim);
		/* And nobody shares the table when the call ends. */
		(void)unshare(CLONE_FILES);
	}
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

/* The n-th that tells of this server. */
static const struct wire_connect *reached(const struct seen *w,
					  const struct server *s, size_t n)
{
	const char *path = s->place.local.sun_path;
	const struct wire_connect *c;
	size_t i;

	for (i = 0; (c = seen_nth(w, WIRE_CONNECT, i)); i++)
		if (c->unix_path.len == strlen(path) &&
		    memcmp((const char *)c + c->unix_path.off, path,
			   strlen(path)) == 0 &&
		    n-- == 0)
			return c;
	return NULL;
}

static size_t times_reached(const struct seen *w, const struct server *s)
{
	size_t n = 0;

	while (reached(w, s, n))
		n++;
	return n;
}

/* What was told before there were two threads is none. */
static void assert_claim(const struct seen *w, const struct server *s,
			 uint8_t flags)
{
	assert_int_equal(times_reached(w, s), 2);
	assert_int_equal(reached(w, s, 0)->flags, 0);
	assert_int_equal(reached(w, s, 1)->flags, flags);
}

static void a_socket_swapped_while_it_waits_is_told(void **state)
{
	struct seen *w = *state;
	struct server full, other;
	struct swap s = { .full = &full, .other = &other };

	if (net_is_off(w, STREAM))
		return;
	serve(&full, "full", 0);
	serve(&other, "other", 8);
	seen_run(w, act_swapped, &s);
	assert_int_equal(w->status, 0);
	if (goes_by_calls(w, STREAM)) {
		assert_claim(w, &full, WIRE_CONNECT_FD_CLAIMED);
		assert_claim(w, &other, WIRE_CONNECT_FD_CLAIMED);
	} else {
		assert_claim(w, &full, 0);
		assert_int_equal(times_reached(w, &other), 1);
	}
	serve_no_more(&full);
	serve_no_more(&other);
}

static void a_socket_swapped_away_and_back_is_a_claim(void **state)
{
	struct seen *w = *state;
	struct server full, other;
	struct swap s = { .full = &full, .other = &other, .and_back = true };

	if (net_is_off(w, STREAM))
		return;
	serve(&full, "full", 0);
	serve(&other, "other", 8);
	seen_run(w, act_swapped, &s);
	assert_int_equal(w->status, 0);
	assert_claim(w, &full,
		     goes_by_calls(w, STREAM) ? WIRE_CONNECT_FD_CLAIMED : 0);
	assert_int_equal(times_reached(w, &other), 1);
	serve_no_more(&full);
	serve_no_more(&other);
}

/* ---- a socket that is there for a moment only ------------------------------- */

struct race {
	struct server *used, *other;
	int tries;
	int *done; /* of those, memory that the test sees */
	int victim, other_fd;
	atomic_int fresh; /* the socket that is not connected yet */
	atomic_bool stop;
};

static void *swap_for_ever(void *arg)
{
	struct race *r = arg;

	while (!atomic_load(&r->stop)) {
		(void)dup2(r->other_fd, r->victim);
		(void)dup2(atomic_load(&r->fresh), r->victim);
	}
	return NULL;
}

/* Only a fresh socket can be connected: whoever says the other was is wrong. */
static int act_raced(void *arg)
{
	struct race *r = arg;
	pthread_t t;
	int i, fd;

	(void)alarm(120);
	r->other_fd = reach(r->other);
	r->victim = dup(r->other_fd);
	atomic_store(&r->fresh, r->other_fd);
	if (pthread_create(&t, NULL, swap_for_ever, r) != 0)
		return 91;
	for (i = 0; i < r->tries; i++) {
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		atomic_store(&r->fresh, fd);
		if (connect(r->victim, &r->used->place.any,
			    r->used->place.len) == 0) {
			++*r->done;
			(void)close(accept(r->used->fd, NULL, NULL));
		} else if (errno != EISCONN) {
			return 92;
		}
		atomic_store(&r->fresh, r->other_fd);
		(void)close(fd);
		/* Where both share a processor, the other is to come by. */
		(void)sched_yield();
	}
	atomic_store(&r->stop, true);
	(void)pthread_join(t, NULL);
	return 0;
}

static void assert_race(const struct seen *w, const struct race *r,
			size_t *wrong)
{
	bool by_calls = goes_by_calls(w, STREAM);
	const struct wire_connect *c;
	size_t i;

	assert_int_equal(reached(w, r->other, 0)->flags, 0);
	for (i = 1; (c = seen_nth(w, WIRE_CONNECT, i)); i++)
		assert_int_equal(c->flags,
				 by_calls ? WIRE_CONNECT_FD_CLAIMED : 0);
	/* None is hidden: the other is told in its place, at worst. */
	assert_true(i - 1 >= (size_t)*r->done);
	*wrong += times_reached(w, r->other) - 1;
	if (!by_calls)
		assert_int_equal(times_reached(w, r->used), *r->done);
}

static void no_wrong_socket_is_told_without_a_mark(void **state)
{
	struct seen *w = *state;
	struct server used, other;
	struct race r = { .used = &used, .other = &other };
	size_t wrong = 0, done = 0;
	int left = tries(), again = 20;

	if (net_is_off(w, STREAM))
		return;
	serve(&used, "used", 8);
	/* Of each turn one, which nobody accepts. */
	serve(&other, "other", 128);
	r.done = net_shared(sizeof(*r.done));
	/* Where emulated, hardly any of so few comes about. */
	for (; left > 0 || (!done && again--); left -= r.tries) {
		r.tries = left > 0 && left < TRIES_TURN ? left : TRIES_TURN;
		*r.done = 0;
		seen_run(w, act_raced, &r);
		assert_int_equal(w->status, 0);
		assert_race(w, &r, &wrong);
		done += (size_t)*r.done;
	}
	assert_true(done > 0);
	if (!goes_by_calls(w, STREAM))
		assert_int_equal(wrong, 0);
	assert_int_equal(seen_counters(w, WIRE_FAM_CONNECT).lost, 0);
	print_message("# %zu connected, the other told as well or instead: "
		      "%zu\n",
		      done, wrong);
	serve_no_more(&used);
	serve_no_more(&other);
}

/* ---- vsock ------------------------------------------------------------------ */

#define LOCAL_CID   1
#define NOT_SWAPPED 78

struct vsock_swap {
	pthread_t asks;
	int tid, victim, with;
	atomic_bool is_over;
	bool done;
};

static void on_signal(int sig)
{
	(void)sig;
}

static void *swap_vsock(void *arg)
{
	struct vsock_swap *s = arg;

	while (thread_call(s->tid) != SYS_connect) {
		if (atomic_load(&s->is_over))
			return NULL;
		(void)sched_yield();
	}
	(void)dup2(s->with, s->victim);
	s->done = true;
	/* Nobody answers; it need not wait until that is settled. */
	while (!atomic_load(&s->is_over) && pthread_kill(s->asks, SIGUSR1) == 0)
		(void)usleep(1000);
	return NULL;
}

static int ask_vsock(int fd, uint32_t port)
{
	struct sockaddr_vm to = {
		.svm_family = AF_VSOCK,
		.svm_cid = LOCAL_CID,
		.svm_port = port,
	};

	return connect(fd, (const struct sockaddr *)&to, sizeof(to));
}

/* Port 1 by one thread, and 2 by one of two. Nobody serves either. */
static int act_vsock(void *arg)
{
	const struct sigaction action = { .sa_handler = on_signal };
	struct vsock_swap s = { .asks = pthread_self(), .tid = gettid() };
	pthread_t t;

	(void)arg;
	(void)alarm(60);
	s.with = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK, 0);
	s.victim = socket(AF_VSOCK, SOCK_STREAM, 0);
	if (s.with < 0 || s.victim < 0)
		return 77;
	if (ask_vsock(s.with, 1) == 0 || sigaction(SIGUSR1, &action, NULL) < 0)
		return 90;
	if (pthread_create(&t, NULL, swap_vsock, &s) != 0)
		return 91;
	if (ask_vsock(s.victim, 2) == 0)
		return 92;
	atomic_store(&s.is_over, true);
	(void)pthread_join(t, NULL);
	return s.done ? 0 : NOT_SWAPPED;
}

/* How often that port is told; *ret: the last one. */
static size_t times_asked(const struct seen *w, uint32_t port,
			  const struct wire_connect **ret)
{
	uint32_t where[4] = { LOCAL_CID, port };
	const struct wire_connect *c;
	size_t i, n = 0;

	for (i = 0; (c = seen_nth(w, WIRE_CONNECT, i)); i++) {
		assert_int_equal(c->family, AF_VSOCK);
		if (memcmp(c->addr, where, sizeof(where)) != 0)
			continue;
		*ret = c;
		n++;
	}
	return n;
}

static void a_vsock_swapped_while_it_waits_is_told(void **state)
{
	const struct wire_connect *c = NULL;
	struct seen *w = *state;
	uint8_t claim;

	if (net_is_off(w, VSOCK))
		return;
	claim = goes_by_calls(w, VSOCK) ? WIRE_CONNECT_FD_CLAIMED : 0;
	seen_run(w, act_vsock, NULL);
	if (WEXITSTATUS(w->status) == 77)
		return net_lacks();
	assert_int_equal(times_asked(w, 2, &c), 1);
	assert_int_equal(c->flags, claim);
	/* Where nobody could answer it does not wait. */
	if (WEXITSTATUS(w->status) == NOT_SWAPPED) {
		assert_int_equal(times_asked(w, 1, &c), 1);
		assert_int_equal(c->flags, 0);
		return net_lacks();
	}
	assert_int_equal(w->status, 0);
	assert_int_equal(times_asked(w, 1, &c), claim ? 2 : 1);
	assert_int_equal(c->flags, claim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_socket_swapped_while_it_waits_is_told),
		cmocka_unit_test(a_socket_swapped_away_and_back_is_a_claim),
		cmocka_unit_test(no_wrong_socket_is_told_without_a_mark),
		cmocka_unit_test(a_vsock_swapped_while_it_waits_is_told),
	};

	/* What sees calls begin is there for connections, too, not for files only. */
	return cmocka_run_group_tests(tests, net_setup_alone, seen_teardown);
}
