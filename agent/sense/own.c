/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ids, not descriptors or names, are what the kernel side can compare: they
 * stay those of an object for as long as it lives, in whoever's hands.
 */
#include "sense/own.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "sense/skeleton.h"

static int tell_one(int own_fd, enum wire_own_kind kind, uint32_t id)
{
	const struct wire_own own = { .kind = kind, .id = id };
	const uint8_t one = 1;

	return bpf_map_update_elem(own_fd, &own, &one, BPF_ANY) < 0 ? -errno
								    : 0;
}

static int tell_map(int own_fd, int fd)
{
	struct bpf_map_info info = { .id = 0 };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return -errno;
	return tell_one(own_fd, WIRE_OWN_MAP, info.id);
}

int own_tell_link(const struct attachment *a, uint32_t id)
{
	/* Before 5.15 a kprobe is attached without a link: nothing to detach. */
	return id ? tell_one(a->maps[ATTACH_OWN_OBJECTS], WIRE_OWN_LINK, id)
		  : 0;
}

void own_forget_link(const struct attachment *a, uint32_t id)
{
	const struct wire_own own = { .kind = WIRE_OWN_LINK, .id = id };

	(void)bpf_map_delete_elem(a->maps[ATTACH_OWN_OBJECTS], &own);
}

int own_tell_map(const struct attachment *a, int fd)
{
	return tell_map(a->maps[ATTACH_OWN_OBJECTS], fd);
}

int own_tell(const struct attachment *a)
{
	int own_fd = a->maps[ATTACH_OWN_OBJECTS], r;
	const struct bpf_map *m;
	size_t i;

	bpf_object__for_each_map(m, a->objects[0]->obj)
	{
		r = tell_map(own_fd, bpf_map__fd(m));
		if (r < 0)
			return r;
	}
	for (i = 0; i < a->program_count; i++) {
		r = own_tell_link(a, a->programs[i].link_id);
		if (r < 0)
			return r;
	}
	return 0;
}
