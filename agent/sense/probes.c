/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole policy of what attaches where, as one table: for each hook the
 * programs that can serve it, in order of preference. attach.c tries them by
 * loading and attaching; nothing here asks for a kernel version.
 */
#include "sense/probes.h"

#include <assert.h>
#include <string.h>

#include "sense/probes_write.h"

/* What a probe does not say is nothing: most run alone, most see all. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct probe fork_probes[] = {
	{ WIRE_BACKEND_TP_BTF, PLACE_KERNEL, "fork_tp_btf", NULL },
	{ WIRE_BACKEND_RAW_TP, PLACE_KERNEL, "fork_raw_tp", NULL },
};

static const struct probe exec_probes[] = {
	{ WIRE_BACKEND_TP_BTF, PLACE_KERNEL, "exec_tp_btf", NULL },
	{ WIRE_BACKEND_RAW_TP, PLACE_KERNEL, "exec_raw_tp", NULL },
};

static const struct probe script_probes[] = {
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, "script_lsm", NULL },
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "script_fentry", NULL },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "script_kprobe", NULL },
};

static const struct probe exit_probes[] = {
	{ WIRE_BACKEND_TP_BTF, PLACE_KERNEL, "exit_tp_btf", NULL },
	{ WIRE_BACKEND_RAW_TP, PLACE_KERNEL, "exit_raw_tp", NULL },
};

static const struct probe task_probes[] = {
	{ WIRE_BACKEND_ITER, PLACE_ON_DEMAND, "tasks_iter", NULL },
};

/* That one has its arguments in memory. */
#define MAP_BLIND                                                              \
	"old_mmap of 32-bit programs; which of two files, where a second "     \
	"thread swaps the descriptor (both are told, as claims); one that is " \
	"there for a moment only"

static const struct probe load_map_probes[] = {
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, "load_mmap_lsm", NULL },
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "load_mmap_fentry", NULL },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "load_mmap_kprobe", NULL },
	{ WIRE_BACKEND_TP_BTF, PLACE_CALL_END, "sys_exit_tp_btf", MAP_BLIND },
	{ WIRE_BACKEND_RAW_TP, PLACE_CALL_END, "sys_exit_raw_tp", MAP_BLIND },
};

static const struct probe load_loader_probes[] = {
	{ WIRE_BACKEND_TP_BTF, PLACE_KERNEL, "loader_tp_btf", NULL },
	{ WIRE_BACKEND_TP_BTF, PLACE_KERNEL, "loader_held_tp_btf",
	  "where files mapped are told by system calls" },
};

static const struct probe load_mprotect_probes[] = {
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, "load_mprotect_lsm", NULL },
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "load_mprotect_fentry", NULL },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "load_mprotect_kprobe", NULL },
};

static const struct probe load_module_probes[] = {
	{ WIRE_BACKEND_TP_BTF, PLACE_KERNEL, "load_module_tp_btf", NULL },
	{ WIRE_BACKEND_RAW_TP, PLACE_KERNEL, "load_module_raw_tp", NULL },
};

/* What the kernel reads; else what the call's descriptor names as it begins. */
#define MODULE_BLIND                                                         \
	"which of two files, where a second thread swaps the descriptor as " \
	"the call begins (both are told, as claims)"

static const struct probe module_file_probes[] = {
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, "module_file_lsm", NULL },
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "module_file_fentry", NULL },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "module_file_kprobe", NULL },
	{ WIRE_BACKEND_TP_BTF, PLACE_CALL_BEGIN, "sys_enter_tp_btf",
	  MODULE_BLIND },
	{ WIRE_BACKEND_RAW_TP, PLACE_CALL_BEGIN, "sys_enter_raw_tp",
	  MODULE_BLIND },
};

static const struct probe load_bpf_probes[] = {
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, "load_bpf_lsm", NULL },
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "load_bpf_fentry", NULL },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "load_bpf_kprobe", NULL },
	{ WIRE_BACKEND_TP_BTF, PLACE_CALL_END, "sys_exit_tp_btf",
	  "programs that a BPF program loads" },
	{ WIRE_BACKEND_RAW_TP, PLACE_CALL_END, "sys_exit_raw_tp",
	  "programs that a BPF program loads" },
};

static const struct probe signal_probes[] = {
	{ WIRE_BACKEND_TP_BTF, PLACE_KERNEL, "signal_tp_btf", NULL },
	{ WIRE_BACKEND_RAW_TP, PLACE_KERNEL, "signal_raw_tp", NULL },
};

static const struct probe move_probes[] = {
	{ WIRE_BACKEND_TP_BTF, PLACE_KERNEL, "move_tp_btf", NULL },
	{ WIRE_BACKEND_RAW_TP, PLACE_KERNEL, "move_raw_tp", NULL },
};

#define FREEZE_BLIND \
	"version 1's freezer: its files are told when they are written"

static const struct probe freeze_probes[] = {
	{ WIRE_BACKEND_TP_BTF, PLACE_KERNEL, "freeze_tp_btf", FREEZE_BLIND },
	{ WIRE_BACKEND_RAW_TP, PLACE_KERNEL, "freeze_raw_tp", FREEZE_BLIND },
};

#define KRETPROBE_BLIND "calls " KRETPROBE_FULL

#define REACH_BLIND \
	"pidfd_getfd by a pidfd that another thread replaces before the end"

static const struct probe reach_probes[] = {
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "ptrace_fexit", NULL,
	  WITH("writev_fexit", "getfd_fexit", "?ptrace_32_fexit",
	       "?writev_32_fexit", "?getfd_32_fexit", "?ptrace_x32_fexit",
	       "?ptrace_x32old_fexit") },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "ptrace_kretprobe",
	  KRETPROBE_BLIND,
	  WITH("writev_kretprobe", "getfd_kretprobe", "?ptrace_32_kretprobe",
	       "?writev_32_kretprobe", "?getfd_32_kretprobe",
	       "?ptrace_x32_kretprobe", "?ptrace_x32old_kretprobe") },
	{ WIRE_BACKEND_TP_BTF, PLACE_CALL_END, "sys_exit_tp_btf", REACH_BLIND },
	{ WIRE_BACKEND_RAW_TP, PLACE_CALL_END, "sys_exit_raw_tp", REACH_BLIND },
};

static const struct probe access_probes[] = {
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, "access_lsm", NULL },
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "access_fentry", NULL },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "access_kprobe", NULL },
};

static const struct probe change_bpf_probes[] = {
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, "bpf_lsm", NULL },
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "bpf_fentry", NULL },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "bpf_kprobe", NULL },
	{ WIRE_BACKEND_TP_BTF, PLACE_CALL_END, "sys_exit_tp_btf",
	  "what it was done to is the caller's word" },
	{ WIRE_BACKEND_RAW_TP, PLACE_CALL_END, "sys_exit_raw_tp",
	  "what it was done to is the caller's word" },
};
/*
 * What a security module refuses that stands before BPF's own, lsm programs
 * are not asked about.
 */
#define LSM_BLIND "what another security module refuses"
/* Only TCP has a state to watch. */
#define STATE_BLIND                                                 \
	"all but TCP (datagrams); what a security module refuses, " \
	"or fails before the first packet"
#define CGROUP_BLIND \
	"SCTP, UDP-Lite, raw sockets; what a security module refuses"
/* Which the kernel took, only the kernel knows. */
#define SWAPPED                                                             \
	"which of two sockets, where a second thread swaps the descriptor " \
	"(both are told, as claims); one that is there for a moment only"
#define VSOCK_BLIND  "those made by io_uring, or refused at once; " SWAPPED
#define KPROBE_BLIND "that a security module refused it"

static const struct probe limit_probes[] = {
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, "limit_lsm", NULL },
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "limit_fentry", KPROBE_BLIND },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "limit_kprobe", KPROBE_BLIND },
	{ WIRE_BACKEND_TP_BTF, PLACE_CALL_END, "sys_exit_tp_btf",
	  "what the limit was before" },
	{ WIRE_BACKEND_RAW_TP, PLACE_CALL_END, "sys_exit_raw_tp",
	  "what the limit was before" },
};

/* The signal itself is told all the same, without who made it come. */
#define OWNER_BLIND                                                         \
	"an owner that a second thread overwrites in memory (F_SETOWN_EX, " \
	"SIOCSPGRP)"

static const struct probe owner_probes[] = {
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, "owner_lsm", OWNER_BLIND },
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "owner_fentry", OWNER_BLIND },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "owner_kprobe", OWNER_BLIND },
	{ WIRE_BACKEND_TP_BTF, PLACE_CALL_END, "sys_exit_tp_btf", OWNER_BLIND },
	{ WIRE_BACKEND_RAW_TP, PLACE_CALL_END, "sys_exit_raw_tp", OWNER_BLIND },
};

static const struct probe connect4_probes[] = {
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, "connect_lsm", LSM_BLIND },
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "connect_fentry", NULL },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "connect_kprobe", KPROBE_BLIND },
	{ WIRE_BACKEND_CGROUP, PLACE_CGROUP, "connect4_cgroup", CGROUP_BLIND },
	{ WIRE_BACKEND_TP_BTF, PLACE_KERNEL, "set_state_tp_btf", STATE_BLIND },
	{ WIRE_BACKEND_RAW_TP, PLACE_KERNEL, "set_state_raw_tp", STATE_BLIND },
};

static const struct probe connect6_probes[] = {
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, "connect_lsm", LSM_BLIND },
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "connect_fentry", NULL },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "connect_kprobe", KPROBE_BLIND },
	{ WIRE_BACKEND_CGROUP, PLACE_CGROUP, "connect6_cgroup", CGROUP_BLIND },
	{ WIRE_BACKEND_TP_BTF, PLACE_KERNEL, "set_state_tp_btf", STATE_BLIND },
	{ WIRE_BACKEND_RAW_TP, PLACE_KERNEL, "set_state_raw_tp", STATE_BLIND },
};

static const struct probe vsock_probes[] = {
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, "connect_lsm", LSM_BLIND },
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "connect_fentry", NULL },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "connect_kprobe", KPROBE_BLIND },
	{ WIRE_BACKEND_TP_BTF, PLACE_CALL_END, "sys_exit_tp_btf", VSOCK_BLIND },
	{ WIRE_BACKEND_RAW_TP, PLACE_CALL_END, "sys_exit_raw_tp", VSOCK_BLIND },
};

static const struct probe sendmsg4_probes[] = {
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, "sendmsg_lsm", LSM_BLIND },
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "sendmsg_fentry", NULL },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "sendmsg_kprobe", NULL },
	{ WIRE_BACKEND_CGROUP, PLACE_CGROUP, "sendmsg4_cgroup",
	  "all datagrams but UDP's" },
};

static const struct probe sendmsg6_probes[] = {
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, "sendmsg_lsm", LSM_BLIND },
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "sendmsg_fentry", NULL },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "sendmsg_kprobe", NULL },
	{ WIRE_BACKEND_CGROUP, PLACE_CGROUP, "sendmsg6_cgroup",
	  "all datagrams but UDP's" },
};

static const struct probe outcome_probes[] = {
	{ WIRE_BACKEND_TP_BTF, PLACE_KERNEL, "set_state_tp_btf", NULL },
	{ WIRE_BACKEND_RAW_TP, PLACE_KERNEL, "set_state_raw_tp", NULL },
};

#define FAILURE_BLIND "connections made by io_uring"

static const struct probe stream_failure_probes[] = {
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "stream_connect_fexit", NULL },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "stream_connect_kretprobe",
	  KRETPROBE_BLIND },
	{ WIRE_BACKEND_TP_BTF, PLACE_CALL_END, "sys_exit_tp_btf",
	  FAILURE_BLIND },
	{ WIRE_BACKEND_RAW_TP, PLACE_CALL_END, "sys_exit_raw_tp",
	  FAILURE_BLIND },
};

static const struct probe dgram_failure_probes[] = {
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "dgram_connect_fexit", NULL },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "dgram_connect_kretprobe", NULL },
	{ WIRE_BACKEND_TP_BTF, PLACE_CALL_END, "sys_exit_tp_btf",
	  FAILURE_BLIND },
	{ WIRE_BACKEND_RAW_TP, PLACE_CALL_END, "sys_exit_raw_tp",
	  FAILURE_BLIND },
};

#define UNIX_BLIND \
	"those made by io_uring, and datagrams to an address; " SWAPPED

static const struct probe unix_stream_probes[] = {
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, "unix_stream_lsm", LSM_BLIND },
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "unix_stream_fentry", NULL },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "unix_stream_kprobe", NULL },
	{ WIRE_BACKEND_TP_BTF, PLACE_CALL_END, "sys_exit_tp_btf", UNIX_BLIND },
	{ WIRE_BACKEND_RAW_TP, PLACE_CALL_END, "sys_exit_raw_tp", UNIX_BLIND },
};

static const struct probe unix_dgram_probes[] = {
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, "unix_dgram_lsm", LSM_BLIND },
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "unix_dgram_fentry", NULL },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "unix_dgram_kprobe", NULL },
};

#define SOCKET_BLIND "those made by io_uring"

static const struct probe raw_probes[] = {
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, "socket_lsm", LSM_BLIND },
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "socket_fentry", NULL },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "socket_kprobe", NULL },
	{ WIRE_BACKEND_CGROUP, PLACE_CGROUP, "socket_cgroup", NULL },
	{ WIRE_BACKEND_TP_BTF, PLACE_CALL_END, "sys_exit_tp_btf",
	  SOCKET_BLIND },
	{ WIRE_BACKEND_RAW_TP, PLACE_CALL_END, "sys_exit_raw_tp",
	  SOCKET_BLIND },
};

static const struct probe packet_probes[] = {
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, "socket_lsm", LSM_BLIND },
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "socket_fentry", NULL },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "socket_kprobe", NULL },
	{ WIRE_BACKEND_TP_BTF, PLACE_CALL_END, "sys_exit_tp_btf",
	  SOCKET_BLIND },
	{ WIRE_BACKEND_RAW_TP, PLACE_CALL_END, "sys_exit_raw_tp",
	  SOCKET_BLIND },
};

#define LISTEN_BLIND "what the kernel itself opens"

static const struct probe listen_probes[] = {
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, "listen_lsm", LISTEN_BLIND },
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "listen_fentry", LISTEN_BLIND },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "listen_kprobe", LISTEN_BLIND },
	{ WIRE_BACKEND_TP_BTF, PLACE_KERNEL, "listen_tp_btf", NULL },
	{ WIRE_BACKEND_RAW_TP, PLACE_KERNEL, "listen_raw_tp", NULL },
};

static const struct probe listen_other_probes[] = {
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, "listen_lsm", LISTEN_BLIND },
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "listen_fentry", LISTEN_BLIND },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "listen_kprobe", LISTEN_BLIND },
	{ WIRE_BACKEND_TP_BTF, PLACE_CALL_END, "sys_exit_tp_btf",
	  "listening by io_uring; " SWAPPED },
	{ WIRE_BACKEND_RAW_TP, PLACE_CALL_END, "sys_exit_raw_tp",
	  "listening by io_uring; " SWAPPED },
};

static const struct probe unbound_probes[] = {
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "unbound_fexit", NULL },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "unbound_kretprobe", NULL },
	{ WIRE_BACKEND_TP_BTF, PLACE_CALL_END, "sys_exit_tp_btf",
	  "the port, where a worker of io_uring listens" },
	{ WIRE_BACKEND_RAW_TP, PLACE_CALL_END, "sys_exit_raw_tp",
	  "the port, where a worker of io_uring listens" },
};

/* Every question to a name server has one of those. */
#define BIND_BLIND "ports that the kernel chose: bound to 0, or by sending"

static const struct probe bind4_probes[] = {
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "bind4_fexit", BIND_BLIND },
	{ WIRE_BACKEND_CGROUP, PLACE_CGROUP, "bound4_cgroup", BIND_BLIND },
};

static const struct probe bind6_probes[] = {
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "bind6_fexit", BIND_BLIND },
	{ WIRE_BACKEND_CGROUP, PLACE_CGROUP, "bound6_cgroup", BIND_BLIND },
};

/* The root cgroup's hook after a bind does not know what was asked for. */
static const struct probe asked4_probes[] = {
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "bind4_fexit", NULL },
	{ WIRE_BACKEND_CGROUP, PLACE_CGROUP, "bind4_cgroup", NULL },
};

static const struct probe asked6_probes[] = {
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "bind6_fexit", NULL },
	{ WIRE_BACKEND_CGROUP, PLACE_CGROUP, "bind6_cgroup", NULL },
};

static const struct probe cgroup_made_probes[] = {
	{ WIRE_BACKEND_TP_BTF, PLACE_KERNEL, "cgroup_mkdir_tp_btf", NULL },
};

static const struct probe cgroup_renamed_probes[] = {
	{ WIRE_BACKEND_TP_BTF, PLACE_KERNEL, "cgroup_rename_tp_btf", NULL },
};

static const struct probe call_begin_probes[] = {
	{ WIRE_BACKEND_TP_BTF, PLACE_CALL_BEGIN, "sys_enter_tp_btf", NULL },
	{ WIRE_BACKEND_RAW_TP, PLACE_CALL_BEGIN, "sys_enter_raw_tp", NULL },
};

#define HOOK(fam, makes, what, list)                                      \
	{                                                                 \
		.family = (fam), .sees = (what), .makes_events = (makes), \
		.probes = (list), .count = COUNT(list)                    \
	}
/* The same for what system calls can see, with the operations that it is. */
#define CALLS(fam, makes, what, list, mask)                               \
	{                                                                 \
		.family = (fam), .sees = (what), .makes_events = (makes), \
		.ops = (mask), .probes = (list), .count = COUNT(list)     \
	}
#define UNIX(what, list, mask)                                        \
	{                                                             \
		.family = WIRE_FAM_CONNECT, .sees = (what),           \
		.makes_events = true, .is_unix = true, .ops = (mask), \
		.probes = (list), .count = COUNT(list)                \
	}
#define OP(name)   (1ull << WIRE_OP_##name)
#define ALSO(name) (1ull << WIRE_ALSO_##name)

const struct hook sense_hooks[] = {
	HOOK(WIRE_FAM_FORK, true, "processes made", fork_probes),
	HOOK(WIRE_FAM_EXEC, true, "programs run", exec_probes),
	HOOK(WIRE_FAM_EXEC, false, "files of #! scripts and the like",
	     script_probes),
	HOOK(WIRE_FAM_EXIT, true, "processes ended", exit_probes),
	HOOK(WIRE_FAM_FORK, false, "what runs at start", task_probes),
	HOOK(WIRE_FAM_CGROUP, false, "cgroups made", cgroup_made_probes),
	HOOK(WIRE_FAM_CGROUP, false, "cgroups renamed", cgroup_renamed_probes),
	HOOK(WIRE_FAM_CONNECT, true, "connect, IPv4", connect4_probes),
	HOOK(WIRE_FAM_CONNECT, true, "connect, IPv6", connect6_probes),
	CALLS(WIRE_FAM_CONNECT, true, "connect, vsock", vsock_probes,
	      OP(VSOCK)),
	HOOK(WIRE_FAM_CONNECT, true, "datagrams, IPv4", sendmsg4_probes),
	HOOK(WIRE_FAM_CONNECT, true, "datagrams, IPv6", sendmsg6_probes),
	UNIX("unix sockets, streams", unix_stream_probes, OP(UNIX)),
	UNIX("unix sockets, datagrams", unix_dgram_probes, 0),
	CALLS(WIRE_FAM_CONNECT, true, "raw sockets", raw_probes, OP(RAW)),
	CALLS(WIRE_FAM_CONNECT, true, "packet sockets", packet_probes,
	      OP(PACKET)),
	HOOK(WIRE_FAM_LISTEN, true, "listening sockets, TCP", listen_probes),
	CALLS(WIRE_FAM_LISTEN, true, "listening sockets, unix and others",
	      listen_other_probes, OP(LISTEN)),
	CALLS(WIRE_FAM_LISTEN, false, "ports of listening sockets not bound",
	      unbound_probes, OP(UNBOUND)),
	HOOK(WIRE_FAM_LISTEN, false, "datagram ports, IPv4", bind4_probes),
	HOOK(WIRE_FAM_LISTEN, false, "datagram ports, IPv6", bind6_probes),
	HOOK(WIRE_FAM_LISTEN, false, "datagram ports asked for, IPv4",
	     asked4_probes),
	HOOK(WIRE_FAM_LISTEN, false, "datagram ports asked for, IPv6",
	     asked6_probes),
	CALLS(WIRE_FAM_WRITE, true, "files opened for writing", open_probes,
	      OP(OPEN)),
	CALLS(WIRE_FAM_WRITE, true, "bytes written", data_probes, OP(WRITE)),
	CALLS(WIRE_FAM_WRITE, true, "shared mappings", mapping_probes,
	      OP(MMAP)),
	CALLS(WIRE_FAM_WRITE, true, "mappings made writable later",
	      protection_probes, OP(MMAP)),
	CALLS(WIRE_FAM_WRITE, true, "unlink", unlink_probes, OP(UNLINK)),
	CALLS(WIRE_FAM_WRITE, true, "rmdir", rmdir_probes, OP(RMDIR)),
	CALLS(WIRE_FAM_WRITE, true, "rename", rename_probes, OP(RENAME)),
	CALLS(WIRE_FAM_WRITE, true, "link", link_probes, OP(LINK)),
	CALLS(WIRE_FAM_WRITE, true, "symlink", symlink_probes, OP(SYMLINK)),
	CALLS(WIRE_FAM_WRITE, true, "mknod", mknod_probes, OP(MKNOD)),
	CALLS(WIRE_FAM_WRITE, true, "mkdir", mkdir_probes, OP(MKDIR)),
	CALLS(WIRE_FAM_WRITE, true, "mode, owner, size, times", attr_probes,
	      OP(CHMOD) | OP(CHOWN) | OP(TRUNCATE) | OP(UTIME)),
	CALLS(WIRE_FAM_WRITE, true, "extended attributes, access lists",
	      xattr_probes, OP(XATTR)),
	CALLS(WIRE_FAM_WRITE, true, "chattr", chattr_probes, OP(CHATTR)),
	HOOK(WIRE_FAM_WRITE, false, "changes through io_uring", uring_probes),
	HOOK(WIRE_FAM_WRITE, false, "descriptors swapped during a call",
	     call_begin_probes),
	HOOK(WIRE_FAM_CONNECT, false, "outcome of TCP connections",
	     outcome_probes),
	CALLS(WIRE_FAM_LOAD, true, "files mapped executable", load_map_probes,
	      ALSO(MAP)),
	/* After the exec's: its program is to run first. */
	HOOK(WIRE_FAM_LOAD, false, "loaders that the kernel maps",
	     load_loader_probes),
	HOOK(WIRE_FAM_LOAD, false, "mappings made executable later",
	     load_mprotect_probes),
	HOOK(WIRE_FAM_LOAD, false, "kernel modules", load_module_probes),
	HOOK(WIRE_FAM_LOAD, false, "files of kernel modules",
	     module_file_probes),
	CALLS(WIRE_FAM_LOAD, true, "BPF programs", load_bpf_probes,
	      ALSO(LOAD_BPF)),
	HOOK(WIRE_FAM_TAMPER, false, "signals to picket", signal_probes),
	CALLS(WIRE_FAM_TAMPER, false,
	      "ptrace attach, process_vm_writev, pidfd_getfd", reach_probes,
	      ALSO(REACH)),
	HOOK(WIRE_FAM_TAMPER, false,
	     "whom process_vm_writev and pidfd_getfd reach", access_probes),
	CALLS(WIRE_FAM_TAMPER, false, "limits set on picket", limit_probes,
	      ALSO(LIMIT)),
	CALLS(WIRE_FAM_TAMPER, false, "signals of files directed at picket",
	      owner_probes, ALSO(OWNER)),
	HOOK(WIRE_FAM_TAMPER, false, "picket moved to another cgroup",
	     move_probes),
	HOOK(WIRE_FAM_TAMPER, false, "picket's cgroup frozen", freeze_probes),
	CALLS(WIRE_FAM_TAMPER, true, "bpf(2) on picket's own",
	      change_bpf_probes, ALSO(CHANGE_BPF)),
	CALLS(WIRE_FAM_CONNECT, false, "connections that fail at once",
	      stream_failure_probes, OP(CONNECT)),
	CALLS(WIRE_FAM_CONNECT, false, "datagram sockets: failing connect",
	      dgram_failure_probes, OP(CONNECT)),
};

const size_t sense_hook_count = COUNT(sense_hooks);

const struct blind_spot sense_blind[] = {
	{ WIRE_FAM_CONNECT, "SCTP by sctp_connectx and sctp_bindx",
	  "not watched by this version; connect and listen are, by lsm, "
	  "fentry and kprobe" },
	{ WIRE_FAM_CONNECT, "addresses that another BPF program changes",
	  "the one asked for is told and judged; of TCP the outcome has the "
	  "other" },
	{ WIRE_FAM_CONNECT, "sockets of other families",
	  "Bluetooth, CAN, TIPC, RDS, netlink and their like: not watched by "
	  "this version" },
	{ WIRE_FAM_CONNECT, "packets through tun and tap devices",
	  "whoever holds one sends what it likes: not watched by this version" },
	{ WIRE_FAM_LOAD, "a new kernel by kexec_load(2), kexec_file_load(2)",
	  "not watched by this version" },
	{ WIRE_FAM_LOAD, "memory attached by shmat(2) to be executed",
	  "not watched by this version" },
	{ WIRE_FAM_WRITE, "pages swapped to a file",
	  "what the kernel writes to the file that swapon(2) named" },
	{ WIRE_FAM_WRITE, "names changed by the kernel's file servers",
	  "nfsd, ksmbd: no process asks; what they open and write is told" },
	{ WIRE_FAM_WRITE, "files that the kernel opens for itself",
	  "disks that it serves from a file (LIO targets, USB gadgets), "
	  "cachefiles: told by lsm, fentry and kprobe, not by tracepoints" },
	{ WIRE_FAM_WRITE, "files of an overlay by their names below it",
	  "what is written through an overlay has the overlay's names: that "
	  "it is /etc/… of a layer is not told" },
	{ WIRE_FAM_WRITE, "what devices and file systems do by ioctl(2)",
	  "extents exchanged, subvolumes made and removed, SCSI and NVMe "
	  "commands; blocks discarded, unless system calls tell of bytes "
	  "written" },
	{ WIRE_FAM_WRITE, "what is written to character devices",
	  "/dev/mem, flash (mtd), generic SCSI and their like: not watched by "
	  "this version" },
	{ WIRE_FAM_WRITE, "process accounting",
	  "what the kernel appends to the file that acct(2) named" },
	{ WIRE_FAM_TAMPER, "picket slowed down",
	  "its priority, processors and scheduling by calls, its memory paged "
	  "out: root's, and not watched by this version (its share by cgroups "
	  "is, by their files); what it loses by it is counted" },
};

const size_t sense_blind_count = COUNT(sense_blind);

static const char *const families[] = {
	[WIRE_FAM_FORK] = "fork",     [WIRE_FAM_EXEC] = "exec",
	[WIRE_FAM_EXIT] = "exit",     [WIRE_FAM_CONNECT] = "connect",
	[WIRE_FAM_WRITE] = "write",   [WIRE_FAM_CGROUP] = "cgroup",
	[WIRE_FAM_LISTEN] = "listen", [WIRE_FAM_LOAD] = "load",
	[WIRE_FAM_TAMPER] = "tamper",
};

static const char *const backends[] = {
	[WIRE_BACKEND_NONE] = "-",	  [WIRE_BACKEND_LSM] = "lsm",
	[WIRE_BACKEND_FENTRY] = "fentry", [WIRE_BACKEND_KPROBE] = "kprobe",
	[WIRE_BACKEND_TP_BTF] = "tp_btf", [WIRE_BACKEND_RAW_TP] = "raw_tp",
	[WIRE_BACKEND_CGROUP] = "cgroup", [WIRE_BACKEND_ITER] = "iter",
};

/* What these do not report, nobody can judge the rest by. */
static const bool required[WIRE_FAM_COUNT] = {
	[WIRE_FAM_FORK] = true,	 [WIRE_FAM_EXEC] = true,
	[WIRE_FAM_EXIT] = true,	 [WIRE_FAM_CONNECT] = true,
	[WIRE_FAM_WRITE] = true,
};

static_assert(COUNT(families) == WIRE_FAM_COUNT, "a name for each family");
static_assert(COUNT(backends) == WIRE_BACKEND_COUNT, "a name for each backend");

bool sense_probe_has(const struct probe *p, const char *program)
{
	const char *const *with = p->with;

	if (strcmp(p->program, program) == 0)
		return true;
	for (; with && *with; with++)
		if (strcmp(*with + (**with == PROBE_IF_THERE), program) == 0)
			return true;
	return false;
}

static const struct {
	const char *program, *helper;
} needs[] = {
	{ "loader_tp_btf", "BPF_FUNC_find_vma" },
};

const char *sense_needs(const char *program)
{
	size_t i;

	for (i = 0; i < COUNT(needs); i++)
		if (strcmp(needs[i].program, program) == 0)
			return needs[i].helper;
	return NULL;
}

bool sense_family_required(enum wire_family family)
{
	assert(family < WIRE_FAM_COUNT);
	return required[family];
}

const char *sense_family_name(enum wire_family family)
{
	assert(family < WIRE_FAM_COUNT);
	return families[family];
}

const char *sense_backend_name(enum wire_backend backend)
{
	assert(backend < WIRE_BACKEND_COUNT);
	return backends[backend];
}
