/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An open file in the hands of another process than the one that opened it:
 * each writes three bytes to it from a child. 0, CANNOT or another number.
 */
#pragma once

#include <stdbool.h>

int by_another_process(int fd); /* sent over a socket */
int by_fetching(int fd);	/* pidfd_getfd */
/* A ring is shared over a fork: whoever asks acts, whoever made it. */
int by_io_uring_of_the_parent(int fd);

/* Whether this is one of those. */
bool is_lent(int (*act)(int fd));
