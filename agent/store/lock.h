/* SPDX-License-Identifier: Apache-2.0 */
/* One writer per journal: a lock on DIR/lock, which holds its pid. */
#pragma once

/*
 * The descriptor that holds the lock until it is closed. -EWOULDBLOCK:
 * another process has it, its pid in *ret_holder (0: not known). What had the
 * lock's name and is no file was given the name in ret_aside; empty: nothing.
 */
int lock_take(int dirfd, int *ret_fd, int *ret_holder,
	      char ret_aside[static 64]);
