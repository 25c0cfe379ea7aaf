/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Sockets, with only the members that are read: see types.h. */
#pragma once

#include "types.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), \
			     apply_to = record)

struct in6_addr {
	__u8 bytes[16];
};

typedef struct {
	struct net *net;
} possible_net_t;

struct sock_common {
	__u32 skc_daddr;
	__u32 skc_rcv_saddr;
	__u16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
	int sk_err;
	__u8 sk_shutdown;
	__u16 sk_type;
	__u16 sk_protocol;
	__u32 sk_max_ack_backlog;
	struct socket *sk_socket;
};

/* Each of these begins with the one before it. */
struct inet_sock {
	__u16 inet_sport;
};

struct inet_connection_sock {
	void *icsk_ulp_data;
};

struct tcp_sock {
	bool is_mptcp;
};

/* What icsk_ulp_data is of a TCP socket that an MPTCP socket owns. */
struct mptcp_subflow_context {
	__u32 request_join : 1;
	struct sock *conn; /* the owner */
};

struct sockaddr_un {
	unsigned short sun_family;
	char sun_path[108];
};

struct unix_address {
	int len; /* of name, with its family */
	struct sockaddr_un name[0];
};

/* Begins with a struct sock. */
struct unix_sock {
	struct unix_address *addr;
	struct path path; /* of the file that it is bound to */
	struct sock *peer;
};

struct packet_sock {
	__u16 num; /* ETH_P_…, network order */
};

struct socket {
	socket_state state;
	struct file *file;
	struct sock *sk;
};

struct msghdr {
	void *msg_name;
	int msg_namelen;
	unsigned int msg_flags;
};

#pragma clang attribute pop
