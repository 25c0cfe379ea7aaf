// SPDX-License-Identifier: Apache-2.0
#include "cmd/learn_lines.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return strcmp(x->text, y->text);
}

int lines_add(struct lines *l, const struct lines_bound *bound,
	      struct slice text, const char *sample)
{
	struct line *x = malloc(sizeof(*x) + text.n + 1), **at;

	if (!x)
		return -ENOMEM;
	x->count = 1;
	(void)snprintf(x->sample, sizeof(x->sample), "%s", sample);
	memcpy(x->text, text.p, text.n);
	x->text[text.n] = '\0';
	at = tfind(x, &l->tree, compare);
	if (at) {
		(*at)->count++;
		free(x);
		return 0;
	}
	if (l->n == bound->max ||
	    !room_take(bound->room, sizeof(*x) + text.n)) {
		free(x);
		return -ENOSPC;
	}
	if (!tsearch(x, &l->tree, compare)) {
		free(x);
		return -ENOMEM;
	}
	l->n++;
	return 0;
}

void lines_done(struct lines *l)
{
	tdestroy(l->tree, free);
	*l = (struct lines){ 0 };
}

struct calling {
	lines_fn fn;
	void *arg;
};

static void call(const void *at, VISIT which, void *arg)
{
	const struct calling *c = arg;

	if (which == postorder || which == leaf)
		c->fn(c->arg, *(struct line *const *)at);
}

void lines_each(const struct lines *l, lines_fn fn, void *arg)
{
	struct calling c = { fn, arg };

	twalk_r(l->tree, call, &c);
}
