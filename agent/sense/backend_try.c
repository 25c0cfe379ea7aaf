/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One small question instead of forty large ones. Where a kind of program is
 * refused as a whole (no trampolines, a lockdown, no kprobes, an inactive
 * BPF LSM), each of ours would be refused for the same reason, after the
 * verifier has been through it. So a tiny one is tried first, for real: it is
 * loaded, attached, and must run, because LSM programs also attach where bpf
 * is missing from the list of active modules, and then never run.
 */
#include "sense/backend_try.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"
#include "sense/kernel_btf.h"
#include "sense/probes.h"

#define KPROBE_PMU  "/sys/bus/event_source/devices/kprobe/type"
#define ACTIVE_LSMS "/sys/kernel/security/lsm"
#define SMALL_TEXT  4096
/* The kernel's own, which no header has and strerror does not know. */
#define ENOTSUPP    524
/* What getpgid(2) of a process by number asks the security modules. */
#define LSM_HOOK    "task_getpgid"
#define KERNEL_CALL "security_task_getpgid"

struct trial {
	enum wire_backend backend;
	enum bpf_prog_type type;
	enum bpf_attach_type attach;
	const char *section;
	int (*attach_it)(int program, int *ret_link);
};

/* Attached by the type that the program names. */
static int attach_typed(int program, int *ret_link)
{
	int fd = bpf_raw_tracepoint_open(NULL, program);

	if (fd < 0)
		return errno == ENOTSUPP ? -EOPNOTSUPP : -errno;
	*ret_link = fd;
	return 0;
}

static int attach_kprobe(int program, int *ret_link)
{
	struct perf_event_attr attr = { .size = sizeof(attr) };
	cleanup_free char *text = NULL;
	cleanup_close int fd = -1;
	size_t n;
	int r;

	r = fs_read_file(AT_FDCWD, KPROBE_PMU, SMALL_TEXT, &text, &n);
	if (r < 0)
		return r;
	r = text_u32(slice_of(text, strcspn(text, "\n")), &attr.type);
	if (r < 0)
		return r;
	attr.kprobe_func = (uint64_t)(uintptr_t)KERNEL_CALL;
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1,
			  PERF_FLAG_FD_CLOEXEC);
	if (fd < 0 || ioctl(fd, PERF_EVENT_IOC_SET_BPF, program) < 0 ||
	    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) < 0)
		return -errno;
	*ret_link = steal_fd(&fd);
	return 0;
}

static const struct trial trials[] = {
	{ WIRE_BACKEND_LSM, BPF_PROG_TYPE_LSM, BPF_LSM_MAC, "lsm/" LSM_HOOK,
	  attach_typed },
	{ WIRE_BACKEND_FENTRY, BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY,
	  "fentry/" KERNEL_CALL, attach_typed },
	{ WIRE_BACKEND_KPROBE, BPF_PROG_TYPE_KPROBE, (enum bpf_attach_type)0,
	  "kprobe/" KERNEL_CALL, attach_kprobe },
};

/* *flag = 1; return 0; */
static int load(const struct trial *t, int flag_fd, int target)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_LD | BPF_IMM | BPF_DW,
		  .dst_reg = BPF_REG_1,
		  .src_reg = BPF_PSEUDO_MAP_VALUE,
		  .imm = flag_fd },
		{ 0 },
		{ .code = BPF_ST | BPF_MEM | BPF_W,
		  .dst_reg = BPF_REG_1,
		  .imm = 1 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = t->attach);
	int fd;

	/* A kprobe is attached by name. */
	if (target > 0 && t->backend != WIRE_BACKEND_KPROBE)
		opts.attach_btf_id = (uint32_t)target;
	fd = bpf_prog_load(t->type, "picket_try", "GPL", code,
			   sizeof(code) / sizeof(code[0]), &opts);
	return fd < 0 ? -errno : fd;
}

static bool fires(int flag_fd)
{
	uint32_t key = 0, flag = 0;

	(void)syscall(SYS_getpgid, getpid());
	return bpf_map_lookup_elem(flag_fd, &key, &flag) == 0 && flag;
}

static void say_silent(enum wire_backend backend, char why[static 120])
{
	cleanup_free char *active = NULL;
	size_t n;

	if (backend != WIRE_BACKEND_LSM) {
		(void)snprintf(why, 120, "%s: programs attach and never run",
			       sense_backend_name(backend));
		return;
	}
	if (fs_read_file(AT_FDCWD, ACTIVE_LSMS, SMALL_TEXT, &active, &n) < 0) {
		(void)snprintf(why, 120,
			       "lsm: programs attach and never run: bpf is not "
			       "an active security module");
		return;
	}
	(void)snprintf(why, 120, "lsm: never run: bpf is not in lsm=%.60s",
		       active);
}

static int run_trial(const struct trial *t, const struct btf *kernel,
		     char why[static 120])
{
	const char *name = sense_backend_name(t->backend);
	cleanup_close int flag = -1, program = -1, link = -1;
	int target, r;

	target = kernel_btf_target(kernel, t->section);
	if (target == 0)
		return 0;
	flag = bpf_map_create(BPF_MAP_TYPE_ARRAY, "picket_try", 4, 4, 1, NULL);
	if (flag < 0)
		return 0;
	r = program = load(t, flag, target);
	if (r < 0) {
		(void)snprintf(why, 120, "%s: the kernel takes none: %s", name,
			       strerror(-r));
		return r;
	}
	r = t->attach_it(program, &link);
	if (r < 0) {
		(void)snprintf(why, 120, "%s: none can be attached: %s", name,
			       strerror(-r));
		return r;
	}
	if (fires(flag))
		return 0;
	say_silent(t->backend, why);
	return -EOPNOTSUPP;
}

int backend_try(enum wire_backend backend, const struct btf *kernel,
		char why[static 120])
{
	size_t i;

	for (i = 0; i < sizeof(trials) / sizeof(trials[0]); i++)
		if (trials[i].backend == backend)
			return run_trial(&trials[i], kernel, why);
	return 0;
}
