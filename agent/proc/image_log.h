/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images in memory that outlives the agent, for the next one: each is written
 * behind the last, whole with its strings, and names its parent and what it
 * ran before by their numbers in the log. When there is no room the caller
 * writes what it still needs into the other half, which then counts. A killed
 * writer leaves what it had finished.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

struct image_log {
	char *memory;
	size_t half;	/* bytes */
	unsigned which; /* half that is written */
	size_t used;	/* of it */
	uint32_t count; /* of its images */
	uint32_t round; /* of halves begun; place of an image in this one */
};

/* The least that is of use. */
#define IMAGE_LOG_MIN 65536

/* -EINVAL: too small. What is there stays until image_log_commit. */
int image_log_open(struct image_log *l, void *memory, size_t size);

/* From here on into the other half, which counts once it is committed. */
void image_log_begin(struct image_log *l);
void image_log_commit(struct image_log *l);

bool image_log_has(const struct image_log *l, const struct image *img);
/*
 * Behind those that were added before; of its parent and its predecessor it
 * keeps what the log has. False: no room.
 */
bool image_log_add(struct image_log *l, struct image *img);

/* One that was read. Numbers begin at 1; 0: there is none. */
struct image_log_entry {
	uint32_t number;
	uint32_t parent, prev;
	uint32_t strings; /* of the image whose strings these are; 0: its own */
	/* Slices into the log; what refers to other memory is empty. */
	struct image img;
	struct slice cgroup, cgroup_v1; /* paths */
};

/*
 * Pass what the last writer left, in order, to fn; fn < 0 ends it and is
 * returned. What is not as this build writes it is not read; nothing in the
 * memory is trusted.
 */
typedef int (*image_log_fn)(void *arg, const struct image_log_entry *e);
int image_log_read(const void *memory, size_t size, image_log_fn fn,
		   void *arg);
/* No entry has a higher number than this. */
uint32_t image_log_max(size_t size);
