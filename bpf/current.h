/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What hangs off the running task, by loads through pointers whose types the
 * verifier knows; for where has_typed_current() is true.
 *
 * Since 6.3 it asks of each pointer that is loaded through one that it trusts,
 * as the running task is, whether that one is to be trusted too, and for that
 * goes through the names of all of the kernel's types two or three times: 2 ms
 * for one load, each time that it comes by: over a third of all that a start took.
 * In a global function it comes by once.
 */
#pragma once

#include "types.h"

/* When the running process began. */
__u64 current_start_ns(void);
/* euid, and the number of the mount namespace in the upper half. */
__u64 current_euid_and_mnt_ns(void);
/* The struct file behind a descriptor; 0: none. */
__u64 current_file(__u32 fd);
/* Whether another task has the same table of descriptors. */
__u32 current_shares_files(void);
