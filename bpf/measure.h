/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Measures how long something will be, before room is reserved. These are
 * global functions of plain numbers, which the verifier checks once each, on
 * every kernel since 5.10 (whose global functions take no pointers).
 */
#pragma once

#include "types.h"

/* Components, mount crossings and prefix together that a walk goes. */
#define PATH_STEPS   256
/* The prefix is walked in one of so many parts of the steps allowed. */
#define PREFIX_SHARE 4

/* Packed into 64 bits: a global function can return nothing larger. */
struct path_size {
	__u32 path;   /* bytes from the root, '/' of each component included */
	__u32 prefix; /* bytes from the file system's root to the mount's */
	__u32 steps;  /* a walk allowed more than these ends by itself */
};

/* Where the members of struct path_size begin in what measure_path returns. */
#define PATH_SIZE_PREFIX 20
#define PATH_SIZE_STEPS	 40

/* Of a struct path's members; see path_size_of. */
__u64 measure_path(__u64 dentry, __u64 mnt);
/* Bytes without the zero, at most 4096; a fault ends the count. */
__u32 measure_kernel_str(__u64 at);
__u32 measure_user_str(__u64 at);
/*
 * The next allow-listed string of the environment at or after `at`, which is
 * where a string begins. ENV_UNSEEN: there is more than is looked at.
 */
__u64 next_env(__u64 at, __u64 end);
#define ENV_NONE   0
#define ENV_UNSEEN 1

/* Strings of the environment that are kept. */
#define ENV_STRINGS 32

/* Bytes of all those strings; ENV_MORE is added when some were not seen. */
__u32 measure_env(__u64 at, __u64 end);
#define ENV_MORE (1u << 31)

/*
 * Pieces that next_env looks at, and their words of eight bytes: few, as they
 * lie on a stack that its callers need.
 */
#define ENV_PIECES 512
#define ENV_WORDS  16

/*
 * Before 6.13 bpf_probe_read_user_str returns 0 for an empty string, where it
 * counts the zero of any other: a string that ends a search it should not.
 */
static __always_inline bool is_empty_str(long returned)
{
	return returned == 0;
}

static __always_inline struct path_size path_size_of(struct dentry *dentry,
						     struct vfsmount *mnt)
{
	__u64 packed = measure_path((__u64)dentry, (__u64)mnt);

	return (struct path_size){
		.path = packed & 0xfffff,
		.prefix = (packed >> PATH_SIZE_PREFIX) & 0xfffff,
		.steps = packed >> PATH_SIZE_STEPS,
	};
}
