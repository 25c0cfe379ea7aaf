/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of text, each once: how often, and which event was the first. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "cmd/learn_room.h"
#include "out/view.h"

struct line {
	uint64_t count;
	char sample[VIEW_UID_MAX];
	char text[];
};

struct lines {
	void *tree; /* tsearch: struct line */
	size_t n;
};

struct lines_bound {
	struct learn_room *room;
	size_t max; /* lines */
};

/* -ENOSPC: it is a new one, and there is no room for it. -ENOMEM. */
int lines_add(struct lines *l, const struct lines_bound *bound,
	      struct slice text, const char *sample);
void lines_done(struct lines *l);

/* In the order of their bytes. */
typedef void (*lines_fn)(void *arg, const struct line *line);
void lines_each(const struct lines *l, lines_fn fn, void *arg);
