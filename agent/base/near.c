// SPDX-License-Identifier: Apache-2.0
/*
 * The nearest word, by the number of slips of the hand between the two: a
 * letter too many, one too few, another one, or two neighbours swapped. One
 * slip for every three letters is still worth a suggestion.
 */
#include "base/near.h"

#include <stdbool.h>
#include <string.h>

/* Longer words are compared by nobody's eye. */
#define WORD_MAX 32

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment, three rows at a time. */
static size_t slips(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX + 1], *before = rows[0], *above = rows[1],
				      *here = rows[2], *spare;
	size_t n = strlen(a), m = strlen(b);

	for (size_t j = 0; j <= m; j++)
		above[j] = j;
	for (size_t i = 1; i <= n; i++) {
		here[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t other = above[j - 1] + (a[i - 1] != b[j - 1]);

			here[j] =
				min(other, min(above[j] + 1, here[j - 1] + 1));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				here[j] = min(here[j], before[j - 2] + 1);
		}
		spare = before;
		before = above;
		above = here;
		here = spare;
	}
	return above[m];
}

struct near near_word(const char *word)
{
	size_t n = strlen(word);

	return (struct near){ .word = word, .distance = n < 3 ? 2 : n / 3 + 1 };
}

void near_try(struct near *n, const char *candidate)
{
	size_t d;

	if (strlen(n->word) > WORD_MAX || strlen(candidate) > WORD_MAX)
		return;
	d = slips(n->word, candidate);
	/* A word shares more than its length with what was meant. */
	if (d >= n->distance || d >= strlen(n->word))
		return;
	n->best = candidate;
	n->distance = d;
}
