/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets that are no TCP and no UDP: unix, raw, packet. What a backend cannot
 * see, the coverage table says in words, and the tests hold it to that.
 */
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/vm_sockets.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "uring.h"

#define VSOCK  "connect, vsock"
#define STREAM "unix sockets, streams"
#define DGRAM  "unix sockets, datagrams"
#define RAW    "raw sockets"
#define PACKET "packet sockets"

/* ---- unix ----------------------------------------------------------------- */

/* Bound to this name, which has n bytes; listening if it is no datagram one. */
static int serve_unix(int type, const char *name, size_t n, struct place *p)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	memset(p, 0, sizeof(*p));
	p->type = type;
	p->local.sun_family = AF_UNIX;
	memcpy(p->local.sun_path, name, n);
	p->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n +
			     (*name && n < sizeof(p->local.sun_path)));
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, &p->any, p->len), 0);
	if (type != SOCK_DGRAM)
		assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static int act_connect(void *arg)
{
	const struct place *p = arg;
	int fd = socket(AF_UNIX, p->type, 0);

	return connect(fd, &p->any, p->len) < 0 ? errno : 0;
}

static void check_stream(struct seen *w, int type, const char *name, size_t n)
{
	const struct wire_connect *c;
	struct place p;
	int fd;

	if (net_is_off(w, STREAM))
		return;
	fd = serve_unix(type, name, n, &p);
	seen_run(w, act_connect, &p);
	assert_int_equal(w->status, 0);
	c = net_connected(w, &p);
	assert_int_equal(c->op, WIRE_CONNECT_CONNECT);
	assert_bytes(c, c->unix_path, name, n);
	net_spoke(w, &c->hdr, WIRE_FAM_CONNECT, STREAM);
	(void)close(fd);
}

static void unix_stream_is_told_by_the_name_it_reached(void **state)
{
	const char *path = work_path("socket");

	check_stream(*state, SOCK_STREAM, path, strlen(path));
	(void)unlink(path);
	check_stream(*state, SOCK_SEQPACKET, path, strlen(path));
	(void)unlink(path);
}

/* It may take all the room there is, without the zero. */
static void longest_path_is_told_whole(void **state)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
	size_t n = strlen(work_dir());

	memset(path, 'u', sizeof(path));
	memcpy(path, work_dir(), n);
	path[n] = '/';
	path[sizeof(path) - 1] = '\0';
	check_stream(*state, SOCK_STREAM, path, sizeof(path) - 1);
	(void)unlink(path);
}

static void abstract_name_keeps_its_zeros(void **state)
{
	char name[32];

	memcpy(name, "\0picket\0test", 12);
	memcpy(name + 12, work_dir() + strlen(work_dir()) - 6, 6);
	check_stream(*state, SOCK_STREAM, name, 18);
}

/* By a path that leads there from elsewhere. */
static int act_relative(void *arg)
{
	struct place p = *(struct place *)arg;
	const char *leaf = strrchr(p.local.sun_path, '/') + 1;
	char link[] = "link";

	if (chdir(work_dir()) < 0 || symlink(leaf, link) < 0)
		return 90;
	memset(p.local.sun_path, 0, sizeof(p.local.sun_path));
	memcpy(p.local.sun_path, link, sizeof(link));
	return act_connect(&p);
}

static void link_to_a_socket_does_not_rename_it(void **state)
{
	const char *path = work_path("socket");
	const struct wire_connect *c;
	struct place p;
	int fd;

	if (net_is_off(*state, STREAM))
		return;
	fd = serve_unix(SOCK_STREAM, path, strlen(path), &p);
	seen_run(*state, act_relative, &p);
	assert_int_equal(((struct seen *)*state)->status, 0);
	c = net_connected(*state, &p);
	assert_str(c, c->unix_path, path);
	(void)close(fd);
	(void)unlink(path);
}

/* Where the server was when it bound it, wherever the two are now. */
static void a_name_bound_relative_is_told_with_its_place(void **state)
{
	const char *path = work_path("near");
	const struct wire_connect *c;
	int fd, here;
	struct place p;

	if (net_is_off(*state, STREAM))
		return;
	here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(chdir(work_dir()), 0);
	fd = serve_unix(SOCK_STREAM, "near", strlen("near"), &p);
	assert_int_equal(fchdir(here), 0);
	(void)strcpy(p.local.sun_path, path);
	p.len = sizeof(p.local);
	seen_run(*state, act_connect, &p);
	assert_int_equal(((struct seen *)*state)->status, 0);
	c = net_connected(*state, &p);
	assert_str(c, c->unix_path, path);
	net_spoke(*state, &c->hdr, WIRE_FAM_CONNECT, STREAM);
	(void)close(fd);
	(void)close(here);
	(void)unlink(path);
}

static void name_that_nobody_serves_is_not_reached(void **state)
{
	const char *path = work_path("socket");
	struct place p;

	(void)close(serve_unix(SOCK_STREAM, path, strlen(path), &p));
	seen_run(*state, act_connect, &p);
	assert_int_equal(WEXITSTATUS(((struct seen *)*state)->status),
			 ECONNREFUSED);
	assert_int_equal(seen_count(*state, WIRE_CONNECT), 0);
	(void)unlink(path);
}

static int act_send_twice(void *arg)
{
	const struct place *p = arg;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0), i;

	for (i = 0; i < 2; i++)
		if (sendto(fd, "x", 1, 0, &p->any, p->len) != 1)
			return 90;
	return 0;
}

static void unix_datagrams_are_told_once_or_said_blind(void **state)
{
	const char *path = work_path("socket");
	const struct wire_connect *c;
	struct place p;
	int fd = serve_unix(SOCK_DGRAM, path, strlen(path), &p);

	seen_run(*state, act_send_twice, &p);
	assert_int_equal(((struct seen *)*state)->status, 0);
	if (seen_count(*state, WIRE_CONNECT) == 0) {
		assert_true(net_is_off(*state, DGRAM));
		assert_true(net_is_off(*state, STREAM) ||
			    strstr(net_blind(*state, STREAM),
				   "datagrams to an address"));
	} else {
		c = net_connected(*state, &p);
		assert_int_equal(c->op, WIRE_CONNECT_SEND);
		assert_str(c, c->unix_path, path);
		net_spoke(*state, &c->hdr, WIRE_FAM_CONNECT, DGRAM);
	}
	(void)close(fd);
	(void)unlink(path);
}

static int act_uring(void *arg)
{
	const struct place *p = arg;
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_CONNECT,
		.fd = socket(AF_UNIX, p->type, 0),
		.addr = (uintptr_t)&p->any,
		.off = p->len,
	};
	int r = uring_do(&sqe);

	return r == 0 ? 0 : r == -ENOSYS ? 77 : 90;
}

static void unix_connect_by_io_uring_is_told_or_said_blind(void **state)
{
	const char *path = work_path("socket");
	const struct wire_connect *c;
	struct place p;
	int fd = serve_unix(SOCK_STREAM, path, strlen(path), &p);

	seen_run(*state, act_uring, &p);
	(void)close(fd);
	(void)unlink(path);
	if (WEXITSTATUS(((struct seen *)*state)->status) == 77)
		return net_lacks();
	assert_int_equal(((struct seen *)*state)->status, 0);
	if (seen_count(*state, WIRE_CONNECT) == 0) {
		assert_true(
			net_is_off(*state, STREAM) ||
			strstr(net_blind(*state, STREAM), "made by io_uring"));
		return;
	}
	c = net_connected(*state, &p);
	assert_str(c, c->unix_path, path);
}

/* ---- raw and packet ------------------------------------------------------- */

struct kind {
	int family, type, protocol;
	bool by_ring;
};

static int act_socket(void *arg)
{
	const struct kind *k = arg;
	struct io_uring_sqe sqe = {
		.opcode = URING_OP_SOCKET,
		.fd = k->family,
		.off = (uint64_t)k->type,
		.len = (uint32_t)k->protocol,
	};
	int fd;

	if (!k->by_ring) {
		fd = socket(k->family, k->type, k->protocol);
		return fd >= 0 ? 0 : errno == EAFNOSUPPORT ? 77 : errno;
	}
	fd = uring_do(&sqe);
	/* Until 5.19 it did not know how. */
	return fd >= 0 ? 0 : fd == -ENOSYS || fd == -EINVAL ? 77 : -fd;
}

static void check_kind(struct seen *w, const struct kind *want,
		       uint16_t protocol, const char *hook)
{
	const struct wire_connect *c;
	struct kind k = *want;

	seen_run(w, act_socket, &k);
	if (WEXITSTATUS(w->status) == 77)
		return net_lacks();
	assert_int_equal(w->status, 0);
	if (seen_count(w, WIRE_CONNECT) == 0) {
		assert_non_null(strstr(net_blind(w, hook), "made by io_uring"));
		assert_true(k.by_ring);
		return;
	}
	assert_int_equal(seen_count(w, WIRE_CONNECT), 1);
	c = seen_nth(w, WIRE_CONNECT, 0);
	assert_int_equal(c->op, WIRE_CONNECT_SOCKET);
	assert_int_equal(c->hdr.tgid, w->child);
	assert_int_equal(c->family, k.family);
	assert_int_equal(c->type, k.type);
	assert_int_equal(c->protocol, protocol);
	assert_int_not_equal(c->net_ns, 0);
	net_spoke(w, &c->hdr, WIRE_FAM_CONNECT, hook);
}

static void raw_sockets_are_told_when_made(void **state)
{
	struct kind k = { AF_INET, SOCK_RAW, IPPROTO_ICMP, false };

	check_kind(*state, &k, IPPROTO_ICMP, RAW);
	k.by_ring = true;
	check_kind(*state, &k, IPPROTO_ICMP, RAW);
	k = (struct kind){ AF_INET6, SOCK_RAW, IPPROTO_RAW, false };
	check_kind(*state, &k, IPPROTO_RAW, RAW);
}

/* A backend that has no way to see these has no row for them either. */
static void packet_sockets_are_told_when_made(void **state)
{
	struct kind k = { AF_PACKET, SOCK_RAW, htons(ETH_P_ALL), false };

	if (net_is_off(*state, PACKET))
		return;
	check_kind(*state, &k, ETH_P_ALL, PACKET);
	k.type = SOCK_DGRAM;
	check_kind(*state, &k, ETH_P_ALL, PACKET);
	k.by_ring = true;
	check_kind(*state, &k, ETH_P_ALL, PACKET);
}

static int act_others(void *arg)
{
	(void)arg;
	return socket(AF_NETLINK, SOCK_RAW, 0) < 0 ||
	       socket(AF_INET, SOCK_STREAM, 0) < 0 ||
	       socket(AF_INET, SOCK_DGRAM, 0) < 0 ||
	       socket(AF_UNIX, SOCK_DGRAM, 0) < 0;
}

static void other_sockets_are_not_told_when_made(void **state)
{
	seen_run(*state, act_others, NULL);
	assert_int_equal(((struct seen *)*state)->status, 0);
	assert_int_equal(seen_count(*state, WIRE_CONNECT), 0);
}

#define NR32_SOCKET	359
#define NR32_SOCKETCALL 102
#define CALL_SOCKET	1

static int act_socket32(void *arg)
{
	uint32_t *args = net_low(3 * sizeof(*args));
	long r;

	if (!args)
		return 90;
	args[0] = AF_PACKET;
	args[1] = SOCK_DGRAM;
	args[2] = 0;
	if (*(bool *)arg)
		r = net_call32(NR32_SOCKETCALL, CALL_SOCKET,
			       (long)(uintptr_t)args, 0);
	else
		r = net_call32(NR32_SOCKET, AF_PACKET, SOCK_DGRAM, 0);
	return r >= 0 ? 0 : (int)-r;
}

static void packet_socket_of_a_32_bit_program_is_told(void **state)
{
	struct seen *w = *state;
	bool by_socketcall;
	int i;

	if (net_is_off(w, PACKET))
		return;
	for (i = 0; i < 2; i++) {
		by_socketcall = i;
		seen_run(w, act_socket32, &by_socketcall);
		if (WEXITSTATUS(w->status) == ENOSYS)
			return net_lacks();
		assert_int_equal(w->status, 0);
		assert_int_equal(seen_count(w, WIRE_CONNECT), 1);
	}
}

/* ---- vsock, and what is refused ------------------------------------------- */

#define LOCAL_CID 1

static int act_vsock(void *arg)
{
	const struct place *p = arg;
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return 77;
	/* Nobody is there; that somebody asked is what matters. */
	return connect(fd, &p->any, p->len) == 0;
}

static void vsock_is_told_by_context_and_port(void **state)
{
	struct sockaddr_vm to = {
		.svm_family = AF_VSOCK,
		.svm_cid = LOCAL_CID,
		.svm_port = 0x12345,
	};
	const struct wire_connect *c;
	struct place p = { .len = sizeof(to) };
	uint32_t where[4] = { LOCAL_CID, 0x12345 };
	struct seen *w = *state;

	memcpy(&p.any, &to, sizeof(to));
	seen_run(w, act_vsock, &p);
	if (WEXITSTATUS(w->status) == 77)
		return net_lacks();
	assert_int_equal(w->status, 0);
	if (net_is_off(w, VSOCK)) {
		assert_int_equal(seen_count(w, WIRE_CONNECT), 0);
		return;
	}
	assert_int_equal(seen_count(w, WIRE_CONNECT), 1);
	c = seen_nth(w, WIRE_CONNECT, 0);
	assert_int_equal(c->family, AF_VSOCK);
	net_spoke(w, &c->hdr, WIRE_FAM_CONNECT, VSOCK);
	assert_memory_equal(c->addr, where, sizeof(where));
}

/* Of linux/landlock.h, which may be older than network rules (6.7). */
struct net_rules {
	uint64_t fs;
	uint64_t net;
};

static int act_refused(void *arg)
{
	struct net_rules rules = { .net = 1 << 1 /* connecting by TCP */ };
	const struct place *p = arg;
	int fd = (int)syscall(SYS_landlock_create_ruleset, &rules,
			      sizeof(rules), 0);

	if (fd < 0)
		return 77;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return 90;
	return connect(socket(AF_INET, SOCK_STREAM, 0), &p->any, p->len) < 0
		       ? errno
		       : 91;
}

static void refusal_by_a_security_module_is_told_or_said_blind(void **state)
{
	const struct wire_connect_result *r;
	const struct wire_connect *c;
	struct seen *w = *state;
	struct place p;

	net_desert(AF_INET, SOCK_STREAM, &p);
	seen_run(w, act_refused, &p);
	if (WEXITSTATUS(w->status) == 77)
		return net_lacks();
	assert_int_equal(WEXITSTATUS(w->status), EACCES);
	if (seen_count(w, WIRE_CONNECT) == 0) {
		assert_non_null(
			strstr(net_blind(w, V4), "security module refuse"));
		return;
	}
	c = net_connected(w, &p);
	if (net_outcomes(w, c, &r) == 0) {
		assert_non_null(
			strstr(net_blind(w, V4), "security module refuse"));
		return;
	}
	assert_int_equal(net_outcomes(w, c, &r), 1);
	assert_int_equal(r->error, EACCES);
}

/* ---- asked for or not ----------------------------------------------------- */

static void without_the_setting_unix_sockets_are_no_events(void **state)
{
	const char *path = work_path("socket");
	struct seen *plain = seen_open(8u << 20, 3600 * 1000);
	struct place p;
	int fd = serve_unix(SOCK_STREAM, path, strlen(path), &p);

	(void)state;
	assert_non_null(plain);
	seen_run(plain, act_connect, &p);
	assert_int_equal(plain->status, 0);
	assert_int_equal(seen_count(plain, WIRE_CONNECT), 0);
	seen_close(plain);
	(void)close(fd);
	(void)unlink(path);
}

/*
 * Two programs could see a system call end. Where one family asks for the
 * other one, they must not both.
 */
static void raw_tp_for_one_family_tells_nothing_twice(void **state)
{
	struct sensor_settings s = {
		.ring_bytes = 1u << 20,
		.window_ms = 1000,
		.self_tgid = (uint32_t)getpid(),
		.force = { [WIRE_FAM_CONNECT] = WIRE_BACKEND_RAW_TP },
	};
	struct kind k = { AF_PACKET, SOCK_RAW, 0, false };
	struct seen *w = NULL;
	char what[256] = "";

	(void)state;
	if (seen_try(&s, &w, what) < 0)
		fail_msg("sensor_open: %s", what);
	seen_run(w, act_socket, &k);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_CONNECT), 1);
	seen_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unix_stream_is_told_by_the_name_it_reached),
		cmocka_unit_test(longest_path_is_told_whole),
		cmocka_unit_test(abstract_name_keeps_its_zeros),
		cmocka_unit_test(link_to_a_socket_does_not_rename_it),
		cmocka_unit_test(a_name_bound_relative_is_told_with_its_place),
		cmocka_unit_test(name_that_nobody_serves_is_not_reached),
		cmocka_unit_test(unix_datagrams_are_told_once_or_said_blind),
		cmocka_unit_test(
			unix_connect_by_io_uring_is_told_or_said_blind),
		cmocka_unit_test(raw_sockets_are_told_when_made),
		cmocka_unit_test(packet_sockets_are_told_when_made),
		cmocka_unit_test(other_sockets_are_not_told_when_made),
		cmocka_unit_test(packet_socket_of_a_32_bit_program_is_told),
		cmocka_unit_test(vsock_is_told_by_context_and_port),
		cmocka_unit_test(
			refusal_by_a_security_module_is_told_or_said_blind),
		cmocka_unit_test(raw_tp_for_one_family_tells_nothing_twice),
		cmocka_unit_test(
			without_the_setting_unix_sockets_are_no_events),
	};

	return cmocka_run_group_tests_name("connect kinds", tests, net_setup,
					   seen_teardown);
}
