/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Both ends of a socket, and the record of how a connection came out. */
#pragma once

#include <bpf/bpf_endian.h>

#include "emit.h"
#include "read_task.h"

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
	r->sock = (__u64)sk;
	r->error = error;
	sock_ends(r, sk);
	bpf_ringbuf_submit(r, 0);
}
