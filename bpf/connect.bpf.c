/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Outgoing connections and datagrams to an address. Every hook gets the
 * address when it is already the kernel's own copy, and io_uring and 32-bit
 * calls come by all of them. What becomes of a connection is told in
 * connect_outcome.bpf.c.
 */
#include "connect.h"

/* ---- where the kernel asks its security modules --------------------------- */

/*
 * A connection that is being made, or is there, is not made anew by asking
 * again: programs do that to learn how the first one came out. Datagram
 * sockets may name another peer each time.
 */
static __always_inline bool may_begin(struct socket *sock, struct sock *sk)
{
	__u32 protocol = BPF_CORE_READ(sk, sk_protocol);

	if (protocol != IPPROTO_TCP && protocol != IPPROTO_MPTCP)
		return true;
	return BPF_CORE_READ(sock, state) == SS_UNCONNECTED &&
	       BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_CLOSE;
}

/*
 * AF_UNSPEC takes a connection down: no event, but if that one was under way,
 * then this thread is not the one that waits for it.
 */
static __always_inline void connect_asked(enum wire_backend backend,
					  struct socket *sock,
					  const void *address, int bytes)
{
	struct sock *sk = BPF_CORE_READ(sock, sk);
	struct inet_address a = {};
	struct target t;

	bpf_probe_read_kernel(&a, sizeof(a), address);
	if (a.family == AF_UNSPEC)
		attempt_ends();
	if (!put_address(&t, &a, bytes) || !may_begin(sock, sk) || is_muted())
		return;
	put_sock(&t, sk);
	connect_begins(backend, &t);
}

SEC("lsm/socket_connect")
int BPF_PROG(connect_lsm, struct socket *sock, struct sockaddr *address,
	     int bytes, int ret)
{
	connect_asked(WIRE_BACKEND_LSM, sock, address, bytes);
	return ret;
}

/*
 * At its end, when the security modules have answered: after a refusal nobody
 * else is asked, so nothing else tells of it.
 */
SEC("fexit/security_socket_connect")
int BPF_PROG(connect_fentry, struct socket *sock, struct sockaddr *address,
	     int bytes, int ret)
{
	connect_asked(WIRE_BACKEND_FENTRY, sock, address, bytes);
	return ret ? connect_ended(WIRE_BACKEND_FENTRY, ret) : 0;
}

SEC("kprobe/security_socket_connect")
int BPF_KPROBE(connect_kprobe, struct socket *sock, struct sockaddr *address,
	       int bytes)
{
	connect_asked(WIRE_BACKEND_KPROBE, sock, address, bytes);
	return 0;
}

/*
 * A message with an address: a datagram, or a connection that begins with
 * data (TCP fast open). On a socket that is connected TCP ignores the address.
 */
static __always_inline void message_sent(enum wire_backend backend,
					 struct socket *sock,
					 struct msghdr *msg)
{
	int bytes = BPF_CORE_READ(msg, msg_namelen);
	struct sock *sk = BPF_CORE_READ(sock, sk);
	struct inet_address a = {};
	struct target t;

	bpf_probe_read_kernel(&a, sizeof(a), BPF_CORE_READ(msg, msg_name));
	/* Over IPv4 no family means that one; over IPv6, no address. */
	if (a.family == AF_UNSPEC &&
	    BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET)
		a.family = AF_INET;
	if (!put_address(&t, &a, bytes) || is_muted())
		return;
	put_sock(&t, sk);
	if (t.protocol != IPPROTO_TCP && t.protocol != IPPROTO_MPTCP)
		datagram_sent(backend, &t);
	else if ((BPF_CORE_READ(msg, msg_flags) & MSG_FASTOPEN) &&
		 may_begin(sock, sk))
		connect_begins(backend, &t);
}

/* Every send of the machine comes by here; most name no address. */

SEC("lsm/socket_sendmsg")
int BPF_PROG(sendmsg_lsm, struct socket *sock, struct msghdr *msg, int size,
	     int ret)
{
	if (msg->msg_name)
		message_sent(WIRE_BACKEND_LSM, sock, msg);
	return ret;
}

SEC("fentry/security_socket_sendmsg")
int BPF_PROG(sendmsg_fentry, struct socket *sock, struct msghdr *msg)
{
	if (msg->msg_name)
		message_sent(WIRE_BACKEND_FENTRY, sock, msg);
	return 0;
}

SEC("kprobe/security_socket_sendmsg")
int BPF_KPROBE(sendmsg_kprobe, struct socket *sock, struct msghdr *msg)
{
	if (BPF_CORE_READ(msg, msg_name))
		message_sent(WIRE_BACKEND_KPROBE, sock, msg);
	return 0;
}

/* ---- the hooks of the root cgroup ----------------------------------------- */

/* The socket's address is asked for where the verifier knows its type. */
static __always_inline void target_of(struct target *t,
				      struct bpf_sock_addr *ctx)
{
	put_sock(t, (struct sock *)number_of(ctx->sk));
	t->port = bpf_ntohs((__u16)ctx->user_port);
}

static __always_inline void target_v4(struct target *t,
				      struct bpf_sock_addr *ctx)
{
	target_of(t, ctx);
	t->family = AF_INET;
	t->addr[0] = ctx->user_ip4;
	t->addr[1] = t->addr[2] = t->addr[3] = 0;
}

static __always_inline void target_v6(struct target *t,
				      struct bpf_sock_addr *ctx)
{
	target_of(t, ctx);
	t->family = AF_INET6;
	t->addr[0] = ctx->user_ip6[0];
	t->addr[1] = ctx->user_ip6[1];
	t->addr[2] = ctx->user_ip6[2];
	t->addr[3] = ctx->user_ip6[3];
}

/* These hooks could refuse: picket watches, so they answer 1, always. */

SEC("cgroup/connect4")
int connect4_cgroup(struct bpf_sock_addr *ctx)
{
	struct target t;

	target_v4(&t, ctx);
	if (!is_muted())
		connect_begins(WIRE_BACKEND_CGROUP, &t);
	return 1;
}

SEC("cgroup/connect6")
int connect6_cgroup(struct bpf_sock_addr *ctx)
{
	struct target t;

	target_v6(&t, ctx);
	if (!is_muted())
		connect_begins(WIRE_BACKEND_CGROUP, &t);
	return 1;
}

SEC("cgroup/sendmsg4")
int sendmsg4_cgroup(struct bpf_sock_addr *ctx)
{
	struct target t;

	target_v4(&t, ctx);
	if (!is_muted())
		datagram_sent(WIRE_BACKEND_CGROUP, &t);
	return 1;
}

SEC("cgroup/sendmsg6")
int sendmsg6_cgroup(struct bpf_sock_addr *ctx)
{
	struct target t;

	target_v6(&t, ctx);
	if (!is_muted())
		datagram_sent(WIRE_BACKEND_CGROUP, &t);
	return 1;
}
