/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The values that every stage passes along: an event, the image (program in
 * a process) that acted, and the verdict. No behaviour lives here.
 *
 * Slices in an event are borrowed from the ring record and the decoder's
 * scratch: valid until the pipeline has handled the event. Slices in an image
 * belong to the image.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum event_kind {
	EVENT_NONE = 0,
	EVENT_FORK,	/* tracked, not recorded */
	EVENT_EXEC,
	EVENT_EXIT,
	EVENT_CONNECT,
	EVENT_WRITE,
	EVENT_CONNECT_RESULT,	/* becomes an amendment */
	EVENT_CGROUP,	/* tracked, not recorded */
	EVENT_AGENT,	/* about picket itself: start, stop, loss, gap … */
	EVENT_SCRIPT,	/* joined with the exec that follows, not recorded */
	EVENT_LISTEN,
	EVENT_LOAD,
	EVENT_TAMPER,
	EVENT_KIND_COUNT,
};

/* Same values as enum wire_write_op, asserted in sense/decode.c. */
enum write_op {
	OP_NONE = 0,
	OP_OPEN,
	OP_WRITE,
	OP_TRUNCATE,
	OP_MMAP,
	OP_RENAME,
	OP_UNLINK,
	OP_LINK,
	OP_SYMLINK,
	OP_CHMOD,
	OP_CHOWN,
	OP_XATTR,
	OP_MKNOD,
	OP_MKDIR,
	OP_RMDIR,
	OP_CHATTR,
	OP_UTIME,
	OP_COUNT,
};

/* A process within one boot; never a bare pid. */
struct proc_key {
	uint64_t start_ns;	/* boottime */
	uint32_t tgid;
};

/* A file as its inode says. Devices are the superblock's, kernel encoding. */
struct file_id {
	uint64_t ino;
	uint64_t size;
	int64_t mtime_ns;
	int64_t ctime_ns;
	uint32_t dev;		/* major << 20 | minor */
	uint32_t fs_magic;	/* of its file system; 0 in what was read back */
	uint32_t generation;
	uint32_t object;	/* wire_file's; 0 in what was read back */
	uint32_t uid;
	uint32_t gid;
	uint32_t nlink;
	uint16_t mode;
	bool known;		/* false: nothing above was seen */
	bool memfd;
	bool overlay_upper;
	bool overlay_lower;
};

/*
 * Facts about a file that user space finds out later, by reading it: see
 * trust/. They hold for the file_id beside them.
 */
enum trust_state {
	TRUST_UNKNOWN = 0,	/* not found out (yet, or at all) */
	TRUST_PACKAGE,		/* as packaged, writable by root only */
	TRUST_UNPACKAGED,	/* belongs to no installed package */
	TRUST_CHANGED,		/* of a package, with another content */
	TRUST_WRITABLE,		/* as packaged, writable by others */
	TRUST_UNPROVED,		/* of a package that has no digest for it */
	TRUST_STATE_COUNT,
};

enum hash_state {
	HASH_NONE = 0,
	HASH_DONE,
	HASH_CHANGED,		/* another file has its name now */
	HASH_GONE,
	HASH_TOO_LARGE,
	HASH_FAILED,		/* cannot be read */
	HASH_STATE_COUNT,
};

/* Who but root may write to the file or to a directory on the way to it. */
#define WRITABLE_OTHERS 0x01
#define WRITABLE_GROUP 0x02
#define WRITABLE_USER 0x04	/* it, or a directory, is not root's */

struct file_facts {
	bool known;		/* false: nothing below was found out yet */
	uint8_t trust;		/* enum trust_state */
	uint8_t hash;		/* enum hash_state */
	uint8_t writable;	/* WRITABLE_*; HASH_DONE only */
	uint8_t sha256[32];	/* HASH_DONE only */
};

#define PATH_F_TRUNCATED 0x01
#define PATH_F_UNRESOLVED 0x02
#define PATH_F_DELETED 0x04
#define PATH_F_CLAIMED 0x08	/* joined from a name in user memory */
#define PATH_F_FOREIGN 0x20	/* no mount of the host shows the file */
#define PATH_F_FOLLOWS 0x10	/* claimed, and of a link that it ends with, the target */

struct file_path {
	struct slice path;	/* from the mount namespace's root */
	/*
	 * From the file system's own root; equals path on plain mounts. Joined
	 * of the record's prefix and tail by the decoder; empty if unknown.
	 */
	struct slice fs_path;
	/*
	 * The same file by the host's mounts; empty: same as path, or none
	 * (PATH_F_FOREIGN where that is certain). Of a claimed name that flag
	 * says that no mount of the host is known to be led through: then this
	 * is where it led if it led through none of its namespace's own.
	 * A file of the kernel's own (of /proc, /sys …) has the name that every
	 * host has for it, whoever mounted it, and that flag beside it.
	 */
	struct slice host_path;
	uint8_t flags;		/* PATH_F_* */
};

struct ip_addr {
	uint8_t bytes[16];	/* network order */
	/* AF_INET (4 bytes used) or AF_INET6; 0: no internet address */
	uint8_t family;
};

/* What is known of an image by the time it runs. Owned by proc/. */
#define IMAGE_F_SNAPSHOT 0x0001	/* read from /proc at start, not seen to exec */
#define IMAGE_F_FORKED 0x0002	/* a child that runs its parent's program */
#define IMAGE_F_UNKNOWN 0x0004	/* never seen: only its key and ids are true */
#define IMAGE_F_ARGS_TRUNCATED 0x0008
#define IMAGE_F_ENV_TRUNCATED 0x0010
#define IMAGE_F_SCRIPT 0x0020
#define IMAGE_F_NO_NEW_PRIVS 0x0040
#define IMAGE_F_SECURE 0x0080
#define IMAGE_F_KTHREAD 0x0100
#define IMAGE_F_EXITED 0x0200
/* Read from a journal: strings of it, or of one before it, are redacted. */
#define IMAGE_F_REDACTED 0x0400

enum stdio_kind { STDIO_CLOSED, STDIO_FILE, STDIO_PIPE, STDIO_SOCKET, STDIO_TTY,
		  STDIO_NULL, STDIO_DEVICE, STDIO_OTHER, STDIO_KIND_COUNT };

struct stdio {
	uint64_t ino;
	uint32_t rdev;
	enum stdio_kind kind;
};

struct image {
	uint64_t id;		/* never reused within a run of the agent; > 0 */
	struct proc_key proc;
	uint32_t number;	/* the kernel's count of execs */
	uint32_t flags;		/* IMAGE_F_* */
	/* The parent process's image when this process was forked. */
	struct image *parent;
	/* What the same process ran before its last exec; NULL after a fork. */
	struct image *prev;
	uint64_t began_ns;	/* boottime of exec or fork */

	struct file_path exe;
	struct file_id exe_file;
	/*
	 * What was run by a #! line or the like. Known to the kernel where
	 * script_file is known, else bprm->filename made absolute, claimed.
	 */
	struct slice script;
	struct file_id script_file;
	struct file_facts exe_facts, script_facts;
	struct slice filename;	/* as the caller named it */
	struct slice cwd;
	struct slice args;	/* strings, each zero-terminated */
	struct slice env;	/* NAME=value, each zero-terminated */
	uint32_t argc;		/* as executed, whatever was kept */
	uint32_t args_bytes;
	char comm[16];

	uint32_t uid, euid, suid, fsuid;
	uint32_t gid, egid, sgid;
	uint32_t login_uid;	/* UINT32_MAX: none */
	uint32_t session_id;
	uint32_t sid, pgid, tty, ns_pid;
	uint64_t cap_permitted, cap_effective, cap_inheritable, cap_bounding,
		cap_ambient;
	uint32_t mnt_ns, pid_ns, net_ns, user_ns, uts_ns, ipc_ns, cgroup_ns;
	struct stdio stdio[3];

	uint64_t cgroup_id, cgroup_v1_id;
	struct slice cgroup;	/* path, in the most detailed hierarchy */
	struct slice unit;	/* nginx.service; empty: none */
	struct slice container;	/* 64 hex digits as a rule; empty: none */
	/* The runtime was asked; if false, empty ones below may follow. */
	bool container_known;
	struct slice container_image, pod, pod_namespace;
	struct slice container_name;	/* within the pod, if there is one */
	struct slice image_digest;	/* of the manifest: sha256:… */
	struct slice pod_uid;		/* by the cgroup */

	/* For the stage that writes descriptions; not used by proc/. */
	uint64_t described_in;	/* journal segment that holds it; 0: none */
	/* Its exec (or its forking ancestor's) was ignored or dropped. */
	bool is_unwanted;
	/*
	 * Bit i: a part of the i-th string is redacted; bit 63: of any from the
	 * 63rd on. Only set while written to or read from a journal.
	 */
	uint64_t args_hidden, env_hidden;
};

/* Who acted, with ids as of that moment: no hook follows setuid or setns. */
struct actor {
	struct proc_key proc;
	uint32_t image_number;
	uint32_t tid;
	uint32_t uid, euid, gid;
	uint32_t mnt_ns;
	uint64_t cgroup_id, cgroup_v1_id;
	bool kthread;
	bool none;		/* no process: made in interrupt context */
};

struct fork_info {
	struct proc_key parent;
	uint32_t parent_image;
};

/*
 * Of an exec only what the image does not keep; the rest of the record is
 * handed to proc/ as `wire` (borrowed, checked by the decoder).
 */
struct wire_exec;
struct exec_info {
	struct proc_key parent;
	uint32_t parent_image;
	uint32_t old_tid;
	const struct wire_exec *wire;
	struct file_path exe;
	struct file_path cwd;
	struct file_id file;
	struct slice filename, interp, args, env;
};

struct exit_info {
	uint32_t status;	/* as wait(2) */
};

/* One end of a socket. */
struct endpoint {
	struct ip_addr addr;	/* IPv4-mapped already made IPv4 */
	uint16_t port;
	uint16_t family;	/* AF_INET, AF_INET6, AF_UNIX, AF_PACKET … */
	uint16_t type;		/* SOCK_STREAM … */
	uint16_t protocol;	/* IPPROTO_… */
	uint32_t net_ns;
	/* AF_UNIX: without the ending zero; abstract: begins with a zero. */
	struct slice unix_path;
	struct {
		uint32_t cid, port;
		bool known;
	} vsock; /* AF_VSOCK */
};

struct connect_info {
	uint64_t sock;		/* a key for the outcome, nothing else */
	struct endpoint peer;	/* socket made: family, type and protocol only */
	bool is_send;		/* datagram without connect */
	bool is_socket;		/* raw or packet socket made */
	bool is_claimed;	/* it was gone by the call's end */
	bool is_fd_claimed;	/* its descriptor's table was shared */
};

struct listen_info {
	uint64_t sock;
	struct endpoint local;
	uint32_t backlog;
	bool is_bind;		/* a datagram socket got a port of its choice */
	bool is_fd_claimed;	/* as in struct connect_info */
};

/* Same values as enum wire_load_op, asserted in sense/decode.c. */
enum load_op { LOAD_NONE = 0, LOAD_MMAP, LOAD_MODULE, LOAD_BPF, LOAD_COUNT };

#define LOAD_F_FD_CLAIMED 0x01
#define LOAD_F_MPROTECT 0x02

struct load_info {
	enum load_op op;
	uint32_t flags;		/* LOAD_F_* */
	struct file_path path;	/* empty: from no file */
	struct file_id file;
	struct slice name;	/* of a module or BPF program */
	uint32_t arg;		/* BPF: program type */
	uint32_t id;		/* BPF: program id; 0: not known */
};

/* Same values as enum wire_tamper_op, asserted in sense/decode.c. */
enum tamper_op {
	TAMPER_NONE = 0,
	TAMPER_SIGNAL,
	TAMPER_PTRACE,
	TAMPER_VM_WRITE,
	TAMPER_BPF,
	TAMPER_LIMIT,
	TAMPER_SIGIO,
	TAMPER_DESCRIPTOR,
	TAMPER_MOVE,
	TAMPER_FREEZE,
	TAMPER_COUNT,
};

/* A resource limit; UINT64_MAX: none. */
struct limit {
	uint64_t soft, hard;
};

struct tamper_info {
	enum tamper_op op;
	bool of_picket;
	bool claimed;		/* whom it reached is the caller's word */
	struct proc_key target;	/* start_ns 0: no process */
	uint32_t target_image;
	/* signal, ptrace request, bpf or fcntl command, resource, fd */
	uint32_t arg;
	uint32_t id;
	int32_t code;		/* SIGNAL: its si_code */
	struct limit limit;	/* LIMIT */
	struct limit before;	/* where is_before_known */
	bool is_before_known;
	struct slice cgroup;	/* MOVE: into which; FREEZE: its own */
	uint32_t hierarchy;	/* of version 1 that it is of; 0: unified */
	/* What the target runs, where known: proc_table_apply fills it in. */
	struct image *target_img;
};

/* The script that the acting thread is about to run, if its exec succeeds. */
struct script_info {
	struct file_path path;
	struct file_id file;
};

struct connect_result_info {
	uint64_t sock;
	struct ip_addr local, peer;
	uint16_t local_port, peer_port;
	uint16_t error;		/* errno; 0: established */
};

#define WRITE_F_CREATED 0x01
#define WRITE_F_TRUNC 0x02
#define WRITE_F_APPEND 0x04
#define WRITE_F_FD_CLAIMED 0x08
#define WRITE_F_FD_CHANGED 0x10
#define WRITE_F_EXCHANGE 0x20
#define WRITE_F_SUBMITTED 0x40	/* asked for; done or not */

struct write_info {
	enum write_op op;
	uint32_t flags;		/* WRITE_F_* */
	struct file_path path;
	/* rename: the new name. link: the new name. Else empty. */
	struct file_path new_path;
	struct slice target;	/* symlink: what it says */
	struct file_id file;
	uint64_t bytes;
	uint32_t arg, arg2;	/* see struct wire_write */
	uint32_t syscall;
};

struct cgroup_info {
	uint64_t id;
	uint32_t hierarchy;
	struct slice path;
};

struct event {
	enum event_kind kind;
	uint8_t backend;	/* enum wire_backend */
	uint16_t cpu;
	bool canary;		/* one of picket's tests of itself */
	uint64_t time_ns;	/* boottime */
	struct actor actor;
	union {
		struct fork_info fork;
		struct exec_info exec;
		struct exit_info exit;
		struct connect_info connect;
		struct connect_result_info result;
		struct write_info write;
		struct cgroup_info cgroup;
		struct script_info script;
		struct listen_info listen;
		struct load_info load;
		struct tamper_info tamper;
	};
};

enum answer {
	ANSWER_NONE = 0,	/* nothing was asked: exits, agent events */
	ANSWER_ALLOWED,
	ANSWER_DENIED,
	ANSWER_UNLISTED,
	ANSWER_IGNORED,		/* not recorded, only counted */
	ANSWER_PENDING,		/* trust or hash not known yet */
	ANSWER_COUNT,
};

enum severity {
	SEVERITY_NONE = 0,
	SEVERITY_LOW,
	SEVERITY_MEDIUM,
	SEVERITY_HIGH,
	SEVERITY_CRITICAL,
	SEVERITY_COUNT,
};

/* A value. Strings belong to the rule set it came from. */
struct verdict {
	enum answer answer;
	enum severity severity;	/* of an alert; NONE: no alert */
	bool alert;
	bool repeated;	/* an alert that was not raised again */
	const char *rule;	/* name; NULL: no rule decided */
	uint32_t rule_at;	/* its index, for the rule set only */
	const char *tag;	/* ATT&CK tag, or NULL */
	/*
	 * The verdict of a recorded event depended on a redacted string; with
	 * the original it might have been another.
	 */
	bool redacted;
};

static inline bool proc_key_eq(struct proc_key a, struct proc_key b)
{
	return a.tgid == b.tgid && a.start_ns == b.start_ns;
}
