/* SPDX-License-Identifier: Apache-2.0 */
/* What the running kernel says of its own types. Inside sense/ only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sense/calls.h"

struct btf;

/* NULL: none, or unreadable. btf__free gives it back. */
struct btf *kernel_btf_open(void);

/*
 * The id of what a program of this section name ("lsm/file_open") attaches
 * to; 0: this kernel has no such thing; -ENOTSUP: sections of this kind do not
 * attach by type, so there is nothing to look up.
 */
int kernel_btf_target(const struct btf *btf, const char *section);

/* The index of a cgroup controller in css_set.subsys, or UINT32_MAX. */
uint32_t kernel_btf_subsys(const struct btf *btf, const char *controller);

/* Whether programs may call this helper, by its name in enum bpf_func_id. */
bool kernel_btf_has_helper(const struct btf *btf, const char *name);

/* Its system calls, held against those that picket knows. */
void kernel_btf_find_calls(const struct btf *btf, struct calls_found *ret);
