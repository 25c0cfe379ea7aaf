// SPDX-License-Identifier: Apache-2.0
/*
 * `picket canary NONCE`: what the helper of a running picket has it do, so
 * that picket sees itself see. Harmless: a datagram socket is connected to
 * the loopback's discard port and nothing is sent; a file is written that
 * exists in memory alone. app/canary.c knows these three acts by the nonce.
 * Not in the list of commands: it is nobody's to type.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/canary.h"
#include "base/cleanup.h"
#include "base/exit_codes.h"
#include "cmd/commands.h"

static int connect_nowhere(void)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(CANARY_PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -1
		      : connect(fd, (const struct sockaddr *)&to, sizeof(to));
}

static int write_nothing(const char *nonce)
{
	cleanup_close int fd = -1;
	char name[CANARY_NAME_MAX];

	(void)snprintf(name, sizeof(name), CANARY_PREFIX "%s", nonce);
	fd = memfd_create(name, MFD_CLOEXEC);
	if (fd < 0)
		return -1;
	return write(fd, nonce, strlen(nonce)) > 0 ? 0 : -1;
}

int cmd_canary(int argc, char **argv)
{
	if (argc != 2 || strlen(argv[1]) != HELPER_NONCE_MAX - 1)
		return EXIT_CODE_USAGE;
	if (connect_nowhere() < 0 || write_nothing(argv[1]) < 0)
		return EXIT_CODE_FAILURE;
	return EXIT_CODE_OK;
}
