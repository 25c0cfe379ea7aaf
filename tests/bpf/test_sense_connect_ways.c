/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways to connect that a monitor of system calls misses, doubles or
 * misnames: each is made to happen, and must be told once, with the right
 * process, place and outcome.
 */
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "uring.h"

/* ---- blocking or not ------------------------------------------------------ */

/*
 * Asks, waits, and asks how it went by asking again, as programs do. Once it
 * was refused, asking would begin anew.
 */
static int act_nonblocking(void *arg)
{
	const struct place *p = arg;
	int fd = socket(p->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct pollfd ready = { .fd = fd, .events = POLLOUT };
	int r = net_ask(fd, p);

	if (r != -EINPROGRESS && r)
		return 90;
	if (net_ask(fd, p) == -ECONNREFUSED)
		return 0;
	if (poll(&ready, 1, 60000) != 1)
		return 91;
	r = net_ask(fd, p);
	return r && r != -EISCONN && r != -ECONNREFUSED;
}

static void asking_again_is_not_connecting_again(void **state)
{
	struct place p;
	int fd = net_serve(AF_INET, SOCK_STREAM, &p);

	seen_run(*state, act_nonblocking, &p);
	(void)net_once(*state, &p, 0);
	(void)close(fd);
}

static void refusal_is_told_to_who_does_not_wait(void **state)
{
	struct place p;

	net_desert(AF_INET, SOCK_STREAM, &p);
	seen_run(*state, act_nonblocking, &p);
	(void)net_once(*state, &p, ECONNREFUSED);
}

static int act_itself(void *arg)
{
	struct place *p = arg;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	p->four.sin_port = 0;
	if (bind(fd, &p->any, p->len) < 0 ||
	    getsockname(fd, &p->any, &p->len) < 0)
		return 90;
	return net_ask(fd, p) ? 91 : 0;
}

/* To its own port: both ends open at once, by way of another state. */
static void socket_that_reaches_itself_is_settled(void **state)
{
	struct place *p = net_shared(sizeof(*p));

	net_desert(AF_INET, SOCK_STREAM, p);
	seen_run(*state, act_itself, p);
	(void)net_once(*state, p, 0);
}

/* ---- taken down ----------------------------------------------------------- */

struct unspec {
	struct place first, second;
};

static int act_unspec(void *arg)
{
	const struct unspec *u = arg;
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (net_ask(fd, &u->first) != -EINPROGRESS)
		return 90;
	if (connect(fd, &none, sizeof(none)) < 0)
		return 91;
	if (fcntl(fd, F_SETFL, 0) < 0)
		return 92;
	return net_ask(fd, &u->second) ? 93 : 0;
}

/*
 * How this socket's n-th try ended. What ends in nobody's context is kept
 * whoever began it: other programs' may stand between.
 */
static int nth_error(const struct seen *w, uint64_t sock, size_t n)
{
	const struct wire_connect_result *r;
	size_t i;

	for (i = 0; (r = seen_nth(w, WIRE_CONNECT_RESULT, i)); i++)
		if (r->sock == sock && !n--)
			return (int)r->error;
	return -1;
}

static void dissolving_is_no_connection_and_settles_one(void **state)
{
	const struct wire_connect *one, *two;
	struct unspec u;
	int fd = net_serve(AF_INET, SOCK_STREAM, &u.second);
	int full[16], i, first = net_serve(AF_INET, SOCK_STREAM, &u.first);

	/* A full backlog does not answer. */
	assert_int_equal(listen(first, 0), 0);
	for (i = 0; i < 16; i++) {
		full[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)net_ask(full[i], &u.first);
	}
	seen_run(*state, act_unspec, &u);
	assert_int_equal(((struct seen *)*state)->status, 0);
	assert_int_equal(seen_count(*state, WIRE_CONNECT), 2);
	one = seen_nth(*state, WIRE_CONNECT, 0);
	two = seen_nth(*state, WIRE_CONNECT, 1);
	assert_int_equal(one->port, net_port(&u.first));
	assert_int_equal(two->port, net_port(&u.second));
	assert_int_equal(two->sock, one->sock);
	assert_int_equal(nth_error(*state, one->sock, 0), ECANCELED);
	assert_int_equal(nth_error(*state, one->sock, 1), 0);
	for (i = 0; i < 16; i++)
		(void)close(full[i]);
	(void)close(first);
	(void)close(fd);
}

/* ---- without connect(2) --------------------------------------------------- */

struct ring_way {
	struct place p;
	uint8_t flags; /* of the request */
};

static int act_uring(void *arg)
{
	struct ring_way *way = arg;
	int fd = socket(way->p.any.sa_family, SOCK_STREAM, 0);
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_CONNECT,
		.flags = way->flags,
		.fd = fd,
		.addr = (uintptr_t)&way->p.any,
		.off = way->p.len,
	};
	int r = uring_do(&sqe);

	return r == 0 ? 0 : r == -ENOSYS ? 77 : 90;
}

static void check_uring(struct seen *w, int family, uint8_t flags)
{
	struct ring_way way = { .flags = flags };
	int fd = net_serve(family, SOCK_STREAM, &way.p);

	seen_run(w, act_uring, &way);
	if (WEXITSTATUS(w->status) == 77)
		return net_lacks();
	(void)net_once(w, &way.p, 0);
	(void)close(fd);
}

static void io_uring_connects_and_is_told(void **state)
{
	check_uring(*state, AF_INET, 0);
}

static void worker_of_io_uring_connects_for_its_process(void **state)
{
	check_uring(*state, AF_INET6, IOSQE_ASYNC);
}

/* Nobody routes a stream there: refused before anything was sent. */
static int act_uring_in_vain(void *arg)
{
	struct place *p = arg;
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_CONNECT,
		.fd = socket(AF_INET, SOCK_STREAM, 0),
		.addr = (uintptr_t)&p->any,
		.off = p->len,
	};

	return -uring_do(&sqe);
}

static void io_uring_connects_in_vain_and_is_told_or_said_blind(void **state)
{
	static const char hook[] = "connections that fail at once";
	const struct wire_connect_result *r = NULL;
	struct seen *w = *state;
	struct place p;

	net_desert(AF_INET, SOCK_STREAM, &p);
	p.four.sin_addr.s_addr = htonl(0xe0000001);
	seen_run(w, act_uring_in_vain, &p);
	if (WEXITSTATUS(w->status) == ENOSYS) {
		net_lacks();
		return;
	}
	assert_int_equal(WEXITSTATUS(w->status), ENETUNREACH);
	w->status = 0;
	/* The state of the socket alone does not tell what never began. */
	if (strstr(net_blind(w, V4), "all but TCP")) {
		assert_int_equal(seen_count(w, WIRE_CONNECT), 0);
		return;
	}
	if (net_outcomes(w, net_connected(w, &p), &r))
		assert_int_equal(r->error, ENETUNREACH);
	else
		assert_non_null(strstr(net_blind(w, hook), "made by io_uring"));
}

static int act_fast_open(void *arg)
{
	const struct place *p = arg;
	int fd = socket(p->any.sa_family, SOCK_STREAM, 0);

	return sendto(fd, "x", 1, MSG_FASTOPEN, &p->any, p->len) != 1;
}

static void first_message_connects(void **state)
{
	struct place p;
	int fd = net_serve(AF_INET, SOCK_STREAM, &p);

	seen_run(*state, act_fast_open, &p);
	(void)net_once(*state, &p, 0);
	(void)close(fd);
	fd = net_serve(AF_INET6, SOCK_STREAM, &p);
	seen_run(*state, act_fast_open, &p);
	(void)net_once(*state, &p, 0);
	(void)close(fd);
}

static int act_lazy(void *arg)
{
	const struct place *p = arg;
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one,
		       sizeof(one)) < 0)
		return 90;
	return net_ask(fd, p) || send(fd, "x", 1, 0) != 1;
}

static void connect_that_waits_for_data_is_told_once(void **state)
{
	struct place p;
	int fd = net_serve(AF_INET, SOCK_STREAM, &p);

	seen_run(*state, act_lazy, &p);
	(void)net_once(*state, &p, 0);
	(void)close(fd);
}

/* An address on a socket that is connected is not looked at. */
static int act_address_in_vain(void *arg)
{
	struct place other = *(struct place *)arg;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (net_ask(fd, arg))
		return 90;
	other.four.sin_port ^= 0xffff;
	return sendto(fd, "x", 1, 0, &other.any, other.len) != 1;
}

static void address_on_a_connected_stream_is_no_event(void **state)
{
	struct place p;
	int fd = net_serve(AF_INET, SOCK_STREAM, &p);

	seen_run(*state, act_address_in_vain, &p);
	(void)net_once(*state, &p, 0);
	(void)close(fd);
}

/* ---- other numbers, other kinds ------------------------------------------- */

#define NR32_CONNECT	362
#define NR32_SOCKETCALL 102
#define CALL_CONNECT	3

struct call32 {
	struct place p;
	bool by_socketcall;
};

static int act_call32(void *arg)
{
	const struct call32 *way = arg;
	struct {
		uint32_t args[3];
		struct place p;
	} *low = net_low(sizeof(*low));
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	long r;

	if (!low)
		return 90;
	low->p = way->p;
	low->args[0] = (uint32_t)fd;
	low->args[1] = (uint32_t)(uintptr_t)&low->p.any;
	low->args[2] = way->p.len;
	if (way->by_socketcall)
		r = net_call32(NR32_SOCKETCALL, CALL_CONNECT,
			       (long)(uintptr_t)low->args, 0);
	else
		r = net_call32(NR32_CONNECT, fd, (long)(uintptr_t)&low->p.any,
			       way->p.len);
	return (int)-r;
}

static void check_call32(struct seen *w, bool by_socketcall)
{
	struct call32 way = { .by_socketcall = by_socketcall };
	const struct wire_connect *c;
	int fd = net_serve(AF_INET, SOCK_STREAM, &way.p);

	seen_run(w, act_call32, &way);
	if (WEXITSTATUS(w->status) == ENOSYS)
		return net_lacks();
	c = net_once(w, &way.p, 0);
	assert_true(c->hdr.flags & WIRE_F_COMPAT);
	(void)close(fd);
	/* The state of the socket alone does not tell what never began. */
	if (strstr(net_blind(w, V4), "all but TCP"))
		return;
	/* And the call's own error, as that ABI's exit tells it. */
	way.p.four.sin_addr.s_addr = htonl(0xe0000001);
	seen_run(w, act_call32, &way);
	assert_int_equal(WEXITSTATUS(w->status), ENETUNREACH);
	w->status = 0;
	(void)net_once(w, &way.p, ENETUNREACH);
}

static void connect_of_a_32_bit_program_is_told(void **state)
{
	check_call32(*state, false);
}

static void socketcall_of_a_32_bit_program_is_told(void **state)
{
	check_call32(*state, true);
}

static int act_sendto(void *arg)
{
	const struct place *p = arg;
	int fd = socket(p->any.sa_family, SOCK_DGRAM, 0);

	return sendto(fd, "x", 1, 0, &p->any, p->len) != 1;
}

/* ---- the second witness alone --------------------------------------------- */

static struct seen *by_state_only(void)
{
	struct sensor_settings s = {
		.ring_bytes = 1u << 20,
		.window_ms = 1000,
		.self_tgid = (uint32_t)getpid(),
		.force = { [WIRE_FAM_CONNECT] = WIRE_BACKEND_TP_BTF },
	};
	struct seen *w = NULL;
	char what[256] = "";

	if (seen_try(&s, &w, what) < 0)
		fail_msg("sensor_open: %s", what);
	return w;
}

static void state_alone_tells_tcp_and_says_what_it_does_not(void **state)
{
	const struct wire_connect_result *r;
	const struct wire_connect *c;
	struct seen *w = by_state_only();
	struct place p;
	int fd = net_serve(AF_INET6, SOCK_STREAM, &p);

	(void)state;
	seen_run(w, act_nonblocking, &p);
	assert_int_equal(w->status, 0);
	c = net_connected(w, &p);
	assert_int_equal(c->hdr.backend, WIRE_BACKEND_TP_BTF);
	assert_int_equal(net_outcomes(w, c, &r), 1);
	assert_int_equal(r->error, 0);
	(void)close(fd);
	fd = net_serve(AF_INET, SOCK_DGRAM, &p);
	seen_run(w, act_sendto, &p);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_CONNECT), 0);
	assert_non_null(strstr(net_blind(w, V4), "all but TCP"));
	assert_true(net_is_off(w, SEND));
	(void)close(fd);
	seen_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asking_again_is_not_connecting_again),
		cmocka_unit_test(refusal_is_told_to_who_does_not_wait),
		cmocka_unit_test(socket_that_reaches_itself_is_settled),
		cmocka_unit_test(dissolving_is_no_connection_and_settles_one),
		cmocka_unit_test(io_uring_connects_and_is_told),
		cmocka_unit_test(worker_of_io_uring_connects_for_its_process),
		cmocka_unit_test(
			io_uring_connects_in_vain_and_is_told_or_said_blind),
		cmocka_unit_test(first_message_connects),
		cmocka_unit_test(connect_that_waits_for_data_is_told_once),
		cmocka_unit_test(address_on_a_connected_stream_is_no_event),
		cmocka_unit_test(connect_of_a_32_bit_program_is_told),
		cmocka_unit_test(socketcall_of_a_32_bit_program_is_told),
		cmocka_unit_test(
			state_alone_tells_tcp_and_says_what_it_does_not),
	};

	return cmocka_run_group_tests_name("connect ways", tests, net_setup,
					   seen_teardown);
}
