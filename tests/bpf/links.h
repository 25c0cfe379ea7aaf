/* SPDX-License-Identifier: Apache-2.0 */
/* The links that this process holds, which are its sensors'. */
#pragma once

#include <stdint.h>

/*
 * The number of the newest (other sensors of this process are older) that runs
 * a program whose name begins so. type: BPF_LINK_TYPE_*, 0 for any. 0: none.
 */
uint32_t links_newest(uint32_t type, const char *program);
