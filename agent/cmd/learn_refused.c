// SPDX-License-Identifier: Apache-2.0
#include "cmd/learn_refused.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/escape.h"
#include "cmd/learn_lines.h"

#define LINE_MAX_BYTES (64u << 10)
#define LINES_KEPT     4096u
#define LINES_TOLD     200u

struct refused {
	/* By of_many, so that neither takes the other's room. */
	struct lines lines[2];
	struct learn_room room[2];
	uint64_t crowded; /* events of which no line is kept */
};

int refused_new(struct refused **ret)
{
	struct refused *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->room[false].left = r->room[true].left = REFUSED_BYTES_MAX / 2;
	*ret = r;
	return 0;
}

void refused_free(struct refused *r)
{
	if (!r)
		return;
	lines_done(&r->lines[false]);
	lines_done(&r->lines[true]);
	free(r);
}

static const char *const kind_names[EVENT_KIND_COUNT] = {
	[EVENT_EXEC] = "exec",	     [EVENT_WRITE] = "write",
	[EVENT_CONNECT] = "connect", [EVENT_LISTEN] = "listen",
	[EVENT_LOAD] = "load",	     [EVENT_TAMPER] = "tamper",
};

static struct slice object_of(const struct event *ev)
{
	switch (ev->kind) {
	case EVENT_WRITE:
		return ev->write.new_path.path.n ? ev->write.new_path.path
						 : ev->write.path.path;
	case EVENT_LOAD:
		return ev->load.path.path.n ? ev->load.path.path
					    : ev->load.name;
	default:
		return slice_of(NULL, 0);
	}
}

static void add_why(struct buf *line, const struct refusal *x)
{
	if (x->rule) {
		buf_addf(line, "denied by %s", x->rule);
		return;
	}
	buf_add_str(line, x->no->why);
	if (!x->no->where[0])
		return;
	buf_add_char(line, ' ');
	escape_word(line, slice_str(x->no->where));
}

static void add_what(struct buf *line, const struct refusal *x)
{
	const bool is_exec = x->ev->kind == EVENT_EXEC;
	struct slice object = object_of(x->ev);

	buf_addf(line, ": %s", kind_names[x->ev->kind]);
	if (x->img && x->img->exe.path.n && !(is_exec && x->of_many)) {
		buf_add_str(line, is_exec ? " of " : " by ");
		escape_word(line, x->img->exe.path);
	}
	if (x->of_many)
		return;
	if (is_exec && x->img && x->img->script.n) {
		buf_add_str(line, " script ");
		escape_word(line, x->img->script);
	}
	if (object.n) {
		buf_add_str(line, x->ev->kind == EVENT_LOAD ? " of " : " to ");
		escape_word(line, object);
	}
}

int refused_add(struct refused *r, const struct refusal *x)
{
	cleanup_buf struct buf line = BUF_INIT(LINE_MAX_BYTES);
	const struct lines_bound bound = { &r->room[x->of_many], LINES_KEPT };
	int k;

	add_why(&line, x);
	add_what(&line, x);
	if (line.failed)
		return -ENOMEM;
	k = lines_add(&r->lines[x->of_many], &bound, buf_slice(&line), x->uid);
	if (k != -ENOSPC)
		return k;
	r->crowded++;
	return 0;
}

struct listing {
	const struct line **list;
	size_t n;
};

static void gather(void *arg, const struct line *x)
{
	struct listing *l = arg;

	l->list[l->n++] = x;
}

static int by_count(const void *a, const void *b)
{
	const struct line *x = *(const struct line *const *)a;
	const struct line *y = *(const struct line *const *)b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return strcmp(x->text, y->text);
}

void refused_write(const struct refused *r, struct buf *out)
{
	const size_t n = r->lines[false].n + r->lines[true].n;
	struct listing l = { calloc(n + 1, sizeof(*l.list)), 0 };

	if (!l.list) {
		out->failed = true;
		return;
	}
	lines_each(&r->lines[false], gather, &l);
	lines_each(&r->lines[true], gather, &l);
	qsort(l.list, l.n, sizeof(*l.list), by_count);
	if (l.n)
		buf_add_str(out, "\n# Not learned:\n");
	for (size_t i = 0; i < l.n && i < LINES_TOLD; i++)
		buf_addf(out, "# %" PRIu64 " event%s, such as %s:\n#   %s\n",
			 l.list[i]->count, l.list[i]->count == 1 ? "" : "s",
			 l.list[i]->sample, l.list[i]->text);
	if (l.n > LINES_TOLD)
		buf_addf(out, "# and %zu more\n", l.n - LINES_TOLD);
	if (r->crowded)
		buf_addf(out,
			 "# and %" PRIu64 " events of which nothing more is "
			 "kept\n",
			 r->crowded);
	free(l.list);
}
