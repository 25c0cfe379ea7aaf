/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A descriptor that a second thread makes name another socket while listen(2) is
 * under way: what listens afterwards is told, once, and nothing else; and where
 * the ends of calls tell, that it is a claim.
 */
#include "net.h"
#include "thread_call.h"
#include "tries.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/userfaultfd.h>
#include <linux/vm_sockets.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OTHER "listening sockets, unix and others"

/* Whether only the ends of calls tell, and that the table says what of. */
static bool goes_by_calls(const struct seen *w)
{
	const char *words = "which of two sockets, where a second thread "
			    "swaps the descriptor (both are told, as claims); "
			    "one that is there for a moment only";
	const char *backend = seen_row(w, OTHER).backend;
	bool by_calls =
		!strcmp(backend, "tp_btf") || !strcmp(backend, "raw_tp");

	assert_int_equal(strstr(net_blind(w, OTHER), words) != NULL, by_calls);
	return by_calls;
}

/* ---- vsock ------------------------------------------------------------------ */

/*
 * It waits for whoever has the socket locked: a third thread, which sets an
 * option of it, from memory that nobody provides until the swap is done.
 */
struct wait {
	int faults;
	char *page;
	int victim, with;
	pid_t tid; /* of who listens */
};

/* Two pages, of which the second is missing. */
static int make_memory(struct wait *s)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -1;
	p[0] = 1;
	s->page = p + size;
	reg.range.start = (uintptr_t)s->page;
	reg.range.len = size;
	s->faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	return s->faults < 0 || ioctl(s->faults, UFFDIO_API, &api) < 0 ||
			       ioctl(s->faults, UFFDIO_REGISTER, &reg) < 0
		       ? -1
		       : 0;
}

/* Its first bytes are read before the socket is locked, its pointer after. */
static void *hold_socket(void *arg)
{
	const struct wait *s = arg;

	(void)setsockopt(s->victim, SOL_SOCKET, SO_ATTACH_FILTER,
			 s->page - offsetof(struct sock_fprog, filter),
			 sizeof(struct sock_fprog));
	return NULL;
}

static void *swap_while_blocked(void *arg)
{
	struct wait *s = arg;
	struct uffdio_zeropage zeroes = {
		.range = { (uintptr_t)s->page,
			   (uint64_t)sysconf(_SC_PAGESIZE) },
	};

	while (thread_call(s->tid) != SYS_listen)
		(void)sched_yield();
	(void)dup2(s->with, s->victim);
	(void)ioctl(s->faults, UFFDIO_ZEROPAGE, &zeroes);
	return NULL;
}

static int bind_vsock(int fd, uint32_t *ret_port)
{
	struct sockaddr_vm to = {
		.svm_family = AF_VSOCK,
		.svm_cid = VMADDR_CID_ANY,
		.svm_port = VMADDR_PORT_ANY,
	};
	socklen_t len = sizeof(to);

	if (bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&to, &len) < 0)
		return -1;
	*ret_port = to.svm_port;
	return 0;
}

/* arg: where the ports go of the one that listens and of the other. */
static int act_swapped(void *arg)
{
	struct wait s = { .tid = gettid() };
	pthread_t holder, swapper;
	uint32_t *ports = arg;
	struct uffd_msg msg;

	/* Not for ever, where nobody says who sleeps in what. */
	(void)alarm(60);
	s.victim = socket(AF_VSOCK, SOCK_STREAM, 0);
	s.with = socket(AF_VSOCK, SOCK_STREAM, 0);
	if (s.victim < 0)
		return 77;
	if (bind_vsock(s.victim, &ports[0]) < 0 ||
	    bind_vsock(s.with, &ports[1]) < 0 || make_memory(&s) < 0)
		return 90;
	if (pthread_create(&holder, NULL, hold_socket, &s) != 0 ||
	    read(s.faults, &msg, sizeof(msg)) < 0 ||
	    pthread_create(&swapper, NULL, swap_while_blocked, &s) != 0)
		return 91;
	if (listen(s.victim, 1) < 0)
		return 92;
	return pthread_join(swapper, NULL) || pthread_join(holder, NULL);
}

static void a_vsock_swapped_while_it_waits_to_listen_is_told(void **state)
{
	uint32_t *ports = net_shared(2 * sizeof(*ports));
	const struct wire_listen *l;
	struct seen *w = *state;

	seen_run(w, act_swapped, ports);
	if (WEXITSTATUS(w->status) == 77)
		return net_lacks();
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_LISTEN), 1);
	l = seen_nth(w, WIRE_LISTEN, 0);
	assert_int_equal(l->family, AF_VSOCK);
	assert_memory_equal(l->addr + sizeof(*ports), &ports[0],
			    sizeof(*ports));
	assert_int_equal(l->flags,
			 goes_by_calls(w) ? WIRE_LISTEN_FD_CLAIMED : 0);
}

/* ---- unix sockets, which do not wait ---------------------------------------- */

/* Abstract: this and seven hexadecimal digits. */
#define NAME	   "picket-sw"
#define NAME_BYTES 16

/* Of one try: the two sockets, and which of them listens in the end. */
struct outcome {
	int fds[2];
	bool listens[2];
};

struct race {
	int tries, first;
	struct outcome *outcomes; /* memory that the test sees */
	int victim;
	atomic_int pair[2]; /* what it is to name */
	atomic_bool stop;
};

static void *swap_for_ever(void *arg)
{
	struct race *r = arg;

	while (!atomic_load(&r->stop)) {
		(void)dup2(atomic_load(&r->pair[1]), r->victim);
		(void)dup2(atomic_load(&r->pair[0]), r->victim);
	}
	return NULL;
}

static int make_socket(int number)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(to.sun_path + 1, sizeof(to.sun_path) - 1, NAME "%07x",
		       (unsigned)number);
	if (bind(fd, (struct sockaddr *)&to,
		 offsetof(struct sockaddr_un, sun_path) + 1 + NAME_BYTES) < 0)
		return -1;
	return fd;
}

static int try_once(struct race *r, int i)
{
	struct outcome *o = &r->outcomes[i];
	int k;

	for (k = 0; k < 2; k++) {
		o->fds[k] = make_socket(2 * (r->first + i) + k);
		if (o->fds[k] < 0)
			return 93;
		atomic_store(&r->pair[k], o->fds[k]);
	}
	/* It names one of these, or one of the try before. */
	return listen(r->victim, 1) < 0 ? 94 : sched_yield();
}

/* Not before: one of an earlier try may have been made to listen later. */
static void see_outcome(struct outcome *o)
{
	socklen_t len = sizeof(int);
	int k, is;

	for (k = 0; k < 2; k++) {
		is = 0;
		(void)getsockopt(o->fds[k], SOL_SOCKET, SO_ACCEPTCONN, &is,
				 &len);
		o->listens[k] = is;
	}
}

static int act_raced(void *arg)
{
	const struct rlimit files = { 4 * TRIES_TURN, 4 * TRIES_TURN };
	struct race *r = arg;
	int i, err = 0;
	pthread_t t;

	(void)alarm(120);
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		return 90;
	r->victim = make_socket(2 * (r->first + r->tries));
	atomic_store(&r->pair[0], r->victim);
	atomic_store(&r->pair[1], r->victim);
	if (pthread_create(&t, NULL, swap_for_ever, r) != 0)
		return 91;
	for (i = 0; i < r->tries && !err; i++)
		err = try_once(r, i);
	atomic_store(&r->stop, true);
	(void)pthread_join(t, NULL);
	for (i = 0; i < r->tries && !err; i++)
		see_outcome(&r->outcomes[i]);
	return err;
}

static size_t times_told(const struct seen *w, int number)
{
	char name[1 + NAME_BYTES + 1] = "";
	const struct wire_listen *l;
	size_t i, n = 0;

	(void)snprintf(name + 1, NAME_BYTES + 1, NAME "%07x", (unsigned)number);
	for (i = 0; (l = seen_nth(w, WIRE_LISTEN, i)); i++)
		n += l->unix_path.len == 1 + NAME_BYTES &&
		     memcmp((const char *)l + l->unix_path.off, name,
			    1 + NAME_BYTES) == 0;
	return n;
}

struct account {
	size_t listen, hidden;
};

static void count_outcomes(const struct seen *w, const struct race *r,
			   struct account *sum)
{
	size_t told;
	int i, k;

	for (i = 0; i < r->tries; i++)
		for (k = 0; k < 2; k++) {
			told = times_told(w, 2 * (r->first + i) + k);
			assert_true(told <= r->outcomes[i].listens[k]);
			sum->listen += r->outcomes[i].listens[k];
			sum->hidden += r->outcomes[i].listens[k] && !told;
		}
}

static void a_socket_there_for_a_moment_is_told_or_said_blind(void **state)
{
	struct race r = {
		.outcomes = net_shared(TRIES_TURN * sizeof(*r.outcomes)),
	};
	struct account sum = { 0 };
	struct seen *w = *state;
	const struct wire_listen *l;
	bool by_calls = goes_by_calls(w);
	int left = tries() / 4;
	size_t i;

	for (; left > 0; left -= r.tries, r.first += r.tries) {
		r.tries = left < TRIES_TURN ? left : TRIES_TURN;
		seen_run(w, act_raced, &r);
		assert_int_equal(w->status, 0);
		count_outcomes(w, &r, &sum);
		for (i = 0; (l = seen_nth(w, WIRE_LISTEN, i)); i++)
			assert_int_equal(l->flags,
					 by_calls ? WIRE_LISTEN_FD_CLAIMED : 0);
	}
	print_message("# %zu listen, %zu of them not told\n", sum.listen,
		      sum.hidden);
	assert_true(sum.listen > 0);
	if (!by_calls)
		assert_int_equal(sum.hidden, 0);
	assert_int_equal(seen_counters(w, WIRE_FAM_LISTEN).lost, 0);
}

static int act_alone(void *arg)
{
	int fd = make_socket(0);

	(void)arg;
	return fd < 0 || listen(fd, 1) < 0;
}

static void what_one_thread_opens_is_no_claim(void **state)
{
	const struct wire_listen *l;
	struct seen *w = *state;

	seen_run(w, act_alone, NULL);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_LISTEN), 1);
	assert_int_equal(times_told(w, 0), 1);
	l = seen_nth(w, WIRE_LISTEN, 0);
	assert_int_equal(l->flags, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_vsock_swapped_while_it_waits_to_listen_is_told),
		cmocka_unit_test(
			a_socket_there_for_a_moment_is_told_or_said_blind),
		cmocka_unit_test(what_one_thread_opens_is_no_claim),
	};

	return cmocka_run_group_tests_name("listen swap", tests, net_setup,
					   seen_teardown);
}
