/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Records that the BPF programs put into the ring for the agent.
 *
 * The only header that both sides include. Fixed-size types, native byte
 * order (one machine writes and reads), no implicit padding (an error below).
 * A record is a struct wire_hdr, the fixed body of its type, then the bytes
 * that its struct wire_str members point at. Bytes past hdr.size are stale
 * ring memory and mean nothing. The agent trusts no offset or length in here.
 *
 * A hash of this file names the pinned ring, so every change of meaning must
 * change the text of this file.
 */
#pragma once

#include <linux/types.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded"

/* Longest name kept, in bytes; PATH_MAX without its terminating zero is 4095. */
#define WIRE_NAME_MAX 4096
/* Longest argument area and environment area kept, in bytes. */
#define WIRE_ARGS_MAX 4096
#define WIRE_ENV_MAX 4096
/* The largest record: every reader may refuse what is longer. */
#define WIRE_RECORD_MAX 32768

/*
 * Names of the environment that are kept are known by the first eight bytes of
 * NAME=, cut after the '=', zero-padded. Most others are told from them by a
 * bit that none of them has set.
 */
#define WIRE_ENV_BITS	   1024
#define WIRE_ENV_BIT(name) ((name) * 0x9e3779b97f4a7c15ull >> 54)

enum wire_type {
	WIRE_NONE = 0,
	WIRE_FORK,
	WIRE_EXEC,
	WIRE_EXIT,
	WIRE_CONNECT,
	WIRE_CONNECT_RESULT,
	WIRE_WRITE,
	WIRE_CGROUP,
	WIRE_SCRIPT,
	WIRE_LISTEN,
	WIRE_LOAD,
	WIRE_TAMPER,
	WIRE_TYPE_COUNT,
};

/* What is admitted and counted together. */
enum wire_family {
	WIRE_FAM_FORK,
	WIRE_FAM_EXEC,
	WIRE_FAM_EXIT,
	WIRE_FAM_CONNECT,
	WIRE_FAM_WRITE,
	WIRE_FAM_CGROUP,
	WIRE_FAM_LISTEN,
	WIRE_FAM_LOAD,
	WIRE_FAM_TAMPER,
	WIRE_FAM_COUNT,
};

/* Who spoke: the kind of hook the record was made in. */
enum wire_backend {
	WIRE_BACKEND_NONE = 0,
	WIRE_BACKEND_LSM,
	WIRE_BACKEND_FENTRY,
	WIRE_BACKEND_KPROBE,
	WIRE_BACKEND_TP_BTF,
	WIRE_BACKEND_RAW_TP,
	WIRE_BACKEND_CGROUP,
	WIRE_BACKEND_ITER,
	WIRE_BACKEND_COUNT,
};

/*
 * One counter block per family and CPU (a per-CPU array indexed by family).
 * made = submitted + lost, always; skipped and summed were never made.
 */
struct wire_counters {
	__u64 made;	/* events that the program wanted to report */
	__u64 lost;	/* made, and not in the ring: no room or refused */
	__u64 skipped;	/* looked at, and not worth an event (pseudo files) */
	__u64 summed;	/* repeats that were added to an earlier event */
};

/* Bytes inside the record: offset from the record's first byte. */
struct wire_str {
	__u16 off;
	__u16 len;
};

#define WIRE_PATH_TRUNCATED 0x01	/* longer than kept: the front is cut */
#define WIRE_PATH_UNRESOLVED 0x02	/* walk ended before a root */
#define WIRE_PATH_DELETED 0x04		/* the leaf was unhashed when seen */

/*
 * A name walked from a kernel object. `path` is absolute, from the root of
 * the mount namespace's mount tree (never from a chroot). Its last `tail`
 * bytes lie below the root of the mount the file was reached by; the path
 * from the file system's own root is `prefix` followed by those bytes
 * (`prefix` is empty unless the mount shows a subdirectory: a bind mount).
 * A root itself is "/" as a path, and nothing as tail and prefix. With
 * WIRE_PATH_TRUNCATED the path's first byte need not be a '/', and `tail` may
 * be as long as the path. A file without a place (a memfd) is "/memfd:name"
 * with WIRE_PATH_UNRESOLVED.
 */
struct wire_path {
	struct wire_str path;
	struct wire_str prefix;
	__u16 tail;
	__u16 flags;
};

/* A file as its inode says; all zero where there is none. */
struct wire_file {
	__u64 ino;
	__u64 size;
	__s64 mtime_ns;		/* wall clock, ns since the epoch */
	__s64 ctime_ns;
	__u32 dev;		/* superblock's s_dev: major << 20 | minor */
	__u32 generation;
	__u32 uid;
	__u32 gid;
	__u32 fs_magic;		/* superblock's s_magic */
	__u32 nlink;
	__u16 mode;		/* type and permission bits */
	__u16 flags;		/* WIRE_FILE_* */
	/*
	 * Of its inode in memory: two files may have device, number and
	 * generation in common (a btrfs and its snapshots, an overlay over
	 * several file systems).
	 */
	__u32 object;
};

#define WIRE_FILE_MEMFD 0x01	/* on the kernel's internal shmem mount */
#define WIRE_FILE_OVERLAY_UPPER 0x02
#define WIRE_FILE_OVERLAY_LOWER 0x04

#define WIRE_F_KTHREAD 0x01	/* the acting task is a kernel thread */
#define WIRE_F_NO_TASK 0x02	/* not in the context of any process */
#define WIRE_F_COMPAT 0x04	/* 32-bit system call */

struct wire_hdr {
	__u32 size;		/* bytes of this record that mean something */
	__u8 type;		/* enum wire_type */
	__u8 backend;		/* enum wire_backend */
	__u16 flags;		/* WIRE_F_* */
	__u64 time_ns;		/* CLOCK_BOOTTIME */
	/*
	 * Who acted: (tgid, start_ns) is the process, image counts its execs.
	 * start_ns is the thread group leader's start_boottime, image the
	 * kernel's own self_exec_id (task_struct; 64 bits since 5.7, the low
	 * 32 are kept): a child inherits its parent's number, each exec adds
	 * one, every thread of a process has the same.
	 */
	__u64 start_ns;
	__u64 cgroup_id;	/* unified hierarchy; its kernfs id */
	__u64 cgroup_v1_id;	/* hierarchy chosen at load; 0: none mounted */
	__u32 tgid;		/* as of the initial PID namespace */
	__u32 tid;
	__u32 image;
	__u32 uid;		/* as of the initial user namespace */
	__u32 euid;
	__u32 gid;
	__u32 mnt_ns;		/* namespace inode number */
	__u32 cpu;
};

/* The acting process is the child; the parent stands in the body. */
struct wire_fork {
	struct wire_hdr hdr;
	__u64 parent_start_ns;
	__u32 parent_tgid;
	__u32 parent_image;
};

/* What a standard descriptor is. mode 0: not open. */
struct wire_stdio {
	__u64 ino;
	__u32 rdev;	/* device nodes: major << 20 | minor */
	__u16 mode;	/* type and permission bits of its inode */
	__u16 reserved;
};

#define WIRE_EXEC_ARGS_TRUNCATED 0x01
#define WIRE_EXEC_ENV_TRUNCATED 0x02
#define WIRE_EXEC_SCRIPT 0x04	/* interp differs from filename: #! or misc */
#define WIRE_EXEC_NO_NEW_PRIVS 0x08
#define WIRE_EXEC_SECURE 0x10	/* AT_SECURE: setuid, setgid, file caps */
#define WIRE_EXEC_BY_FD 0x20	/* execveat: bprm->fdpath is set */

struct wire_exec {
	struct wire_hdr hdr;	/* image: of the new image */
	__u64 parent_start_ns;	/* real_parent's thread group leader */
	__u32 parent_tgid;
	__u32 parent_image;
	__u32 old_tid;		/* the thread that called, before it led */
	__u32 flags;		/* WIRE_EXEC_* */
	/* hdr.time_ns of the wire_script that told this one's; 0: none did */
	__u64 script_ns;
	struct wire_file file;	/* what the kernel maps: bprm->file */
	struct wire_path exe;
	struct wire_path cwd;
	struct wire_str filename; /* bprm->filename: as the caller named it */
	struct wire_str interp;	/* bprm->interp, when it differs */
	struct wire_str args;	/* argc strings, each zero-terminated */
	/*
	 * NAME=value, each zero-terminated. Names whose first eight bytes (up
	 * to and with the '=') are those of an allow-listed one: the agent
	 * drops what only begins alike.
	 */
	struct wire_str env;
	__u32 argc;		/* as executed, whatever was kept */
	__u32 envc;
	__u32 args_bytes;	/* as executed */
	__u32 env_bytes;
	__u32 suid;
	__u32 fsuid;
	__u32 egid;
	__u32 sgid;
	__u32 login_uid;	/* 0xffffffff: none */
	__u32 session_id;	/* audit session; 0xffffffff: none */
	__u32 sid;		/* POSIX session and group, initial PID namespace */
	__u32 pgid;
	__u32 tty;		/* controlling terminal: major << 20 | minor, or 0 */
	__u32 ns_pid;		/* tgid in the process's own PID namespace */
	__u32 pid_ns;		/* namespace inode numbers */
	__u32 net_ns;
	__u32 user_ns;
	__u32 uts_ns;
	__u32 ipc_ns;
	__u32 cgroup_ns;
	__u64 cap_permitted;
	__u64 cap_effective;
	__u64 cap_inheritable;
	__u64 cap_bounding;
	__u64 cap_ambient;
	struct wire_stdio stdio[3];
	char comm[16];
};

struct wire_exit {
	struct wire_hdr hdr;
	__u32 status;		/* as wait(2) reports it: code << 8 | signal */
	__u32 reserved;
};

enum wire_connect_op {
	WIRE_CONNECT_CONNECT = 1,	/* connect(2), or what amounts to it */
	WIRE_CONNECT_SEND,		/* datagram to an address, unconnected */
	WIRE_CONNECT_SOCKET,		/* raw or packet socket made: no peer */
};

/*
 * SOCKET: it is what the call asked for and was answered, its descriptor names
 * something else by the call's end; `sock` is 0.
 */
#define WIRE_CONNECT_CLAIMED 0x01
/* As WIRE_WRITE_FD_CLAIMED; also where the call has its arguments in memory. */
#define WIRE_CONNECT_FD_CLAIMED 0x02

struct wire_connect {
	struct wire_hdr hdr;
	__u64 sock;		/* kernel address of the socket: a key, no more */
	/*
	 * Network order; IPv4 in the first four bytes. AF_VSOCK: context and
	 * port as two __u32 of the host's order.
	 */
	__u8 addr[16];
	__u16 port;		/* host order */
	__u16 family;		/* AF_INET, AF_INET6, AF_UNIX, AF_PACKET … */
	__u16 type;		/* SOCK_STREAM … */
	__u16 protocol;		/* IPPROTO_…; AF_PACKET: ETH_P_… */
	__u8 op;		/* enum wire_connect_op */
	__u8 flags;		/* WIRE_CONNECT_* */
	__u8 reserved[2];
	__u32 net_ns;
	/*
	 * AF_UNIX: sun_path without its end; an abstract one begins with 0. Of
	 * a relative one the path of the socket's file instead.
	 */
	struct wire_str unix_path;
	__u32 reserved2;
};

/*
 * How a connection attempt ended; `sock` names the earlier wire_connect.
 * Made where the kernel settles it (any task, or none): hdr says so.
 */
struct wire_connect_result {
	struct wire_hdr hdr;
	__u64 sock;
	__u8 local_addr[16];
	__u8 peer_addr[16];
	__u16 local_port;	/* host order */
	__u16 peer_port;
	__u16 family;
	__u16 error;		/* errno; 0: established */
};

/*
 * The file of a script, told while the kernel still holds it: before the
 * exec of the same thread that puts its interpreter in its place, and that
 * names this by its time (wire_exec.script_ns). An exec that fails leaves it
 * without meaning.
 */
struct wire_script {
	struct wire_hdr hdr;	/* as of before the exec */
	struct wire_file file;
	struct wire_path path;
	__u32 reserved;
};

enum wire_listen_op {
	WIRE_LISTEN_LISTEN = 1,	/* listen(2), or what amounts to it */
	WIRE_LISTEN_BIND,	/* datagrams: bound to a port asked for */
};

#define WIRE_LISTEN_FD_CLAIMED 0x01	/* as WIRE_CONNECT_FD_CLAIMED */

struct wire_listen {
	struct wire_hdr hdr;
	__u64 sock;		/* as in struct wire_connect */
	__u8 addr[16];		/* likewise */
	__u16 port;		/* host order, as the kernel settled it */
	__u16 family;
	__u16 type;
	__u16 protocol;
	__u32 net_ns;
	__u32 backlog;
	struct wire_str unix_path;
	__u8 op;		/* enum wire_listen_op */
	__u8 flags;		/* WIRE_LISTEN_* */
	__u8 reserved[2];
};

enum wire_load_op {
	WIRE_LOAD_MMAP = 1,	/* a file mapped, or made, executable */
	WIRE_LOAD_MODULE,	/* a kernel module */
	WIRE_LOAD_BPF,		/* a BPF program */
	WIRE_LOAD_COUNT,
};

/*
 * As WIRE_WRITE_FD_CLAIMED. BPF, without an id: the call was answered with a
 * descriptor, which names no program by the call's end.
 */
#define WIRE_LOAD_FD_CLAIMED 0x0001
#define WIRE_LOAD_MPROTECT 0x0002   /* mapped before, made executable now */

struct wire_load {
	struct wire_hdr hdr;
	struct wire_file file;	/* MMAP; MODULE where it came from a file */
	struct wire_path path;
	struct wire_str name;	/* MODULE, BPF: what it calls itself */
	__u8 op;		/* enum wire_load_op */
	__u8 reserved;
	__u16 flags;		/* WIRE_LOAD_* */
	__u32 arg;		/* BPF: program type */
	__u32 id;		/* BPF: program id; 0: not known */
	__u32 reserved2;
};

/* What somebody does to another process, or to what picket lives on. */
enum wire_tamper_op {
	WIRE_TAMPER_SIGNAL = 1,	/* arg: signal; only picket as target */
	WIRE_TAMPER_PTRACE,	/* arg: request or access mode */
	WIRE_TAMPER_VM_WRITE,	/* process_vm_writev */
	WIRE_TAMPER_BPF,	/* bpf(2) on picket's objects; arg: command */
	/* Only picket as target, from here on. */
	WIRE_TAMPER_LIMIT,	/* prlimit; arg: which resource */
	WIRE_TAMPER_SIGIO,	/* made to own a file's signals; arg: command */
	WIRE_TAMPER_DESCRIPTOR,	/* pidfd_getfd; arg: which one of the target's */
	WIRE_TAMPER_MOVE,	/* into another cgroup, of any hierarchy */
	WIRE_TAMPER_FREEZE,	/* its cgroup, or one above that */
	WIRE_TAMPER_COUNT,
};

#define WIRE_TAMPER_SELF 0x0001	/* the target is picket */
/*
 * Whom it reached is what the caller said, or its shared descriptor; or the
 * caller, or who traces it, may have had the call skipped and answered for it.
 */
#define WIRE_TAMPER_CLAIMED 0x0002
#define WIRE_TAMPER_BEFORE 0x0004 /* LIMIT: what it was before is known */

/* As getrlimit(2) has it: ~0 is none. */
struct wire_limit {
	__u64 soft;
	__u64 hard;
};

struct wire_tamper {
	struct wire_hdr hdr;	/* who does it */
	__u64 target_start_ns;	/* 0: the target is no process */
	__u32 target_tgid;
	__u32 target_image;
	__u32 arg;
	__u32 id;		/* BPF: id of the link, program or map */
	__u8 op;		/* enum wire_tamper_op */
	__u8 reserved;
	__u16 flags;		/* WIRE_TAMPER_* */
	__s32 code;		/* SIGNAL: its si_code */
	struct wire_limit limit; /* LIMIT: as it is to be, and as it was */
	struct wire_limit before;
	/* MOVE: into which; FREEZE: its own. From the hierarchy's root. */
	struct wire_str cgroup;
	__u32 hierarchy;	/* of it: hierarchy_id; 0: unified */
};

enum wire_write_op {
	WIRE_OP_NONE = 0,
	WIRE_OP_OPEN,		/* opened for writing, truncated or made by it */
	WIRE_OP_WRITE,		/* bytes written by any call that does */
	WIRE_OP_TRUNCATE,
	WIRE_OP_MMAP,		/* shared, writable mapping: may write */
	WIRE_OP_RENAME,
	WIRE_OP_UNLINK,
	WIRE_OP_LINK,
	WIRE_OP_SYMLINK,
	WIRE_OP_CHMOD,
	WIRE_OP_CHOWN,
	WIRE_OP_XATTR,
	WIRE_OP_MKNOD,
	WIRE_OP_MKDIR,
	WIRE_OP_RMDIR,
	WIRE_OP_CHATTR,		/* the file's flags: immutable, append-only … */
	WIRE_OP_UTIME,		/* times of the caller's choice, not now */
	WIRE_OP_COUNT,
};

#define WIRE_WRITE_CREATED 0x0001	/* this open made the file */
#define WIRE_WRITE_TRUNC 0x0002		/* this open asked to truncate it */
#define WIRE_WRITE_APPEND 0x0004
/*
 * `path` is the directory the kernel started from; `name` was read from the
 * caller's memory and is relative to it (or absolute: then `path` is the
 * caller's root directory). The kernel may have used another name. Without
 * this flag `path` is the directory and `name` one component of it, both from
 * the kernel, and `file` is the file that has the name, not the directory.
 */
#define WIRE_WRITE_NAME_CLAIMED 0x0008
#define WIRE_WRITE_NAME_CUT 0x0010	/* the name was longer, or unreadable */
#define WIRE_WRITE_FD_CLAIMED 0x0020	/* its table is shared */
#define WIRE_WRITE_FD_CHANGED 0x0040	/* descriptor named another file before */
#define WIRE_WRITE_EXCHANGE 0x0080	/* renameat2(RENAME_EXCHANGE) */
#define WIRE_WRITE_SUBMITTED 0x0100	/* asked for; whether done is not known */

/* Seen in the kernel, whatever call it was. */
#define WIRE_NO_SYSCALL 0xffff

struct wire_write {
	struct wire_hdr hdr;
	struct wire_file file;	/* of the file, where known; else of the directory */
	struct wire_path path;
	struct wire_path path2;	/* rename, link: where the new name starts from */
	struct wire_str name;
	struct wire_str name2;	/* rename, link: new name; symlink: its target */
	__u8 op;		/* enum wire_write_op */
	__u8 reserved;
	__u16 flags;		/* WIRE_WRITE_* */
	__u32 syscall;		/* number that made it, of hdr's ABI, or none */
	__u32 arg;		/* chmod: mode; chown: uid; mknod: mode; open: flags */
	__u32 arg2;		/* chown: gid */
	__u64 bytes;		/* of this call, where the call tells */
};

/* A cgroup was made: what its id is called. Not about any process. */
struct wire_cgroup {
	struct wire_hdr hdr;
	__u64 id;		/* kernfs id, as in hdr.cgroup_id */
	__u32 hierarchy;	/* cgroup_root.hierarchy_id; 0: unified */
	struct wire_str path;	/* from the hierarchy's root */
};

/* Key of the `own_objects` map: a kernel object that is picket's. */
enum wire_own_kind {
	WIRE_OWN_NONE = 0,
	WIRE_OWN_MAP,
	WIRE_OWN_LINK,
};

struct wire_own {
	__u32 kind;		/* enum wire_own_kind */
	__u32 id;
};

/* Value of the `written` map: what one image did to one file. */
struct wire_written_key {
	__u64 start_ns;
	__u64 ino;
	__u32 tgid;
	__u32 image;
	__u32 dev;
	__u32 version;		/* struct wire_file's generation ^ object */
};

struct wire_written {
	__u64 since_ns;		/* boottime of the window's first operation */
	__u64 count;		/* operations since the agent last took this */
	__u64 bytes;		/* of those operations that tell */
	__u64 told_count;	/* of these, operations told by records */
	__u64 told_bytes;	/* and how much those say */
	__u32 ops;		/* 1 << enum wire_write_op, told in the window */
	__u32 claimed;		/* the same, told with WIRE_WRITE_FD_CLAIMED */
};

/*
 * The `summed` map: when the sum of a file was last added to, in units of
 * 1 << WIRE_SUMMED_SHIFT ns of boottime. Many sums share a slot, so that an old
 * one says that none of them is worth asking for, and a new one says nothing.
 */
#define WIRE_SUMMED_SHIFT 30
#define WIRE_SUMMED_BITS  14
#define WIRE_SUMMED_SLOTS (1 << WIRE_SUMMED_BITS)
#define WIRE_SUMMED_SLOT(key)                                      \
	(((key)->ino ^ (key)->start_ns) * 0x9e3779b97f4a7c15ull >> \
	 (64 - WIRE_SUMMED_BITS))

/* A clock tick as /proc/PID/stat counts it: USER_HZ is 100 everywhere. */
#define WIRE_TICK_NS 10000000

/*
 * What the programs must know of the agent and cannot be built into them: it
 * is another one after a restart. The agent writes it before it reads.
 */
struct wire_process {
	__u64 start_ticks;	/* in WIRE_TICK_NS since boot */
	__u32 tgid;		/* 0: nobody; as of the initial PID namespace */
	__u32 reserved;
};

#define WIRE_MATES_MAX 4

struct wire_control {
	struct wire_process self; /* the agent, whose acts are left out */
	/* Processes beside it: what is done to them is done to picket. */
	struct wire_process mates[WIRE_MATES_MAX];
};

/* One task leader, as the iterator writes it for the start-up snapshot. */
struct wire_task {
	__u64 start_ns;
	__u64 parent_start_ns;
	__u64 cgroup_id;
	__u64 cgroup_v1_id;
	__u32 tgid;
	__u32 image;
	__u32 parent_tgid;
	__u32 parent_image;
	__u32 mnt_ns;
	__u32 flags;		/* WIRE_F_KTHREAD */
};

/*
 * What a system call does to a file, for the backend that sees only system
 * calls. The agent fills one per call number before the programs are loaded.
 */
enum wire_syscall_kind {
	WIRE_SYS_NONE = 0,
	WIRE_SYS_FD,		/* changes the file that `fd` names */
	WIRE_SYS_OPEN,		/* returns a descriptor */
	WIRE_SYS_MMAP,
	WIRE_SYS_PATH,		/* one name, or two with dir2 and name2 */
	WIRE_SYS_IOCTL,		/* changes the file that `fd` names, at times */
	WIRE_SYS_AIO,		/* a list of requests in memory */
	WIRE_SYS_MODULE,	/* finit_module */
	WIRE_SYS_PTRACE,
	WIRE_SYS_VM_WRITE,	/* process_vm_writev */
	WIRE_SYS_BPF,
	WIRE_SYS_GETFD,		/* pidfd_getfd */
	WIRE_SYS_LIMIT,		/* prlimit */
	WIRE_SYS_OWNER,		/* fcntl: may say who gets a file's signals */
	/* From here on about sockets, see enum wire_socket_op. */
	WIRE_SYS_CONNECT,
	WIRE_SYS_SOCKET,	/* returns a descriptor */
	WIRE_SYS_LISTEN,
	WIRE_SYS_SOCKETCALL,	/* all of these, by number, in 32-bit programs */
	WIRE_SYS_RING,		/* io_uring_enter: may have done any of these */
};

/*
 * What a call may be besides a change to a file: the bits of
 * wire_syscall.also, numbered after all values of enum wire_write_op.
 */
enum wire_also {
	WIRE_ALSO_FIRST = 24,
	WIRE_ALSO_MAP = WIRE_ALSO_FIRST, /* maps a file executable */
	WIRE_ALSO_LOAD_BPF,	/* loads a BPF program */
	WIRE_ALSO_REACH,	/* reaches into another process */
	WIRE_ALSO_CHANGE_BPF,	/* changes what is picket's */
	WIRE_ALSO_LIMIT,	/* sets another process's limits */
	WIRE_ALSO_OWNER,	/* says who gets the signals of a file */
	WIRE_ALSO_NAMED,	/* looked up when a hook meets its caller */
	WIRE_ALSO_END,
};

#define WIRE_ALSO(name) (1u << (WIRE_ALSO_##name - WIRE_ALSO_FIRST))

/*
 * What the end of a call tells of sockets, where nothing else does. Numbered
 * on from the above, and in no rule: the programs get them as one word.
 */
enum wire_socket_op {
	WIRE_OP_SOCKETS = 32,
	WIRE_OP_CONNECT = WIRE_OP_SOCKETS, /* failed before it was under way */
	WIRE_OP_UNIX,		/* unix socket connected */
	WIRE_OP_RAW,		/* raw socket made */
	WIRE_OP_PACKET,		/* packet socket made */
	WIRE_OP_LISTEN,		/* a socket listens that is no TCP socket */
	WIRE_OP_UNBOUND,	/* a TCP socket listens that nobody bound */
	WIRE_OP_VSOCK,		/* vsock connected */
};

#define WIRE_SOCKET(name) (1u << (WIRE_OP_##name - WIRE_OP_SOCKETS))

#define WIRE_SYS_COUNTS 0x01	/* returns the bytes written */
#define WIRE_SYS_HOW 0x02	/* flags are in a struct open_how in memory */
#define WIRE_SYS_CREAT 0x04	/* creat(2): O_WRONLY | O_CREAT | O_TRUNC */
#define WIRE_SYS_EVENT 0x08	/* never summed: each call is an event */
#define WIRE_SYS_UNLINK 0x10	/* flags may hold AT_REMOVEDIR */
#define WIRE_SYS_TARGET 0x20	/* name2 is a string, not a place: symlink */
#define WIRE_SYS_EXCHANGE 0x40	/* flags may hold RENAME_EXCHANGE */
#define WIRE_SYS_TIMES 0x80	/* flags points at times; NULL: now */

/* Calls per table; a higher number is a call that we do not look at. */
#define WIRE_SYSCALL_MAX 512

/* Argument numbers count from 1; 0: has none. dir 0: the working directory. */
struct wire_syscall {
	__u8 kind;	/* enum wire_syscall_kind */
	__u8 op;	/* enum wire_write_op; NONE: changes no file */
	__u8 traits;	/* WIRE_SYS_* */
	__u8 fd;
	__u8 dir;
	__u8 name;
	__u8 dir2;
	__u8 name2;
	__u8 flags;	/* open flags, AT_* or RENAME_* */
	__u8 arg;	/* what struct wire_write keeps as arg and arg2 */
	__u8 arg2;
	__u8 also;	/* WIRE_ALSO(…) */
	__u8 reserved[4];
};

#pragma GCC diagnostic pop
