/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What the programs share with each other and with the agent. Defined once,
 * in maps.bpf.c; the linker joins the objects.
 */
#pragma once

#include "types.h"
#include "wire.h"

/* Set by the agent before loading: constants to the verifier. */
extern const volatile __u32 self_tgid;	/* the agent: not watched */
extern const volatile __u64 ring_bytes; /* size of the ring */
extern const volatile __u64 window_ns;	/* repeats are summed this long */
/* Index into css_set.subsys of the version 1 hierarchy; ~0: none mounted. */
extern const volatile __u32 v1_subsys;
extern const volatile __u32 v1_hierarchy; /* its hierarchy_id */
/* By system call number: native, then 32-bit numbers. */
extern const volatile struct wire_syscall syscalls[2 * WIRE_SYSCALL_MAX];

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

/* The first eight bytes of NAME=, cut after the '=' and zero-padded. */
struct env_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u64);
	__type(value, __u8);
};

/* What was written by whom within the window. */
struct written_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct wire_written_key);
	__type(value, struct wire_written);
};

/* Unconnected datagrams: who sent to where, and when that was reported. */
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
 * What a descriptor named when the system call began, by thread; only while
 * its table is shared, because only then can another thread change it.
 */
struct held {
	__u64 file; /* kernel addresses: compared, and walked with care */
	__u64 dentry;
	__u64 mnt;
	__u64 inode;
	__u64 ino;
	__u32 syscall;
	__u32 fd;
};

struct held_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct held);
};

/* Processes that were told dead, see task_exited. */
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

extern struct ring_map ring SEC(".maps");
extern struct counters_map counters SEC(".maps");
extern struct env_map env_names SEC(".maps");
extern struct written_map written SEC(".maps");
extern struct sent_map sent SEC(".maps");
extern struct held_map held_files SEC(".maps");
extern struct ended_map ended SEC(".maps");
