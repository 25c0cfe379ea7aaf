// SPDX-License-Identifier: Apache-2.0
/*
 * The idea: every record brings its process's line of ancestors with it, so
 * whether it belongs to the tree is seen from the record alone: a process of
 * the tree is in that line. Those below it in the line join the tree.
 */
#include "app/query_tree.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "app/held.h"
#include "app/line_out.h"
#include "base/escape.h"
#include "base/table.h"
#include "limits.h"

#define NODES_MAX      65536u
#define LINES_MAX      (256u << 20)
#define LABEL_MAX      16384
#define NONE	       UINT32_MAX
#define DEPTH_SHOWN    24 /* deeper ones are indented no further */
#define INDENT	       3
#define INDENT_RECORDS 4

struct process_key {
	uint64_t start_ns;
	uint64_t pid;
};

struct node {
	char *label; /* text, or the members of a JSON object */
	uint32_t parent, first_child, last_child, next;
	uint32_t depth;
	uint32_t records;
};

struct query_tree {
	bool json;
	struct table *by_key; /* struct process_key -> uint32_t */
	struct node *nodes;
	uint32_t n, cap;
	struct held lines;
	struct buf scratch;
	struct buf ancestors; /* of the root, for people */
	uint64_t dropped;
};

int query_tree_new(bool json, struct query_tree **ret)
{
	struct query_tree *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->json = json;
	held_init(&t->lines, json, LINES_MAX);
	buf_init(&t->scratch, 8u << 20);
	buf_init(&t->ancestors, LABEL_MAX);
	r = table_new(NODES_MAX, sizeof(struct process_key), sizeof(uint32_t),
		      &t->by_key);
	if (r < 0) {
		query_tree_free(t);
		return r;
	}
	*ret = t;
	return 0;
}

void query_tree_free(struct query_tree *t)
{
	uint32_t i;

	if (!t)
		return;
	for (i = 0; i < t->n; i++)
		free(t->nodes[i].label);
	free(t->nodes);
	table_free(t->by_key);
	held_done(&t->lines);
	buf_done(&t->scratch);
	buf_done(&t->ancestors);
	free(t);
}

uint64_t query_tree_dropped(const struct query_tree *t)
{
	return t->dropped;
}

/* ---- processes ---------------------------------------------------------- */

static struct process_key key_of(const Picket__V1__Image *img)
{
	return (struct process_key){ img->start_ns, img->pid };
}

static uint32_t find_node(const struct query_tree *t,
			  const Picket__V1__Image *img)
{
	struct process_key key = key_of(img);
	const uint32_t *i = table_get(t->by_key, &key);

	return i ? *i : NONE;
}

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

static int make_label(struct query_tree *t, const Picket__V1__Image *img,
		      char **ret)
{
	add_label(t, img);
	if (t->scratch.failed)
		return -ENOMEM;
	*ret = strndup(t->scratch.p, t->scratch.n);
	return *ret ? 0 : -ENOMEM;
}

static int grow(struct query_tree *t)
{
	uint32_t cap = t->cap ? t->cap * 2 : 64;
	struct node *grown;

	if (t->n < t->cap)
		return 0;
	grown = reallocarray(t->nodes, cap, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	t->nodes = grown;
	t->cap = cap;
	return 0;
}

static void hang(struct query_tree *t, uint32_t i, uint32_t parent)
{
	struct node *up = &t->nodes[parent];

	t->nodes[i].parent = parent;
	t->nodes[i].depth = up->depth + 1;
	if (up->last_child == NONE)
		up->first_child = i;
	else
		t->nodes[up->last_child].next = i;
	up->last_child = i;
}

/* *ret: its index; NONE: there are too many. */
static int add_node(struct query_tree *t, const Picket__V1__Image *img,
		    uint32_t parent, uint32_t *ret)
{
	struct process_key key = key_of(img);
	char *label;
	int r, made;

	*ret = NONE;
	if (t->n == NODES_MAX)
		return 0;
	r = grow(t);
	if (r >= 0)
		r = make_label(t, img, &label);
	if (r < 0)
		return r;
	t->nodes[t->n] = (struct node){
		.label = label,
		.parent = NONE,
		.first_child = NONE,
		.last_child = NONE,
		.next = NONE,
	};
	if (parent != NONE)
		hang(t, t->n, parent);
	*(uint32_t *)table_put(t->by_key, &key, &made) = t->n;
	*ret = t->n++;
	return 0;
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
	const Picket__V1__Image *above;
	uint32_t root;

	for (; up && (above = parent_of(images, img)); up--)
		img = above;
	note_ancestors(t, images, img);
	*ret_start_ns = img->start_ns;
	return add_node(t, img, NONE, &root);
}

/* The node of this process, made if it is of the tree; else NONE. */
static int place(struct query_tree *t, const struct view_images *images,
		 const Picket__V1__Image *img, uint32_t *ret)
{
	const Picket__V1__Image *line[PICKET_ANCESTORS_MAX];
	uint32_t node = NONE;
	size_t n = 0;
	int r = 0;

	for (; img && n < PICKET_ANCESTORS_MAX; img = parent_of(images, img)) {
		node = find_node(t, img);
		if (node != NONE)
			break;
		line[n++] = img;
	}
	while (node != NONE && n && r >= 0)
		r = add_node(t, line[--n], node, &node);
	*ret = node;
	return r;
}

/* ---- records ------------------------------------------------------------ */

int query_tree_add(struct query_tree *t, const struct view_images *images,
		   const struct view *v, struct slice line)
{
	struct held_line held = {
		.epoch = v->epoch,
		.seq = v->seq,
		.wall_ns = v->wall_ns,
	};
	int r;

	if (!v->image)
		return 0;
	r = place(t, images, v->image, &held.owner);
	if (r < 0 || held.owner == NONE) {
		t->dropped += t->n == NODES_MAX;
		return r;
	}
	if (held_full(&t->lines)) {
		t->dropped++;
		return 0;
	}
	t->nodes[held.owner].records++;
	return held_add(&t->lines, &held, line);
}

int query_tree_amend(struct query_tree *t, const struct view *v,
		     struct slice line)
{
	return held_amend(&t->lines, v->amendment->epoch, v->amendment->seq,
			  line);
}

/* ---- printing ----------------------------------------------------------- */

static void indent(struct buf *out, uint32_t depth, uint32_t more)
{
	uint32_t n =
		(depth < DEPTH_SHOWN ? depth : DEPTH_SHOWN) * INDENT + more;

	while (n--)
		buf_add_char(out, ' ');
}

static void put_node(struct query_tree *t, const struct node *n,
		     struct line_out *out)
{
	struct buf *b = &t->scratch;

	buf_reset(b);
	if (t->json) {
		buf_addf(b,
			 "{\"kind\":\"process\",\"depth\":%" PRIu32
			 ",%s,\"records\":%" PRIu32 "}",
			 n->depth, n->label, n->records);
	} else {
		if (n->depth) {
			indent(b, n->depth - 1, 0);
			buf_add_str(b, "└─ ");
		}
		buf_add_str(b, n->label);
	}
	(void)line_out_add(out, buf_slice(b));
}

static void put_record(struct query_tree *t, const struct node *n,
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
		indent(&t->scratch, n->depth, INDENT_RECORDS);
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
	size_t *ends = calloc(t->n + 1, sizeof(*ends));
	uint32_t k;

	if (!order || !ends) {
		free(order);
		free(ends);
		return -ENOMEM;
	}
	for (k = 0; k + 1 < t->n; k++)
		ends[k + 1] = ends[k] + t->nodes[k].records;
	for (i = 0; i < n; i++)
		order[ends[t->lines.lines[t->lines.first + i].owner]++] =
			t->lines.first + i;
	*ret_order = order;
	*ret_ends = ends;
	return 0;
}

/* The node behind this one, depth first, or NONE. */
static uint32_t behind(const struct query_tree *t, uint32_t i)
{
	if (t->nodes[i].first_child != NONE)
		return t->nodes[i].first_child;
	while (i != NONE && t->nodes[i].next == NONE)
		i = t->nodes[i].parent;
	return i == NONE ? NONE : t->nodes[i].next;
}

int query_tree_print(struct query_tree *t, struct line_out *out)
{
	size_t *order, *ends, k;
	const struct node *n;
	uint32_t i;
	int r;

	if (!t->n)
		return 0;
	r = sort_lines(t, &order, &ends);
	if (r < 0)
		return r;
	if (!t->json && t->ancestors.n)
		(void)line_out_add(out, buf_slice(&t->ancestors));
	for (i = 0; i != NONE && r >= 0; i = behind(t, i)) {
		n = &t->nodes[i];
		put_node(t, n, out);
		for (k = ends[i] - n->records; k < ends[i]; k++)
			put_record(t, n, &t->lines.lines[order[k]], out);
		r = line_out_full(out) ? line_out_flush(out) : 0;
	}
	free(order);
	free(ends);
	return r;
}
