/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit, container and pod from a cgroup path.
 *
 * One walk over the path's components, outside to inside. Every component is
 * held against the tables below; what is found further inside replaces what
 * was found outside, and entering a container forgets the units around it.
 */
#include "proc/cgroup_name.h"

#include <stdint.h>

#define ID_HEX	 64
/* Of a pod: a UUID, or the hash that names a static pod. */
#define UID_UUID 36
#define UID_HASH 32

#define S(text)                        \
	{                              \
		text, sizeof(text) - 1 \
	}

/* Kinds of systemd units that hold processes, slices apart. */
static const struct slice unit_ends[] = {
	S(".service"), S(".scope"), S(".socket"), S(".mount"), S(".swap"),
};

/* PREFIX-<64 hex> of processes that stand beside a container, not in it. */
static const struct slice monitors[] = {
	S("crio-conmon"),
	S("libpod-conmon"),
};

/* PREFIXname, the prefix ending in what separates it from the name. */
static const struct named {
	struct slice prefix, suffix;
	bool is_unit; /* of its supervisor, where that stands apart */
} named[] = {
	{ S("lxc.payload."), S(""), false },
	{ S("machine-"), S(".scope"), true },
	{ S("systemd-nspawn@"), S(".service"), true },
};

/* Below this, the next component is the container's name. */
static const struct slice named_parents[] = {
	S("lxc"),
	S("lxc.payload"),
};

/* Machines that are virtual, not containers: qemu runs on the host. */
static const struct slice virtual_machine = S("qemu\\x2d");
static const struct slice supervisor = S("supervisor");
static const struct slice init_scope = S("init.scope");
static const struct slice slice_end = S(".slice");
static const struct slice scope_end = S(".scope");
static const struct slice split_payload = S("libpod-payload");
static const struct slice pod_mark = S("-pod");
static const struct slice kubepods = S("kubepods");

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static bool ends(struct slice s, struct slice end)
{
	return s.n > end.n && !memcmp(s.p + s.n - end.n, end.p, end.n);
}

static struct slice cut_end(struct slice s, struct slice end)
{
	return ends(s, end) ? slice_of(s.p, s.n - end.n) : s;
}

static bool one_of(struct slice s, const struct slice *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (slice_eq(s, list[i]))
			return true;
	return false;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool all_hex(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_hex(s.p[i]))
			return false;
	return s.n > 0;
}

/* A UUID with '-' or, in a slice's name, '_'; or a static pod's hash. */
static bool is_pod_uid(struct slice s)
{
	if (s.n == UID_HASH)
		return all_hex(s);
	if (s.n != UID_UUID)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		bool is_mark = i == 8 || i == 13 || i == 18 || i == 23;
		bool has_mark = s.p[i] == '-' || s.p[i] == '_';

		if (is_mark ? !has_mark : !is_hex(s.p[i]))
			return false;
	}
	return true;
}

/*
 * <64 hex>, or RUNTIME-<64 hex> or SLICE:RUNTIME:<64 hex> (a kubelet that
 * speaks systemd to a runtime that does not), with .scope or without.
 */
static bool runtime_id(struct slice part, struct slice *ret_runtime,
		       struct slice *ret_id)
{
	struct slice s = cut_end(part, scope_end);
	struct slice id;
	size_t before;

	if (s.n < ID_HEX)
		return false;
	id = slice_of(s.p + s.n - ID_HEX, ID_HEX);
	before = s.n - ID_HEX;
	if (!all_hex(id))
		return false;
	if (before && s.p[before - 1] != '-' && s.p[before - 1] != ':')
		return false;
	*ret_runtime = slice_of(s.p, before ? before - 1 : 0);
	*ret_id = id;
	return true;
}

/* An ECS task: <32 hex>-<digits>. */
static bool task_id(struct slice part)
{
	if (part.n < 34 || part.n > 44 || part.p[32] != '-' ||
	    !all_hex(slice_of(part.p, 32)))
		return false;
	for (size_t i = 33; i < part.n; i++)
		if (part.p[i] < '0' || part.p[i] > '9')
			return false;
	return true;
}

static const struct named *find_named(struct slice part, struct slice *ret_id)
{
	for (size_t i = 0; i < COUNT(named); i++) {
		const struct named *k = &named[i];
		struct slice id;

		if (!slice_starts(part, k->prefix) || !ends(part, k->suffix) ||
		    part.n <= k->prefix.n + k->suffix.n)
			continue;
		id = slice_of(part.p + k->prefix.n,
			      part.n - k->prefix.n - k->suffix.n);
		if (slice_starts(id, virtual_machine))
			continue;
		*ret_id = id;
		return k;
	}
	return NULL;
}

/* …-pod<uid>.slice, as the systemd driver nests slices. */
static bool slice_pod(struct slice part, struct slice *ret_uid)
{
	struct slice s = cut_end(part, slice_end);
	static const size_t lengths[] = { UID_UUID, UID_HASH };

	for (size_t i = 0; i < COUNT(lengths); i++) {
		struct slice mark, uid;

		if (s.n < lengths[i] + pod_mark.n)
			continue;
		uid = slice_of(s.p + s.n - lengths[i], lengths[i]);
		mark = slice_of(uid.p - pod_mark.n, pod_mark.n);
		if (slice_eq(mark, pod_mark) && is_pod_uid(uid)) {
			*ret_uid = uid;
			return true;
		}
	}
	return false;
}

static bool find_pod(struct slice part, struct slice *ret_uid)
{
	struct slice uid;
	const char *colon = part.n ? memchr(part.p, ':', part.n) : NULL;

	/* pod<uid>, as the cgroupfs driver has it */
	if (part.n > 3 && !memcmp(part.p, "pod", 3)) {
		uid = slice_of(part.p + 3, part.n - 3);
		if (is_pod_uid(uid)) {
			*ret_uid = uid;
			return true;
		}
	}
	if (colon)
		part.n = (size_t)(colon - part.p);
	return slice_pod(part, ret_uid);
}

struct walk {
	struct cgroup_name name;
	struct slice unit_slice; /* innermost slice; used if no unit */
	struct slice outside;	 /* the component before */
	/* What `name` was before it entered the component before. */
	struct cgroup_name undo;
	bool entered; /* the component before, by its name */
};

static void enter(struct walk *w, struct slice container)
{
	w->undo = w->name;
	w->name.container = container;
	w->name.unit = (struct slice){ NULL, 0 };
	w->unit_slice = (struct slice){ NULL, 0 };
}

static void note_unit(struct walk *w, struct slice part, bool is_first)
{
	struct slice unit = part;

	/* systemd puts '_' before names that would clash with an attribute */
	if (unit.n > 1 && unit.p[0] == '_')
		unit = slice_of(unit.p + 1, unit.n - 1);
	if (ends(unit, slice_end)) {
		w->unit_slice = unit;
		return;
	}
	/* The manager of a user or of a container: its unit says more. */
	if (slice_eq(unit, init_scope) && !is_first)
		return;
	for (size_t i = 0; i < COUNT(unit_ends); i++)
		if (ends(unit, unit_ends[i]))
			w->name.unit = unit;
}

static void take_part(struct walk *w, struct slice part, bool is_first)
{
	struct slice runtime, id;
	const struct named *k;
	bool was_entered = w->entered;

	w->entered = false;
	if (was_entered && slice_eq(part, supervisor)) {
		w->name = w->undo;
		return;
	}
	if (find_pod(part, &id))
		w->name.pod = id;
	if (runtime_id(part, &runtime, &id)) {
		struct slice unit = w->name.unit;

		if (one_of(runtime, monitors, COUNT(monitors))) {
			note_unit(w, part, is_first);
			return;
		}
		enter(w, id);
		if (slice_eq(runtime, split_payload))
			w->name.unit = unit;
		return;
	}
	k = find_named(part, &id);
	if (k) {
		enter(w, id);
		w->entered = true;
		if (k->is_unit)
			w->undo.unit = part;
		return;
	}
	if (task_id(part) ||
	    one_of(w->outside, named_parents, COUNT(named_parents))) {
		enter(w, part);
		return;
	}
	if (slice_starts(part, kubepods) && ends(part, slice_end))
		return;
	note_unit(w, part, is_first);
}

struct cgroup_name cgroup_name_parse(struct slice path)
{
	struct walk w = { 0 };
	const char *p = path.p;
	const char *end = path.n ? p + path.n : p;
	bool is_first = true;

	while (p < end) {
		const char *slash = memchr(p, '/', (size_t)(end - p));
		const char *stop = slash ? slash : end;
		struct slice part = slice_of(p, (size_t)(stop - p));

		if (part.n) {
			take_part(&w, part, is_first);
			w.outside = part;
			is_first = false;
		}
		p = slash ? slash + 1 : end;
	}
	if (!w.name.unit.n && !w.name.container.n)
		w.name.unit = w.unit_slice;
	return w.name;
}
