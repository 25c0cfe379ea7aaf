// SPDX-License-Identifier: Apache-2.0
/*
 * Output that may be told not to wait: terminals and pipes are opened a second
 * time for that, a socket has a flag per call, a regular file never makes
 * anyone wait.
 */
#include "app/line_out.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"

/* Patient: written out from here on. Impatient: all that is kept. */
#define PATIENT_BYTES	(64u << 10)
#define IMPATIENT_BYTES (1u << 20)
/* The longest line of all, an image with everything escaped. */
#define LINE_BYTES	(4u << 20)
/* A blocking terminal takes this much without waiting once it is writable. */
#define CAREFUL_BYTES	256

int line_out_init(struct line_out *o, int fd, bool patient)
{
	struct stat st;
	int again = -1;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!patient && (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode)))
		again = fs_open_hasty(fd);
	*o = (struct line_out){
		.fd = again >= 0 ? again : fd,
		.own_fd = again >= 0,
		.patient = patient || S_ISREG(st.st_mode),
		.socket = S_ISSOCK(st.st_mode),
	};
	buf_init(&o->buf, IMPATIENT_BYTES + LINE_BYTES);
	return 0;
}

void line_out_done(struct line_out *o)
{
	if (o->own_fd)
		(void)close(o->fd);
	buf_done(&o->buf);
	o->own_fd = false;
}

bool line_out_add(struct line_out *o, struct slice line)
{
	size_t waiting = o->buf.n - o->written;

	if (o->patient && waiting >= PATIENT_BYTES)
		(void)line_out_flush(o);
	if (!o->patient && waiting && waiting + line.n >= IMPATIENT_BYTES) {
		o->skipped++;
		return false;
	}
	buf_add_slice(&o->buf, line);
	buf_add_char(&o->buf, '\n');
	return true;
}

bool line_out_full(const struct line_out *o)
{
	return o->buf.n - o->written >= IMPATIENT_BYTES / 2;
}

/* As write(2), but without waiting unless patient. */
static ssize_t put(const struct line_out *o, const char *p, size_t n)
{
	struct pollfd ready = { .fd = o->fd, .events = POLLOUT };

	if (o->patient || o->own_fd)
		return write(o->fd, p, n);
	if (o->socket)
		return send(o->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	/* Could not be opened again: small pieces, when there is room. */
	if (poll(&ready, 1, 0) <= 0) {
		errno = EAGAIN;
		return -1;
	}
	return write(o->fd, p, n < CAREFUL_BYTES ? n : CAREFUL_BYTES);
}

int line_out_flush(struct line_out *o)
{
	while (o->written < o->buf.n) {
		ssize_t n =
			put(o, o->buf.p + o->written, o->buf.n - o->written);

		if (n >= 0) {
			o->written += (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		/* Room for what comes meanwhile. */
		memmove(o->buf.p, o->buf.p + o->written, o->buf.n - o->written);
		o->buf.n -= o->written;
		o->written = 0;
		return 1;
	}
	buf_reset(&o->buf);
	o->written = 0;
	return 0;
}
