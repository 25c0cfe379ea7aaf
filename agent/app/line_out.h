/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines to a descriptor that someone else reads: a terminal, a pipe, a file.
 * Patient, it waits for the reader; impatient, it never waits, and what does
 * not fit into its bounded buffer is skipped and counted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct line_out {
	int fd; /* what to poll for when it does not take more */
	bool own_fd;
	bool patient;
	bool socket;
	struct buf buf;
	size_t written;	  /* of buf */
	uint64_t skipped; /* lines that had no room; the caller tells */
};

/* fd stays the caller's and must outlive this. */
int line_out_init(struct line_out *o, int fd, bool patient);
void line_out_done(struct line_out *o);

/* One line, the newline is added. False: no room, counted. */
bool line_out_add(struct line_out *o, struct slice line);

/* Half of the room is taken: whoever can wait adds no more before a flush. */
bool line_out_full(const struct line_out *o);

/*
 * 0: all is out; 1: the reader is slow, wait until fd is writable; -EPIPE:
 * nobody reads any more; other -errno as met.
 */
int line_out_flush(struct line_out *o);
