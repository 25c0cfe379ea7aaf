/* SPDX-License-Identifier: Apache-2.0 */
#include "sense/core_types.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/fs.h"

/* ---- names --------------------------------------------------------------- */

/*
 * What libbpf compares of "file___old" is "file": all before the last three
 * underscores that stand between other characters.
 */
static size_t essential(const char *name)
{
	size_t n = strlen(name), i;

	for (i = n < 5 ? 0 : n - 4; i-- > 0;)
		if (name[i] != '_' && strncmp(name + i + 1, "___", 3) == 0 &&
		    name[i + 4] != '_')
			return i + 1;
	return n;
}

/* Open addressing; twice as many places as names, and more. */
struct names {
	const char **at;
	size_t places; /* a power of two */
};

static size_t hash_name(const char *name, size_t n)
{
	uint32_t h = 2166136261u;

	while (n--)
		h = (h ^ (uint8_t)*name++) * 16777619u;
	return h;
}

/* Where it is, or would be. */
static const char **find_name(const struct names *names, const char *name)
{
	size_t n = essential(name), i = hash_name(name, n), m;
	const char **at;

	for (;; i++) {
		at = &names->at[i & (names->places - 1)];
		if (!*at)
			return at;
		m = essential(*at);
		if (m == n && memcmp(*at, name, n) == 0)
			return at;
	}
}

/* The kinds that a relocation can be about, or go through. */
static bool is_data(const struct btf_type *t)
{
	switch (btf_kind(t)) {
	case BTF_KIND_UNKN:
	case BTF_KIND_FUNC:
	case BTF_KIND_FUNC_PROTO:
	case BTF_KIND_VAR:
	case BTF_KIND_DATASEC:
	case BTF_KIND_DECL_TAG:
		return false;
	default:
		return true;
	}
}

static int list_names(const struct btf *programs, struct names *names)
{
	uint32_t id, end = btf__type_cnt(programs);
	const struct btf_type *t;

	for (names->places = 16; names->places < 2 * (size_t)end;)
		names->places *= 2;
	names->at = calloc(names->places, sizeof(*names->at));
	if (!names->at)
		return -ENOMEM;
	for (id = 1; id < end; id++) {
		t = btf__type_by_id(programs, id);
		if (is_data(t) && t->name_off) {
			const char *name =
				btf__name_by_offset(programs, t->name_off);

			*find_name(names, name) = name;
		}
	}
	return 0;
}

/* ---- types --------------------------------------------------------------- */

struct copying {
	const struct btf *kernel;
	struct btf *copy;
	uint32_t *ids;	/* by the kernel's id: that of the copy; 0: none yet */
	uint32_t *todo; /* the kernel's ids, in the order of the copies */
	uint32_t wanted;
};

/* Its id among the copies, as which it is or will be made. */
static uint32_t want(struct copying *c, uint32_t id)
{
	if (!id || !is_data(btf__type_by_id(c->kernel, id)))
		return 0;
	if (!c->ids[id]) {
		c->todo[c->wanted++] = id;
		c->ids[id] = c->wanted;
	}
	return c->ids[id];
}

/* A type as it was copied: what it refers to is still by the kernel's ids. */
static void refer_to_copies(struct copying *c, struct btf_type *t)
{
	struct btf_member *m;
	uint16_t i;

	switch (btf_kind(t)) {
	case BTF_KIND_PTR:
		t->type = 0;
		break;
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
		t->type = want(c, t->type);
		break;
	case BTF_KIND_ARRAY:
		btf_array(t)->type = want(c, btf_array(t)->type);
		btf_array(t)->index_type = want(c, btf_array(t)->index_type);
		break;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		for (m = btf_members(t), i = 0; i < btf_vlen(t); i++)
			m[i].type = want(c, m[i].type);
		break;
	default:
		break;
	}
}

static int copy_types(struct copying *c, const struct names *names)
{
	uint32_t id, end = btf__type_cnt(c->kernel), done;
	const struct btf_type *t;
	int r;

	for (id = 1; id < end; id++) {
		t = btf__type_by_id(c->kernel, id);
		if (t->name_off && is_data(t) &&
		    *find_name(names,
			       btf__name_by_offset(c->kernel, t->name_off)))
			(void)want(c, id);
	}
	for (done = 0; done < c->wanted; done++) {
		r = btf__add_type(c->copy, c->kernel,
				  btf__type_by_id(c->kernel, c->todo[done]));
		if (r < 0)
			return r;
		/* Ours to change, though handed out as if it were not. */
		refer_to_copies(c,
				(struct btf_type *)(uintptr_t)btf__type_by_id(
					c->copy, (uint32_t)r));
	}
	return 0;
}

static int put_in_memory(const struct btf *copy)
{
	cleanup_close int fd = -1;
	const void *data;
	uint32_t size;
	int r;

	data = btf__raw_data(copy, &size);
	if (!data)
		return -ENOMEM;
	fd = memfd_create("picket-types", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fs_write_all(fd, data, size);
	return r < 0 ? r : steal_fd(&fd);
}

int core_types_make(const struct btf *kernel, const struct btf *programs)
{
	const uint32_t all = btf__type_cnt(kernel);
	struct copying c = {
		.kernel = kernel,
		.copy = btf__new_empty(),
		.ids = calloc(all, sizeof(*c.ids)),
		.todo = calloc(all, sizeof(*c.todo)),
	};
	struct names names = { 0 };
	int r = -ENOMEM;

	if (c.copy && c.ids && c.todo)
		r = list_names(programs, &names);
	if (r >= 0)
		r = copy_types(&c, &names);
	if (r >= 0)
		r = put_in_memory(c.copy);
	free(names.at);
	free(c.todo);
	free(c.ids);
	btf__free(c.copy);
	return r;
}
