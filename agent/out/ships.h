/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All destinations on one loop. Each has its own reader, cursor and
 * connections, and nothing of them is shared: one that is dead or slow costs
 * the others nothing.
 */
#pragma once

#include <stddef.h>

#include "out/ship.h"

struct ships;

/*
 * set: what they have in common, its collector, done and done_arg unused.
 * With `once` the loop ends when the last is done, with the worst of their
 * codes. The list is kept, not copied.
 */
int ships_new(struct loop *l, const struct ship_settings *set,
	      const struct collector *list, size_t n, struct ships **ret);
/* NULL is fine. */
void ships_free(struct ships *s);

int ships_start(struct ships *s);
void ships_reload(struct ships *s);

size_t ships_n(const struct ships *s);
const struct ship *ships_at(const struct ships *s, size_t i);
