/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections whose place or process is another than it seems: addresses that
 * stand for others, sockets that stand for several, that were made by somebody
 * else, or that are in a network of their own.
 */
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sense/decode.h"

#define IPPROTO_MPTCP_ 262

static int act_mapped(void *arg)
{
	struct place *p = arg, mapped = { .len = sizeof(mapped.six) };
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	mapped.six.sin6_family = AF_INET6;
	mapped.six.sin6_port = p->four.sin_port;
	(void)inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.six.sin6_addr);
	return net_ask(fd, &mapped) ? 90 : 0;
}

static void mapped_address_is_the_one_that_it_maps(void **state)
{
	static struct decode_scratch scratch;
	const struct wire_connect_result *r;
	const struct wire_connect *c;
	const char *why = "";
	struct event ev;
	struct place p;
	int fd = net_serve(AF_INET, SOCK_STREAM, &p);

	seen_run(*state, act_mapped, &p);
	assert_int_equal(((struct seen *)*state)->status, 0);
	assert_int_equal(seen_count(*state, WIRE_CONNECT), 1);
	c = seen_nth(*state, WIRE_CONNECT, 0);
	assert_int_equal(decode_record(c, c->hdr.size, &scratch, &ev, &why), 0);
	assert_int_equal(ev.connect.peer.addr.family, AF_INET);
	assert_memory_equal(&ev.connect.peer.addr.bytes, &p.four.sin_addr, 4);
	assert_int_equal(ev.connect.peer.port, net_port(&p));
	assert_int_equal(net_outcomes(*state, c, &r), 1);
	assert_int_equal(r->error, 0);
	(void)close(fd);
}

static int act_mptcp(void *arg)
{
	const struct place *p = arg;
	int fd = socket(p->any.sa_family, SOCK_STREAM, IPPROTO_MPTCP_);

	if (fd < 0)
		return 77;
	return -net_ask(fd, p);
}

static void check_mptcp(struct seen *w, struct place *p, int error)
{
	const struct wire_connect_result *r;
	const struct wire_connect *c;

	seen_run(w, act_mptcp, p);
	if (WEXITSTATUS(w->status) == 77)
		return net_lacks();
	assert_int_equal(WEXITSTATUS(w->status), error);
	c = net_connected(w, p);
	assert_int_equal(c->protocol, IPPROTO_MPTCP_);
	assert_int_equal(net_outcomes(w, c, &r), 1);
	assert_int_equal(r->error, error);
}

static void mptcp_is_told_with_its_outcome(void **state)
{
	struct place p;
	int fd = net_serve(AF_INET, SOCK_STREAM, &p);

	check_mptcp(*state, &p, 0);
	(void)close(fd);
	check_mptcp(*state, &p, ECONNREFUSED);
}

/* ---- other places to stand ------------------------------------------------ */

static int send_fd(int to, int fd)
{
	char control[CMSG_SPACE(sizeof(fd))] = { 0 }, byte = 'x';
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(to, &msg, 0) == 1 ? 0 : -errno;
}

static int receive_fd(int from)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int fd = -1;

	if (recvmsg(from, &msg, 0) == 1 && CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

/* The socket is made by one process, and connected by its parent. */
static int act_received(void *arg)
{
	int pair[2], fd, status;
	pid_t maker;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return 90;
	maker = fork();
	if (!maker)
		_exit(send_fd(pair[1], socket(AF_INET, SOCK_STREAM, 0)) < 0);
	fd = receive_fd(pair[0]);
	if (waitpid(maker, &status, 0) != maker || status || fd < 0)
		return 91;
	return net_ask(fd, arg) ? 92 : 0;
}

static void received_socket_is_connected_by_who_asks(void **state)
{
	struct place p;
	int fd = net_serve(AF_INET, SOCK_STREAM, &p);

	seen_run(*state, act_received, &p);
	(void)net_once(*state, &p, 0);
	(void)close(fd);
}

struct elsewhere {
	struct place p;
	ino_t net_ns;
};

static int raise_loopback(void)
{
	struct ifreq lo = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), r;

	lo.ifr_flags = IFF_UP;
	r = ioctl(fd, SIOCSIFFLAGS, &lo);
	(void)close(fd);
	return r;
}

static int act_elsewhere(void *arg)
{
	struct elsewhere *e = arg;
	struct stat st;

	if (unshare(CLONE_NEWNET) < 0 || raise_loopback() < 0)
		return 90;
	if (stat("/proc/self/ns/net", &st) < 0)
		return 91;
	e->net_ns = st.st_ino;
	return net_ask(socket(AF_INET, SOCK_STREAM, 0), &e->p) != -ECONNREFUSED;
}

static void network_namespace_hides_nothing(void **state)
{
	struct elsewhere *e = net_shared(sizeof(*e));
	const struct wire_connect *c;

	net_desert(AF_INET, SOCK_STREAM, &e->p);
	seen_run(*state, act_elsewhere, e);
	c = net_once(*state, &e->p, ECONNREFUSED);
	assert_int_equal(c->net_ns, e->net_ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mapped_address_is_the_one_that_it_maps),
		cmocka_unit_test(mptcp_is_told_with_its_outcome),
		cmocka_unit_test(received_socket_is_connected_by_who_asks),
		cmocka_unit_test(network_namespace_hides_nothing),
	};

	return cmocka_run_group_tests_name("connect places", tests, net_setup,
					   seen_teardown);
}
