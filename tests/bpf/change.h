/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of the write family share: a list of changes that a child
 * makes, and the names that records tell, whoever speaks.
 */
#pragma once

#include "harness.h"

/* In an act: give up with a status that says where. */
#define TRY(what)                                                    \
	do {                                                         \
		if ((what) < 0) {                                    \
			(void)fprintf(stderr, "%s:%d: %s: %m\n",     \
				      __FILE__, __LINE__, #what);    \
			return 90;                                   \
		}                                                    \
	} while (0)
/* The same for what must fail. */
#define REFUSED(what)                                                \
	do {                                                         \
		if ((what) >= 0) {                                   \
			(void)fprintf(stderr, "%s:%d: %s: done\n",   \
				      __FILE__, __LINE__, #what);    \
			return 91;                                   \
		}                                                    \
	} while (0)

/* An act's status: this machine has no such way. */
#define CANNOT 77

/* Run the act; false, and said, where the machine has no such way. */
bool can_run(struct seen *w, int (*act)(void *arg), const char *what);

/*
 * In an act: three bytes by asynchronous input and output, waited for. 0 and
 * what it came to, CANNOT or TRY's number.
 */
int aio_write(int fd, int64_t *ret_result);
/* The same, with 93 where it came to anything but three. */
int by_aio(int fd);
/* As many out of a pipe. 0, or TRY's number. */
int by_splice(int fd);

/* In an act: into a mount namespace of its own. 0 or -1. */
int enter_mounts(void);

struct change {
	enum wire_write_op op;
	const char *path;  /* below work_dir() unless it begins with '/' */
	const char *path2; /* rename, link: likewise; symlink: the target */
	uint32_t arg, arg2;
	uint16_t flags; /* WIRE_WRITE_* but for the claims */
};

/* The record names kernel objects: one of the hooks inside the kernel. */
bool is_from_kernel(const struct wire_write *r);

/* Path and name as one; in a static buffer each of four. */
const char *told_path(const struct wire_write *r);
const char *told_path2(const struct wire_write *r);

/* Fail unless this is what the record tells. */
void assert_change(const struct wire_write *r, const struct change *want);

/*
 * Fail unless the write records of the child's family are these, in order.
 * Those of ops not in `ops` (1 << enum wire_write_op) are passed over.
 */
void assert_changes(const struct seen *w, uint32_t ops,
		    const struct change *want, size_t count);
#define ALL_OPS (~0u)
#define OPS_BUT(op) (~(1u << WIRE_OP_##op))

/* Fail unless this hook's row of the coverage table has these words. */
void assert_said(const struct seen *w, const char *hook, const char *words);

/* The key of the sum that a record of this file begins. */
struct wire_written_key sum_key(const struct wire_write *r);
