/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Datagrams by each call that sends them: told once for a place.
 */
#include "net.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "uring.h"

/* ---- datagrams ------------------------------------------------------------ */

static int act_sendto_unspec(void *arg)
{
	struct place p = *(struct place *)arg;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	p.any.sa_family = AF_UNSPEC;
	return sendto(fd, "x", 1, 0, &p.any, p.len) != 1;
}

static int act_sendmsg(void *arg)
{
	struct place *p = arg;
	char byte = 'x';
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_name = &p->any,
		.msg_namelen = p->len,
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};

	return sendmsg(socket(p->any.sa_family, SOCK_DGRAM, 0), &msg, 0) != 1;
}

static int act_uring_sendmsg(void *arg)
{
	struct place *p = arg;
	char byte = 'x';
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_name = &p->any,
		.msg_namelen = p->len,
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_SENDMSG,
		.fd = socket(p->any.sa_family, SOCK_DGRAM, 0),
		.addr = (uintptr_t)&msg,
		.len = 1,
	};
	int r = uring_do(&sqe);

	return r == 1 ? 0 : r == -ENOSYS ? 77 : 90;
}

/* On a socket that is connected to somewhere else. */
static int act_aside(void *arg)
{
	struct place *p = arg, other = *p;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	other.four.sin_port ^= 0xffff;
	if (net_ask(fd, &other))
		return 90;
	return sendto(fd, "x", 1, 0, &p->any, p->len) != 1;
}

static void datagrams_are_told_however_sent(void **state)
{
	static int (*const ways[])(void *) = { act_sendto_unspec, act_sendmsg,
					       act_uring_sendmsg, act_aside };
	const struct wire_connect *c;
	struct seen *w = *state;
	struct place p;
	size_t i, n;
	int fd = net_serve(AF_INET, SOCK_DGRAM, &p);

	if (net_is_off(w, SEND))
		return;
	for (i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		seen_run(w, ways[i], &p);
		if (WEXITSTATUS(w->status) == 77)
			continue;
		assert_int_equal(w->status, 0);
		n = seen_count(w, WIRE_CONNECT);
		assert_int_equal(n, ways[i] == act_aside ? 2 : 1);
		c = seen_nth(w, WIRE_CONNECT, n - 1);
		assert_int_equal(c->op, WIRE_CONNECT_SEND);
		assert_int_equal(c->hdr.tgid, w->child);
		assert_int_equal(c->family, AF_INET);
		assert_int_equal(c->port, net_port(&p));
		assert_memory_equal(c->addr, &p.four.sin_addr, 4);
		net_spoke(w, &c->hdr, WIRE_FAM_CONNECT, SEND);
	}
	(void)close(fd);
}

struct pair {
	struct place first, second;
};

static int act_sendmmsg(void *arg)
{
	struct pair *u = arg;
	char byte = 'x';
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct mmsghdr msgs[4];
	int i;

	memset(msgs, 0, sizeof(msgs));
	for (i = 0; i < 4; i++) {
		struct place *p = i & 1 ? &u->second : &u->first;

		msgs[i].msg_hdr.msg_name = &p->any;
		msgs[i].msg_hdr.msg_namelen = p->len;
		msgs[i].msg_hdr.msg_iov = &iov;
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	return sendmmsg(socket(AF_INET, SOCK_DGRAM, 0), msgs, 4, 0) != 4;
}

static void many_datagrams_in_one_call_are_told_by_place(void **state)
{
	const struct wire_connect *one, *two;
	struct seen *w = *state;
	struct pair u;
	int fd = net_serve(AF_INET, SOCK_DGRAM, &u.first);
	int other = net_serve(AF_INET, SOCK_DGRAM, &u.second);

	if (net_is_off(w, SEND))
		return;
	seen_run(w, act_sendmmsg, &u);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_CONNECT), 2);
	one = seen_nth(w, WIRE_CONNECT, 0);
	two = seen_nth(w, WIRE_CONNECT, 1);
	assert_int_equal(one->port, net_port(&u.first));
	assert_int_equal(two->port, net_port(&u.second));
	(void)close(fd);
	(void)close(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagrams_are_told_however_sent),
		cmocka_unit_test(many_datagrams_in_one_call_are_told_by_place),
	};

	return cmocka_run_group_tests_name("connect datagrams", tests,
					   net_setup, seen_teardown);
}
