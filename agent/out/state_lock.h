/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One shipper per state directory: two would move one cursor and count each
 * other's records as sent. It goes with the process, however that ends.
 */
#pragma once

#include <stdbool.h>

/* -EWOULDBLOCK: another process has it. *ret_fd: close it to give it up. */
int state_lock_take(const char *dir, int *ret_fd);

/* Asks without taking; false also when that cannot be told. */
bool state_lock_is_held(const char *dir);
