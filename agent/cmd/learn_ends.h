/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ends of sockets that were seen -> few conditions: ephemeral ports are a
 * range, a network stands for its hosts only where there were many of them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "cmd/learn_room.h"
#include "event.h"

struct ends;

/* The room is borrowed. */
int ends_new(struct learn_room *room, bool listening, struct ends **ret);
void ends_free(struct ends *e);
/*
 * Of an internet family. -ENOSPC: it is a new one, and there is no room for it.
 * -ENOMEM.
 */
int ends_add(struct ends *e, const struct endpoint *end);

/*
 * Each call is of one rule: its lines, sorted; count: how many times. -ENOMEM,
 * or a negative return of fn.
 */
typedef int (*ends_fn)(void *arg, struct slice lines, uint64_t count);
int ends_rules(struct ends *e, ends_fn fn, void *arg);
