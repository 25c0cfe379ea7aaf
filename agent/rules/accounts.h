/* SPDX-License-Identifier: Apache-2.0 */
/* Names of users and groups, from the host's files and never from NSS. */
#pragma once

#include <stdint.h>

#include "base/slice.h"

/*
 * The third field of the line for `name` in text, which has the form of
 * /etc/passwd or /etc/group. -ENOENT: no such line.
 */
int account_find(struct slice text, struct slice name, uint32_t *ret_id);
