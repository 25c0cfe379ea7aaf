/* SPDX-License-Identifier: Apache-2.0 */
/* Who reads what a tail prints: the other end of its pipe. */
#pragma once

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

/* A reader's end of a pipe and all that came out of it. */
struct pipe {
	int in, out;
	struct buf got;
};

static inline void pipe_open(struct pipe *p)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	p->in = ends[1];
	p->out = ends[0];
	assert_int_equal(fcntl(p->out, F_SETFL, O_NONBLOCK), 0);
	buf_init(&p->got, 16 << 20);
}

static inline void pipe_close(struct pipe *p)
{
	(void)close(p->in);
	if (p->out >= 0)
		(void)close(p->out);
	buf_done(&p->got);
}

/* What is in it now, as a string; the buffer keeps growing. */
static inline const char *pipe_read(struct pipe *p)
{
	static char some[65536];
	ssize_t n;

	while ((n = read(p->out, some, sizeof(some))) > 0)
		buf_add(&p->got, some, (size_t)n);
	buf_add_char(&p->got, '\0');
	p->got.n--;
	return p->got.p;
}

/* By length: strstr would look for the end of megabytes each time. */
static inline size_t pipe_count(const struct buf *b, const char *part)
{
	const char *at = b->p, *end = b->p + b->n;
	size_t n = 0;

	while (at &&
	       (at = memmem(at, (size_t)(end - at), part, strlen(part)))) {
		at += strlen(part);
		n++;
	}
	return n;
}
