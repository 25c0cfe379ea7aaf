/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Maps and constants that the programs share with each other and with the
 * agent. They are defined in maps.bpf.c; bpftool links the objects.
 */
#pragma once

#include "types.h"
#include "wire.h"

/* Set by the agent before loading: constants to the verifier. */
extern const volatile __u64 ring_bytes; /* size of the ring */
extern const volatile __u64 window_ns;	/* repeats are summed this long */
/* Index into css_set.subsys of the version 1 hierarchy; ~0: none mounted. */
extern const volatile __u32 v1_subsys;
extern const volatile __u32 v1_hierarchy; /* its hierarchy_id */
/* By system call number: native, then 32-bit numbers. */
extern const volatile struct wire_syscall syscalls[2 * WIRE_SYSCALL_MAX];
/* WIRE_SOCKET(…): what the calls of sockets are looked up for. */
extern const volatile __u32 socket_ops;
/* WIRE_ENV_BIT of each name in env_names. */
extern const volatile __u64 env_bits[WIRE_ENV_BITS / 64];

/* Set by whichever agent reads the ring now; these programs outlive it. */
extern volatile struct wire_control control;
/* Each by WIRE_SUMMED_SLOT of its key. */
extern volatile __u32 summed[WIRE_SUMMED_SLOTS];

/* 1 << enum wire_write_op: which ones system calls and io_uring tell. */
extern const volatile __u32 call_ops;

struct ring_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
};

/* Indexed by enum wire_family. */
struct counters_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WIRE_FAM_COUNT);
	__type(key, __u32);
	__type(value, struct wire_counters);
};

/* Names of the environment that are kept, see WIRE_ENV_BIT. */
struct env_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u64);
	__type(value, __u8);
};

/* Sums of repeated writes within the window, per image and file. */
struct written_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct wire_written_key);
	__type(value, struct wire_written);
};

/* Unconnected datagrams: sender and destination -> when it was reported. */
struct sent_key {
	__u64 start_ns;
	__u8 addr[16];
	__u32 tgid;
	__u32 image;
	__u16 port;
	__u16 family;
	__u32 net_ns;
};

struct sent_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct sent_key);
	__type(value, __u64);
};

/*
 * By thread: the file of a descriptor when the system call began, which is kept
 * while the descriptor table is shared, so that another thread may change it.
 * Of a module always, and then it is what the kernel reads, if it says so.
 */
struct held {
	__u64 file; /* kernel addresses: compared, and walked with care */
	__u64 dentry;
	__u64 mnt;
	__u64 inode;
	__u64 ino;
	__u32 syscall;
	__u32 asked; /* openat2: what its structure said; module: by whom */
};

struct held_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct held);
};

/* By thread: the name that its call was given, see write_kept.bpf.c. */
struct kept_name {
	__u64 syscall;
	char name[WIRE_NAME_MAX];
};

struct kept_names_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 64);
	__type(key, __u64);
	__type(value, struct kept_name);
};

/* By thread id, of all that there can be (PID_MAX_LIMIT): see marks.h. */
#define THREAD_IDS_MAX	 (1 << 22)
#define MARKS_PER_THREAD 4
#define THREADS_PER_WORD (64 / MARKS_PER_THREAD)

struct thread_marks_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, THREAD_IDS_MAX / THREADS_PER_WORD);
	__type(key, __u32);
	__type(value, __u64);
};

/*
 * By thread: a socket operation between the hook that saw it begin and the one
 * that sees it end, so that it is reported only once in between.
 */
enum attempt_what { ATTEMPT_CONNECT = 1, ATTEMPT_LISTEN, ATTEMPT_BIND };

struct attempt {
	__u64 sock;
	__u32 what; /* enum attempt_what */
	/* Connecting; the outcome follows when the socket changes state. */
	__u32 is_under_way;
};

struct attempts_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct attempt);
};

/*
 * By thread: a change, between the hook that has its kernel objects and the one
 * that reports it. See pending.h.
 */
struct pending {
	__u64 dir;  /* dentry of leaf's directory; 0: leaf has a path */
	__u64 leaf; /* dentry of what is changed */
	__u64 mnt;
	__u64 dir2; /* the same for the new name of rename and link */
	__u64 leaf2;
	__u64 target;	 /* symlink: the string, in the kernel's memory */
	__u64 hash_len;	 /* of the leaf's name, before */
	__u64 args;	 /* struct wire_write's arg and arg2 */
	__u32 op;	 /* enum wire_write_op */
	__u16 backend;	 /* enum wire_backend, of the first hook */
	__u16 awaited;	 /* the function that does it has not been seen to return */
	__u32 depth;	 /* calls of a file system on its lower one */
	__u16 flags;	 /* WIRE_WRITE_* */
	__u16 done;	 /* it succeeded, and must be reported */
	struct wire_file file; /* before the change; of a new file: after */
	char name[256];
	char name2[256];
};

struct pending_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, __u64);
	__type(value, struct pending);
};

/* By thread: the mount it holds write access to (mnt_want_write). */
struct mount_asked {
	__u64 mnt;
	__u64 sb;
};

struct mount_asked_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, __u64);
	__type(value, struct mount_asked);
};

/* Processes whose exit was reported, see task_exited. */
struct ended_key {
	__u64 start_ns;
	__u64 tgid;
};

struct ended_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct ended_key);
	__type(value, __u8);
};

/*
 * By thread (its task's address, because an exec may change its tid): when the
 * file of the script that it is about to run was reported.
 */
struct scripts_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u64);
};

/*
 * Files mapped executable within the window -> when that was reported. A file
 * that only root can change is reported once per program that maps it
 * (start_ns, tgid and image are 0), any other once per image (exe_* are 0).
 */
struct mapped_key {
	__u64 ino;
	__u64 exe_ino;
	__u64 start_ns;
	__u32 dev;
	__u32 exe_dev;
	__u32 version;
	__u32 exe_version;
	__u32 tgid;
	__u32 image;
};

struct mapped_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct mapped_key);
	__type(value, __u64);
};

/* A process that another one acts on. */
struct process_ref {
	__u64 start_ns;
	__u32 tgid;
	__u32 image;
};

/* By thread: the process that the current call was allowed to access. */
struct accessed_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct process_ref);
};

/* Who wrote to whose memory within the window -> when it was reported. */
struct tampered_key {
	__u64 start_ns;
	__u64 target_start_ns;
	__u32 tgid;
	__u32 image;
	__u32 target_tgid;
	__u32 reserved;
};

struct tampered_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct tampered_key);
	__type(value, __u64);
};

/* picket's own BPF objects; filled in by the agent. */
struct own_objects_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct wire_own);
	__type(value, __u8);
};

/*
 * Bytes that a process or a cgroup has in the ring, see share.bpf.c. The key
 * is a cgroup's id, or a tgid | SHARE_OF_PROCESS. With SHARE_OF_WRITES only
 * records under ADMIT_HALF count.
 */
#define SHARE_OF_PROCESS (1ull << 63)
#define SHARE_OF_WRITES	 (1ull << 62)

struct share {
	__u64 since; /* producer position when `young` began */
	__u64 old;   /* bytes before that */
	__u64 young; /* bytes since then */
};

struct share_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct share);
};

/*
 * By thread: the dynamic loader that the kernel has mapped during an exec. Only
 * before 5.17, see loader.bpf.c.
 */
struct loaders_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u64);
};

extern struct ring_map ring SEC(".maps");
extern struct counters_map counters SEC(".maps");
extern struct env_map env_names SEC(".maps");
extern struct written_map written SEC(".maps");
extern struct sent_map sent SEC(".maps");
extern struct held_map held_files SEC(".maps");
extern struct kept_names_map kept_names SEC(".maps");
extern struct thread_marks_map thread_marks SEC(".maps");
extern struct attempts_map attempts SEC(".maps");
extern struct pending_map pending_changes SEC(".maps");
extern struct mount_asked_map mounts_asked SEC(".maps");
extern struct ended_map ended SEC(".maps");
extern struct scripts_map scripts SEC(".maps");
extern struct mapped_map mapped SEC(".maps");
extern struct loaders_map loaders SEC(".maps");
extern struct accessed_map accessed SEC(".maps");
extern struct tampered_map tampered SEC(".maps");
extern struct own_objects_map own_objects SEC(".maps");
extern struct share_map shares SEC(".maps");
