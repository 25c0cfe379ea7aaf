/* SPDX-License-Identifier: Apache-2.0 */
#include "sense/memory.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t whole_pages(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

int memory_make(const char *name, size_t size)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(uint32_t),
				(uint32_t)whole_pages(size), 1, &opts);

	return fd < 0 ? -errno : fd;
}

int memory_map(int fd, struct memory *ret)
{
	struct bpf_map_info info = { 0 };
	uint32_t n = sizeof(info);
	void *p;

	if (bpf_obj_get_info_by_fd(fd, &info, &n) < 0)
		return -errno;
	if (info.type != BPF_MAP_TYPE_ARRAY || info.max_entries != 1 ||
	    info.value_size != whole_pages(info.value_size))
		return -EBADMSG;
	p = mmap(NULL, info.value_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		 0);
	if (p == MAP_FAILED)
		return -errno;
	*ret = (struct memory){ p, info.value_size };
	return 0;
}

void memory_unmap(struct memory *m)
{
	if (m->p)
		(void)munmap(m->p, m->size);
	*m = (struct memory){ NULL, 0 };
}
