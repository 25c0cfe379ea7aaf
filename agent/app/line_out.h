/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes lines to a terminal, pipe or file. A patient one waits for a slow
 * reader; an impatient one never waits, and lines that do not fit into its
 * bounded buffer are skipped and counted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct line_out {
	int fd; /* to poll for POLLOUT when a flush returns 1 */
	bool own_fd;
	bool patient;
	bool socket;
	struct buf buf;
	size_t written;	  /* of buf */
	uint64_t skipped; /* lines without room; the caller reports them */
};

/* fd stays the caller's and must outlive this. */
int line_out_init(struct line_out *o, int fd, bool patient);
void line_out_done(struct line_out *o);

/* Add one line, and a newline. False: it was skipped for lack of room. */
bool line_out_add(struct line_out *o, struct slice line);

/* The buffer is half full: callers that can wait should flush first. */
bool line_out_full(const struct line_out *o);

/*
 * 0: everything is written; 1: the reader is slow, wait until fd is writable;
 * -EPIPE: the reader is gone; other -errno: writing failed.
 */
int line_out_flush(struct line_out *o);
