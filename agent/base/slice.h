/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Borrowed bytes: not terminated, not owned, may hold any byte.
 *
 * Whoever gets a slice may use it until the call returns, unless the giver's
 * header says otherwise; whoever keeps it copies the bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
	const char *p;
	size_t n;
};

static inline struct slice slice_of(const char *p, size_t n)
{
	return (struct slice){ p, n };
}

/* The bytes of a C string without its end; NULL is empty. */
static inline struct slice slice_str(const char *s)
{
	return (struct slice){ s, s ? strlen(s) : 0 };
}

static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (!a.n || !memcmp(a.p, b.p, a.n));
}

static inline bool slice_starts(struct slice s, struct slice prefix)
{
	return s.n >= prefix.n &&
	       (!prefix.n || !memcmp(s.p, prefix.p, prefix.n));
}

/* By bytes, then by length: below, at or above 0, as memcmp. */
static inline int slice_cmp(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int d = n ? memcmp(a.p, b.p, n) : 0;

	return d ? d : (a.n > b.n) - (a.n < b.n);
}
