/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Before anything else: may this process load programs here at all? So that
 * the answer is one line that says what to do.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "sense/attach.h"

#define BTF_PATH      "/sys/kernel/btf/vmlinux"
#define LOCKDOWN_PATH "/sys/kernel/security/lockdown"

/*
 * CAP_SYS_ADMIN stands for all of them. Whether they count is another matter:
 * in a user namespace they do not.
 */
static bool has_capabilities(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = { { 0 } };
	uint64_t have, want = 1ull << CAP_BPF | 1ull << CAP_PERFMON |
			      1ull << CAP_NET_ADMIN;

	if (syscall(SYS_capget, &header, data) < 0)
		return true;
	have = data[0].effective | (uint64_t)data[1].effective << 32;
	return have & 1ull << CAP_SYS_ADMIN || (have & want) == want;
}

static const char lacks_capabilities[] =
	"loading eBPF programs needs root, or CAP_BPF, CAP_PERFMON and "
	"CAP_NET_ADMIN in the host's user namespace";
static const char refused_by_filter[] =
	"bpf(2) is refused, though the capabilities for it are there: most "
	"likely by the seccomp profile of the container's runtime, or the "
	"service's SystemCallFilter=";

/* Asked for in /proc: prctl(2) may be among what a filter refuses. */
static bool is_filtered(void)
{
	cleanup_free char *text = NULL;
	size_t n = 0;

	return fs_read_file(AT_FDCWD, "/proc/self/status", 1 << 16, &text,
			    &n) == 0 &&
	       strstr(text, "\nSeccomp:\t2");
}

/* Load `probe_read_kernel(fp - 8, 8, 0); return 0;`, or only the return. */
static int load_reader(bool reads)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X,
		  .dst_reg = BPF_REG_1,
		  .src_reg = BPF_REG_10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K,
		  .dst_reg = BPF_REG_1,
		  .imm = -8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K,
		  .dst_reg = BPF_REG_2,
		  .imm = 8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3 },
		{ .code = BPF_JMP | BPF_CALL,
		  .imm = BPF_FUNC_probe_read_kernel },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	const size_t n = sizeof(code) / sizeof(code[0]);
	const size_t skip = reads ? 0 : n - 2;
	int fd;

	fd = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "picket_reads", "GPL",
			   code + skip, n - skip, NULL);
	if (fd < 0)
		return fd;
	(void)close(fd);
	return 0;
}

/*
 * No program of ours does without reading the kernel's memory, and lockdown
 * takes that from all at once. Asked for by trying: securityfs need not be
 * mounted, and only gives the reason. (libbpf's probe for helpers knows not
 * what kernels since 6.11 say of one that is not allowed.)
 */
static int check_reading(char what[static 256])
{
	cleanup_free char *mode = NULL;
	bool is_locked;
	size_t n = 0;

	if (load_reader(true) == 0 || load_reader(false) < 0)
		return 0;
	is_locked =
		fs_read_file(AT_FDCWD, LOCKDOWN_PATH, 256, &mode, &n) == 0 &&
		strstr(mode, "[confidentiality]");
	(void)snprintf(what, 256,
		       "eBPF programs may not read this kernel's memory%s: "
		       "nothing can be watched. What is in the journal can "
		       "still be read and shipped",
		       is_locked ? ", as it is locked down (boot with "
				   "lockdown=integrity, not =confidentiality)"
				 : "");
	return -ENOTSUP;
}

int attach_check(char what[static 256])
{
	const bool has = has_capabilities();
	int fd;

	/* A kind of map that only the privileged may make, whatever sysctl. */
	fd = !has ? -EPERM
		  : bpf_map_create(BPF_MAP_TYPE_LRU_HASH, "picket_check", 4, 4,
				   1, NULL);
	if (fd == -EPERM || fd == -EACCES) {
		const bool by_filter = has && is_filtered();

		(void)snprintf(what, 256, "%s",
			       by_filter ? refused_by_filter
					 : lacks_capabilities);
		return -EPERM;
	}
	if (fd < 0) {
		(void)snprintf(what, 256, "this kernel offers no eBPF: %s",
			       strerror(-fd));
		return -ENOTSUP;
	}
	(void)close(fd);
	if (access(BTF_PATH, R_OK) < 0) {
		(void)snprintf(what, 256,
			       "this kernel has no BTF (%s: %s); it must be "
			       "built with CONFIG_DEBUG_INFO_BTF",
			       BTF_PATH, strerror(errno));
		return -ENOTSUP;
	}
	return check_reading(what);
}
