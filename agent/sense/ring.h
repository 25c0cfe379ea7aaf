/* SPDX-License-Identifier: Apache-2.0 */
/* The consumer's side of a BPF ring buffer. Inside sense/ only. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct ring;

/* map_fd is borrowed: it is also what becomes readable. */
int ring_open(int map_fd, uint64_t size, struct ring **ret);
void ring_close(struct ring *r);

typedef int (*ring_fn)(void *arg, const void *data, size_t size);

/*
 * At most max records, in order. What fn was given is consumed, also when it
 * returns < 0, which ends the reading and is returned. Else how many.
 */
int ring_read(struct ring *r, ring_fn fn, void *arg, size_t max);

uint64_t ring_size(const struct ring *r);
/* Bytes between consumer and producer, headers included. */
uint64_t ring_used(const struct ring *r);

/*
 * Positions count bytes since the ring was made. What was read stays in memory
 * until the kernel needs the room, so a reader that died may be taken up from
 * where its records were last kept.
 */
uint64_t ring_at(const struct ring *r);	  /* of the next record to read */
uint64_t ring_next(const struct ring *r); /* within fn: of the one after */
uint64_t ring_end(const struct ring *r);  /* behind the last one */

/*
 * Read again from a position that ring_next gave. -ERANGE: records behind it
 * were overwritten; nothing changed then.
 */
int ring_rewind(struct ring *r, uint64_t to);

/* What lies behind this is not read. */
void ring_stop_at(struct ring *r, uint64_t until);

/*
 * Copy the record at *at, whose reading may be long ago, and move *at behind
 * it. Its length, or 0 for one that is none or longer than max; -ERANGE: it
 * was written over.
 */
int ring_copy(const struct ring *r, uint64_t *at, void *buf, size_t max);

/*
 * Look at the records between two positions that ring_at or ring_next gave,
 * and leave them where they are. fn as in ring_read; how many.
 */
int ring_walk(const struct ring *r, uint64_t from, uint64_t to, ring_fn fn,
	      void *arg);

/* Consume without looking. */
void ring_skip_to(struct ring *r, uint64_t to);
