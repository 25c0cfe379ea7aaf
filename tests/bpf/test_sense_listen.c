/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ports and names opened to others, each really opened: told once, by whom,
 * with the address and the port that the kernel settled on.
 */
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/vm_sockets.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "uring.h"

#define IPPROTO_MPTCP_ 262

#define TCP   "listening sockets, TCP"
#define OTHER "listening sockets, unix and others"
#define PORT  "ports of listening sockets not bound"

/* What the child opens; it leaves here where that turned out to be. */
struct door {
	struct place p;
	int protocol;
	bool unbound;
	int (*listens)(int fd);
};

static int by_call(int fd)
{
	return listen(fd, 7) < 0 ? -errno : 0;
}

static int act_open(void *arg)
{
	struct door *d = arg;
	int fd = socket(d->p.any.sa_family, d->p.type, d->protocol);
	int r;

	if (fd < 0)
		return 77;
	if (!d->unbound && bind(fd, &d->p.any, d->p.len) < 0)
		return 90;
	r = d->listens(fd);
	if (r == -ENOSYS || r == -EINVAL)
		return 77;
	if (r)
		return 91;
	d->p.len = sizeof(d->p.storage);
	return getsockname(fd, &d->p.any, &d->p.len) < 0 ? 92 : 0;
}

static struct door *door_for(int family)
{
	struct door *d = net_shared(sizeof(*d));

	d->p.type = SOCK_STREAM;
	d->p.any.sa_family = (sa_family_t)family;
	d->p.len = family == AF_INET6 ? sizeof(d->p.six) : sizeof(d->p.four);
	d->listens = by_call;
	return d;
}

static const struct wire_listen *opened(const struct seen *w,
					const struct place *p)
{
	const struct wire_listen *l;
	uint8_t addr[16] = { 0 };

	assert_int_equal(seen_count(w, WIRE_LISTEN), 1);
	l = seen_nth(w, WIRE_LISTEN, 0);
	assert_int_equal(l->hdr.tgid, w->child);
	assert_int_equal(l->family, p->any.sa_family);
	assert_int_equal(l->type, p->type);
	assert_int_not_equal(l->net_ns, 0);
	if (p->any.sa_family == AF_UNIX)
		return l;
	if (p->any.sa_family == AF_INET6)
		memcpy(addr, &p->six.sin6_addr, 16);
	else
		memcpy(addr, &p->four.sin_addr, 4);
	assert_memory_equal(l->addr, addr, 16);
	assert_int_not_equal(net_port(p), 0);
	assert_int_equal(l->port, net_port(p));
	return l;
}

/* Whether the child could open it at all here. */
static bool open_door(struct seen *w, struct door *d)
{
	seen_run(w, act_open, d);
	if (WEXITSTATUS(w->status) == 77)
		return false;
	assert_int_equal(w->status, 0);
	return true;
}

/* ---- streams -------------------------------------------------------------- */

static void port_that_is_bound_is_told(void **state)
{
	static const int families[] = { AF_INET, AF_INET6 };
	const struct wire_listen *l;
	struct door *d;
	size_t i;

	for (i = 0; i < 2; i++) {
		d = door_for(families[i]);
		assert_true(open_door(*state, d));
		l = opened(*state, &d->p);
		assert_int_equal(l->op, WIRE_LISTEN_LISTEN);
		assert_int_equal(l->protocol, IPPROTO_TCP);
		assert_int_equal(l->backlog, 7);
		net_spoke(*state, &l->hdr, WIRE_FAM_LISTEN, TCP);
	}
}

static void port_that_nobody_chose_is_told_as_it_came_out(void **state)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct door *d;
	size_t i;

	for (i = 0; i < 2; i++) {
		d = door_for(families[i]);
		d->unbound = true;
		assert_true(open_door(*state, d));
		(void)opened(*state, &d->p);
	}
}

static int twice(int fd)
{
	return listen(fd, 1) || listen(fd, 100) ? -errno : 0;
}

static void listening_again_is_no_event(void **state)
{
	struct door *d = door_for(AF_INET);

	d->listens = twice;
	assert_true(open_door(*state, d));
	(void)opened(*state, &d->p);
}

static int by_ring(int fd)
{
	struct io_uring_sqe sqe = {
		.opcode = URING_OP_LISTEN,
		.fd = fd,
		.len = 7,
	};

	return uring_do(&sqe);
}

static int by_worker(int fd)
{
	struct io_uring_sqe sqe = {
		.opcode = URING_OP_LISTEN,
		.flags = IOSQE_ASYNC,
		.fd = fd,
		.len = 7,
	};

	return uring_do(&sqe);
}

static void io_uring_listens_and_is_told(void **state)
{
	struct door *d = door_for(AF_INET);

	d->listens = by_ring;
	if (!open_door(*state, d))
		return net_lacks();
	(void)opened(*state, &d->p);
	d = door_for(AF_INET);
	d->listens = by_ring;
	d->unbound = true;
	assert_true(open_door(*state, d));
	(void)opened(*state, &d->p);
	d = door_for(AF_INET);
	d->listens = by_worker;
	assert_true(open_door(*state, d));
	(void)opened(*state, &d->p);
}

/* The one thing that cannot be known without better hooks. */
static void port_of_a_worker_is_told_or_said_blind(void **state)
{
	struct door *d = door_for(AF_INET);
	const struct wire_listen *l;

	d->listens = by_worker;
	d->unbound = true;
	if (!open_door(*state, d))
		return net_lacks();
	assert_int_equal(seen_count(*state, WIRE_LISTEN), 1);
	l = seen_nth(*state, WIRE_LISTEN, 0);
	assert_int_equal(l->hdr.tgid, ((struct seen *)*state)->child);
	if (l->port == 0)
		assert_non_null(
			strstr(net_blind(*state, PORT), "worker of io_uring"));
	else
		assert_int_equal(l->port, net_port(&d->p));
}

#define NR32_LISTEN	363
#define NR32_SOCKETCALL 102
#define CALL_LISTEN	4

static int by_call32(int fd)
{
	return (int)net_call32(NR32_LISTEN, fd, 7, 0);
}

static int by_socketcall(int fd)
{
	uint32_t *args = net_low(2 * sizeof(*args));

	if (!args)
		return -ENOMEM;
	args[0] = (uint32_t)fd;
	args[1] = 7;
	return (int)net_call32(NR32_SOCKETCALL, CALL_LISTEN,
			       (long)(uintptr_t)args, 0);
}

static void listen_of_a_32_bit_program_is_told(void **state)
{
	static int (*const ways[])(int) = { by_call32, by_socketcall };
	const struct wire_listen *l;
	struct door *d;
	size_t i;

	for (i = 0; i < 4; i++) {
		d = door_for(AF_INET);
		d->listens = ways[i & 1];
		d->unbound = i & 2;
		if (!open_door(*state, d))
			return net_lacks();
		l = opened(*state, &d->p);
		assert_true(l->hdr.flags & WIRE_F_COMPAT);
	}
}

static void mptcp_listener_is_told_once(void **state)
{
	struct door *d = door_for(AF_INET);

	d->protocol = IPPROTO_MPTCP_;
	if (!open_door(*state, d))
		return net_lacks();
	assert_int_equal(opened(*state, &d->p)->protocol, IPPROTO_MPTCP_);
}

static int act_elsewhere(void *arg)
{
	return unshare(CLONE_NEWNET) < 0 ? 90 : act_open(arg);
}

static void network_namespace_hides_no_listener(void **state)
{
	struct door *d = door_for(AF_INET);
	struct seen *w = *state;

	seen_run(w, act_elsewhere, d);
	assert_int_equal(w->status, 0);
	(void)opened(w, &d->p);
}

static int act_in_vain(void *arg)
{
	const struct place *p = arg;
	int datagrams = socket(AF_INET, SOCK_DGRAM, 0);
	int connected = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(connected, &p->any, p->len) < 0)
		return 90;
	return listen(datagrams, 1) == 0 || listen(connected, 1) == 0 ||
	       listen(socket(AF_UNIX, SOCK_STREAM, 0), 1) == 0;
}

static void listening_in_vain_is_no_event(void **state)
{
	struct place p;
	int fd = net_serve(AF_INET, SOCK_STREAM, &p);

	seen_run(*state, act_in_vain, &p);
	assert_int_equal(((struct seen *)*state)->status, 0);
	assert_int_equal(seen_count(*state, WIRE_LISTEN), 0);
	(void)close(fd);
}

/* ---- unix ----------------------------------------------------------------- */

static void check_unix(struct seen *w, const char *name, size_t n,
		       int (*listens)(int))
{
	struct door *d = door_for(AF_UNIX);
	const struct wire_listen *l;

	memcpy(d->p.local.sun_path, name, n);
	d->p.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n +
			       (*name != 0));
	d->listens = listens;
	if (!open_door(w, d))
		return net_lacks();
	if (listens == by_ring && seen_count(w, WIRE_LISTEN) == 0) {
		assert_non_null(
			strstr(net_blind(w, OTHER), "listening by io_uring"));
		return;
	}
	l = opened(w, &d->p);
	assert_bytes(l, l->unix_path, name, n);
	net_spoke(w, &l->hdr, WIRE_FAM_LISTEN, OTHER);
}

static void unix_listeners_are_told_by_name(void **state)
{
	const char *path = work_path("door");
	char name[32] = "\0picket-door-";

	check_unix(*state, path, strlen(path), by_call);
	(void)unlink(path);
	memcpy(name + 13, work_dir() + strlen(work_dir()) - 6, 6);
	check_unix(*state, name, 19, by_call);
	check_unix(*state, path, strlen(path), twice);
	(void)unlink(path);
	check_unix(*state, path, strlen(path), by_ring);
	(void)unlink(path);
	check_unix(*state, path, strlen(path), by_socketcall);
	(void)unlink(path);
}

static int act_open_here(void *arg)
{
	return chdir(work_dir()) < 0 ? 93 : act_open(arg);
}

/* Of which nothing else says in which directory it was meant. */
static void a_relative_name_is_told_with_its_place(void **state)
{
	static const char *const names[] = { "near", "sub/../link/far" };
	static const char *const places[] = { "near", "sub/far" };
	const struct wire_listen *l;
	struct seen *w = *state;
	struct door *d;
	size_t i;

	assert_int_equal(mkdir(work_path("sub"), 0700), 0);
	assert_int_equal(symlink("sub", work_path("link")), 0);
	for (i = 0; i < 2; i++) {
		d = door_for(AF_UNIX);
		(void)strcpy(d->p.local.sun_path, names[i]);
		d->p.len = sizeof(d->p.local);
		seen_run(w, act_open_here, d);
		assert_int_equal(w->status, 0);
		l = opened(w, &d->p);
		assert_str(l, l->unix_path, work_path(places[i]));
		assert_int_equal(l->backlog, 7);
		net_spoke(w, &l->hdr, WIRE_FAM_LISTEN, OTHER);
	}
}

/* ---- vsock ---------------------------------------------------------------- */

static void vsock_listener_is_told_with_its_port(void **state)
{
	const struct sockaddr_vm here = {
		.svm_family = AF_VSOCK,
		.svm_cid = VMADDR_CID_ANY,
		.svm_port = VMADDR_PORT_ANY,
	};
	struct door *d = door_for(AF_VSOCK);
	const struct wire_listen *l;
	struct seen *w = *state;
	struct sockaddr_vm got;
	uint32_t where[4] = { VMADDR_CID_ANY };

	memcpy(&d->p.any, &here, sizeof(here));
	d->p.len = sizeof(here);
	if (!open_door(w, d))
		return net_lacks();
	memcpy(&got, &d->p.any, sizeof(got));
	where[1] = got.svm_port;
	assert_int_equal(seen_count(w, WIRE_LISTEN), 1);
	l = seen_nth(w, WIRE_LISTEN, 0);
	assert_int_equal(l->hdr.tgid, w->child);
	assert_int_equal(l->family, AF_VSOCK);
	assert_memory_equal(l->addr, where, sizeof(where));
	assert_int_equal(l->port, 0);
	net_spoke(w, &l->hdr, WIRE_FAM_LISTEN, OTHER);
}

/* ---- datagrams ------------------------------------------------------------ */

static int act_bind(void *arg)
{
	const struct place *p = arg;
	int fd = socket(p->any.sa_family, p->type, 0);

	return bind(fd, &p->any, p->len) < 0 ? errno : 0;
}

static void datagram_port_that_was_asked_for_is_told(void **state)
{
	static const int families[] = { AF_INET, AF_INET6 };
	const struct wire_listen *l;
	struct seen *w = *state;
	struct place p;
	size_t i;

	for (i = 0; i < 2; i++) {
		net_desert(families[i], SOCK_DGRAM, &p);
		seen_run(w, act_bind, &p);
		assert_int_equal(w->status, 0);
		l = opened(w, &p);
		assert_int_equal(l->op, WIRE_LISTEN_BIND);
		assert_int_equal(l->protocol, IPPROTO_UDP);
		net_spoke(w, &l->hdr, WIRE_FAM_COUNT,
			  i ? "datagram ports, IPv6" : "datagram ports, IPv4");
	}
}

static void datagram_port_that_was_refused_is_no_event(void **state)
{
	struct seen *w = *state;
	struct place p;
	int fd = net_serve(AF_INET, SOCK_DGRAM, &p);

	seen_run(w, act_bind, &p);
	assert_int_equal(WEXITSTATUS(w->status), EADDRINUSE);
	assert_int_equal(seen_count(w, WIRE_LISTEN), 0);
	/* Nor is one that the kernel chose, nor a stream's. */
	p.four.sin_port = 0;
	assert_non_null(strstr(net_blind(w, "datagram ports, IPv4"),
			       "that the kernel chose"));
	seen_run(w, act_bind, &p);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_LISTEN), 0);
	net_desert(AF_INET, SOCK_STREAM, &p);
	seen_run(w, act_bind, &p);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_LISTEN), 0);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(port_that_is_bound_is_told),
		cmocka_unit_test(port_that_nobody_chose_is_told_as_it_came_out),
		cmocka_unit_test(listening_again_is_no_event),
		cmocka_unit_test(io_uring_listens_and_is_told),
		cmocka_unit_test(port_of_a_worker_is_told_or_said_blind),
		cmocka_unit_test(listen_of_a_32_bit_program_is_told),
		cmocka_unit_test(mptcp_listener_is_told_once),
		cmocka_unit_test(network_namespace_hides_no_listener),
		cmocka_unit_test(listening_in_vain_is_no_event),
		cmocka_unit_test(unix_listeners_are_told_by_name),
		cmocka_unit_test(a_relative_name_is_told_with_its_place),
		cmocka_unit_test(vsock_listener_is_told_with_its_port),
		cmocka_unit_test(datagram_port_that_was_asked_for_is_told),
		cmocka_unit_test(datagram_port_that_was_refused_is_no_event),
	};

	return cmocka_run_group_tests_name("listen", tests, net_setup,
					   seen_teardown);
}
