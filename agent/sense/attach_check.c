/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Before anything else: may this process load programs here at all? So that
 * the answer is one line that says what to do.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sense/attach.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"

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

int attach_check(char what[static 256])
{
	int fd;

	/* A kind of map that only the privileged may make, whatever sysctl. */
	fd = !has_capabilities()
		     ? -EPERM
		     : bpf_map_create(BPF_MAP_TYPE_LRU_HASH, "picket_check", 4,
				      4, 1, NULL);
	if (fd == -EPERM || fd == -EACCES) {
		(void)snprintf(what, 256,
			       "loading eBPF programs needs root, or CAP_BPF, "
			       "CAP_PERFMON and CAP_NET_ADMIN in the host's "
			       "user namespace");
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
	return 0;
}
