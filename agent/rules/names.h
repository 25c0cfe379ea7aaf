/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the policy language that stand for a number. */
#pragma once

#include <stddef.h>

#include "base/slice.h"

/* NULL entries have no word. */
struct word_list {
	const char *const *words;
	size_t n;
};

extern const struct word_list load_words, tamper_words;
extern const struct word_list op_words;		/* enum write_op */
extern const struct word_list stdio_words;	/* enum stdio_kind */
extern const struct word_list severity_words;	/* enum severity */
extern const struct word_list origin_words;	/* enum origin */
extern const struct word_list trust_words;	/* enum trust_state */
extern const struct word_list writable_words;	/* bits of WRITABLE_* */
extern const struct word_list event_words;	/* enum event_kind */
extern const struct word_list action_words;	/* enum action */

/* The word's place in the list, or -EINVAL. */
int word_find(const struct word_list *list, struct slice word);
