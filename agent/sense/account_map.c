/* SPDX-License-Identifier: Apache-2.0 */
/* The account as a map: made, and seen as memory. */
#include <bpf/bpf.h>
#include <errno.h>
#include <sys/mman.h>

#include "sense/account.h"

int account_make(unsigned cpus)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "picket_account", 4,
				(uint32_t)account_bytes(cpus), 1, &opts);

	return fd < 0 ? -errno : fd;
}

int account_map(int fd, unsigned cpus, struct account **ret)
{
	struct bpf_map_info info = { 0 };
	uint32_t n = sizeof(info);
	struct account *a;

	if (bpf_obj_get_info_by_fd(fd, &info, &n) < 0)
		return -errno;
	if (info.type != BPF_MAP_TYPE_ARRAY || info.max_entries != 1 ||
	    info.value_size != account_bytes(cpus))
		return -EBADMSG;
	a = mmap(NULL, account_bytes(cpus), PROT_READ | PROT_WRITE, MAP_SHARED,
		 fd, 0);
	if (a == MAP_FAILED)
		return -errno;
	*ret = a;
	return 0;
}

void account_unmap(struct account *a, unsigned cpus)
{
	if (a)
		(void)munmap(a, account_bytes(cpus));
}
