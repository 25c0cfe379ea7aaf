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

/* Bytes between consumer and producer, headers included. */
uint64_t ring_used(const struct ring *r);
