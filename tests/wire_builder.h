/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as the kernel side makes them, built by hand for tests:
 *
 *	struct wire_builder b;
 *	struct wire_write *w = wb_begin(&b, WIRE_WRITE);
 *
 *	w->op = WIRE_OP_OPEN;
 *	wb_path(&b, &w->path, "/etc/passwd");
 *	wb_end(&b);
 *	… decode_record(b.bytes, b.used, …)
 */
#pragma once

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "wire.h"

struct wire_builder {
	_Alignas(8) unsigned char bytes[WIRE_RECORD_MAX];
	size_t used;
};

static inline size_t wb_body(enum wire_type type)
{
	static const size_t body[WIRE_TYPE_COUNT] = {
		[WIRE_NONE] = sizeof(struct wire_hdr),
		[WIRE_FORK] = sizeof(struct wire_fork),
		[WIRE_EXEC] = sizeof(struct wire_exec),
		[WIRE_EXIT] = sizeof(struct wire_exit),
		[WIRE_CONNECT] = sizeof(struct wire_connect),
		[WIRE_CONNECT_RESULT] = sizeof(struct wire_connect_result),
		[WIRE_WRITE] = sizeof(struct wire_write),
		[WIRE_CGROUP] = sizeof(struct wire_cgroup),
		[WIRE_SCRIPT] = sizeof(struct wire_script),
		[WIRE_LISTEN] = sizeof(struct wire_listen),
		[WIRE_LOAD] = sizeof(struct wire_load),
		[WIRE_TAMPER] = sizeof(struct wire_tamper),
	};

	return body[type];
}

/* A zeroed record of this type, done by process 100, image 1. */
static inline void *wb_begin(struct wire_builder *b, enum wire_type type)
{
	struct wire_hdr *hdr = (struct wire_hdr *)b->bytes;

	memset(b->bytes, 0, sizeof(b->bytes));
	b->used = wb_body(type);
	hdr->type = (__u8)type;
	hdr->backend = WIRE_BACKEND_TP_BTF;
	hdr->time_ns = 5000000000ull;
	hdr->start_ns = 1000;
	hdr->tgid = 100;
	hdr->tid = 100;
	hdr->image = 1;
	hdr->mnt_ns = 4026531841u;
	return b->bytes;
}

static inline struct wire_hdr *wb_hdr(struct wire_builder *b)
{
	return (struct wire_hdr *)b->bytes;
}

/* Bytes into the record; what to put into a struct wire_str member. */
static inline struct wire_str wb_bytes(struct wire_builder *b, const void *p,
				       size_t n)
{
	struct wire_str s = { (__u16)b->used, (__u16)n };

	assert(n <= sizeof(b->bytes) - b->used);
	if (n)
		memcpy(b->bytes + b->used, p, n);
	b->used += n;
	return s;
}

static inline struct wire_str wb_str(struct wire_builder *b, const char *s)
{
	return wb_bytes(b, s, strlen(s));
}

/*
 * A file on the root mount. For another mount set w->tail to what lies below
 * the mount point, and w->prefix to what the mount does not show, afterwards.
 */
static inline void wb_path(struct wire_builder *b, struct wire_path *w,
			   const char *path)
{
	w->path = wb_str(b, path);
	w->tail = w->path.len;
}

static inline void wb_end(struct wire_builder *b)
{
	wb_hdr(b)->size = (__u32)b->used;
}
