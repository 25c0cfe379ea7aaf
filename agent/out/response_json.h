/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Just enough JSON to look through a collector's answer: values in place, no
 * tree, no allocation, bounded depth.
 */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

struct json {
	struct slice rest; /* what is not read yet */
	unsigned depth;
};

/* Read (and so skip) the value that comes next. */
bool json_skip(struct json *j);
/* Only if it is a string: what stands between its quotes, escapes as sent. */
bool json_string(struct json *j, struct slice *ret_raw);
/* Only if it is a number, as sent; a string that holds one is taken too. */
bool json_number(struct json *j, struct slice *ret_digits);
/* Does an object come next? */
bool json_is_object(struct json *j);
/*
 * Its members one by one: fn must read the value that comes next in j. False
 * as soon as something is malformed.
 */
typedef bool (*json_member_fn)(void *arg, struct slice key, struct json *j);
bool json_object(struct json *j, json_member_fn fn, void *arg);
