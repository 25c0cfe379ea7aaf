/* SPDX-License-Identifier: Apache-2.0 */
#include "out/ships.h"

#include <errno.h>
#include <stdlib.h>

struct ships {
	struct loop *loop;
	size_t n, running;
	int code;
	struct ship *list[];
};

static void on_done(void *arg, int code)
{
	struct ships *s = arg;

	if (code > s->code)
		s->code = code;
	if (!--s->running)
		loop_stop(s->loop, s->code);
}

int ships_new(struct loop *l, const struct ship_settings *set,
	      const struct collector *list, size_t n, struct ships **ret)
{
	struct ships *s = calloc(1, sizeof(*s) + n * sizeof(s->list[0]));
	struct ship_settings one = *set;
	int r = 0;

	if (!s)
		return -ENOMEM;
	s->loop = l;
	one.done = on_done;
	one.done_arg = s;
	while (s->n < n && r >= 0) {
		one.collector = &list[s->n];
		r = ship_new(l, &one, &s->list[s->n]);
		s->n += r >= 0;
	}
	if (r < 0) {
		ships_free(s);
		return r;
	}
	s->running = n;
	*ret = s;
	return 0;
}

void ships_free(struct ships *s)
{
	size_t i;

	if (!s)
		return;
	for (i = 0; i < s->n; i++)
		ship_free(s->list[i]);
	free(s);
}

int ships_start(struct ships *s)
{
	size_t i;
	int r = 0;

	for (i = 0; i < s->n && r >= 0; i++)
		r = ship_start(s->list[i]);
	return r;
}

void ships_reload(struct ships *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		ship_reload(s->list[i]);
}

size_t ships_n(const struct ships *s)
{
	return s->n;
}

const struct ship *ships_at(const struct ships *s, size_t i)
{
	return s->list[i];
}
