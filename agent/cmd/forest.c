// SPDX-License-Identifier: Apache-2.0
#include "cmd/forest.h"

#include <errno.h>
#include <stdlib.h>

#include "base/table.h"
#include "limits.h"

struct process_key {
	uint64_t start_ns;
	uint64_t pid;
};

int forest_init(struct forest *f, const struct forest_owner *owner)
{
	*f = (struct forest){ .owner = *owner };
	return table_new(FOREST_NODES_MAX, sizeof(struct process_key),
			 sizeof(uint32_t), &f->by_key);
}

void forest_done(struct forest *f)
{
	uint32_t i;

	for (i = 0; i < f->n; i++)
		f->owner.forget(f->nodes[i].of);
	free(f->nodes);
	table_free(f->by_key);
	*f = (struct forest){ 0 };
}

static struct process_key key_of(const Picket__V1__Image *img)
{
	return (struct process_key){ img->start_ns, img->pid };
}

static uint32_t find(const struct forest *f, const Picket__V1__Image *img)
{
	struct process_key key = key_of(img);
	const uint32_t *i = table_get(f->by_key, &key);

	return i ? *i : FOREST_NONE;
}

static int grow(struct forest *f)
{
	uint32_t cap = f->cap ? f->cap * 2 : 64;
	struct forest_node *grown;

	if (f->n < f->cap)
		return 0;
	grown = reallocarray(f->nodes, cap, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	f->nodes = grown;
	f->cap = cap;
	return 0;
}

static void hang(struct forest *f, uint32_t i, uint32_t parent)
{
	struct forest_node *up = &f->nodes[parent];

	f->nodes[i].parent = parent;
	f->nodes[i].depth = up->depth + 1;
	if (up->last_child == FOREST_NONE)
		up->first_child = i;
	else
		f->nodes[up->last_child].next = i;
	up->last_child = i;
}

/* *ret: its index; FOREST_NONE: there are too many. */
static int add(struct forest *f, const Picket__V1__Image *img, uint32_t parent,
	       uint32_t *ret)
{
	struct process_key key = key_of(img);
	void *of = NULL;
	int r, made;

	*ret = FOREST_NONE;
	if (forest_full(f))
		return 0;
	r = grow(f);
	if (r >= 0)
		r = f->owner.join(f->owner.arg, img, &of);
	if (r < 0)
		return r;
	f->nodes[f->n] = (struct forest_node){
		.of = of,
		.parent = FOREST_NONE,
		.first_child = FOREST_NONE,
		.last_child = FOREST_NONE,
		.next = FOREST_NONE,
	};
	if (parent != FOREST_NONE)
		hang(f, f->n, parent);
	*(uint32_t *)table_put(f->by_key, &key, &made) = f->n;
	*ret = f->n++;
	return 0;
}

const Picket__V1__Image *forest_above(const struct view_images *images,
				      const Picket__V1__Image *img, unsigned up)
{
	const Picket__V1__Image *above;

	for (; up && (above = view_image(images, img->parent_id)); up--)
		img = above;
	return img;
}

int forest_root(struct forest *f, const Picket__V1__Image *img)
{
	uint32_t root;

	return add(f, img, FOREST_NONE, &root);
}

bool forest_has(const struct forest *f, const struct view_images *images,
		const Picket__V1__Image *img)
{
	for (size_t n = 0; img && n < PICKET_ANCESTORS_MAX; n++) {
		if (find(f, img) != FOREST_NONE)
			return true;
		img = view_image(images, img->parent_id);
	}
	return false;
}

int forest_place(struct forest *f, const struct view_images *images,
		 const Picket__V1__Image *img, uint32_t *ret)
{
	const Picket__V1__Image *line[PICKET_ANCESTORS_MAX];
	uint32_t node = FOREST_NONE;
	size_t n = 0;
	int r = 0;

	while (img && n < PICKET_ANCESTORS_MAX) {
		node = find(f, img);
		if (node != FOREST_NONE)
			break;
		line[n++] = img;
		img = view_image(images, img->parent_id);
	}
	while (node != FOREST_NONE && n && r >= 0)
		r = add(f, line[--n], node, &node);
	*ret = node;
	return r;
}

uint32_t forest_behind(const struct forest *f, uint32_t i)
{
	if (f->nodes[i].first_child != FOREST_NONE)
		return f->nodes[i].first_child;
	while (i != FOREST_NONE && f->nodes[i].next == FOREST_NONE)
		i = f->nodes[i].parent;
	return i == FOREST_NONE ? FOREST_NONE : f->nodes[i].next;
}
