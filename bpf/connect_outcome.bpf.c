/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * How connections come out: by the socket's state, in whatever context that is
 * settled, or by the failing call, when the connection was never under way.
 *
 * A TCP connection of which no hook told that somebody asked for it is an
 * event here, with the peer that the socket has: the second witness, for ways
 * in that the hooks do not know (the kernel's own connections, MPTCP paths).
 */
#include "connect.h"

static __always_inline void under_way(enum wire_backend backend,
				      struct sock *sk)
{
	struct attempt *a = attempt_of(ATTEMPT_CONNECT, (__u64)owner_of(sk));
	struct target t;

	if (a) {
		a->is_under_way = 1;
		return;
	}
	if (is_muted())
		return;
	put_sock(&t, sk);
	put_peer(&t, sk);
	connect_told(backend, WIRE_CONNECT_CONNECT, &t);
}

/* What the caller did who gave up; no call returns it for a connection. */
#define ECANCELED     125
#define SHUTDOWN_MASK 3

/*
 * Closed without an error: because the call that asked for it is failing right
 * here, and then its return value tells; else by its owner.
 */
static __always_inline void settled(enum wire_backend backend, struct sock *sk,
				    int to)
{
	struct attempt *a;
	__u32 error = 0;

	if (to == TCP_CLOSE) {
		error = BPF_CORE_READ(sk, sk_err);
		a = attempt_of(ATTEMPT_CONNECT, (__u64)owner_of(sk));
		if (!error && a &&
		    BPF_CORE_READ(sk, sk_shutdown) != SHUTDOWN_MASK) {
			a->is_under_way = 0;
			return;
		}
		if (!error)
			error = ECANCELED;
	}
	connect_result(backend, NULL, sk, error);
}

/*
 * SYN_SENT is left when the answer is there, by way of SYN_RECV when both ends
 * opened at once. So do sockets that listening ones make, but nobody owns
 * them by then. An MPTCP socket is told by the TCP socket below it.
 */
static __always_inline int state_changed(enum wire_backend backend,
					 struct sock *sk, int from, int to)
{
	if (to != TCP_SYN_SENT && from != TCP_SYN_SENT && from != TCP_SYN_RECV)
		return 0;
	if (BPF_CORE_READ(sk, sk_protocol) == IPPROTO_MPTCP)
		return 0;
	if (to == TCP_SYN_SENT)
		under_way(backend, sk);
	else if ((to == TCP_ESTABLISHED || to == TCP_CLOSE) &&
		 (from == TCP_SYN_SENT || BPF_CORE_READ(sk, sk_socket)))
		settled(backend, sk, to);
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

/*
 * Stream sockets are connected by the one function, whether by connect(2) or
 * by a first message, datagram sockets by the other. Both are called through
 * pointers or from other files, so they are there to be hooked.
 */

SEC("fexit/__inet_stream_connect")
int BPF_PROG(stream_connect_fexit, struct socket *sock, void *address,
	     int bytes, int flags, int is_sendmsg, int ret)
{
	return connect_ended(WIRE_BACKEND_FENTRY, ret);
}

SEC("kretprobe/__inet_stream_connect")
int BPF_KRETPROBE(stream_connect_kretprobe, int ret)
{
	return connect_ended(WIRE_BACKEND_KPROBE, ret);
}

SEC("fexit/inet_dgram_connect")
int BPF_PROG(dgram_connect_fexit, struct socket *sock, void *address, int bytes,
	     int flags, int ret)
{
	return connect_ended(WIRE_BACKEND_FENTRY, ret);
}

SEC("kretprobe/inet_dgram_connect")
int BPF_KRETPROBE(dgram_connect_kretprobe, int ret)
{
	return connect_ended(WIRE_BACKEND_KPROBE, ret);
}
