/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table of fixed capacity: keys and values are copied bytes of fixed
 * size, all memory is taken at the start, and when it is full the entry that
 * was touched longest ago gives way. Keys are compared as bytes: zero the
 * padding of key structs.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct table;

/* Called for an entry that gives way, before it is gone. */
typedef void (*table_evict_fn)(void *arg, const void *key, void *value);

int table_new(size_t capacity, size_t key_size, size_t value_size,
	      struct table **ret);
void table_free(struct table *t);

void table_on_evict(struct table *t, table_evict_fn fn, void *arg);

/* The value, now the youngest; NULL: not there. Good until the entry goes. */
void *table_get(struct table *t, const void *key);

/*
 * The value of key, made (zeroed) if it was not there; *ret_made says which.
 * Never fails: the oldest entry gives way.
 */
void *table_put(struct table *t, const void *key, int *ret_made);

/* Forget key; nothing happens when it is not there. */
void table_remove(struct table *t, const void *key);

/* The oldest entry, or NULL when empty; *ret_key points into the table. */
void *table_oldest(struct table *t, const void **ret_key);

size_t table_count(const struct table *t);
uint64_t table_evicted(const struct table *t);
