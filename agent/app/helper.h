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
 * Start another such process. It calls serve with its end of a packet socket,
 * and exits when serve returns. Of the agent's descriptors it keeps that one
 * and *kept_fd (NULL: none).
 */
typedef void (*helper_fn)(int fd, int *kept_fd);
int helper_start_as(const char *name, helper_fn serve, int *kept_fd,
		    struct helper **ret);

/* A nonce in hexadecimal, as in the canary's argument, with the final zero. */
#define HELPER_NONCE_MAX 33

/* -errno. The caller is single-threaded. */
int helper_start(struct helper **ret);
/* Ends it, and waits until it is gone. NULL is fine. */
void helper_stop(struct helper *h);

pid_t helper_pid(const struct helper *h);

/* Readable when the helper has answered or has exited. Owned by h. */
int helper_fd(const struct helper *h);

/* Have it run `picket canary NONCE`. Does not block: -EAGAIN, -EPIPE. */
int helper_canary(struct helper *h, const char nonce[static HELPER_NONCE_MAX]);

/*
 * Read an answer. 0: *ret is 0 or the errno that the run failed with; -EAGAIN:
 * no answer yet; -EPIPE: the helper has exited.
 */
int helper_answer(struct helper *h, int *ret);
