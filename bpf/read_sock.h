/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Sockets: what a record says of one, both its ends, and the record of how a
 * connection came out.
 */
#pragma once

#include <bpf/bpf_endian.h>

#include "emit.h"
#include "read_task.h"
#include "types_sock.h"

/* What a socket is about to reach, or listens on. */
struct target {
	__u64 sock;    /* kernel address: the record's key */
	__u32 addr[4]; /* network order */
	__u16 port;    /* host order */
	__u16 family;
	__u16 type;
	__u16 protocol;
	__u32 net_ns;
	__u32 flags; /* WIRE_CONNECT_* */
};

/*
 * Programs know an MPTCP socket; the kernel connects by TCP sockets that it
 * owns. The first of them stands for it, whoever is asked; those that join
 * later are connections of their own.
 */
static __always_inline struct sock *owner_of(struct sock *sk)
{
	struct inet_connection_sock *icsk = (void *)sk;
	struct mptcp_subflow_context *flow;
	struct tcp_sock *tcp = (void *)sk;
	struct sock *owner;

	if (!bpf_core_field_exists(tcp->is_mptcp) ||
	    !bpf_core_type_exists(struct mptcp_subflow_context))
		return sk;
	barrier_var(tcp);
	if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP ||
	    !BPF_CORE_READ(tcp, is_mptcp))
		return sk;
	flow = BPF_CORE_READ(icsk, icsk_ulp_data);
	barrier_var(flow);
	if (!flow || BPF_CORE_READ_BITFIELD_PROBED(flow, request_join))
		return sk;
	owner = BPF_CORE_READ(flow, conn);
	return owner ? owner : sk;
}

static __always_inline __u32 sock_net_ns(struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
}

/* All but addr, port and family; no flags. */
static __always_inline void put_sock(struct target *t, struct sock *sk)
{
	struct sock *owner = owner_of(sk);

	t->sock = (__u64)owner;
	t->type = BPF_CORE_READ(owner, sk_type);
	t->protocol = BPF_CORE_READ(owner, sk_protocol);
	t->net_ns = sock_net_ns(owner);
	t->flags = 0;
}

static __always_inline bool is_inet(__u32 family)
{
	return family == AF_INET || family == AF_INET6;
}

static __always_inline void no_address(struct target *t)
{
	t->addr[0] = t->addr[1] = t->addr[2] = t->addr[3] = 0;
	t->port = 0;
}

/* A struct sockaddr_in, or _in6 with its flow label before the address. */
struct inet_address {
	__u16 family;
	__u16 port;
	__u32 words[6];
};

#define INET_ADDRESS_BYTES  16
#define INET6_ADDRESS_BYTES 24 /* without the scope: the kernel takes it */

#define VSOCK_ADDRESS_BYTES 16 /* a struct sockaddr_vm */

/*
 * From the kernel's copy of an address; false: it names no place that we tell.
 * Of vsock: the peer's number and its port, which does not fit into t->port.
 */
static __always_inline bool put_address(struct target *t,
					const struct inet_address *a, int bytes)
{
	t->port = bpf_ntohs(a->port);
	t->family = a->family;
	if (a->family == AF_INET && bytes >= INET_ADDRESS_BYTES) {
		t->addr[0] = a->words[0];
		t->addr[1] = t->addr[2] = t->addr[3] = 0;
		return true;
	}
	if (a->family == AF_INET6 && bytes >= INET6_ADDRESS_BYTES) {
		t->addr[0] = a->words[1];
		t->addr[1] = a->words[2];
		t->addr[2] = a->words[3];
		t->addr[3] = a->words[4];
		return true;
	}
	if (a->family == AF_VSOCK && bytes >= VSOCK_ADDRESS_BYTES) {
		t->addr[0] = a->words[1];
		t->addr[1] = a->words[0];
		t->addr[2] = t->addr[3] = t->port = 0;
		return true;
	}
	return false;
}

static __always_inline void put_peer(struct target *t, struct sock *sk)
{
	t->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	no_address(t);
	t->port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (t->family == AF_INET6)
		BPF_CORE_READ_INTO(&t->addr, sk, __sk_common.skc_v6_daddr);
	else if (t->family == AF_INET)
		t->addr[0] = BPF_CORE_READ(sk, __sk_common.skc_daddr);
}

/*
 * An end of a vsock socket, as put_address has it. Its structure is a module's,
 * which may be loaded after us: a struct sock, a pointer (since 5.5), and the
 * addresses of this end and of the peer.
 */
static __always_inline void put_vsock(struct target *t, struct sock *sk,
				      __u32 end)
{
	__u64 at = bpf_core_type_size(struct sock) + sizeof(void *) +
		   end * VSOCK_ADDRESS_BYTES;
	struct inet_address a = {};

	bpf_probe_read_kernel(&a, VSOCK_ADDRESS_BYTES, (void *)sk + at);
	if (a.family == AF_VSOCK)
		put_address(t, &a, VSOCK_ADDRESS_BYTES);
}

#define VSOCK_LOCAL 0
#define VSOCK_PEER  1

static __always_inline void put_local(struct target *t, struct sock *sk)
{
	t->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	no_address(t);
	if (t->family == AF_VSOCK)
		put_vsock(t, sk, VSOCK_LOCAL);
	if (!is_inet(t->family))
		return;
	t->port = BPF_CORE_READ(sk, __sk_common.skc_num);
	if (t->family == AF_INET6)
		BPF_CORE_READ_INTO(&t->addr, sk, __sk_common.skc_v6_rcv_saddr);
	else
		t->addr[0] = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
}

/* ---- unix sockets -------------------------------------------------------- */

#define SUN_PATH_MAX  108 /* without the zero that the kernel puts behind it */
/* What the verifier believes of a length that was cut to 127. */
#define SUN_PATH_ROOM 128

static __always_inline bool has_unix_name(struct sock *sk)
{
	struct unix_sock *u = (struct unix_sock *)sk;

	return BPF_CORE_READ(u, addr) != NULL;
}

/*
 * The name that a unix socket is bound to, into *out: without the zero that
 * ends a path, with the one that begins an abstract name. Its length; 0: it
 * has none.
 */
static __always_inline __u32 put_unix_name(char *out, struct sock *sk)
{
	struct unix_sock *u = (struct unix_sock *)sk;
	struct unix_address *address = BPF_CORE_READ(u, addr);
	__u64 len;

	if (!address)
		return 0;
	len = BPF_CORE_READ(address, len) - sizeof(__u16);
	if (len - 1 > SUN_PATH_MAX)
		return 0;
	len &= SUN_PATH_ROOM - 1;
	bpf_probe_read_kernel(out, len, &address->name[0].sun_path);
	if (out[0] && !out[(len - 1) & (SUN_PATH_ROOM - 1)])
		len--;
	return len;
}

/* ---- what a thread is in the middle of ----------------------------------- */

static __always_inline void attempt_begins(__u32 what, __u64 sock)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct attempt attempt = { .sock = sock, .what = what };

	bpf_map_update_elem(&attempts, &thread, &attempt, BPF_ANY);
}

/* What this thread attempts with this socket; sock 0: with any. */
static __always_inline struct attempt *attempt_of(__u32 what, __u64 sock)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct attempt *a = bpf_map_lookup_elem(&attempts, &thread);

	return a && a->what == what && (!sock || a->sock == sock) ? a : NULL;
}

static __always_inline void attempt_ends(void)
{
	__u64 thread = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&attempts, &thread);
}

/* ---- how a connection came out ------------------------------------------- */

static __always_inline void sock_ends(struct wire_connect_result *r,
				      struct sock *sk)
{
	__u32 *local = (__u32 *)r->local_addr, *peer = (__u32 *)r->peer_addr;
	struct inet_sock *inet = (struct inet_sock *)sk;

	r->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	/* skc_num is given back before a failure is told; this stays. */
	r->local_port = bpf_ntohs(BPF_CORE_READ(inet, inet_sport));
	r->peer_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (r->family == AF_INET6) {
		BPF_CORE_READ_INTO(&r->local_addr, sk,
				   __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&r->peer_addr, sk, __sk_common.skc_v6_daddr);
		return;
	}
	local[0] = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
	peer[0] = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	local[1] = local[2] = local[3] = 0;
	peer[1] = peer[2] = peer[3] = 0;
}

/* task: NULL where what settles it runs in nobody's name. */
static __always_inline void connect_result(enum wire_backend backend,
					   struct task_struct *task,
					   struct sock *sk, __u32 error)
{
	struct wire_connect_result *r = NULL;

	count_made(WIRE_FAM_CONNECT);
	if (admitted(ADMIT_OUTCOME))
		r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
	if (!r) {
		count_lost(WIRE_FAM_CONNECT);
		return;
	}
	hdr_begin(&r->hdr, WIRE_CONNECT_RESULT, backend);
	if (task)
		hdr_task(&r->hdr, task);
	else
		hdr_no_task(&r->hdr);
	r->hdr.size = sizeof(*r);
	r->sock = (__u64)owner_of(sk);
	r->error = error;
	sock_ends(r, sk);
	submit(r, sizeof(*r));
}
