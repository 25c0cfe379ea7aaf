/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What cgroups are called. Records carry ids; the name of an id is told when
 * it is made or renamed, and is in the ring before anything that runs there.
 */
#include "read_str.h"
#include "read_task.h"

#define CLASS_SMALL 640
#define CLASS_LARGE 5120

static __always_inline int cgroup_named(enum wire_backend backend,
					struct cgroup *cgroup, const char *path)
{
	__u32 hierarchy = BPF_CORE_READ(cgroup, root, hierarchy_id);
	struct wire_cgroup *r;
	struct record rec;
	__u64 class;

	/* The unified hierarchy, and the one whose ids records carry. */
	if (hierarchy && hierarchy != v1_hierarchy)
		return 0;
	count_made(WIRE_FAM_CGROUP);
	if (measure_kernel_str((__u64)path) <=
	    CLASS_END(CLASS_SMALL) - sizeof(*r)) {
		class = CLASS_SMALL;
		r = bpf_ringbuf_reserve(&ring, CLASS_SMALL, 0);
	} else {
		class = CLASS_LARGE;
		r = bpf_ringbuf_reserve(&ring, CLASS_LARGE, 0);
	}
	if (!r) {
		count_lost(WIRE_FAM_CGROUP);
		return 0;
	}
	rec = record_of(r, class, sizeof(*r));
	hdr_begin(&r->hdr, WIRE_CGROUP, backend);
	hdr_no_task(&r->hdr);
	r->id = BPF_CORE_READ(cgroup, kn, id);
	r->hierarchy = hierarchy;
	r->path = put_str(rec, path, false);
	r->hdr.size = rec.f->pos;
	submit(r, class);
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(cgroup_mkdir_tp_btf, struct cgroup *cgroup, const char *path)
{
	return cgroup_named(WIRE_BACKEND_TP_BTF, cgroup, path);
}

SEC("tp_btf/cgroup_rename")
int BPF_PROG(cgroup_rename_tp_btf, struct cgroup *cgroup, const char *path)
{
	return cgroup_named(WIRE_BACKEND_TP_BTF, cgroup, path);
}
