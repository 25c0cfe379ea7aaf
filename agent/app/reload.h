/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy taken anew, by SIGHUP or `picket reload`: all or nothing. It is
 * read and compiled in a thread of its own, so that the ring is emptied
 * meanwhile, and takes the old one's place between two records. Who asks while
 * that goes on is served after it, one by one and in order: each asked for the
 * files as they are later.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"

struct agent;
struct buf;
struct reload;
struct status_ask;

#define REQUESTER_EXE_MAX 400

/* Whose wish it was, as the kernel said it. */
struct requester {
	const char *how; /* "SIGHUP", "picket reload" */
	int32_t pid;	 /* 0: unknown */
	uint32_t uid;
	char exe[REQUESTER_EXE_MAX]; /* escaped; empty: gone by then */
};

int reload_new(struct agent *a, struct reload **ret);
/* Waits for the thread, if there is one. NULL is fine. */
void reload_free(struct reload *r);

/* Its files have changed. Silent where they mean what they meant before. */
void reload_by_watch(struct reload *r);
void reload_by_signal(struct reload *r, struct loop_sender by);
/*
 * As status_fn. The answer: a digit, an exit code; then, when that is 0, what
 * is in force now, else what is wrong: text, or a JSON object in either case.
 */
bool reload_by_client(struct reload *r, const struct status_ask *ask,
		      struct buf *out);
