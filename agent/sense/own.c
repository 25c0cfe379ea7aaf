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

/* Before 5.15 a kprobe is attached without a link: nothing to detach. */
static int tell_link(int own_fd, int fd)
{
	struct bpf_link_info info = { .id = 0 };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return errno == EINVAL ? 0 : -errno;
	return tell_one(own_fd, WIRE_OWN_LINK, info.id);
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
		if (!a->programs[i].link)
			continue;
		r = tell_link(own_fd, bpf_link__fd(a->programs[i].link));
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- looking after ------------------------------------------------------- */

/* What became of a link; NULL: it is as it was. */
static const char *link_harm(const struct running *r)
{
	struct bpf_prog_info prog = { .id = 0 };
	struct bpf_link_info link = { .id = 0 };
	uint32_t prog_size = sizeof(prog), link_size = sizeof(link);

	if (bpf_obj_get_info_by_fd(bpf_link__fd(r->link), &link, &link_size) <
	    0)
		return errno == EINVAL ? NULL : "the link is gone";
	/* A link that was detached lives on, on no cgroup. */
	if (link.type == BPF_LINK_TYPE_CGROUP && !link.cgroup.cgroup_id)
		return "detached by somebody else";
	/* Not by r->program: what was taken over has none. */
	if (bpf_obj_get_info_by_fd(r->fd, &prog, &prog_size) < 0)
		return "the program is gone";
	return link.prog_id == prog.id ? NULL
				       : "another program put in its place";
}

static void put_out(struct attachment *a, const struct running *r,
		    const char *why)
{
	const struct probe *probe;
	size_t i;

	for (i = 0; i < sense_hook_count; i++) {
		probe = attach_serving(a, i);
		if (probe && sense_probe_has(probe, r->name))
			(void)snprintf(a->hooks[i].reason,
				       sizeof(a->hooks[i].reason), "%s: %s",
				       sense_backend_name(probe->backend), why);
	}
}

int own_check(struct attachment *a)
{
	size_t i, kept = 0;
	const char *why;
	int harmed = 0;

	for (i = 0; i < a->program_count; i++) {
		struct running r = a->programs[i];

		why = r.link ? link_harm(&r) : NULL;
		if (!why) {
			a->programs[kept++] = r;
			continue;
		}
		put_out(a, &r, why);
		(void)bpf_link__destroy(r.link);
		harmed++;
	}
	a->program_count = kept;
	return harmed;
}
