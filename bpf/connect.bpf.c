/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Outgoing connections and unconnected datagrams, from the cgroup hooks at the
 * root of the unified hierarchy: the address is the kernel's own copy, and
 * io_uring and 32-bit calls come by here as well. How a connection comes out
 * is told later by the socket's state, in whatever context settles it.
 */
#include "read_sock.h"

/* The address as the hooks for both families give it. */
struct target {
	__u64 sock;
	__u32 addr[4]; /* network order */
	__u16 port;    /* host order */
	__u16 family;
	__u16 type;
	__u16 protocol;
};

static __always_inline void target_common(struct target *t,
					  struct bpf_sock_addr *ctx)
{
	t->sock = number_of(ctx->sk);
	t->port = bpf_ntohs((__u16)ctx->user_port);
	t->family = ctx->family;
	t->type = ctx->type;
	t->protocol = ctx->protocol;
}

static __always_inline void target_v4(struct target *t,
				      struct bpf_sock_addr *ctx)
{
	target_common(t, ctx);
	t->family = AF_INET;
	t->addr[0] = ctx->user_ip4;
	t->addr[1] = t->addr[2] = t->addr[3] = 0;
}

static __always_inline void target_v6(struct target *t,
				      struct bpf_sock_addr *ctx)
{
	target_common(t, ctx);
	t->family = AF_INET6;
	t->addr[0] = ctx->user_ip6[0];
	t->addr[1] = ctx->user_ip6[1];
	t->addr[2] = ctx->user_ip6[2];
	t->addr[3] = ctx->user_ip6[3];
}

static __always_inline __u32 sock_net_ns(__u64 sock)
{
	struct sock *sk = (struct sock *)sock;

	return BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
}

static __always_inline bool report(enum wire_connect_op op,
				   enum admission admission, struct target *t)
{
	struct wire_connect *r = NULL;

	count_made(WIRE_FAM_CONNECT);
	if (admitted(admission))
		r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
	if (!r) {
		count_lost(WIRE_FAM_CONNECT);
		return false;
	}
	hdr_begin(&r->hdr, WIRE_CONNECT, WIRE_BACKEND_CGROUP);
	hdr_task(&r->hdr, current_task());
	r->hdr.size = sizeof(*r);
	r->sock = t->sock;
	__builtin_memcpy(r->addr, t->addr, sizeof(r->addr));
	r->port = t->port;
	r->family = t->family;
	r->type = t->type;
	r->protocol = t->protocol;
	r->op = op;
	r->reserved[0] = r->reserved[1] = r->reserved[2] = 0;
	r->net_ns = sock_net_ns(t->sock);
	r->unix_path = (struct wire_str){};
	r->reserved2 = 0;
	bpf_ringbuf_submit(r, 0);
	return true;
}

static __always_inline void connect_body(struct target *t)
{
	if (!is_muted())
		report(WIRE_CONNECT_CONNECT, ADMIT_THREE_QUARTERS, t);
}

/*
 * One event per image and destination and window; what was refused room is
 * tried again with the next datagram.
 */
static __always_inline void send_body(struct target *t)
{
	struct task_struct *task = current_task();
	__u64 now = bpf_ktime_get_boot_ns(), *since;
	struct sent_key key;

	if (is_muted())
		return;
	key.start_ns = task_start_ns(task);
	__builtin_memcpy(key.addr, t->addr, sizeof(key.addr));
	key.tgid = BPF_CORE_READ(task, tgid);
	key.image = BPF_CORE_READ(task, self_exec_id);
	key.port = t->port;
	key.family = t->family;
	key.net_ns = sock_net_ns(t->sock);
	since = bpf_map_lookup_elem(&sent, &key);
	if (since && now - *since < window_ns) {
		count_summed(WIRE_FAM_CONNECT);
		return;
	}
	if (report(WIRE_CONNECT_SEND, ADMIT_HALF, t))
		bpf_map_update_elem(&sent, &key, &now, BPF_ANY);
}

/* These hooks could refuse: picket watches, so they answer 1, always. */

SEC("cgroup/connect4")
int connect4_cgroup(struct bpf_sock_addr *ctx)
{
	struct target t;

	target_v4(&t, ctx);
	connect_body(&t);
	return 1;
}

SEC("cgroup/connect6")
int connect6_cgroup(struct bpf_sock_addr *ctx)
{
	struct target t;

	target_v6(&t, ctx);
	connect_body(&t);
	return 1;
}

SEC("cgroup/sendmsg4")
int sendmsg4_cgroup(struct bpf_sock_addr *ctx)
{
	struct target t;

	target_v4(&t, ctx);
	send_body(&t);
	return 1;
}

SEC("cgroup/sendmsg6")
int sendmsg6_cgroup(struct bpf_sock_addr *ctx)
{
	struct target t;

	target_v6(&t, ctx);
	send_body(&t);
	return 1;
}

/* What the caller did who gave up; no call returns it for a connection. */
#define ECANCELED     125
#define SHUTDOWN_MASK 3

/*
 * A socket leaves SYN_SENT when its connection is settled. Closed without an
 * error: by its owner (then both directions are shut down), or because
 * connect(2) is failing right here, and then its return value tells (see
 * write.bpf.c). A simultaneous open goes to another state and is not told.
 */
static __always_inline int state_changed(enum wire_backend backend,
					 struct sock *sk, int from, int to)
{
	__u32 error = 0;

	if (from != TCP_SYN_SENT || (to != TCP_ESTABLISHED && to != TCP_CLOSE))
		return 0;
	if (to == TCP_CLOSE) {
		error = BPF_CORE_READ(sk, sk_err);
		if (!error && BPF_CORE_READ(sk, sk_shutdown) != SHUTDOWN_MASK)
			return 0;
		if (!error)
			error = ECANCELED;
	}
	connect_result(backend, NULL, sk, error);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(set_state_tp_btf, struct sock *sk, int from, int to)
{
	return state_changed(WIRE_BACKEND_TP_BTF, sk, from, to);
}

SEC("raw_tp/inet_sock_set_state")
int BPF_PROG(set_state_raw_tp, struct sock *sk, int from, int to)
{
	return state_changed(WIRE_BACKEND_RAW_TP, sk, from, to);
}
