// SPDX-License-Identifier: Apache-2.0
/*
 * capset(2) by its system call: libcap is not among our libraries. What each
 * kept capability is for stands beside it.
 */
#include "app/sandbox.h"

#include <errno.h>
#include <linux/capability.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const unsigned kept[] = {
	CAP_BPF,	     /* read maps, consume the ring, run iterators */
	CAP_PERFMON,	     /* iterators and programs that read the kernel */
	CAP_SYS_PTRACE,	     /* /proc/PID/exe, cwd and environ of others */
	CAP_DAC_READ_SEARCH, /* walk to what those links name */
};

static uint64_t kept_mask(void)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		mask |= 1ull << kept[i];
	return mask;
}

/* Needs CAP_SETPCAP, so before the others go. Unknown numbers end the list. */
static int drop_bounding(uint64_t mask)
{
	for (unsigned cap = 0; cap < 64; cap++) {
		int there = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);

		if (there < 0)
			return 0;
		if (!there || (mask >> cap & 1))
			continue;
		/* In a container without SETPCAP the set is small already. */
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EPERM)
			return -errno;
	}
	return 0;
}

int sandbox_enter(void)
{
	struct __user_cap_header_struct hdr = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];
	uint64_t mask = kept_mask();
	int r;

	r = drop_bounding(mask);
	if (r < 0)
		return r;
	if (syscall(SYS_capget, &hdr, data) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		uint32_t word = (uint32_t)(mask >> (32 * i));

		data[i].permitted &= word;
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &hdr, data) < 0)
		return -errno;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return 0;
}
