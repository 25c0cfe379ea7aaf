/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What a record is to say, as one number for a global function: the family's
 * operation, the backend (enum wire_backend), and the record's flags.
 */
#pragma once

#include "types.h"

#define WHAT(op, backend, flags) \
	((__u64)(op) | (__u64)(backend) << 8 | (__u64)(flags) << 16)
#define WHAT_OP(w)	((__u8)(w))
#define WHAT_BACKEND(w) ((__u8)((w) >> 8))
#define WHAT_FLAGS(w)	((__u16)((w) >> 16))
