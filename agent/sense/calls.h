/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls that somebody has looked at and found a place for: watched,
 * or why not. What a kernel has beyond these is younger than this picket.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum calls_class {
	CALLS_WATCHED,	 /* has a row in syscall_rows.h or socket_rows.h */
	CALLS_ELSEWHERE, /* what it does comes by another hook of ours */
	CALLS_HARMLESS,	 /* neither runs, connects, writes, listens nor loads */
	CALLS_UNASKED,	 /* does something that picket does not tell */
	CALLS_UNKNOWN,
};

/* By a header's or the kernel's own name, without any prefix: "openat". */
enum calls_class calls_class_of(const char *name);

/* What a kernel has; begin with zeroes. */
struct calls_found {
	size_t count;	/* functions that are system calls */
	size_t unknown; /* different ones that nobody has looked at */
	bool x32;	/* has those of x32 programs, too */
	char names[160]; /* of those, as far as there is room: "a, b" */
};

/* A function of the kernel's, by name. What is no system call is passed by. */
void calls_note(struct calls_found *found, const char *function);
