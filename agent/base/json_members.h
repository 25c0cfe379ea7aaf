/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings of a JSON text of somebody else's: each member whose value is a
 * string, with the name of the object around it. Nothing is built; what is
 * deeper than JSON_DEPTH_MAX is an error.
 */
#pragma once

#include "base/slice.h"

#define JSON_DEPTH_MAX 32

/* parent is empty at the top and within lists. Negative ends it. */
typedef int (*json_member_fn)(void *arg, struct slice parent, struct slice key,
			      struct slice value);

/*
 * text is changed: escapes are undone in place. 0; -EBADMSG: it is not JSON;
 * or fn's negative return. The slices live as long as text.
 */
int json_members(char *text, size_t n, json_member_fn fn, void *arg);
