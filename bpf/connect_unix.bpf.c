/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Unix sockets: who reached which name, taken from the socket at the other
 * end when the kernel has found it. A name that nobody serves was not reached.
 */
#include "connect.h"

static __always_inline void stream_reached(enum wire_backend backend,
					   struct sock *sk, struct sock *peer)
{
	if (!is_muted())
		unix_told(WHAT(WIRE_CONNECT_CONNECT, backend, 0), sk, peer);
}

/* Also what goes to a peer by connect(2): to datagrams it is all the same. */
static __always_inline void datagram_reached(enum wire_backend backend,
					     struct socket *sock,
					     struct socket *other)
{
	struct sock *sk = BPF_CORE_READ(sock, sk);
	struct sock *peer = BPF_CORE_READ(other, sk);
	__u64 now = bpf_ktime_get_boot_ns();
	struct sent_key key = { .family = AF_UNIX };
	/* Addresses come back, inode numbers do not: together they are one. */
	__u64 id[2] = { (__u64)peer,
			BPF_CORE_READ(other, file, f_inode, i_ino) };

	if (!has_unix_name(peer) || is_muted())
		return;
	__builtin_memcpy(key.addr, id, sizeof(key.addr));
	if (!is_repeat(&key, now) &&
	    unix_told(WHAT(WIRE_CONNECT_SEND, backend, 0), sk, peer))
		bpf_map_update_elem(&sent, &key, &now, BPF_ANY);
}

SEC("lsm/unix_stream_connect")
int BPF_PROG(unix_stream_lsm, struct sock *sk, struct sock *peer,
	     struct sock *made, int ret)
{
	stream_reached(WIRE_BACKEND_LSM, sk, peer);
	return ret;
}

SEC("fentry/security_unix_stream_connect")
int BPF_PROG(unix_stream_fentry, struct sock *sk, struct sock *peer)
{
	stream_reached(WIRE_BACKEND_FENTRY, sk, peer);
	return 0;
}

SEC("kprobe/security_unix_stream_connect")
int BPF_KPROBE(unix_stream_kprobe, struct sock *sk, struct sock *peer)
{
	stream_reached(WIRE_BACKEND_KPROBE, sk, peer);
	return 0;
}

SEC("lsm/unix_may_send")
int BPF_PROG(unix_dgram_lsm, struct socket *sock, struct socket *other, int ret)
{
	datagram_reached(WIRE_BACKEND_LSM, sock, other);
	return ret;
}

SEC("fentry/security_unix_may_send")
int BPF_PROG(unix_dgram_fentry, struct socket *sock, struct socket *other)
{
	datagram_reached(WIRE_BACKEND_FENTRY, sock, other);
	return 0;
}

SEC("kprobe/security_unix_may_send")
int BPF_KPROBE(unix_dgram_kprobe, struct socket *sock, struct socket *other)
{
	datagram_reached(WIRE_BACKEND_KPROBE, sock, other);
	return 0;
}
