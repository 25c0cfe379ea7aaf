/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Written and read by the same build on the same machine, so an image is kept
 * as it is in memory; another build is told by the hash of the headers that
 * say what that is. Nobody but root can write here, and root may write
 * anything: so lengths and references are checked, and values whose misuse
 * would be undefined are made sound.
 */
#include "proc/image_log.h"

#include <errno.h>
#include <string.h>

#include "image_hash.h"
#include "proc/cgroups.h"
#include "proc/image.h"
#include "wire.h"

/* Room for the head, and how entries are aligned. */
#define HEAD_BYTES 64
#define ALIGN	   8

#define FLAGS_KEPT                                                         \
	(IMAGE_F_SNAPSHOT | IMAGE_F_FORKED | IMAGE_F_UNKNOWN |             \
	 IMAGE_F_ARGS_TRUNCATED | IMAGE_F_ENV_TRUNCATED | IMAGE_F_SCRIPT | \
	 IMAGE_F_NO_NEW_PRIVS | IMAGE_F_SECURE | IMAGE_F_KTHREAD |         \
	 IMAGE_F_EXITED)

struct head {
	uint64_t layout;
	uint64_t active; /* the half that counts */
	uint64_t used[2];
};
_Static_assert(sizeof(struct head) <= HEAD_BYTES, "a head has its room");

struct entry {
	uint32_t size; /* with its strings, a multiple of ALIGN */
	uint32_t parent, prev, strings;
	uint16_t cgroup_n, cgroup_v1_n;
	/* Bit i: the i-th string is the one before it. */
	uint32_t same;
	struct image img;
};

static struct head *head_of(const struct image_log *l)
{
	return (struct head *)(void *)l->memory;
}

static char *half_at(char *memory, size_t half, unsigned which)
{
	return memory + HEAD_BYTES + which * half;
}

static size_t half_of(size_t size)
{
	return (size - HEAD_BYTES) / 2 / ALIGN * ALIGN;
}

uint32_t image_log_max(size_t size)
{
	return size < IMAGE_LOG_MIN
		       ? 0
		       : (uint32_t)(half_of(size) / sizeof(struct entry));
}

/* ---- writing ------------------------------------------------------------ */

int image_log_open(struct image_log *l, void *memory, size_t size)
{
	if (size < IMAGE_LOG_MIN || half_of(size) > UINT32_MAX)
		return -EINVAL;
	*l = (struct image_log){ .memory = memory, .half = half_of(size) };
	l->which = head_of(l)->active & 1;
	return 0;
}

void image_log_begin(struct image_log *l)
{
	struct head *h = head_of(l);

	/* What another build left there means nothing to us. */
	if (h->layout != IMAGE_HASH) {
		__atomic_store_n(&h->used[h->active & 1], 0, __ATOMIC_RELEASE);
		__atomic_store_n(&h->layout, IMAGE_HASH, __ATOMIC_RELEASE);
	}
	l->which = !(h->active & 1);
	l->used = 0;
	l->count = 0;
	l->round++;
	__atomic_store_n(&h->used[l->which], 0, __ATOMIC_RELEASE);
}

void image_log_commit(struct image_log *l)
{
	__atomic_store_n(&head_of(l)->active, l->which, __ATOMIC_RELEASE);
}

/* 0: not in this half. */
static uint32_t number_of(const struct image_log *l, const struct image *img)
{
	uint64_t place = img ? image_place(img) : 0;

	return place >> 32 == l->round ? (uint32_t)place : 0;
}

bool image_log_has(const struct image_log *l, const struct image *img)
{
	return number_of(l, img) != 0;
}

static size_t cgroup_bytes(const struct cgroup_node *n)
{
	return n ? n->path.n : 0;
}

/* Its strings' length, and which of them are told once for two. */
static size_t measure(struct image *img, uint32_t *ret_same)
{
	const struct slice *s, *was = NULL;
	size_t i, n = 0;

	*ret_same = 0;
	for (i = 0; i < IMAGE_STRINGS; i++, was = s) {
		s = image_string(img, i);
		if (was && s->n && s->p == was->p && s->n == was->n)
			*ret_same |= 1u << i;
		else
			n += s->n;
	}
	return n;
}

static char *put(char *to, struct slice s)
{
	if (s.n)
		memcpy(to, s.p, s.n);
	return to + s.n;
}

static void put_strings(char *to, struct image *img, const struct entry *e)
{
	size_t i;

	for (i = 0; i < IMAGE_STRINGS && !e->strings; i++)
		if (!(e->same & 1u << i))
			to = put(to, *image_string(img, i));
	if (e->cgroup_n)
		to = put(to, image_cgroup(img, false)->path);
	if (e->cgroup_v1_n)
		(void)put(to, image_cgroup(img, true)->path);
}

bool image_log_add(struct image_log *l, struct image *img)
{
	struct entry e = {
		.parent = number_of(l, img->parent),
		.prev = number_of(l, img->prev),
		.cgroup_n = (uint16_t)cgroup_bytes(image_cgroup(img, false)),
		.cgroup_v1_n = (uint16_t)cgroup_bytes(image_cgroup(img, true)),
	};
	char *to = half_at(l->memory, l->half, l->which) + l->used;
	size_t n = measure(img, &e.same);

	if (e.parent && image_is_shared(img, img->parent)) {
		e.strings = e.parent;
		n = 0;
	}
	n += sizeof(e) + e.cgroup_n + e.cgroup_v1_n;
	n = (n + ALIGN - 1) / ALIGN * ALIGN;
	if (n > l->half - l->used)
		return false;
	e.size = (uint32_t)n;
	memcpy(to, &e, offsetof(struct entry, img));
	memcpy(to + offsetof(struct entry, img), img, sizeof(*img));
	put_strings(to + sizeof(e), img, &e);
	l->used += n;
	image_set_place(img, (uint64_t)l->round << 32 | ++l->count);
	/* The length last: what is half written is not there. */
	__atomic_store_n(&head_of(l)->used[l->which], l->used,
			 __ATOMIC_RELEASE);
	return true;
}

/* ---- reading ------------------------------------------------------------ */

/* A bool of unknown origin. */
static void make_bool(bool *b)
{
	uint8_t byte;

	memcpy(&byte, b, 1);
	*b = byte != 0;
}

static void make_file_sound(struct file_id *f)
{
	make_bool(&f->known);
	make_bool(&f->memfd);
	make_bool(&f->overlay_upper);
	make_bool(&f->overlay_lower);
}

/* Strings are set by who has their bytes; what is found out later is not kept. */
static void make_sound(struct image *img)
{
	const struct slice none = { NULL, 0 };
	size_t i;

	img->flags &= FLAGS_KEPT;
	img->comm[sizeof(img->comm) - 1] = '\0';
	make_file_sound(&img->exe_file);
	make_file_sound(&img->script_file);
	make_bool(&img->is_unwanted);
	img->exe_facts = img->script_facts = (struct file_facts){ 0 };
	for (i = 0; i < 3; i++)
		if ((unsigned)img->stdio[i].kind >= STDIO_KIND_COUNT)
			img->stdio[i].kind = STDIO_OTHER;
	img->id = img->described_in = 0;
	img->parent = img->prev = NULL;
	img->cgroup = img->unit = img->container = none;
	img->container_known = false;
	img->container_image = img->pod = img->pod_namespace = none;
	img->container_name = img->image_digest = img->pod_uid = none;
	img->args_hidden = img->env_hidden = 0;
}

static bool cut(struct slice *rest, size_t n, struct slice *ret)
{
	if (n > rest->n)
		return false;
	*ret = slice_of(rest->p, n);
	*rest = slice_of(rest->p + n, rest->n - n);
	return true;
}

static bool read_strings(struct slice *rest, const struct entry *e,
			 struct image *img)
{
	struct slice was = { NULL, 0 };
	size_t i;

	for (i = 0; i < IMAGE_STRINGS; i++) {
		struct slice *s = image_string(img, i);

		if (e->strings)
			*s = (struct slice){ NULL, 0 };
		else if (e->same & 1u << i)
			*s = was;
		else if (!cut(rest, s->n, s))
			return false;
		was = *s;
	}
	return true;
}

/* The entry at rest's begin, its number known. False: the log ends here. */
static bool read_entry(struct slice *rest, struct image_log_entry *ret)
{
	struct slice strings;
	struct entry e;

	if (rest->n < sizeof(e))
		return false;
	memcpy(&e, rest->p, sizeof(e));
	if (e.size < sizeof(e) || e.size % ALIGN || e.size > rest->n)
		return false;
	if (e.parent >= ret->number || e.prev >= ret->number ||
	    e.strings >= ret->number)
		return false;
	strings = slice_of(rest->p + sizeof(e), e.size - sizeof(e));
	ret->parent = e.parent;
	ret->prev = e.prev;
	ret->strings = e.strings;
	/* Bytes: what is no value of its type is made one before it is read. */
	memcpy(&ret->img, rest->p + offsetof(struct entry, img),
	       sizeof(ret->img));
	make_sound(&ret->img);
	*rest = slice_of(rest->p + e.size, rest->n - e.size);
	return read_strings(&strings, &e, &ret->img) &&
	       cut(&strings, e.cgroup_n, &ret->cgroup) &&
	       cut(&strings, e.cgroup_v1_n, &ret->cgroup_v1);
}

int image_log_read(const void *memory, size_t size, image_log_fn fn, void *arg)
{
	struct image_log_entry e = { .number = 0 };
	const struct head *h = memory;
	struct slice rest;
	size_t half, used;
	int r = 0;

	if (size < IMAGE_LOG_MIN || h->layout != IMAGE_HASH)
		return 0;
	half = half_of(size);
	used = h->used[h->active & 1];
	if (used > half)
		return 0;
	rest = slice_of((const char *)memory + HEAD_BYTES +
				(h->active & 1) * half,
			used);
	while (r >= 0 && ++e.number && read_entry(&rest, &e))
		r = fn(arg, &e);
	return r < 0 ? r : 0;
}
