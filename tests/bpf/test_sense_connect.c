/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outgoing connections and datagrams, and how they came out, on loopback.
 */
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a child connects to, and how. */
struct target {
	struct sockaddr_storage addr;
	socklen_t len;
	int type;
	int sends; /* 0: connect; else that many datagrams */
	int want_errno;
	bool give_up; /* do not wait, close */
};

static uint16_t port_of(const struct sockaddr_storage *a)
{
	return ntohs(a->ss_family == AF_INET6
			     ? ((const struct sockaddr_in6 *)a)->sin6_port
			     : ((const struct sockaddr_in *)a)->sin_port);
}

/* A socket of the test's own on loopback; *t gets its address. */
static int listen_on(int family, int type, struct target *t)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&t->addr;
	struct sockaddr_in *four = (struct sockaddr_in *)&t->addr;
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	memset(t, 0, sizeof(*t));
	t->type = type;
	t->addr.ss_family = (sa_family_t)family;
	if (family == AF_INET6)
		six->sin6_addr = in6addr_loopback;
	else
		four->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	t->len = family == AF_INET6 ? sizeof(*six) : sizeof(*four);
	if (fd < 0 || bind(fd, (struct sockaddr *)&t->addr, t->len) < 0)
		return -1;
	assert_int_equal(getsockname(fd, (struct sockaddr *)&t->addr, &t->len),
			 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 0), 0);
	return fd;
}

static int act_connect(void *arg)
{
	const struct target *t = arg;
	int fd = socket(t->addr.ss_family,
			t->type | (t->give_up ? SOCK_NONBLOCK : 0), 0);
	int i, r;

	if (fd < 0)
		return 90;
	for (i = 0; i < t->sends; i++)
		if (sendto(fd, "x", 1, 0, (const struct sockaddr *)&t->addr,
			   t->len) != 1)
			return 91;
	if (t->sends)
		return 0;
	r = connect(fd, (const struct sockaddr *)&t->addr, t->len);
	if ((r < 0 ? errno : 0) != t->want_errno)
		return 92;
	return close(fd) < 0;
}

static void assert_target(const struct seen *w, const struct wire_connect *c,
			  const struct target *t)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&t->addr;
	const struct sockaddr_in *four = (const struct sockaddr_in *)&t->addr;
	uint8_t addr[16] = { 0 };

	if (t->addr.ss_family == AF_INET6)
		memcpy(addr, &six->sin6_addr, 16);
	else
		memcpy(addr, &four->sin_addr, 4);
	assert_non_null(c);
	net_spoke(w, &c->hdr, WIRE_FAM_CONNECT,
		  t->addr.ss_family == AF_INET6
			  ? t->sends ? "datagrams, IPv6" : "connect, IPv6"
		  : t->sends ? "datagrams, IPv4"
			     : "connect, IPv4");
	assert_int_equal(c->family, t->addr.ss_family);
	assert_memory_equal(c->addr, addr, 16);
	assert_int_equal(c->port, port_of(&t->addr));
	assert_int_equal(c->type, t->type);
	assert_int_equal(c->protocol,
			 t->type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP);
	assert_int_equal(c->op,
			 t->sends ? WIRE_CONNECT_SEND : WIRE_CONNECT_CONNECT);
}

/* The outcome of this connection; NULL: none was told. */
static const struct wire_connect_result *outcome(const struct seen *w,
						 const struct wire_connect *c)
{
	const struct wire_connect_result *r;
	size_t i;

	for (i = 0; (r = seen_nth(w, WIRE_CONNECT_RESULT, i)); i++)
		if (r->sock == c->sock)
			return r;
	return NULL;
}

/* Whether nothing was told, of what the coverage table says is not seen. */
static bool is_said_blind(const struct seen *w, const char *words)
{
	if (!strstr(net_blind(w, "connect, IPv4"), words))
		return false;
	assert_int_equal(seen_count(w, WIRE_CONNECT), 0);
	return true;
}

static void check_connect(struct seen *w, struct target *t, int error)
{
	const struct wire_connect_result *r;
	const struct wire_connect *c;
	struct stat st;

	seen_run(w, act_connect, t);
	assert_int_equal(w->status, 0);
	if (t->type == SOCK_DGRAM && is_said_blind(w, "all but TCP"))
		return;
	assert_int_equal(seen_count(w, WIRE_CONNECT), 1);
	c = seen_nth(w, WIRE_CONNECT, 0);
	assert_target(w, c, t);
	assert_int_equal(c->hdr.tgid, w->child);
	assert_int_equal(stat("/proc/self/ns/net", &st), 0);
	assert_int_equal(c->net_ns, st.st_ino);
	if (error < 0)
		return;
	r = outcome(w, c);
	assert_non_null(r);
	assert_int_equal(r->error, error);
	assert_int_equal(r->peer_port, c->port);
	assert_memory_equal(r->peer_addr, c->addr, 16);
	assert_int_equal(r->family, c->family);
	assert_int_not_equal(r->local_port, 0);
}

static void tcp_over_ipv4_is_told_with_its_outcome(void **state)
{
	struct target t;
	int fd = listen_on(AF_INET, SOCK_STREAM, &t);

	assert_true(fd >= 0);
	check_connect(*state, &t, 0);
	(void)close(fd);
}

static void tcp_over_ipv6_is_told_with_its_outcome(void **state)
{
	struct target t;
	int fd = listen_on(AF_INET6, SOCK_STREAM, &t);

	if (fd < 0)
		skip();
	check_connect(*state, &t, 0);
	(void)close(fd);
}

static void refused_connection_says_so(void **state)
{
	struct target t;
	int fd = listen_on(AF_INET, SOCK_STREAM, &t);

	(void)close(fd);
	t.want_errno = ECONNREFUSED;
	check_connect(*state, &t, ECONNREFUSED);
}

static void local_port_is_the_callers(void **state)
{
	const struct wire_connect_result *r;
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	struct target t;
	int fd = listen_on(AF_INET, SOCK_STREAM, &t), got;

	check_connect(*state, &t, 0);
	r = outcome(*state, seen_nth(*state, WIRE_CONNECT, 0));
	got = accept4(fd, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC);
	assert_true(got >= 0);
	assert_int_equal(r->local_port, ntohs(peer.sin_port));
	(void)close(got);
	(void)close(fd);
}

static void connection_given_up_is_cancelled(void **state)
{
	struct target t;
	int fd = listen_on(AF_INET, SOCK_STREAM, &t), full[8];
	struct pollfd p;
	size_t i;

	/* A full backlog drops what comes next: it stays unsettled. */
	for (i = 0; i < 8; i++) {
		full[i] = socket(AF_INET,
				 SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)connect(full[i], (struct sockaddr *)&t.addr, t.len);
		p = (struct pollfd){ .fd = full[i], .events = POLLOUT };
		(void)poll(&p, 1, 100);
	}
	t.give_up = true;
	t.want_errno = EINPROGRESS;
	check_connect(*state, &t, ECANCELED);
	for (i = 0; i < 8; i++)
		(void)close(full[i]);
	(void)close(fd);
}

static void error_of_the_call_itself_is_the_outcome(void **state)
{
	struct sockaddr_in *four;
	struct target t;
	int fd = listen_on(AF_INET, SOCK_STREAM, &t);
	const struct wire_connect_result *r;
	const struct wire_connect *c;

	(void)close(fd);
	/* Multicast is no place to connect to: refused before any packet. */
	four = (struct sockaddr_in *)&t.addr;
	four->sin_addr.s_addr = htonl(0xe0000001);
	t.want_errno = ENETUNREACH;
	seen_run(*state, act_connect, &t);
	assert_int_equal(((struct seen *)*state)->status, 0);
	if (is_said_blind(*state, "fails before the first packet"))
		return;
	c = seen_nth(*state, WIRE_CONNECT, 0);
	assert_target(*state, c, &t);
	r = outcome(*state, c);
	assert_non_null(r);
	assert_int_equal(r->error, ENETUNREACH);
	assert_int_equal(r->hdr.tgid, c->hdr.tgid);
}

static void udp_connect_is_told(void **state)
{
	struct target t;
	int fd = listen_on(AF_INET, SOCK_DGRAM, &t);

	check_connect(*state, &t, -1);
	(void)close(fd);
}

static void check_datagrams(struct seen *w, int family)
{
	struct wire_counters before, after;
	struct target t;
	int fd = listen_on(family, SOCK_DGRAM, &t);

	if (fd < 0)
		skip();
	t.sends = 5;
	before = seen_counters(w, WIRE_FAM_CONNECT);
	seen_run(w, act_connect, &t);
	assert_int_equal(w->status, 0);
	after = seen_counters(w, WIRE_FAM_CONNECT);
	if (net_is_off(w, family == AF_INET6 ? "datagrams, IPv6"
					     : "datagrams, IPv4")) {
		assert_int_equal(seen_count(w, WIRE_CONNECT), 0);
		return;
	}
	assert_int_equal(seen_count(w, WIRE_CONNECT), 1);
	assert_target(w, seen_nth(w, WIRE_CONNECT, 0), &t);
	assert_true(after.summed >= before.summed + 4);
	(void)close(fd);
}

static void datagrams_to_one_place_are_told_once(void **state)
{
	check_datagrams(*state, AF_INET);
}

static void datagrams_over_ipv6_are_told(void **state)
{
	check_datagrams(*state, AF_INET6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_over_ipv4_is_told_with_its_outcome),
		cmocka_unit_test(tcp_over_ipv6_is_told_with_its_outcome),
		cmocka_unit_test(refused_connection_says_so),
		cmocka_unit_test(local_port_is_the_callers),
		cmocka_unit_test(connection_given_up_is_cancelled),
		cmocka_unit_test(error_of_the_call_itself_is_the_outcome),
		cmocka_unit_test(udp_connect_is_told),
		cmocka_unit_test(datagrams_to_one_place_are_told_once),
		cmocka_unit_test(datagrams_over_ipv6_are_told),
	};

	return cmocka_run_group_tests_name("connect", tests, seen_setup,
					   seen_teardown);
}
