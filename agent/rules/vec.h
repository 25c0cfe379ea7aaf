/* SPDX-License-Identifier: Apache-2.0 */
/* A growing array of one type, while its length is not yet known. */
#pragma once

#include <stddef.h>
#include <stdlib.h>

struct vec {
	void *p;
	size_t n, cap;
};

/* Room for one more of `size` bytes, not zeroed; NULL: no memory. */
static inline void *vec_add(struct vec *v, size_t size)
{
	size_t cap = v->cap ? v->cap + v->cap / 2 : 16;
	void *p;

	if (v->n == v->cap) {
		p = reallocarray(v->p, cap, size);
		if (!p)
			return NULL;
		v->p = p;
		v->cap = cap;
	}
	return (char *)v->p + v->n++ * size;
}

static inline void vec_done(struct vec *v)
{
	free(v->p);
	*v = (struct vec){ 0 };
}

/*
 * Hand the array over, without the room that was not used. An empty one is
 * still an array, so that pointers into it can be made; NULL: no memory.
 */
static inline void *vec_steal(struct vec *v, size_t size)
{
	void *p = reallocarray(v->p, v->n ? v->n : 1, size);

	if (!p && v->n)
		p = v->p;
	else if (!p)
		free(v->p);
	*v = (struct vec){ 0 };
	return p;
}
