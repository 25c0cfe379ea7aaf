/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Unix sockets bound to a name that does not begin with '/': what the caller
 * said is no place without the directory that it was in. The kernel has kept
 * which file it made, and that one's path is told. The path of a file is
 * longer than the name of a socket can be, so these are records of their own.
 */
#include "unix_place.h"
#include "connect.h"
#include "listen.h"
#include "read_path.h"

/* Path and zero, with the slack behind it: see emit.h. */
#define CLASS_PLACE 5120

static __always_inline void put_place(struct record rec, struct sock *sk,
				      struct wire_str *out)
{
	struct unix_sock *u = (struct unix_sock *)sk;
	struct walk_job job = {
		.dentry = BPF_CORE_READ(u, path.dentry),
		.mnt = BPF_CORE_READ(u, path.mnt),
	};
	struct wire_path path;

	job.size = path_size_of(job.dentry, job.mnt);
	job.size.prefix = 0;
	put_path(rec, &job, STEPS_LARGE, &path);
	*out = path.path;
}

__noinline __u32 unix_place_listens(__u64 sock, __u64 what, __u32 backlog)
{
	struct sock *sk = (struct sock *)sock;
	struct wire_listen *l = NULL;
	struct record rec;

	count_made(WIRE_FAM_LISTEN);
	if (admitted(ADMIT_THREE_QUARTERS))
		l = bpf_ringbuf_reserve(&ring, CLASS_PLACE, 0);
	if (!l) {
		count_lost(WIRE_FAM_LISTEN);
		return 0;
	}
	rec = record_of(l, CLASS_PLACE, sizeof(*l));
	put_listen(l, what, sk, backlog);
	put_place(rec, sk, &l->unix_path);
	l->hdr.size = rec.f->pos;
	submit(l, CLASS_PLACE);
	return 0;
}

__noinline __u32 unix_place_reached(__u64 sock, __u64 peer, __u64 what)
{
	struct wire_connect *c = NULL;
	struct record rec;

	count_made(WIRE_FAM_CONNECT);
	if (admitted(WHAT_OP(what) == WIRE_CONNECT_SEND ? ADMIT_HALF
							: ADMIT_THREE_QUARTERS))
		c = bpf_ringbuf_reserve(&ring, CLASS_PLACE, 0);
	if (!c) {
		count_lost(WIRE_FAM_CONNECT);
		return false;
	}
	rec = record_of(c, CLASS_PLACE, sizeof(*c));
	put_unix_connect(c, what, (struct sock *)sock);
	put_place(rec, (struct sock *)peer, &c->unix_path);
	c->hdr.size = rec.f->pos;
	submit(c, CLASS_PLACE);
	return true;
}
