/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Sockets that begin to listen, and datagram sockets bound to a port that was
 * asked for. Once each: listening again only changes the backlog.
 */
#include "listen.h"
#include "unix_place.h"

/* ---- where the kernel asks its security modules --------------------------- */

static __always_inline bool can_listen(struct socket *sock, struct sock *sk)
{
	__u32 type = BPF_CORE_READ(sk, sk_type);

	return (type == SOCK_STREAM || type == SOCK_SEQPACKET) &&
	       BPF_CORE_READ(sock, state) == SS_UNCONNECTED &&
	       BPF_CORE_READ(sk, __sk_common.skc_state) != TCP_LISTEN;
}

static __always_inline void listen_asked(enum wire_backend backend,
					 struct socket *sock, __u32 backlog)
{
	struct sock *sk = BPF_CORE_READ(sock, sk);
	__u32 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	__u64 what = WHAT(WIRE_LISTEN_LISTEN, backend, 0);

	if (is_muted() || !can_listen(sock, sk))
		return;
	if (family == AF_UNIX && !has_unix_name(sk))
		return;
	if (family == AF_UNIX && has_relative_name(sk))
		unix_place_listens(number_of(sk), what, backlog);
	else if (is_inet(family) && !BPF_CORE_READ(sk, __sk_common.skc_num))
		attempt_begins(ATTEMPT_LISTEN, (__u64)sk);
	else
		listen_told(what, sk, backlog);
}

SEC("lsm/socket_listen")
int BPF_PROG(listen_lsm, struct socket *sock, int backlog, int ret)
{
	listen_asked(WIRE_BACKEND_LSM, sock, backlog);
	return ret;
}

SEC("fentry/security_socket_listen")
int BPF_PROG(listen_fentry, struct socket *sock, int backlog)
{
	listen_asked(WIRE_BACKEND_FENTRY, sock, backlog);
	return 0;
}

SEC("kprobe/security_socket_listen")
int BPF_KPROBE(listen_kprobe, struct socket *sock, int backlog)
{
	listen_asked(WIRE_BACKEND_KPROBE, sock, backlog);
	return 0;
}

/* ---- TCP, by the socket's state ------------------------------------------- */

/*
 * The state is announced before a socket that nobody bound gets its port. The
 * end of the system call tells of that one; io_uring's workers make none.
 */
static __always_inline int state_changed(enum wire_backend backend,
					 struct sock *sk, int to)
{
	struct task_struct *t = current_task();

	if (to != TCP_LISTEN || is_muted() ||
	    BPF_CORE_READ(sk, sk_protocol) == IPPROTO_MPTCP)
		return 0;
	if (!BPF_CORE_READ(sk, __sk_common.skc_num) &&
	    !(BPF_CORE_READ(t, flags) & (PF_IO_WORKER | PF_KTHREAD)))
		attempt_begins(ATTEMPT_LISTEN, (__u64)sk);
	else
		listen_told(WHAT(WIRE_LISTEN_LISTEN, backend, 0), sk,
			    BPF_CORE_READ(sk, sk_max_ack_backlog));
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(listen_tp_btf, struct sock *sk, int from, int to)
{
	return state_changed(WIRE_BACKEND_TP_BTF, sk, to);
}

SEC("raw_tp/inet_sock_set_state")
int BPF_PROG(listen_raw_tp, struct sock *sk, int from, int to)
{
	return state_changed(WIRE_BACKEND_RAW_TP, sk, to);
}

/* ---- the port of a socket that was not bound ------------------------------ */

SEC("fexit/inet_csk_listen_start")
int BPF_PROG(unbound_fexit, struct sock *sk)
{
	return unbound_listens(WIRE_BACKEND_FENTRY);
}

SEC("kretprobe/inet_csk_listen_start")
int BPF_KRETPROBE(unbound_kretprobe)
{
	return unbound_listens(WIRE_BACKEND_KPROBE);
}

/* ---- datagrams ------------------------------------------------------------ */

static __always_inline bool takes_datagrams(struct sock *sk)
{
	__u32 protocol = BPF_CORE_READ(sk, sk_protocol);

	return protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE;
}

/* Bound, and to a port that the caller chose. */
static __always_inline int bound(struct socket *sock, void *address, int ret)
{
	struct sock *sk = BPF_CORE_READ(sock, sk);
	struct inet_address a = {};

	if (ret || !takes_datagrams(sk) || is_muted())
		return 0;
	bpf_probe_read_kernel(&a, INET_ADDRESS_BYTES, address);
	if (a.port)
		listen_told(WHAT(WIRE_LISTEN_BIND, WIRE_BACKEND_FENTRY, 0), sk,
			    0);
	return 0;
}

SEC("fexit/inet_bind")
int BPF_PROG(bind4_fexit, struct socket *sock, void *address, int bytes,
	     int ret)
{
	return bound(sock, address, ret);
}

SEC("fexit/inet6_bind")
int BPF_PROG(bind6_fexit, struct socket *sock, void *address, int bytes,
	     int ret)
{
	return bound(sock, address, ret);
}

/*
 * The root cgroup's hooks: one knows the port that is asked for, the other
 * that it was given. Both answer 1: picket only watches.
 */
static __always_inline int bind_asked(struct bpf_sock_addr *ctx)
{
	__u64 sk = number_of(ctx->sk);

	if (ctx->user_port && !is_muted() && takes_datagrams((void *)sk))
		attempt_begins(ATTEMPT_BIND, sk);
	return 1;
}

static __always_inline int bind_done(struct bpf_sock *ctx)
{
	__u64 sk = number_of(ctx);

	if (!attempt_of(ATTEMPT_BIND, sk))
		return 1;
	attempt_ends();
	listen_told(WHAT(WIRE_LISTEN_BIND, WIRE_BACKEND_CGROUP, 0), (void *)sk,
		    0);
	return 1;
}

SEC("cgroup/bind4")
int bind4_cgroup(struct bpf_sock_addr *ctx)
{
	return bind_asked(ctx);
}

SEC("cgroup/bind6")
int bind6_cgroup(struct bpf_sock_addr *ctx)
{
	return bind_asked(ctx);
}

SEC("cgroup/post_bind4")
int bound4_cgroup(struct bpf_sock *ctx)
{
	return bind_done(ctx);
}

SEC("cgroup/post_bind6")
int bound6_cgroup(struct bpf_sock *ctx)
{
	return bind_done(ctx);
}
