/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ends of sockets that were seen -> few conditions: ephemeral ports are a
 * range, a network stands for its hosts only where there were many of them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "event.h"

struct ends;

int ends_new(bool listening, struct ends **ret);
void ends_free(struct ends *e);
/* Of an internet family. -ENOMEM. */
int ends_add(struct ends *e, const struct endpoint *end);

/*
 * Each call is of one rule: its lines, sorted; count: how many times. -ENOMEM,
 * or a negative return of fn.
 */
typedef int (*ends_fn)(void *arg, struct slice lines, uint64_t count);
int ends_rules(struct ends *e, ends_fn fn, void *arg);
