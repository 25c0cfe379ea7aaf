/* SPDX-License-Identifier: Apache-2.0 */
/* One component of a path: what of it is likely to change. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

bool part_is_digit(char c);
bool part_is_alnum(char c);

/* The next component from *at (1 at first) on; *at is behind it then. */
bool part_next(struct slice path, size_t *at, struct slice *ret);

/*
 * The component as a glob: what is variable is replaced, the rest is literal.
 * is_dir: versions and numbers count as that; temp: so do hashes, what looks
 * thrown together by mkstemp, and long numbers.
 */
void part_add(struct buf *out, struct slice s, bool is_dir, bool temp);
