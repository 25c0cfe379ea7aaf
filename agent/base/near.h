/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "Did you mean …?": the known word nearest to what was typed.
 *
 *	struct near n = near_word("tial");
 *
 *	near_try(&n, "tail");
 *	near_try(&n, "run");
 *	n.best	"tail"; NULL: nothing is near enough to be worth saying
 */
#pragma once

#include <stddef.h>

struct near {
	const char *word;
	const char *best;
	size_t distance; /* of best; only what is nearer replaces it */
};

struct near near_word(const char *word);
void near_try(struct near *n, const char *candidate);
