/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that outlives a process: a map that is pinned, and seen by whoever
 * holds it as plain bytes. Inside sense/ only.
 */
#pragma once

#include <stddef.h>

/* What it is pinned as. */
#define MEMORY_PIN "images"

struct memory {
	void *p; /* NULL: none */
	size_t size;
};

/* A map of so many bytes, in whole pages, zeroed; a descriptor or -errno. */
int memory_make(const char *name, size_t size);
/* -EBADMSG: it is no such map. */
int memory_map(int fd, struct memory *ret);
void memory_unmap(struct memory *m);
