// SPDX-License-Identifier: Apache-2.0
/*
 * Makes one connection or sends one datagram:
 *
 *   act_connect WAY ADDRESS PORT
 *
 * WAY: tcp (connect, wait for the outcome), poll (the same, non-blocking),
 * udp (connect a datagram socket, send nothing), sendto, sendmsg (a datagram
 * without connect), again (sendto, three times to the same place).
 * An ADDRESS with a colon is IPv6, IPv4-mapped ones included.
 * Prints "PORT ERRNO": the local port, and how the attempt ended.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct target {
	union address addr;
	socklen_t size;
};

static int send_by_sendto(int fd, const struct target *t)
{
	return sendto(fd, "x", 1, 0, &t->addr.any, t->size) == 1 ? 0 : errno;
}

static int send_by_sendmsg(int fd, const struct target *t)
{
	struct iovec iov = { .iov_base = (char[]){ "x" }, .iov_len = 1 };
	union address addr = t->addr;
	struct msghdr msg = {
		.msg_name = &addr,
		.msg_namelen = t->size,
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};

	return sendmsg(fd, &msg, 0) == 1 ? 0 : errno;
}

static int send_again(int fd, const struct target *t)
{
	int error = 0;

	for (int i = 0; i < 3 && !error; i++)
		error = send_by_sendto(fd, t);
	return error;
}

static int do_connect(int fd, const struct target *t)
{
	return connect(fd, &t->addr.any, t->size) < 0 ? errno : 0;
}

static int connect_and_poll(int fd, const struct target *t)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t size = sizeof(int);
	int error = do_connect(fd, t);

	if (error != EINPROGRESS)
		return error;
	if (poll(&p, 1, 10000) != 1)
		return ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		return errno;
	return error;
}

static const struct {
	const char *name;
	int type;
	int (*run)(int fd, const struct target *t);
} ways[] = {
	{ "tcp", SOCK_STREAM, do_connect },
	{ "poll", SOCK_STREAM | SOCK_NONBLOCK, connect_and_poll },
	{ "udp", SOCK_DGRAM, do_connect },
	{ "sendto", SOCK_DGRAM, send_by_sendto },
	{ "sendmsg", SOCK_DGRAM, send_by_sendmsg },
	{ "again", SOCK_DGRAM, send_again },
};

static int parse_target(const char *address, const char *port,
			struct target *ret)
{
	char *end;
	unsigned long n = strtoul(port, &end, 10);

	if (*end || n > 65535)
		return -1;
	memset(ret, 0, sizeof(*ret));
	if (strchr(address, ':')) {
		ret->addr.v6.sin6_family = AF_INET6;
		ret->addr.v6.sin6_port = htons((uint16_t)n);
		ret->size = sizeof(ret->addr.v6);
		return inet_pton(AF_INET6, address, &ret->addr.v6.sin6_addr) ==
				       1
			       ? 0
			       : -1;
	}
	ret->addr.v4.sin_family = AF_INET;
	ret->addr.v4.sin_port = htons((uint16_t)n);
	ret->size = sizeof(ret->addr.v4);
	return inet_pton(AF_INET, address, &ret->addr.v4.sin_addr) == 1 ? 0
									: -1;
}

static unsigned local_port(int fd)
{
	union address addr = { 0 };
	socklen_t size = sizeof(addr);

	if (getsockname(fd, &addr.any, &size) < 0)
		return 0;
	return ntohs(addr.any.sa_family == AF_INET6 ? addr.v6.sin6_port
						    : addr.v4.sin_port);
}

int main(int argc, char **argv)
{
	struct target target;

	if (argc != 4 || parse_target(argv[2], argv[3], &target) < 0)
		return 2;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		int fd, error;

		if (strcmp(argv[1], ways[i].name))
			continue;
		fd = socket(target.addr.any.sa_family,
			    ways[i].type | SOCK_CLOEXEC, 0);
		if (fd < 0) {
			perror("act_connect: socket");
			return 1;
		}
		error = ways[i].run(fd, &target);
		printf("%u %d\n", local_port(fd), error);
		close(fd);
		return 0;
	}
	return 2;
}
