/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process, all that came of it, and what each of them did: grown from
 * records in the journal's order, printed at the end. Bounded; what found no
 * room is counted.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "out/view.h"

struct query_tree;
struct line_out;

int query_tree_new(bool json, struct query_tree **ret);
void query_tree_free(struct query_tree *t);

/*
 * The root: of the image's line, the process so many steps up, or as far as
 * it is known. *ret_start_ns: when it was started, in boottime.
 */
int query_tree_root(struct query_tree *t, const struct view_images *images,
		    const Picket__V1__Image *img, unsigned up,
		    uint64_t *ret_start_ns);

/* Whether it is worth a line: of the tree, or about a record in it. */
bool query_tree_has(const struct query_tree *t,
		    const struct view_images *images,
		    const Picket__V1__Image *img);
bool query_tree_names(const struct query_tree *t, uint32_t epoch, uint64_t seq);

/* A record's line. */
struct query_tree_line {
	const struct view *view;
	struct slice text;
	bool waits; /* not printed before query_tree_settle */
};

/* Passed over if its record is none of the tree's. */
int query_tree_add(struct query_tree *t, const struct view_images *images,
		   const struct query_tree_line *line);
void query_tree_settle(struct query_tree *t, uint32_t epoch, uint64_t seq);
/* An amendment's line, to the record that it names. */
int query_tree_amend(struct query_tree *t, const struct view *v,
		     struct slice line);

/* Depth first. -EPIPE … as line_out_flush. */
int query_tree_print(struct query_tree *t, struct line_out *out);

/* Records that found no room. */
uint64_t query_tree_dropped(const struct query_tree *t);
