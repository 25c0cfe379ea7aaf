/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a backend does not see of sockets: it really happens, and where it is
 * not told the coverage table says so in the words that people read.
 */
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "uring.h"

/* RFC 3692: nobody's protocol, for experiments. */
#define PROTOCOL 253

static size_t count_op(const struct seen *w, enum wire_connect_op op)
{
	const struct wire_connect *c;
	size_t i, n = 0;

	for (i = 0; (c = seen_nth(w, WIRE_CONNECT, i)); i++)
		n += c->op == op;
	return n;
}

/* The one of this kind, or what the table says instead. */
static void assert_told_or_said(const struct seen *w, enum wire_connect_op op,
				const char *hook, const char *words)
{
	struct sensor_row row = seen_row(w, hook);

	if (count_op(w, op) == 1)
		return;
	assert_int_equal(count_op(w, op), 0);
	if (!row.active || !strstr(row.reason, words))
		fail_msg("'%s' by %s says '%s', not '%s'", hook, row.backend,
			 row.reason, words);
}

static int act_send_raw(void *arg)
{
	struct place *p = arg;
	int fd = socket(AF_INET, SOCK_RAW, PROTOCOL);

	if (fd < 0)
		return 77;
	return sendto(fd, "x", 1, 0, &p->any, p->len) != 1;
}

static void datagrams_of_raw_sockets_are_told_or_said(void **state)
{
	struct seen *w = *state;
	struct place p;
	int fd = net_serve(AF_INET, SOCK_DGRAM, &p);

	if (net_is_off(w, SEND))
		return;
	seen_run(w, act_send_raw, &p);
	assert_int_equal(w->status, 0);
	assert_told_or_said(w, WIRE_CONNECT_SEND, SEND,
			    "all datagrams but UDP's");
	(void)close(fd);
}

static int act_connect_raw(void *arg)
{
	struct place *p = arg;
	int fd = socket(AF_INET, SOCK_RAW, PROTOCOL);

	return fd < 0 ? 77 : net_ask(fd, p) ? 90 : 0;
}

static void raw_sockets_that_connect_are_told_or_said(void **state)
{
	struct seen *w = *state;
	struct place p;
	int fd = net_serve(AF_INET, SOCK_DGRAM, &p);

	seen_run(w, act_connect_raw, &p);
	assert_int_equal(w->status, 0);
	assert_told_or_said(w, WIRE_CONNECT_CONNECT, V4,
			    strstr(net_blind(w, V4), "all but TCP")
				    ? "all but TCP"
				    : "raw sockets");
	(void)close(fd);
}

static int act_connect_lite(void *arg)
{
	struct place *p = arg;
	int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);

	return fd < 0 ? 77 : net_ask(fd, p) ? 90 : 0;
}

static void udp_lite_is_told_or_said(void **state)
{
	struct seen *w = *state;
	struct place p;
	int fd = net_serve(AF_INET, SOCK_DGRAM, &p);

	seen_run(w, act_connect_lite, &p);
	(void)close(fd);
	if (WEXITSTATUS(w->status) == 77)
		return net_lacks();
	assert_int_equal(w->status, 0);
	assert_told_or_said(w, WIRE_CONNECT_CONNECT, V4,
			    strstr(net_blind(w, V4), "all but TCP")
				    ? "all but TCP"
				    : "UDP-Lite");
}

/* No TCP connection goes to everybody: refused before a first packet. */
static int act_uring_to_everybody(void *arg)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = 99 };
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_CONNECT,
		.fd = socket(AF_INET, SOCK_STREAM, 0),
		.addr = (uintptr_t)&to,
		.off = sizeof(to),
	};
	int r;

	(void)arg;
	to.sin_addr.s_addr = htonl(INADDR_BROADCAST);
	r = uring_do(&sqe);
	return r == -ENOSYS ? 77 : r == -ENETUNREACH || r == -EACCES ? 0 : 90;
}

static void what_io_uring_fails_to_reach_is_settled_or_said(void **state)
{
	const struct wire_connect_result *r = NULL;
	const struct wire_connect *c;
	struct seen *w = *state;

	seen_run(w, act_uring_to_everybody, NULL);
	if (WEXITSTATUS(w->status) == 77)
		return net_lacks();
	assert_int_equal(w->status, 0);
	assert_told_or_said(w, WIRE_CONNECT_CONNECT, V4,
			    "fails before the first packet");
	c = seen_nth(w, WIRE_CONNECT, 0);
	if (!c)
		return;
	if (net_outcomes(w, c, &r)) {
		assert_int_not_equal(r->error, 0);
		return;
	}
	assert_non_null(strstr(net_blind(w, "connections that fail at once"),
			       "connections made by io_uring"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagrams_of_raw_sockets_are_told_or_said),
		cmocka_unit_test(raw_sockets_that_connect_are_told_or_said),
		cmocka_unit_test(udp_lite_is_told_or_said),
		cmocka_unit_test(
			what_io_uring_fails_to_reach_is_settled_or_said),
	};

	return cmocka_run_group_tests_name("connect blind", tests, net_setup,
					   seen_teardown);
}
