/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The body of the listen family, in plain values. */
#pragma once

#include "read_sock.h"
#include "what.h"

struct listen_record {
	struct wire_listen listen;
	char name[SUN_PATH_ROOM];
};

/*
 * All but the name of a unix socket, and the record's size. what: op, backend
 * and flags.
 */
static __always_inline void put_listen(struct wire_listen *l, __u64 what,
				       struct sock *sk, __u32 backlog)
{
	struct target t;

	put_sock(&t, sk);
	put_local(&t, sk);
	hdr_begin(&l->hdr, WIRE_LISTEN, WHAT_BACKEND(what));
	hdr_caller(&l->hdr, WHAT_BACKEND(what));
	l->sock = t.sock;
	__builtin_memcpy(l->addr, t.addr, sizeof(l->addr));
	l->port = t.port;
	l->family = t.family;
	l->type = t.type;
	l->protocol = t.protocol;
	l->net_ns = t.net_ns;
	l->backlog = backlog;
	l->op = WHAT_OP(what);
	l->flags = WHAT_FLAGS(what);
	l->reserved[0] = l->reserved[1] = 0;
}

static __always_inline void listen_told(__u64 what, struct sock *sk,
					__u32 backlog)
{
	struct listen_record *r = NULL;
	struct wire_listen *l;

	count_made(WIRE_FAM_LISTEN);
	if (admitted(ADMIT_THREE_QUARTERS))
		r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
	if (!r) {
		count_lost(WIRE_FAM_LISTEN);
		return;
	}
	l = &r->listen;
	put_listen(l, what, sk, backlog);
	l->unix_path.off = sizeof(*l);
	l->unix_path.len =
		l->family == AF_UNIX ? put_unix_name(r->name, sk) : 0;
	l->hdr.size = sizeof(*l) + l->unix_path.len;
	submit(r, sizeof(*r));
}

/*
 * A socket that nobody bound gets its port while it begins to listen: told at
 * the end of that, with the port.
 */
static __always_inline int unbound_listens(enum wire_backend backend)
{
	struct attempt *a = attempt_of(ATTEMPT_LISTEN, 0);
	struct sock *sk;

	if (!a)
		return 0;
	sk = (struct sock *)a->sock;
	if (BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_LISTEN)
		listen_told(WHAT(WIRE_LISTEN_LISTEN, backend, 0), sk,
			    BPF_CORE_READ(sk, sk_max_ack_backlog));
	attempt_ends();
	return 0;
}
