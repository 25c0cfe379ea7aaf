/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process beside the agent for what the agent itself must not do: run a
 * program and open a connection. Forked before there are threads and
 * privileges; it keeps no capability and, where it may, no user but nobody.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct helper;

/*
 * Another such process, whose work is `serve`: called in it with its end of
 * the socket, of packets; it ends when that returns. Of the agent's descriptors
 * it has that and *kept_fd (NULL: none) alone.
 */
typedef void (*helper_fn)(int fd, int *kept_fd);
int helper_start_as(const char *name, helper_fn serve, int *kept_fd,
		    struct helper **ret);

/* A nonce in hexadecimal, as it stands in the canary's argument. */
#define HELPER_NONCE_MAX 33

/* -errno. The caller is single-threaded. */
int helper_start(struct helper **ret);
/* Ends it, and waits until it is gone. NULL is fine. */
void helper_stop(struct helper *h);

pid_t helper_pid(const struct helper *h);

/*
 * Readable when the helper has answered, and when it is gone. Owned by it.
 */
int helper_fd(const struct helper *h);

/* Have it run `picket canary NONCE`. Never blocks: -EAGAIN, -EPIPE. */
int helper_canary(struct helper *h, const char nonce[static HELPER_NONCE_MAX]);

/*
 * An answer: 0 and in *ret how the run ended, as errno or 0; -EAGAIN: none
 * yet; -EPIPE: the helper is gone.
 */
int helper_answer(struct helper *h, int *ret);
