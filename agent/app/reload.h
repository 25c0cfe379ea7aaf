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

#include "app/requester.h"
#include "base/loop.h"

struct agent;
struct buf;
struct reload;
struct status_ask;

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
