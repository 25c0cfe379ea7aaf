/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request through io_uring at a time, by system calls of our own: the
 * library is not everywhere.
 */
#pragma once

#include <linux/io_uring.h>

/* Opcodes that the build machine's header may not know yet. */
#define URING_OP_SOCKET 45 /* 5.19 */
#define URING_OP_BIND	56 /* 6.11 */
#define URING_OP_LISTEN 57

/*
 * Set up a ring, submit this request, wait for it, and take the ring down.
 * The request's result; -ENOSYS: no io_uring here.
 */
int uring_do(const struct io_uring_sqe *request);
