/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Sockets by the end of system calls: what a kernel without better hooks lets
 * us know. The socket is the kernel's; which one is said by the descriptor
 * that the caller gave.
 */
#include "socket_call.h"
#include "connect.h"
#include "listen.h"
#include "read_file.h"
#include "read_syscall.h"
#include "shared_table.h"

#define CALL_OP(name) (socket_ops & WIRE_SOCKET(name))

static __always_inline struct sock *sock_of(struct file *file, __u64 *ret_ino)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct socket *socket;

	if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	*ret_ino = BPF_CORE_READ(inode, i_ino);
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

/*
 * What tells of a socket are functions, each with a stack of its own: some walk
 * the path of a unix socket's file, which takes most of what there is.
 */
static __noinline void unix_connected(enum wire_backend backend,
				      struct file *file, bool claimed)
{
	struct unix_sock *u;
	struct sock *sk, *peer;
	__u64 ino;

	sk = sock_of(file, &ino);
	if (!sk || BPF_CORE_READ(sk, __sk_common.skc_family) != AF_UNIX)
		return;
	u = (struct unix_sock *)sk;
	peer = BPF_CORE_READ(u, peer);
	if (peer && has_unix_name(peer))
		unix_told(WHAT(WIRE_CONNECT_CONNECT, backend,
			       claimed ? WIRE_CONNECT_FD_CLAIMED : 0),
			  sk, peer);
}

/*
 * Whether the peer's address is that of this call: one that failed before it
 * came so far leaves what another call has put there.
 */
static __always_inline bool vsock_was_asked(long ret)
{
	return ret >= 0 || ret == -EINPROGRESS || ret == -ENODEV ||
	       ret == -ECONNRESET || ret == -ETIMEDOUT || ret == -EINTR;
}

static __noinline void vsock_connected(enum wire_backend backend,
				       struct file *file, bool claimed,
				       long ret)
{
	struct target t;
	struct sock *sk;
	__u64 ino;

	if (!vsock_was_asked(ret))
		return;
	sk = sock_of(file, &ino);
	if (!sk || BPF_CORE_READ(sk, __sk_common.skc_family) != AF_VSOCK)
		return;
	put_sock(&t, sk);
	t.family = AF_VSOCK;
	t.flags = claimed ? WIRE_CONNECT_FD_CLAIMED : 0;
	no_address(&t);
	put_vsock(&t, sk, VSOCK_PEER);
	connect_told(backend, WIRE_CONNECT_CONNECT, &t);
}

static __always_inline bool socket_matters(__u32 family, __u32 type)
{
	return (CALL_OP(PACKET) && is_packet(family)) ||
	       (CALL_OP(RAW) && is_raw(family, type));
}

/* The arguments of socket(2). */
struct asked {
	__u32 family, type, protocol;
};

#define SOCK_TYPE_MASK 0xf
/* What 2.0 called a packet socket, and the kernel still takes for one. */
#define SOCK_PACKET    10

static __always_inline void socket_asked(struct call c, struct asked *out)
{
	if (call_rule(c)->kind == WIRE_SYS_SOCKETCALL) {
		__builtin_memset(out, 0, sizeof(*out));
		bpf_probe_read_user(out, sizeof(*out), (void *)call_arg(c, 2));
	} else {
		out->family = call_arg(c, 1);
		out->type = call_arg(c, 2);
		out->protocol = call_arg(c, 3);
	}
	out->type &= SOCK_TYPE_MASK;
	if (out->family == AF_INET && out->type == SOCK_PACKET)
		out->family = AF_PACKET;
}

/*
 * A socket that another thread takes away, or puts another one in the place of,
 * before the call ends. What was asked for is in registers, which nobody else
 * changes (of 32-bit programs' socketcall(2) it is in memory).
 */
static __always_inline void socket_gone(const struct asked *asked,
					enum wire_backend backend)
{
	struct task_struct *t = current_task();
	struct target target = {};

	if (!socket_matters(asked->family, asked->type))
		return;
	target.family = asked->family;
	target.type = asked->type;
	target.protocol = is_packet(asked->family) ? bpf_ntohs(asked->protocol)
						   : asked->protocol;
	target.net_ns = BPF_CORE_READ(t, nsproxy, net_ns, ns.inum);
	target.flags = WIRE_CONNECT_CLAIMED;
	connect_told(backend, WIRE_CONNECT_SOCKET, &target);
}

static __noinline __u32 socket_returned(__u64 regs, __u32 index, __u32 backend,
					__u64 fd)
{
	struct call c = { .regs = (struct pt_regs *)regs, .index = index };
	bool claimed = was_table_shared();
	struct asked asked;
	__u32 family, type;
	struct sock *sk;
	__u64 ino;

	socket_asked(c, &asked);
	sk = sock_of(file_of_current_fd(fd), &ino);
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	type = BPF_CORE_READ(sk, sk_type);
	if (!sk || !socket_matters(family, type)) {
		socket_gone(&asked, backend);
		return 0;
	}
	socket_told(backend, sk, family, claimed ? WIRE_CONNECT_FD_CLAIMED : 0);
	if (claimed && (family != asked.family || type != asked.type))
		socket_gone(&asked, backend);
	return 0;
}

static __noinline void named_listens(__u64 what, struct sock *sk, __u32 backlog)
{
	listen_told(what, sk, backlog);
}

/*
 * A socket that listens already may be told to listen again. Sockets are told
 * apart by their inode: addresses come back.
 */
static __noinline void other_listens(enum wire_backend backend,
				     struct file *file, bool claimed)
{
	__u64 what = WHAT(WIRE_LISTEN_LISTEN, backend,
			  claimed ? WIRE_LISTEN_FD_CLAIMED : 0);
	struct {
		__u64 sock;
		__u64 ino;
	} id = {};
	__u64 now = bpf_ktime_get_boot_ns();
	struct sent_key key = {};
	struct sock *sk;
	__u32 family, backlog;

	sk = sock_of(file, &id.ino);
	if (!sk)
		return;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (is_inet(family) ||
	    BPF_CORE_READ(sk, __sk_common.skc_state) != TCP_LISTEN)
		return;
	id.sock = (__u64)sk;
	__builtin_memcpy(key.addr, &id, sizeof(key.addr));
	if (bpf_map_lookup_elem(&sent, &key))
		return;
	backlog = BPF_CORE_READ(sk, sk_max_ack_backlog);
	if (family == AF_UNIX && has_relative_name(sk))
		unix_place_listens(number_of(sk), what, backlog);
	else
		named_listens(what, sk, backlog);
	bpf_map_update_elem(&sent, &key, &now, BPF_ANY);
}

/* Numbers of socketcall(2), which has its arguments in memory. */
#define SYS_SOCKET  1
#define SYS_CONNECT 3
#define SYS_LISTEN  4

static __always_inline __u32 kind_of(struct call c)
{
	__u32 kind = call_rule(c)->kind;

	if (kind != WIRE_SYS_SOCKETCALL)
		return kind;
	switch (call_arg(c, 1)) {
	case SYS_SOCKET:
		return WIRE_SYS_SOCKET;
	case SYS_CONNECT:
		return WIRE_SYS_CONNECT;
	case SYS_LISTEN:
		return WIRE_SYS_LISTEN;
	}
	return WIRE_SYS_NONE;
}

static __always_inline int fd_of(struct call c)
{
	int fd = -1;

	if (call_rule(c)->kind != WIRE_SYS_SOCKETCALL)
		return call_arg(c, 1);
	bpf_probe_read_user(&fd, sizeof(fd), (void *)call_arg(c, 2));
	return fd;
}

/*
 * While the descriptor table is shared another thread can make the descriptor
 * name another socket, for as long as connect(2) waits. So it is taken when the
 * call begins, too.
 */
__noinline __u32 socket_call_began(__u64 regs, __u32 index)
{
	struct call c = { .regs = (struct pt_regs *)regs, .index = index };
	__u64 thread = bpf_get_current_pid_tgid();
	struct held held = { .syscall = index };
	__u32 kind = kind_of(c);
	struct inode *inode;
	struct file *file;

	if (kind != WIRE_SYS_CONNECT && kind != WIRE_SYS_LISTEN)
		return 0;
	file = file_of_current_fd(fd_of(c));
	inode = BPF_CORE_READ(file, f_inode);
	held.file = (__u64)file;
	held.inode = (__u64)inode;
	held.ino = BPF_CORE_READ(inode, i_ino);
	bpf_map_update_elem(&held_files, &thread, &held, BPF_ANY);
	return 0;
}

/*
 * What the descriptor named at the call's begin, where that is not what it
 * names now; NULL: it is, or that file is gone.
 */
static __always_inline struct file *file_before(struct call c, struct file *now)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct held *held = bpf_map_lookup_elem(&held_files, &thread);
	struct file *file = NULL;
	struct inode *inode;

	if (!held)
		return NULL;
	if (held->syscall == c.index && held->file != (__u64)now)
		file = (struct file *)held->file;
	inode = BPF_CORE_READ(file, f_inode);
	if ((__u64)inode != held->inode ||
	    BPF_CORE_READ(inode, i_ino) != held->ino)
		file = NULL;
	bpf_map_delete_elem(&held_files, &thread);
	return file;
}

/*
 * in_memory: the descriptor was named where anybody may write who shares it.
 * Then, and where another socket may have been put in its place between the
 * call's begin and its end, which socket it was is the caller's word.
 */
static __noinline __u32 socket_used(__u64 at, __u32 kind, __u32 backend,
				    bool in_memory, __u64 ret)
{
	struct file *file = (struct file *)at;
	bool claimed = in_memory || was_table_shared();

	if (CALL_OP(VSOCK) && kind == WIRE_SYS_CONNECT)
		vsock_connected(backend, file, claimed, ret);
	if ((long)ret < 0)
		return 0;
	if (CALL_OP(UNIX) && kind == WIRE_SYS_CONNECT)
		unix_connected(backend, file, claimed);
	if (CALL_OP(LISTEN) && kind == WIRE_SYS_LISTEN)
		other_listens(backend, file, claimed);
	return 0;
}

/* Which of two sockets the kernel took is not known: both are told. */
static __always_inline void sockets_used(struct call c, __u32 kind,
					 __u32 backend, __u64 ret)
{
	bool in_memory = call_rule(c)->kind == WIRE_SYS_SOCKETCALL;
	struct file *now = file_of_current_fd(fd_of(c));
	struct file *before = file_before(c, now);

	if (before)
		socket_used((__u64)before, kind, backend, in_memory, ret);
	socket_used((__u64)now, kind, backend, in_memory, ret);
}

/* What goes by the call, not by what its descriptor names. */
static __noinline __u32 call_told(__u32 kind, __u32 backend, __u64 ret)
{
	if (CALL_OP(CONNECT) && kind == WIRE_SYS_CONNECT)
		connect_ended(backend, ret);
	if (CALL_OP(UNBOUND) &&
	    (kind == WIRE_SYS_LISTEN || kind == WIRE_SYS_RING))
		unbound_listens(backend);
	return 0;
}

/* Functions of their own, one after the other: what each has on the stack. */
__noinline __u32 socket_call_ended(__u64 regs, __u32 index, __u32 backend,
				   __u64 ret)
{
	struct call c = { .regs = (struct pt_regs *)regs, .index = index };
	__u32 kind = kind_of(c);

	call_told(kind, backend, ret);
	if (kind == WIRE_SYS_SOCKET && (long)ret >= 0)
		socket_returned(regs, index, backend, ret);
	if (kind == WIRE_SYS_CONNECT || kind == WIRE_SYS_LISTEN)
		sockets_used(c, kind, backend, ret);
	return 0;
}
