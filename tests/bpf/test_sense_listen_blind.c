/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A port that the kernel itself opens: MPTCP's path manager listens where it is
 * told that an address with a port is to be announced. No security hook is
 * asked; told by the socket's state, or said in the coverage table.
 */
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/mptcp.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORT 20253
#define TCP  "listening sockets, TCP"

/* A request that is being put together. */
struct request {
	struct nlmsghdr nl;
	struct genlmsghdr genl;
	char attrs[256];
};

static struct nlattr *put(struct request *q, uint16_t type, const void *value,
			  uint16_t size)
{
	struct nlattr *a = (void *)((char *)q + NLMSG_ALIGN(q->nl.nlmsg_len));

	a->nla_type = type;
	a->nla_len = (uint16_t)(NLA_HDRLEN + size);
	if (size)
		memcpy((char *)a + NLA_HDRLEN, value, size);
	q->nl.nlmsg_len =
		NLMSG_ALIGN(q->nl.nlmsg_len) + (uint32_t)NLA_ALIGN(a->nla_len);
	return a;
}

static void begin(struct request *q, uint16_t family, uint8_t command)
{
	memset(q, 0, sizeof(*q));
	q->nl.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
	q->nl.nlmsg_type = family;
	q->nl.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	q->genl.cmd = command;
	q->genl.version = 1;
}

/* What is answered; its size or -errno. */
static ssize_t ask(int fd, const struct request *q, void *answer, size_t size)
{
	const struct nlmsghdr *nl = answer;
	ssize_t n;

	if (send(fd, q, q->nl.nlmsg_len, 0) < 0)
		return -errno;
	n = recv(fd, answer, size, 0);
	if (n < (ssize_t)sizeof(*nl))
		return -EIO;
	if (nl->nlmsg_type == NLMSG_ERROR)
		return ((const struct nlmsgerr *)NLMSG_DATA(nl))->error;
	return n;
}

static int find_path_manager(int fd)
{
	struct request q;
	union {
		struct request q;
		char bytes[8192];
	} answer;
	const struct nlattr *a;
	ssize_t n;
	size_t at;

	begin(&q, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	(void)put(&q, CTRL_ATTR_FAMILY_NAME, MPTCP_PM_NAME,
		  sizeof(MPTCP_PM_NAME));
	n = ask(fd, &q, &answer, sizeof(answer));
	for (at = NLMSG_LENGTH(GENL_HDRLEN); (ssize_t)at < n;
	     at += (size_t)NLA_ALIGN(a->nla_len)) {
		a = (const void *)(answer.bytes + at);
		if (a->nla_type == CTRL_ATTR_FAMILY_ID)
			return *(const uint16_t *)(const void *)((const char *)
									 a +
								 NLA_HDRLEN);
		if (a->nla_len < NLA_HDRLEN)
			break;
	}
	return -ENOENT;
}

static int announce_port(int fd, int family)
{
	const uint32_t addr = htonl(INADDR_LOOPBACK);
	const uint32_t flags = MPTCP_PM_ADDR_FLAG_SIGNAL;
	const uint16_t inet = AF_INET, port = PORT;
	struct nlattr *nest;
	struct request q;
	char answer[512];

	begin(&q, (uint16_t)family, MPTCP_PM_CMD_ADD_ADDR);
	nest = put(&q, NLA_F_NESTED | MPTCP_PM_ATTR_ADDR, NULL, 0);
	(void)put(&q, MPTCP_PM_ADDR_ATTR_FAMILY, &inet, sizeof(inet));
	(void)put(&q, MPTCP_PM_ADDR_ATTR_ADDR4, &addr, sizeof(addr));
	(void)put(&q, MPTCP_PM_ADDR_ATTR_PORT, &port, sizeof(port));
	(void)put(&q, MPTCP_PM_ADDR_ATTR_FLAGS, &flags, sizeof(flags));
	nest->nla_len = (uint16_t)((char *)&q + q.nl.nlmsg_len - (char *)nest);
	return (int)ask(fd, &q, answer, sizeof(answer));
}

static int act_have_the_kernel_listen(void *arg)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd, s, family;

	(void)arg;
	/* Its address and port are nobody else's. */
	if (unshare(CLONE_NEWNET) < 0)
		return 90;
	s = socket(AF_INET, SOCK_DGRAM, 0);
	if (ioctl(s, SIOCSIFFLAGS, &lo) < 0)
		return 91;
	fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	family = find_path_manager(fd);
	/* 5.10 knows no port there. */
	if (family < 0 || announce_port(fd, family) < 0)
		return 77;
	return 0;
}

static void what_the_kernel_opens_is_told_or_said(void **state)
{
	const struct wire_listen *l;
	struct seen *w = *state;
	struct in_addr addr;

	seen_run(w, act_have_the_kernel_listen, NULL);
	if (WEXITSTATUS(w->status) == 77)
		return net_lacks();
	assert_int_equal(w->status, 0);
	l = seen_nth(w, WIRE_LISTEN, 0);
	if (!l) {
		assert_string_equal(net_blind(w, TCP),
				    "what the kernel itself opens");
		return;
	}
	assert_int_equal(seen_count(w, WIRE_LISTEN), 1);
	assert_string_equal(net_blind(w, TCP), "");
	addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_memory_equal(l->addr, &addr, sizeof(addr));
	assert_int_equal(l->port, PORT);
	net_spoke(w, &l->hdr, WIRE_FAM_LISTEN, TCP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_kernel_opens_is_told_or_said),
	};

	return cmocka_run_group_tests_name("listen blind", tests, net_setup,
					   seen_teardown);
}
