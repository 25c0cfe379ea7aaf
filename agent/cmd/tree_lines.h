/* SPDX-License-Identifier: Apache-2.0 */
/* The lines to the left of a tree that is printed, as tree(1) draws them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "cmd/forest.h"

struct tree_signs {
	const char *branch, *last; /* to a process: more follow, or none */
	const char *bar, *blank;   /* past it: one above goes on, or not */
};

/* By LC_ALL, LC_CTYPE and LANG: drawn where the terminal shows UTF-8. */
const struct tree_signs *tree_signs_of_locale(void);

/* What stands before process `i` ... */
void tree_before(struct buf *out, const struct forest *f, uint32_t i,
		 const struct tree_signs *signs);
/* ... and before each line of what it did, which comes ahead of its children. */
void tree_before_record(struct buf *out, const struct forest *f, uint32_t i,
			const struct tree_signs *signs);
