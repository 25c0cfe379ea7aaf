/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes up for an event: it is looked up in each index that has rules of
 * its kind. What an image's program and ancestors bring up is remembered by
 * image, and what an ancestor's program brings up by ancestor: of both the
 * id says that they are what they were (rules/rule.h).
 */
#include <stddef.h>

#include "limits.h"
#include "rules/hash.h"
#include "rules/judging.h"

/* Found by the image: note it for the next event, if it can ever hold. */
static void note(struct judging *j, uint32_t i)
{
	struct image_memo *m = j->memo;
	uint32_t k;

	for (k = 0; k < m->n && k < MEMO_RULES; k++) {
		if (m->rules[k] == i)
			return;
	}
	if (!rule_fits_image(&j->q, &j->set->rules[i]))
		return;
	if (m->n < MEMO_RULES)
		m->rules[m->n] = i;
	m->n++;
	judging_consider(j, i);
}

static void keep_found(struct found_memo *m, uint32_t rule)
{
	uint32_t k;

	for (k = 0; k < m->n && k < FOUND_RULES; k++) {
		if (m->rules[k] == rule)
			return;
	}
	if (m->n < FOUND_RULES)
		m->rules[m->n] = rule;
	m->n++;
}

static void found_rule(struct judging *j, uint32_t i)
{
	if (j->memo)
		note(j, i);
	else
		judging_consider(j, i);
}

static bool found_string(void *arg, const struct str_entry *e)
{
	struct judging *j = arg;

	/* All needed next, and each likely to be a miss of its own. */
	__builtin_prefetch(&j->set->rules[e->owner]);
	__builtin_prefetch(&j->set->conds[e->hint]);
	__builtin_prefetch(&j->set->conds[e->hint + 2]);
	__builtin_prefetch(e->pattern);
	__builtin_prefetch((const char *)e->pattern + 64);
	if (j->found)
		keep_found(j->found, e->owner);
	found_rule(j, e->owner);
	return false;
}

static bool found_number(void *arg, uint32_t owner)
{
	judging_consider(arg, owner);
	return false;
}

/* ---- looking up --------------------------------------------------------- */

static void find_string(struct judging *j, enum dim d, struct slice s)
{
	if (s.n)
		(void)str_index_visit(j->ix->strings[d], s, found_string, j);
}

/* By every name that ask.c may go by. */
static void find_file(struct judging *j, enum dim d, const struct file_path *f)
{
	bool cut = path_is_cut(f);

	find_string(j, d, cut ? path_end(f->path) : f->path);
	if (f->host_path.n)
		find_string(j, d, path_of_host(f));
}

static void find_user(struct judging *j, enum dim d)
{
	const struct user_entry *u = j->ix->users;
	uint32_t lo = 0, hi = j->ix->n_users, mid, id = j->q.ev->actor.euid;

	(void)d;
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (u[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < j->ix->n_users && u[lo].id == id; lo++)
		judging_consider(j, u[lo].rule);
}

static void find_dest(struct judging *j, enum dim d)
{
	struct cidr addr;

	(void)d;
	if (!cidr_of_addr(&event_end(j->q.ev)->addr, &addr))
		return;
	(void)trie_visit(addr.v6 ? &j->ix->dest.v6 : &j->ix->dest.v4, addr.bits,
			 found_number, j);
}

/* Of what is redacted anything may have been there. */
static void find_args(struct judging *j, enum dim d)
{
	struct slice args = j->q.img->args, arg;

	if (j->q.img->args_hidden) {
		(void)str_index_each(j->ix->strings[d], found_string, j);
		return;
	}
	while (next_string(&args, &arg))
		(void)str_index_visit(j->ix->strings[d], arg, found_string, j);
}

/* By the program of one who was there before, who is asked about often. */
static void find_program(struct judging *j, enum dim d, const struct image *img)
{
	struct found_memo *m = &j->ix->found[(img->id + d) % FOUND_IMAGES];
	uint32_t i;

	if (!img->id) {
		find_file(j, d, &img->exe);
		return;
	}
	if (m->image == img->id) {
		for (i = 0; i < m->n; i++)
			found_rule(j, m->rules[i]);
		return;
	}
	*m = (struct found_memo){ .image = img->id };
	j->found = m;
	find_file(j, d, &img->exe);
	j->found = NULL;
	/* Too many to remember: next time the index is asked again. */
	if (m->n > FOUND_RULES)
		m->image = 0;
}

static bool is_same_string(struct slice a, struct slice b)
{
	return a.p == b.p && a.n == b.n;
}

/* A fork runs its parent's program, and shares the memory of its name. */
static bool has_same_program(const struct image *a, const struct image *b)
{
	return is_same_string(a->exe.path, b->exe.path) &&
	       is_same_string(a->exe.host_path, b->exe.host_path) &&
	       a->exe.flags == b->exe.flags;
}

static void find_ancestors(struct judging *j, enum dim d)
{
	const struct image *img = image_before(j->q.img), *before;
	unsigned n;

	for (n = 0; img && n < PICKET_ANCESTORS_MAX; n++) {
		before = image_before(img);
		if (!before || n + 1 == PICKET_ANCESTORS_MAX ||
		    !has_same_program(img, before))
			find_program(j, d, img);
		img = before;
	}
}

static void find_paths(struct judging *j, enum dim d)
{
	const struct event *ev = j->q.ev;

	if (ev->kind == EVENT_LOAD) {
		find_file(j, d, &ev->load.path);
		return;
	}
	find_file(j, d, &ev->write.path);
	if (ev->write.new_path.path.n)
		find_file(j, d, &ev->write.new_path);
}

static void find_socket(struct judging *j, enum dim d)
{
	char name[SOCKET_NAME_MAX];

	find_string(j, d, socket_name(event_end(j->q.ev), name));
}

static void find_port(struct judging *j, enum dim d)
{
	(void)d;
	(void)trie_visit(&j->ix->port, key_bits_of16(event_end(j->q.ev)->port),
			 found_number, j);
}

static void find_exe(struct judging *j, enum dim d)
{
	find_file(j, d, &j->q.img->exe);
}

static void find_parent(struct judging *j, enum dim d)
{
	if (j->q.img->parent)
		find_program(j, d, j->q.img->parent);
}

/* A string that the image has as it is looked up. */
static void find_word(struct judging *j, enum dim d)
{
	static const size_t at[DIM_COUNT] = {
		[DIM_SCRIPT] = offsetof(struct image, script),
		[DIM_CONTAINER] = offsetof(struct image, container),
		[DIM_POD] = offsetof(struct image, pod),
		[DIM_IMAGE] = offsetof(struct image, container_image),
		[DIM_NAMESPACE] = offsetof(struct image, pod_namespace),
		[DIM_UNIT] = offsetof(struct image, unit),
		[DIM_CGROUP] = offsetof(struct image, cgroup),
	};
	const char *img = (const char *)j->q.img;

	find_string(j, d, *(const struct slice *)(const void *)(img + at[d]));
}

static void (*const finders[DIM_COUNT])(struct judging *, enum dim) = {
	[DIM_PATH] = find_paths,	 [DIM_DEST] = find_dest,
	[DIM_SOCKET] = find_socket,	 [DIM_EXE] = find_exe,
	[DIM_SCRIPT] = find_word,	 [DIM_CONTAINER] = find_word,
	[DIM_POD] = find_word,		 [DIM_IMAGE] = find_word,
	[DIM_NAMESPACE] = find_word,	 [DIM_UNIT] = find_word,
	[DIM_PARENT] = find_parent,	 [DIM_CGROUP] = find_word,
	[DIM_ARGS] = find_args,		 [DIM_PORT] = find_port,
	[DIM_ANCESTOR] = find_ancestors, [DIM_USER] = find_user,
};

static void find_in(struct judging *j, uint32_t dims)
{
	unsigned d;

	for (; dims; dims &= dims - 1) {
		d = (unsigned)__builtin_ctz(dims);
		finders[d](j, (enum dim)d);
	}
}

void find_in_event(struct judging *j)
{
	find_in(j, j->ix->dims & ~DIMS_OF_IMAGE);
}

static void find_in_image(struct judging *j)
{
	find_in(j, j->ix->dims & DIMS_OF_IMAGE);
}

/* Another one with any of those before it, or if one of them becomes known. */
static uint64_t line_of(const struct image *img)
{
	uint64_t line = 0;
	unsigned n;

	for (n = 0; n < PICKET_ANCESTORS_MAX; n++) {
		img = image_before(img);
		if (!img)
			break;
		line = hash_mix(line, img->id);
	}
	return line;
}

static struct image_memo memo_of(const struct image *img)
{
	return (struct image_memo){
		.image = img->id,
		.line = line_of(img),
		.cgroup_id = img->cgroup_id,
		.unit = img->unit.p,
		.container = img->container.p,
		.pod = img->pod.p,
		.of_image = img->container_image.p,
		.cgroup = img->cgroup.p,
		.host_path = img->exe.host_path.p,
	};
}

static bool same_memo(const struct image_memo *a, const struct image_memo *b)
{
	return a->image == b->image && a->line == b->line &&
	       a->cgroup_id == b->cgroup_id && a->unit == b->unit &&
	       a->container == b->container && a->pod == b->pod &&
	       a->of_image == b->of_image && a->cgroup == b->cgroup &&
	       a->host_path == b->host_path;
}

void find_by_image(struct judging *j)
{
	const struct image *img = j->q.img;
	struct image_memo want, *m;
	uint32_t i;

	/*
	 * What hangs on redacted strings is to be said each time, and an exec
	 * is the only one of its image.
	 */
	if (!img->id || j->q.ev->kind == EVENT_EXEC ||
	    (img->flags & (IMAGE_F_UNKNOWN | IMAGE_F_REDACTED))) {
		find_in_image(j);
		return;
	}
	want = memo_of(img);
	m = &j->ix->memos[img->id % MEMO_IMAGES];
	if (same_memo(m, &want)) {
		for (i = 0; i < m->n; i++)
			judging_consider(j, m->rules[i]);
		return;
	}
	*m = want;
	j->memo = m;
	find_in_image(j);
	j->memo = NULL;
	/* Too many to remember: next time the index is asked again. */
	if (m->n > MEMO_RULES)
		m->image = 0;
}
