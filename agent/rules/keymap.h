/* SPDX-License-Identifier: Apache-2.0 */
/* 64-bit key -> 32-bit value, growing; used while a rule set is compiled. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct keymap {
	struct keymap_slot {
		uint64_t key;	/* 0: free */
		uint32_t value;
	} *slots;
	size_t n, cap;
};

void keymap_done(struct keymap *m);

/* The value's place, made as 0 if it was not there; NULL: no memory. Good
 * until the next put. */
uint32_t *keymap_put(struct keymap *m, uint64_t key);

/* The value, or `none`. */
uint32_t keymap_get(const struct keymap *m, uint64_t key, uint32_t none);
