/* SPDX-License-Identifier: Apache-2.0 */
/* Any string as a value of a policy file that fits it and nothing else. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Globs' own characters, control characters, what is not UTF-8 or not safe to
 * show, and blanks where the file's grammar would take them for its own, are
 * escaped. A zero byte cannot be said and is left out: no name holds one.
 */
void literal_add(struct buf *out, struct slice s);
