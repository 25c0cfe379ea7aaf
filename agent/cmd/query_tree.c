// SPDX-License-Identifier: Apache-2.0
/*
 * Who is of the tree is the forest's to say; here are its lines, and those of
 * the records below them.
 */
#include "cmd/query_tree.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "app/line_out.h"
#include "base/escape.h"
#include "cmd/forest.h"
#include "cmd/held.h"
#include "cmd/tree_lines.h"
#include "limits.h"

#define LINES_MAX (256u << 20)
#define LABEL_MAX 16384

struct process {
	uint32_t records;
	char label[]; /* text, or the members of a JSON object */
};

struct query_tree {
	bool json;
	const struct tree_signs *signs;
	struct forest forest; /* of struct process */
	struct held lines;
	struct buf scratch;
	struct buf ancestors; /* of the root, for people */
	uint64_t dropped;
};

uint64_t query_tree_dropped(const struct query_tree *t)
{
	return t->dropped;
}

/* ---- processes ---------------------------------------------------------- */

static struct slice exe_of(const Picket__V1__Image *img)
{
	return img->exe ? slice_of((const char *)img->exe->path.data,
				   img->exe->path.len)
			: slice_of((const char *)img->comm.data, img->comm.len);
}

static void add_name(struct buf *out, const Picket__V1__Image *img)
{
	struct slice exe = exe_of(img);
	const char *slash = exe.n ? memrchr(exe.p, '/', exe.n) : NULL;

	if (slash && slash + 1 < exe.p + exe.n)
		exe = slice_of(slash + 1, (size_t)(exe.p + exe.n - slash) - 1);
	escape_word(out, exe);
	buf_addf(out, "[%" PRIu32 "]", img->pid);
}

static void add_label(struct query_tree *t, const Picket__V1__Image *img)
{
	struct buf *out = &t->scratch;

	buf_reset(out);
	if (!t->json) {
		add_name(out, img);
		buf_add_str(out, "  ");
		escape_word(out, exe_of(img));
		if (img->snapshot)
			buf_add_str(out, "  (ran before picket did)");
		return;
	}
	buf_addf(out, "\"pid\":%" PRIu32 ",\"start_ns\":%" PRIu64 ",\"exe\":",
		 img->pid, img->start_ns);
	escape_json(out, exe_of(img), NULL);
}

static int join(void *arg, const Picket__V1__Image *img, void **ret)
{
	struct query_tree *t = arg;
	struct process *p;

	add_label(t, img);
	buf_add_char(&t->scratch, '\0');
	if (t->scratch.failed)
		return -ENOMEM;
	p = calloc(1, sizeof(*p) + t->scratch.n);
	if (!p)
		return -ENOMEM;
	memcpy(p->label, t->scratch.p, t->scratch.n);
	*ret = p;
	return 0;
}

static struct process *process_of(const struct query_tree *t, uint32_t i)
{
	return t->forest.nodes[i].of;
}

int query_tree_new(bool json, struct query_tree **ret)
{
	struct query_tree *t = calloc(1, sizeof(*t));
	const struct forest_owner owner = { join, free, t };
	int r;

	if (!t)
		return -ENOMEM;
	t->json = json;
	t->signs = tree_signs_of_locale();
	held_init(&t->lines, json, LINES_MAX);
	buf_init(&t->scratch, 8u << 20);
	buf_init(&t->ancestors, LABEL_MAX);
	r = forest_init(&t->forest, &owner);
	if (r < 0) {
		query_tree_free(t);
		return r;
	}
	*ret = t;
	return 0;
}

void query_tree_free(struct query_tree *t)
{
	if (!t)
		return;
	forest_done(&t->forest);
	held_done(&t->lines);
	buf_done(&t->scratch);
	buf_done(&t->ancestors);
	free(t);
}

static const Picket__V1__Image *parent_of(const struct view_images *images,
					  const Picket__V1__Image *img)
{
	return view_image(images, img->parent_id);
}

static void note_ancestors(struct query_tree *t,
			   const struct view_images *images,
			   const Picket__V1__Image *img)
{
	const Picket__V1__Image *up = parent_of(images, img);
	int n;

	for (n = 0; up && n < PICKET_ANCESTORS_MAX; n++) {
		buf_add_str(&t->ancestors, n ? " ← " : "started by ");
		add_name(&t->ancestors, up);
		up = parent_of(images, up);
	}
}

int query_tree_root(struct query_tree *t, const struct view_images *images,
		    const Picket__V1__Image *img, unsigned up,
		    uint64_t *ret_start_ns)
{
	img = forest_above(images, img, up);
	note_ancestors(t, images, img);
	*ret_start_ns = img->start_ns;
	return forest_root(&t->forest, img);
}

/* ---- records ------------------------------------------------------------ */

bool query_tree_has(const struct query_tree *t,
		    const struct view_images *images,
		    const Picket__V1__Image *img)
{
	return forest_has(&t->forest, images, img);
}

bool query_tree_names(const struct query_tree *t, uint32_t epoch, uint64_t seq)
{
	return held_has(&t->lines, epoch, seq);
}

int query_tree_add(struct query_tree *t, const struct view_images *images,
		   const struct query_tree_line *line)
{
	const struct view *v = line->view;
	struct held_line held = {
		.epoch = v->epoch,
		.seq = v->seq,
		.wall_ns = v->wall_ns,
		.waits = line->waits,
	};
	int r;

	if (!v->image)
		return 0;
	r = forest_place(&t->forest, images, v->image, &held.owner);
	if (r < 0 || held.owner == FOREST_NONE) {
		t->dropped += forest_full(&t->forest);
		return r;
	}
	if (held_full(&t->lines)) {
		t->dropped++;
		return 0;
	}
	process_of(t, held.owner)->records += !held.waits;
	return held_add(&t->lines, &held, line->text);
}

void query_tree_settle(struct query_tree *t, uint32_t epoch, uint64_t seq)
{
	const struct held_line *l = held_settle(&t->lines, epoch, seq);

	if (l)
		process_of(t, l->owner)->records++;
}

int query_tree_amend(struct query_tree *t, const struct view *v,
		     struct slice line)
{
	return held_amend(&t->lines, v->amendment->epoch, v->amendment->seq,
			  line);
}

/* ---- printing ----------------------------------------------------------- */

static void put_node(struct query_tree *t, uint32_t i, struct line_out *out)
{
	const struct process *p = process_of(t, i);
	struct buf *b = &t->scratch;

	buf_reset(b);
	if (t->json) {
		buf_addf(b,
			 "{\"kind\":\"process\",\"depth\":%" PRIu32
			 ",%s,\"records\":%" PRIu32 "}",
			 t->forest.nodes[i].depth, p->label, p->records);
	} else {
		tree_before(b, &t->forest, i, t->signs);
		buf_add_str(b, p->label);
	}
	(void)line_out_add(out, buf_slice(b));
}

static void put_record(struct query_tree *t, uint32_t i,
		       const struct held_line *l, struct line_out *out)
{
	const char *p = l->text, *end = l->text + l->n, *stop;

	if (t->json) {
		(void)line_out_add(out, slice_of(l->text, l->n));
		return;
	}
	for (; p < end; p = stop + 1) {
		stop = memchr(p, '\n', (size_t)(end - p));
		if (!stop)
			stop = end;
		buf_reset(&t->scratch);
		tree_before_record(&t->scratch, &t->forest, i, t->signs);
		buf_add(&t->scratch, p, (size_t)(stop - p));
		(void)line_out_add(out, buf_slice(&t->scratch));
	}
}

/* Indexes of lines, by owner and in order; ends[i] is behind those of i. */
static int sort_lines(const struct query_tree *t, size_t **ret_order,
		      size_t **ret_ends)
{
	size_t n = t->lines.end - t->lines.first, i;
	size_t *order = malloc((n + 1) * sizeof(*order));
	size_t *ends = calloc(t->forest.n + 1, sizeof(*ends));
	uint32_t k;

	if (!order || !ends) {
		free(order);
		free(ends);
		return -ENOMEM;
	}
	for (k = 0; k + 1 < t->forest.n; k++)
		ends[k + 1] = ends[k] + process_of(t, k)->records;
	for (i = t->lines.first; i < t->lines.end; i++) {
		if (!t->lines.lines[i].waits)
			order[ends[t->lines.lines[i].owner]++] = i;
	}
	*ret_order = order;
	*ret_ends = ends;
	return 0;
}

int query_tree_print(struct query_tree *t, struct line_out *out)
{
	size_t *order, *ends, k;
	uint32_t i;
	int r;

	if (!t->forest.n)
		return 0;
	r = sort_lines(t, &order, &ends);
	if (r < 0)
		return r;
	if (!t->json && t->ancestors.n)
		(void)line_out_add(out, buf_slice(&t->ancestors));
	for (i = 0; i != FOREST_NONE && r >= 0;
	     i = forest_behind(&t->forest, i)) {
		put_node(t, i, out);
		for (k = ends[i] - process_of(t, i)->records; k < ends[i]; k++)
			put_record(t, i, &t->lines.lines[order[k]], out);
		r = line_out_full(out) ? line_out_flush(out) : 0;
	}
	free(order);
	free(ends);
	return r;
}
