/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Constants of the kernel that no UAPI header has, or only one that cannot be
 * included beside the types of types.h. Values are ABI, or have been the same
 * from 5.10 to 6.18 unless the line says otherwise.
 */
#pragma once

/* linux/sched.h, linux/sched/signal.h, linux/pid.h */
#define PF_KTHREAD	     0x00200000
#define PF_IO_WORKER	     0x00000010
#define PFA_NO_NEW_PRIVS_BIT 0x1
#define SIGNAL_GROUP_EXIT    0x00000004
#define PIDTYPE_PID	     0
#define PIDTYPE_PGID	     2
#define PIDTYPE_SID	     3

/* linux/fs.h */
#define FMODE_WRITE	0x2
#define FMODE_PATH	0x4000
#define FMODE_CREATED	0x100000
#define FMODE_BACKING	0x3000000 /* the bit moved: either; see moved.h */
#define FMODE_NOACCOUNT 0x20000000
#define MAY_WRITE	0x2

/* linux/mm.h, asm-generic/mman.h */
#define VM_WRITE	    0x2
#define VM_EXEC		    0x4
#define VM_SHARED	    0x8
#define PROT_READ	    0x1
#define PROT_WRITE	    0x2
#define PROT_EXEC	    0x4
#define READ_IMPLIES_EXEC   0x0400000 /* linux/personality.h */
#define MAP_TYPE	    0x0f
#define MAP_SHARED	    0x01
#define MAP_SHARED_VALIDATE 0x03
#define MAP_ANONYMOUS	    0x20

/* linux/fcntl.h, linux/stat.h, linux/fs.h */
#define AT_FDCWD	(-100)
#define AT_EMPTY_PATH	0x1000
#define AT_REMOVEDIR	0x200
#define O_ACCMODE	03
#define O_WRONLY	01
#define O_RDWR		02
#define O_CREAT		0100
#define O_TRUNC		01000
#define O_APPEND	02000
#define O_PATH		010000000
#define S_IFMT		0170000
#define S_IFREG		0100000
#define S_IFBLK		0060000
#define S_IFCHR		0020000
#define S_IFSOCK	0140000
#define RENAME_EXCHANGE 0x2

/* linux/magic.h; FUSE's is its own. */
#define TMPFS_MAGIC	0x01021994
#define HUGETLBFS_MAGIC 0x958458f6
#define OVERLAY_MAGIC	0x794c7630
#define FUSE_MAGIC	0x65735546
#define PID_FS_MAGIC	0x50494446

/* linux/socket.h, linux/net.h, linux/in.h, net/tcp_states.h */
#define AF_UNSPEC	0
#define AF_UNIX		1
#define AF_INET		2
#define AF_INET6	10
#define AF_PACKET	17
#define AF_VSOCK	40
#define AF_XDP		44
#define SOCK_STREAM	1
#define SOCK_DGRAM	2
#define SOCK_RAW	3
#define SOCK_SEQPACKET	5
#define IPPROTO_TCP	6
#define IPPROTO_UDP	17
#define IPPROTO_UDPLITE 136
#define IPPROTO_MPTCP	262
#define MSG_FASTOPEN	0x20000000
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT	2
#define TCP_SYN_RECV	3
#define TCP_CLOSE	7
#define TCP_LISTEN	10 /* of unix and vsock sockets as well */
