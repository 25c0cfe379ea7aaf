/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One shipper per state directory: two would move one cursor and skip each
 * other's records. The lock ends with the process, however that ends.
 */
#pragma once

#include <stdbool.h>

/* -EWOULDBLOCK: another process has it. *ret_fd: close it to give it up. */
int state_lock_take(const char *dir, int *ret_fd);

/* Is it held by a process? Also false if that cannot be determined. */
bool state_lock_is_held(const char *dir);
