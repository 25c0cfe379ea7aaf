/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that somebody (userfaultfd) is yet to provide: a call of the kernel that
 * uses it waits there until then.
 */
#pragma once

#include <stddef.h>

struct late {
	int faults; /* what tells who waits */
	char *area;
	size_t bytes;
};

/* 0 or -1, see errno. It is there until the process ends. */
int late_open(struct late *l, size_t bytes);
/* Return when n threads wait, each for a page of its own; 0 or -1. */
int late_await(const struct late *l, size_t n);
/* All of it is there now, and zero; 0 or -1. */
int late_provide(const struct late *l);
