/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Raw and packet sockets, when they are made: what is said through one has no
 * peer that the kernel knows.
 */
#include "connect.h"

/* After the socket is made; kern: by the kernel for itself. */
static __always_inline void socket_made(enum wire_backend backend,
					struct socket *sock, int family,
					int type, int kern)
{
	if (!kern && (is_raw(family, type) || is_packet(family)) && !is_muted())
		socket_told(backend, BPF_CORE_READ(sock, sk), family, 0);
}

SEC("lsm/socket_post_create")
int BPF_PROG(socket_lsm, struct socket *sock, int family, int type,
	     int protocol, int kern, int ret)
{
	socket_made(WIRE_BACKEND_LSM, sock, family, type, kern);
	return ret;
}

SEC("fentry/security_socket_post_create")
int BPF_PROG(socket_fentry, struct socket *sock, int family, int type,
	     int protocol, int kern)
{
	socket_made(WIRE_BACKEND_FENTRY, sock, family, type, kern);
	return 0;
}

SEC("kprobe/security_socket_post_create")
int BPF_KPROBE(socket_kprobe, struct socket *sock, int family, int type,
	       int protocol, int kern)
{
	socket_made(WIRE_BACKEND_KPROBE, sock, family, type, kern);
	return 0;
}

/* IPv4 and IPv6 only, and never for the kernel itself. */
SEC("cgroup/sock_create")
int socket_cgroup(struct bpf_sock *ctx)
{
	if (is_raw(ctx->family, ctx->type) && !is_muted())
		socket_told(WIRE_BACKEND_CGROUP, (void *)number_of(ctx),
			    ctx->family, 0);
	return 1;
}
