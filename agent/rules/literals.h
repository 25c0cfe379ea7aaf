/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many literal texts, one run of bytes: where does each of them end in it?
 * ASCII letters are the same in either case. Linear in the run, whatever the
 * two look like.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct literals;

struct literal {
	struct slice text; /* not empty; needed by literals_new only */
	uint32_t owner;	   /* the caller's business */
};

/* Together at most so many bytes; more is -E2BIG. */
#define LITERALS_BYTES_MAX 8192u

/* -ENOMEM, -E2BIG. */
int literals_new(const struct literal *list, size_t n, struct literals **ret);
void literals_free(struct literals *l);

/* end: behind the text's last byte in s. In ascending order of end. */
typedef void (*literal_fn)(void *arg, uint32_t owner, size_t end);
void literals_find(const struct literals *l, struct slice s, literal_fn fn,
		   void *arg);
