// SPDX-License-Identifier: Apache-2.0
/*
 * Drawing a tree. The one idea: a column goes on below a process exactly if
 * it has a younger sibling, which each node knows of itself.
 */
#include "cmd/tree_lines.h"

#include <stdlib.h>
#include <string.h>

/* Those that are deeper are indented no further; their lines are still theirs. */
#define DEPTH_SHOWN 24

static const struct tree_signs drawn = { "├─ ", "└─ ", "│  ", "   " };
static const struct tree_signs plain = { "|- ", "`- ", "|  ", "   " };

const struct tree_signs *tree_signs_of_locale(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	const char *value = NULL;
	size_t i;

	/* The first that is set decides, as setlocale(3) has it. */
	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		value = getenv(names[i]);
		if (value && *value)
			break;
	}
	if (value && (strcasestr(value, "utf-8") || strcasestr(value, "utf8")))
		return &drawn;
	return &plain;
}

static bool goes_on(const struct forest *f, uint32_t i)
{
	return f->nodes[i].next != FOREST_NONE;
}

/* A column for each process from below the root down to `i`. */
static void add_columns(struct buf *out, const struct forest *f, uint32_t i,
			const struct tree_signs *signs)
{
	uint32_t line[DEPTH_SHOWN], n = 0;

	while (i != FOREST_NONE && f->nodes[i].depth >= DEPTH_SHOWN)
		i = f->nodes[i].parent;
	for (; i != FOREST_NONE && f->nodes[i].depth; i = f->nodes[i].parent)
		line[n++] = i;
	while (n--)
		buf_add_str(out,
			    goes_on(f, line[n]) ? signs->bar : signs->blank);
}

void tree_before(struct buf *out, const struct forest *f, uint32_t i,
		 const struct tree_signs *signs)
{
	if (!f->nodes[i].depth)
		return;
	add_columns(out, f, f->nodes[i].parent, signs);
	buf_add_str(out, goes_on(f, i) ? signs->branch : signs->last);
}

void tree_before_record(struct buf *out, const struct forest *f, uint32_t i,
			const struct tree_signs *signs)
{
	bool has_children = f->nodes[i].first_child != FOREST_NONE;

	add_columns(out, f, i, signs);
	buf_add_str(out, has_children ? signs->bar : signs->blank);
	buf_add_char(out, ' ');
}
