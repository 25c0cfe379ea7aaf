/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring that stays: with files and buffers registered, polled by the kernel,
 * one request at a time. For one request alone, see uring.h.
 */
#pragma once

#include <linux/io_uring.h>
#include <stdbool.h>
#include <stdint.h>

struct uring {
	int fd;
	uint32_t *sq_tail, *sq_mask, *sq_array, *sq_flags;
	uint32_t *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
	bool polled; /* by a thread of the kernel's (SQPOLL) */
};

/* setup: IORING_SETUP_*. 0 or -errno; -ENOSYS, -EPERM: not to be had. */
int uring_open(struct uring *u, uint32_t setup);

/* Submit a copy of this request and wait for it: its result. */
int uring_on(struct uring *u, const struct io_uring_sqe *sqe);
/* Submit without waiting for anything; 0 or -errno. */
int uring_submit(struct uring *u, const struct io_uring_sqe *sqe);
