/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searches for many literal texts in a string at once (ASCII letters in either
 * case), in time linear in the string, whatever the texts are.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct literals;

struct literal {
	struct slice text; /* not empty; needed by literals_new only */
	uint32_t owner;	   /* any number of the caller's */
};

/* Together at most so many bytes; more is -E2BIG. */
#define LITERALS_BYTES_MAX 8192u

/* -ENOMEM, -E2BIG. */
int literals_new(const struct literal *list, size_t n, struct literals **ret);
void literals_free(struct literals *l);

/* end: offset after the text's last byte. Called in ascending order of end. */
typedef void (*literal_fn)(void *arg, uint32_t owner, size_t end);
void literals_find(const struct literals *l, struct slice s, literal_fn fn,
		   void *arg);
