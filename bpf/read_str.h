/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Strings into a record, piece by piece: a piece that begins below CLASS_END
 * cannot leave the record, however long the string has become since it was
 * measured.
 */
#pragma once

#include "read_path.h"

#define NAME_PIECES (WIRE_NAME_MAX / (PIECE - 1) + 1)

/*
 * At most WIRE_NAME_MAX bytes, no zero. fill.cut tells whether there was more:
 * in memory, because two values in a register are two states from there on.
 */
static __always_inline struct wire_str put_str(struct record r,
					       const void *from, bool user)
{
	struct fill *f = r.f;
	struct wire_str out = { .off = f->pos };
	__u64 pos;
	__u32 i;
	long n;

	f->cut = true;
	f->from = (__u64)from;
	f->start = f->pos;
	for (i = 0; i < NAME_PIECES; i++) {
		pos = f->pos;
		if (!is_inside(pos, r) || pos - f->start >= WIRE_NAME_MAX)
			break;
		if (user)
			n = bpf_probe_read_user_str(r.p + pos, PIECE,
						    (void *)f->from);
		else
			n = bpf_probe_read_kernel_str(r.p + pos, PIECE,
						      (void *)f->from);
		if (n < 0)
			break;
		n += is_empty_str(n);
		f->pos = pos + n - 1;
		f->from += n - 1;
		if (n < PIECE) {
			f->cut = false;
			break;
		}
	}
	if (f->pos - f->start > WIRE_NAME_MAX)
		f->pos = f->start + WIRE_NAME_MAX;
	out.len = f->pos - f->start;
	return out;
}

#define ENV_KEPT_PIECES (ENV_STRINGS + NAME_PIECES)

/* The allow-listed strings of the environment, each with its zero; as above. */
static __always_inline struct wire_str put_env(struct record r, __u64 at,
					       __u64 end)
{
	struct fill *f = r.f;
	struct wire_str out = { .off = f->pos };
	__u64 pos;
	__u32 i;
	long n;

	f->cut = true;
	f->from = at;
	f->start = f->pos;
	f->more = 0;
	for (i = 0; i < ENV_KEPT_PIECES; i++) {
		if (!f->more)
			f->from = next_env(f->from, end);
		if (f->from <= ENV_UNSEEN) {
			f->cut = f->from == ENV_UNSEEN;
			break;
		}
		pos = f->pos;
		if (!is_inside(pos, r) || pos - f->start >= WIRE_ENV_MAX)
			break;
		n = bpf_probe_read_user_str(r.p + pos, PIECE, (void *)f->from);
		if (n < 0)
			break;
		n += is_empty_str(n);
		/* A full piece holds no zero of its own: the string goes on. */
		f->more = n == PIECE;
		n -= n == PIECE;
		f->pos = pos + n;
		f->from += n;
	}
	if (f->pos - f->start > WIRE_ENV_MAX)
		f->pos = f->start + WIRE_ENV_MAX;
	out.len = f->pos - f->start;
	return out;
}
