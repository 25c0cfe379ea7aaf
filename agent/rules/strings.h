/* SPDX-License-Identifier: Apache-2.0 */
/* Zero-terminated copies that live until all of them go. */
#pragma once

#include "base/slice.h"

struct chunk;

/* NULL: no memory. A list begins as NULL. */
const char *strings_add(struct chunk **list, struct slice s);
void strings_free(struct chunk *list);
