/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a service manager is told, by the protocol of sd_notify(3): one
 * datagram, lines of NAME=value, to the socket that NOTIFY_SOCKET names.
 */
#pragma once

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct notify {
	int fd; /* -1: nobody wants to know */
	struct sockaddr_un to;
	socklen_t to_size;
	uint64_t watchdog_ms; /* killed after so long in silence; 0: never */
};

/*
 * From the environment, which is then without it: what is started later is not
 * to speak for us. Nobody who wants to know is no error; -errno: somebody
 * does, and cannot be told (-EINVAL: the address makes no sense).
 */
int notify_open(struct notify *ret);
void notify_close(struct notify *n);

/* Never waits: -EAGAIN when the manager does not keep up. */
int notify_say(const struct notify *n, const char *state);
