/* SPDX-License-Identifier: Apache-2.0 */
/* Does the kernel take programs of one kind at all? Inside sense/ only. */
#pragma once

#include "wire.h"

struct btf;

/*
 * Load, attach and fire a program of four instructions. 0: it ran, or nothing
 * is known against this kind; else -errno, and why for people.
 */
int backend_try(enum wire_backend backend, const struct btf *kernel,
		char why[static 120]);
