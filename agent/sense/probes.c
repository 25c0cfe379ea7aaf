/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole policy of what attaches where, as one table: for each hook the
 * programs that can serve it, in order of preference. attach.c tries them by
 * loading and attaching; nothing here asks for a kernel version.
 */
#include "sense/probes.h"

#include <assert.h>

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

static const struct probe load_map_probes[] = {
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, "load_mmap_lsm", NULL },
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "load_mmap_fentry", NULL },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "load_mmap_kprobe", NULL },
	{ WIRE_BACKEND_TP_BTF, PLACE_CALL_END, "sys_exit_tp_btf", NULL },
	{ WIRE_BACKEND_RAW_TP, PLACE_CALL_END, "sys_exit_raw_tp", NULL },
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

static const struct probe reach_probes[] = {
	{ WIRE_BACKEND_TP_BTF, PLACE_CALL_END, "sys_exit_tp_btf", NULL },
	{ WIRE_BACKEND_RAW_TP, PLACE_CALL_END, "sys_exit_raw_tp", NULL },
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

static const struct probe connect4_probes[] = {
	{ WIRE_BACKEND_CGROUP, PLACE_CGROUP, "connect4_cgroup", NULL },
};

static const struct probe connect6_probes[] = {
	{ WIRE_BACKEND_CGROUP, PLACE_CGROUP, "connect6_cgroup", NULL },
};

static const struct probe sendmsg4_probes[] = {
	{ WIRE_BACKEND_CGROUP, PLACE_CGROUP, "sendmsg4_cgroup", NULL },
};

static const struct probe sendmsg6_probes[] = {
	{ WIRE_BACKEND_CGROUP, PLACE_CGROUP, "sendmsg6_cgroup", NULL },
};

static const struct probe outcome_probes[] = {
	{ WIRE_BACKEND_TP_BTF, PLACE_KERNEL, "set_state_tp_btf",
	  "simultaneous opens, MPTCP" },
	{ WIRE_BACKEND_RAW_TP, PLACE_KERNEL, "set_state_raw_tp",
	  "simultaneous opens, MPTCP" },
};

static const struct probe cgroup_made_probes[] = {
	{ WIRE_BACKEND_TP_BTF, PLACE_KERNEL, "cgroup_mkdir_tp_btf", NULL },
};

static const struct probe cgroup_renamed_probes[] = {
	{ WIRE_BACKEND_TP_BTF, PLACE_KERNEL, "cgroup_rename_tp_btf", NULL },
};

/* Through a descriptor: the kernel's own file. */
static const struct probe file_probes[] = {
	{ WIRE_BACKEND_TP_BTF, PLACE_CALL_END, "sys_exit_tp_btf", NULL },
	{ WIRE_BACKEND_RAW_TP, PLACE_CALL_END, "sys_exit_raw_tp", NULL },
};

static const struct probe name_probes[] = {
	{ WIRE_BACKEND_TP_BTF, PLACE_CALL_END, "sys_exit_tp_btf",
	  "the names are the caller's" },
	{ WIRE_BACKEND_RAW_TP, PLACE_CALL_END, "sys_exit_raw_tp",
	  "the names are the caller's" },
};

static const struct probe attribute_probes[] = {
	{ WIRE_BACKEND_TP_BTF, PLACE_CALL_END, "sys_exit_tp_btf",
	  "without a descriptor the name is the caller's" },
	{ WIRE_BACKEND_RAW_TP, PLACE_CALL_END, "sys_exit_raw_tp",
	  "without a descriptor the name is the caller's" },
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
#define OP(name)   (1u << WIRE_OP_##name)
#define ALSO(name) (1u << WIRE_ALSO_##name)

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
	HOOK(WIRE_FAM_CONNECT, true, "datagrams, IPv4", sendmsg4_probes),
	HOOK(WIRE_FAM_CONNECT, true, "datagrams, IPv6", sendmsg6_probes),
	CALLS(WIRE_FAM_WRITE, true, "files opened for writing", file_probes,
	      OP(OPEN)),
	CALLS(WIRE_FAM_WRITE, true, "bytes written, truncated", file_probes,
	      OP(WRITE) | OP(TRUNCATE)),
	CALLS(WIRE_FAM_WRITE, true, "shared mappings", file_probes, OP(MMAP)),
	CALLS(WIRE_FAM_WRITE, true, "names: unlink, rename, link, mkdir …",
	      name_probes,
	      OP(RENAME) | OP(UNLINK) | OP(LINK) | OP(SYMLINK) | OP(MKNOD) |
		      OP(MKDIR) | OP(RMDIR)),
	CALLS(WIRE_FAM_WRITE, true, "mode, owner, extended attributes",
	      attribute_probes, OP(CHMOD) | OP(CHOWN) | OP(XATTR)),
	HOOK(WIRE_FAM_WRITE, false, "descriptors swapped during a call",
	     call_begin_probes),
	HOOK(WIRE_FAM_CONNECT, false, "outcome of TCP connections",
	     outcome_probes),
	CALLS(WIRE_FAM_CONNECT, false, "connect that fails at once",
	      file_probes, OP(NONE)),
	CALLS(WIRE_FAM_LOAD, true, "files mapped executable", load_map_probes,
	      ALSO(MAP)),
	HOOK(WIRE_FAM_LOAD, false, "mappings made executable later",
	     load_mprotect_probes),
	HOOK(WIRE_FAM_LOAD, false, "kernel modules", load_module_probes),
	CALLS(WIRE_FAM_LOAD, true, "BPF programs", load_bpf_probes,
	      ALSO(LOAD_BPF)),
	HOOK(WIRE_FAM_TAMPER, false, "signals to picket", signal_probes),
	CALLS(WIRE_FAM_TAMPER, false, "ptrace attach, process_vm_writev",
	      reach_probes, ALSO(REACH)),
	HOOK(WIRE_FAM_TAMPER, false, "whom process_vm_writev reaches",
	     access_probes),
	CALLS(WIRE_FAM_TAMPER, true, "bpf(2) on picket's own",
	      change_bpf_probes, ALSO(CHANGE_BPF)),
};

const size_t sense_hook_count = COUNT(sense_hooks);

const struct blind_spot sense_blind[] = {
	{ WIRE_FAM_CONNECT, "unix sockets",
	  "not watched by this version, whatever the setting says" },
	{ WIRE_FAM_CONNECT, "raw and packet sockets",
	  "not watched by this version" },
	{ WIRE_FAM_WRITE, "files opened and changed by io_uring",
	  "not watched by this version: no system call tells of them" },
	{ WIRE_FAM_WRITE, "aio, mprotect to writable, ioctl",
	  "not watched by this version; the file's opening is" },
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
