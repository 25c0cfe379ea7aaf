/* SPDX-License-Identifier: Apache-2.0 */
#include "sense/kernel_btf.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* How the kernel calls what a section name stands for. */
static const struct {
	const char *section;
	const char *prefix;
	uint32_t kind;
} kinds[] = {
	{ "lsm", "bpf_lsm_", BTF_KIND_FUNC },
	{ "fentry", "", BTF_KIND_FUNC },
	{ "fexit", "", BTF_KIND_FUNC },
	{ "kprobe", "", BTF_KIND_FUNC },
	{ "kretprobe", "", BTF_KIND_FUNC },
	{ "tp_btf", "btf_trace_", BTF_KIND_TYPEDEF },
	{ "raw_tp", "btf_trace_", BTF_KIND_TYPEDEF },
};

struct btf *kernel_btf_open(void)
{
	return btf__load_vmlinux_btf();
}

int kernel_btf_target(const struct btf *btf, const char *section)
{
	size_t i, n = strcspn(section, "./");
	const char *target = strchr(section, '/');
	char name[128];
	int id;

	for (i = 0; target && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strlen(kinds[i].section) != n ||
		    strncmp(section, kinds[i].section, n) != 0)
			continue;
		(void)snprintf(name, sizeof(name), "%s%s", kinds[i].prefix,
			       target + 1);
		id = btf__find_by_name_kind(btf, name, kinds[i].kind);
		return id > 0 ? id : 0;
	}
	return -ENOTSUP;
}

/* The value of an enumerator, or -1: the kernel's are none of them negative. */
static int64_t enum_value(const struct btf *btf, const char *in,
			  const char *name)
{
	int id = btf__find_by_name_kind(btf, in, BTF_KIND_ENUM), i;
	const struct btf_type *type =
		id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;
	const struct btf_enum *values = type ? btf_enum(type) : NULL;

	for (i = 0; type && i < btf_vlen(type); i++)
		if (strcmp(btf__name_by_offset(btf, values[i].name_off),
			   name) == 0)
			return values[i].val;
	return -1;
}

uint32_t kernel_btf_subsys(const struct btf *btf, const char *controller)
{
	char name[64];
	int64_t value;

	if (strcmp(controller, "blkio") == 0)
		controller = "io";
	(void)snprintf(name, sizeof(name), "%s_cgrp_id", controller);
	value = enum_value(btf, "cgroup_subsys_id", name);
	return value < 0 ? UINT32_MAX : (uint32_t)value;
}

void kernel_btf_find_calls(const struct btf *btf, struct calls_found *ret)
{
	uint32_t id, end = btf__type_cnt(btf);
	const struct btf_type *type;

	memset(ret, 0, sizeof(*ret));
	for (id = 1; id < end; id++) {
		type = btf__type_by_id(btf, id);
		if (btf_is_func(type))
			calls_note(ret,
				   btf__name_by_offset(btf, type->name_off));
	}
}

bool kernel_btf_has_helper(const struct btf *btf, const char *name)
{
	return enum_value(btf, "bpf_func_id", name) >= 0;
}
