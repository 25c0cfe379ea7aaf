/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The bodies of the connect family, in plain values. */
#pragma once

#include "read_sock.h"
#include "unix_place.h"
#include "what.h"

static __always_inline bool connect_told(enum wire_backend backend,
					 enum wire_connect_op op,
					 const struct target *t)
{
	enum admission room =
		op == WIRE_CONNECT_SEND ? ADMIT_HALF : ADMIT_THREE_QUARTERS;
	struct wire_connect *r = NULL;

	count_made(WIRE_FAM_CONNECT);
	if (admitted(room))
		r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
	if (!r) {
		count_lost(WIRE_FAM_CONNECT);
		return false;
	}
	hdr_begin(&r->hdr, WIRE_CONNECT, backend);
	hdr_caller(&r->hdr, backend);
	r->hdr.size = sizeof(*r);
	r->sock = t->sock;
	__builtin_memcpy(r->addr, t->addr, sizeof(r->addr));
	r->port = t->port;
	r->family = t->family;
	r->type = t->type;
	r->protocol = t->protocol;
	r->op = op;
	r->flags = t->flags;
	r->reserved[0] = r->reserved[1] = 0;
	r->net_ns = t->net_ns;
	r->unix_path = (struct wire_str){};
	r->reserved2 = 0;
	submit(r, sizeof(*r));
	return true;
}

static __always_inline void connect_begins(enum wire_backend backend,
					   const struct target *t)
{
	attempt_begins(ATTEMPT_CONNECT, t->sock);
	connect_told(backend, WIRE_CONNECT_CONNECT, t);
}

/*
 * A connection between unix sockets is named by the address that the peer is
 * bound to, not by the path (relative, through links or mounts) that was used.
 */
struct unix_connect_record {
	struct wire_connect connect;
	char name[SUN_PATH_ROOM];
};

/* All but the name, and the record's size. what: op, backend and flags. */
static __always_inline void put_unix_connect(struct wire_connect *c, __u64 what,
					     struct sock *sk)
{
	hdr_begin(&c->hdr, WIRE_CONNECT, WHAT_BACKEND(what));
	hdr_caller(&c->hdr, WHAT_BACKEND(what));
	c->sock = (__u64)sk;
	__builtin_memset(c->addr, 0, sizeof(c->addr));
	c->port = 0;
	c->family = AF_UNIX;
	c->type = BPF_CORE_READ(sk, sk_type);
	c->protocol = 0;
	c->op = WHAT_OP(what);
	c->flags = WHAT_FLAGS(what);
	c->reserved[0] = c->reserved[1] = 0;
	c->net_ns = sock_net_ns(sk);
	c->reserved2 = 0;
}

static __always_inline bool unix_told(__u64 what, struct sock *sk,
				      struct sock *peer)
{
	struct unix_connect_record *r = NULL;
	struct wire_connect *c;

	if (has_relative_name(peer))
		return unix_place_reached(number_of(sk), number_of(peer), what);
	count_made(WIRE_FAM_CONNECT);
	if (admitted(WHAT_OP(what) == WIRE_CONNECT_SEND ? ADMIT_HALF
							: ADMIT_THREE_QUARTERS))
		r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
	if (!r) {
		count_lost(WIRE_FAM_CONNECT);
		return false;
	}
	c = &r->connect;
	put_unix_connect(c, what, sk);
	c->unix_path.off = sizeof(*c);
	c->unix_path.len = put_unix_name(r->name, peer);
	c->hdr.size = sizeof(*c) + c->unix_path.len;
	submit(r, sizeof(*r));
	return true;
}

/*
 * One event per image, destination and window. If there was no room for it, the
 * next datagram is reported instead.
 */
static __always_inline bool is_repeat(struct sent_key *key, __u64 now)
{
	struct task_struct *task = current_task();
	__u64 *since;

	key->start_ns = task_start_ns(task);
	key->tgid = BPF_CORE_READ(task, tgid);
	key->image = BPF_CORE_READ(task, self_exec_id);
	since = bpf_map_lookup_elem(&sent, key);
	if (!since || now - *since >= window_ns)
		return false;
	count_summed(WIRE_FAM_CONNECT);
	return true;
}

static __always_inline void datagram_sent(enum wire_backend backend,
					  const struct target *t)
{
	__u64 now = bpf_ktime_get_boot_ns();
	struct sent_key key;

	__builtin_memcpy(key.addr, t->addr, sizeof(key.addr));
	key.port = t->port;
	key.family = t->family;
	key.net_ns = t->net_ns;
	if (!is_repeat(&key, now) &&
	    connect_told(backend, WIRE_CONNECT_SEND, t))
		bpf_map_update_elem(&sent, &key, &now, BPF_ANY);
}

/* ---- raw and packet sockets ---------------------------------------------- */

static __always_inline bool is_raw(__u32 family, __u32 type)
{
	return (family == AF_INET || family == AF_INET6) && type == SOCK_RAW;
}

static __always_inline bool is_packet(__u32 family)
{
	return family == AF_PACKET || family == AF_XDP;
}

/* flags: WIRE_CONNECT_* */
static __always_inline void socket_told(enum wire_backend backend,
					struct sock *sk, __u32 family,
					__u32 flags)
{
	struct packet_sock *packet = (void *)sk;
	struct target t;

	put_sock(&t, sk);
	no_address(&t);
	t.flags = flags;
	t.family = family;
	if (family == AF_PACKET && bpf_core_field_exists(packet->num)) {
		barrier_var(packet);
		t.protocol = bpf_ntohs(BPF_CORE_READ(packet, num));
	}
	connect_told(backend, WIRE_CONNECT_SOCKET, &t);
}

/* ---- the call that asked for a connection -------------------------------- */

#define EINTR	    4
#define ENODEV	    19
#define ECONNRESET  104
#define ETIMEDOUT   110
#define EINPROGRESS 115

/*
 * A call that failed before the connection was under way; what the socket's
 * state settles is told there. The call is over, so what this thread may have
 * in its place is another one.
 */
static __always_inline int connect_ended(enum wire_backend backend, long ret)
{
	struct attempt *a = attempt_of(ATTEMPT_CONNECT, 0);

	if (!a)
		return 0;
	if (ret < 0 && ret != -EINPROGRESS && !a->is_under_way)
		connect_result(backend, current_task(), (struct sock *)a->sock,
			       -ret);
	attempt_ends();
	return 0;
}
