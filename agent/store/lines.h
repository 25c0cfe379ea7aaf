/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small text files of a journal ("name value" lines, in a fixed order):
 * read strictly, so that a file that is not ours is never taken for one.
 */
#pragma once

#include <stdint.h>

#include "base/slice.h"

/* Take "name value\n" off the front of *text; -EBADMSG: it is not there. */
int line_take(struct slice *text, const char *name, struct slice *ret_value);
int line_take_u64(struct slice *text, const char *name, uint64_t *ret);
/* 2n lower-case digits: n bytes into ret, which is untouched on failure. */
int line_take_hex(struct slice *text, const char *name, uint8_t *ret, size_t n);
