/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that wait in the kernel, each in a process_vm_writev of its own: what
 * they write is memory that somebody else (userfaultfd) is yet to provide.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#define WAITERS_MAX 512

struct waiters;

/*
 * Begin n of them, and return when each waits: they write eight bytes to
 * `there` in that process. NULL: no, see errno.
 */
struct waiters *waiters_begin(pid_t pid, void *there, size_t n);
/* Let them go on, to their ends: 0, or -1 if one of them could not write. */
int waiters_end(struct waiters *w);
