/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reloads the policy, by SIGHUP or `picket reload`, all or nothing. It is read
 * and compiled in a thread of its own, while the ring is still being read, and
 * replaces the old one between two records. Requests that come meanwhile are
 * served afterwards, one by one: each of them asks for the files of later.
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

/* The files have changed. Reports nothing if the policy is the same. */
void reload_by_watch(struct reload *r);
void reload_by_signal(struct reload *r, struct loop_sender by);
/*
 * A status_fn. The answer is the digit of an exit code, followed by what is in
 * force now (exit code 0) or what is wrong, as text or as a JSON object.
 */
bool reload_by_client(struct reload *r, const struct status_ask *ask,
		      struct buf *out);
