/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Records of unix sockets that were bound to a relative name, with the path of
 * the file that the kernel made. Global functions: they walk a path, which the
 * verifier is to look at once.
 */
#pragma once

#include "types_sock.h"

/* Whether that is how this unix socket is bound. */
static __always_inline bool has_relative_name(struct sock *sk)
{
	struct unix_sock *u = (struct unix_sock *)sk;
	struct unix_address *address = BPF_CORE_READ(u, addr);
	char first = '/';

	if (!BPF_CORE_READ(u, path.dentry))
		return false;
	bpf_probe_read_kernel(&first, 1, &address->name[0].sun_path);
	return first != '/';
}

/*
 * sock: the struct sock that listens; what: WHAT of an enum wire_listen_op.
 * Returns 0.
 */
__u32 unix_place_listens(__u64 sock, __u64 what, __u32 backlog);

/*
 * peer: the struct sock bound so, which `sock` has reached. what: WHAT of an
 * enum wire_connect_op. Returns whether there was room to tell it.
 */
__u32 unix_place_reached(__u64 sock, __u64 peer, __u64 what);
