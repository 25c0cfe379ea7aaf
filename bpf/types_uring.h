/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * io_uring: what its requests say once they are prepared, with only the members
 * that are read. See types.h.
 */
#pragma once

#include "types.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), \
			     apply_to = record)

struct io_cqe {
	int res;
	int fd;
};

struct io_ring_ctx;

struct io_kiocb {
	struct file *file;
	__u8 opcode;
	unsigned int flags;
	struct io_cqe cqe;
	struct io_ring_ctx *ctx;
};

struct open_how {
	__u64 flags;
};

struct io_open {
	int dfd;
	struct filename *filename;
	struct open_how how;
};

struct io_rename {
	int old_dfd;
	int new_dfd;
	struct filename *oldpath;
	struct filename *newpath;
	int flags;
};

struct io_unlink {
	int dfd;
	int flags;
	struct filename *filename;
};

struct io_mkdir {
	int dfd;
	unsigned short mode;
	struct filename *filename;
};

/* Of a symbolic link the old path is what it says. */
struct io_link {
	int old_dfd;
	int new_dfd;
	struct filename *oldpath;
	struct filename *newpath;
};

struct io_xattr {
	struct filename *filename;
};

#pragma clang attribute pop
