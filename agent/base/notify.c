// SPDX-License-Identifier: Apache-2.0
/*
 * Twenty lines instead of libsystemd, which would bring a library of its own
 * into a process that holds capabilities.
 */
#include "base/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

static int read_address(const char *name, struct notify *n)
{
	size_t length = strlen(name);

	/* A path, or a name in the abstract namespace, for which @ stands. */
	if (length < 2 || (*name != '/' && *name != '@') ||
	    length >= sizeof(n->to.sun_path))
		return -EINVAL;
	n->to.sun_family = AF_UNIX;
	memcpy(n->to.sun_path, name, length);
	if (*name == '@')
		n->to.sun_path[0] = '\0';
	n->to_size =
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	return 0;
}

/* It may be meant for another process than this one. */
static void read_watchdog(struct notify *n)
{
	const char *usec = getenv("WATCHDOG_USEC");
	const char *whose = getenv("WATCHDOG_PID");
	uint64_t pid, us;

	if (!usec || text_u64(slice_str(usec), &us) < 0)
		return;
	if (whose &&
	    (text_u64(slice_str(whose), &pid) < 0 || pid != (uint64_t)getpid()))
		return;
	n->watchdog_ms = us / 1000;
}

int notify_open(struct notify *ret)
{
	struct notify n = { .fd = -1 };
	const char *name = getenv("NOTIFY_SOCKET");
	int r = 0;

	if (name && *name) {
		r = read_address(name, &n);
		if (r >= 0)
			n.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (r >= 0 && n.fd < 0)
			r = -errno;
		if (r >= 0)
			read_watchdog(&n);
	}
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
	*ret = n;
	return r;
}

void notify_close(struct notify *n)
{
	if (n->fd >= 0)
		(void)close(n->fd);
	n->fd = -1;
}

int notify_say(const struct notify *n, const char *state)
{
	if (n->fd < 0)
		return 0;
	return sendto(n->fd, state, strlen(state), MSG_DONTWAIT | MSG_NOSIGNAL,
		      (const struct sockaddr *)&n->to, n->to_size) < 0
		       ? -errno
		       : 0;
}
