// SPDX-License-Identifier: Apache-2.0
/*
 * The file, little-endian: "picket-windows 1\n", 16 bytes of the journal's id,
 * a number of it in 8, then for each window, the first to begin first, struct
 * entry, its objects in 8 bytes each, its rule and its tag, and the CRC32C of
 * all before in 4.
 */
#include "app/alert_windows.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/table.h"

#define MAGIC "picket-windows 1\n"
#define CRC   sizeof(uint32_t)

struct windows {
	struct table *open;	   /* struct subject_key -> struct window */
	struct subject_key *queue; /* a ring of `capacity` */
	size_t capacity, head, n;
};

int windows_new(size_t capacity, struct windows **ret)
{
	struct windows *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->capacity = capacity;
	w->queue = calloc(capacity, sizeof(*w->queue));
	if (!w->queue || table_new(capacity, sizeof(struct subject_key),
				   sizeof(struct window), &w->open) < 0) {
		windows_free(w);
		return -ENOMEM;
	}
	*ret = w;
	return 0;
}

void windows_free(struct windows *w)
{
	if (!w)
		return;
	table_free(w->open);
	free(w->queue);
	free(w);
}

size_t windows_count(const struct windows *w)
{
	return w->n;
}

bool windows_are_full(const struct windows *w)
{
	return w->n == w->capacity;
}

struct window *windows_get(struct windows *w, const struct subject_key *key)
{
	return table_get(w->open, key);
}

struct window *windows_begin(struct windows *w, const struct subject_key *key)
{
	int made;

	w->queue[(w->head + w->n++) % w->capacity] = *key;
	return table_put(w->open, key, &made);
}

struct window *windows_at(struct windows *w, size_t i)
{
	return table_get(w->open, &w->queue[(w->head + i) % w->capacity]);
}

const struct window *windows_first(struct windows *w)
{
	return w->n ? windows_at(w, 0) : NULL;
}

void windows_end_first(struct windows *w)
{
	table_remove(w->open, &w->queue[w->head]);
	w->head = (w->head + 1) % w->capacity;
	w->n--;
}

/* ---- the file ----------------------------------------------------------- */

struct file_head {
	char magic[sizeof(MAGIC) - 1];
	uint8_t journal[16];
	uint64_t as_of;
} __attribute__((packed));

struct entry {
	uint8_t key[sizeof(struct subject_key)];
	uint64_t since_wall_ns, count, alerted;
	uint64_t first_seq, last_seq;
	uint32_t first_epoch, last_epoch;
	uint8_t kind, severity, objects, rule_n, tag_n;
} __attribute__((packed));

_Static_assert(sizeof(struct file_head) == 41, "as written");
_Static_assert(sizeof(struct entry) == 69, "as written");

static uint8_t objects_of(const struct window *w)
{
	uint8_t n = 0;

	while (n < ALERT_OBJECTS_MAX && w->objects[n])
		n++;
	return n;
}

static void write_one(struct buf *out, const struct subject_key *key,
		      const struct window *w, int64_t wall_offset_ns)
{
	struct entry e = {
		.since_wall_ns = htole64((uint64_t)w->since_ns +
					 (uint64_t)wall_offset_ns),
		.count = htole64(w->count),
		.alerted = htole64(w->alerted),
		.first_seq = htole64(w->first.seq),
		.first_epoch = htole32(w->first.epoch),
		.last_seq = htole64(w->last.seq),
		.last_epoch = htole32(w->last.epoch),
		.kind = (uint8_t)w->kind,
		.severity = (uint8_t)w->severity,
		.objects = objects_of(w),
		.rule_n = (uint8_t)strlen(w->rule),
		.tag_n = (uint8_t)strlen(w->tag),
	};
	uint64_t object;

	memcpy(e.key, key->hash, sizeof(e.key));
	buf_add(out, &e, sizeof(e));
	for (unsigned i = 0; i < e.objects; i++) {
		object = htole64(w->objects[i]);
		buf_add(out, &object, sizeof(object));
	}
	buf_add(out, w->rule, e.rule_n);
	buf_add(out, w->tag, e.tag_n);
}

void windows_write(struct windows *w, struct buf *out,
		   const struct windows_file *head)
{
	struct file_head h = { .as_of = htole64(head->as_of) };
	size_t from = out->n;
	uint32_t crc = 0;

	memcpy(h.magic, MAGIC, sizeof(h.magic));
	memcpy(h.journal, head->journal, sizeof(h.journal));
	buf_add(out, &h, sizeof(h));
	for (size_t i = 0; i < w->n && !out->failed; i++) {
		const struct subject_key *key =
			&w->queue[(w->head + i) % w->capacity];

		write_one(out, key, table_get(w->open, key),
			  head->wall_offset_ns);
	}
	if (!out->failed)
		crc = htole32(crc32c(0, out->p + from, out->n - from));
	buf_add(out, &crc, CRC);
}

/* The bytes of the entry at the front of s; 0: it is none. */
static size_t entry_size(struct slice s, struct entry *ret)
{
	size_t n;

	if (s.n < sizeof(*ret))
		return 0;
	memcpy(ret, s.p, sizeof(*ret));
	n = sizeof(*ret) + ret->objects * sizeof(uint64_t) + ret->rule_n +
	    ret->tag_n;
	if (ret->objects > ALERT_OBJECTS_MAX ||
	    ret->rule_n >= sizeof(((struct window *)0)->rule) ||
	    ret->tag_n >= sizeof(((struct window *)0)->tag) ||
	    ret->kind >= EVENT_KIND_COUNT || ret->severity >= SEVERITY_COUNT)
		return 0;
	return n <= s.n ? n : 0;
}

/* Of this boot. A wall clock that was set back must not keep it open. */
static int64_t began(const struct entry *e, const struct windows_file *head)
{
	int64_t since_ns = (int64_t)(le64toh(e->since_wall_ns) -
				     (uint64_t)head->wall_offset_ns);
	int64_t now_ns = (int64_t)head->now_ns;

	return since_ns < now_ns ? since_ns : now_ns;
}

static void read_one(struct windows *w, const struct entry *e, const char *more,
		     const struct windows_file *head)
{
	struct subject_key key;
	struct window *to;
	uint64_t object;

	memcpy(key.hash, e->key, sizeof(key.hash));
	if (windows_are_full(w))
		windows_end_first(w);
	if (windows_get(w, &key))
		return;
	to = windows_begin(w, &key);
	*to = (struct window){
		.since_ns = began(e, head),
		.count = le64toh(e->count),
		.alerted = le64toh(e->alerted),
		.first = { le64toh(e->first_seq), le32toh(e->first_epoch) },
		.last = { le64toh(e->last_seq), le32toh(e->last_epoch) },
		.kind = (enum event_kind)e->kind,
		.severity = (enum severity)e->severity,
	};
	for (unsigned i = 0; i < e->objects; i++, more += sizeof(object)) {
		memcpy(&object, more, sizeof(object));
		to->objects[i] = le64toh(object);
	}
	memcpy(to->rule, more, e->rule_n);
	memcpy(to->tag, more + e->rule_n, e->tag_n);
}

static bool are_entries(struct slice s)
{
	struct entry e;
	size_t n;

	for (; s.n; s = slice_of(s.p + n, s.n - n)) {
		n = entry_size(s, &e);
		if (!n)
			return false;
	}
	return true;
}

int windows_read(struct windows *w, struct slice file,
		 struct windows_file *head)
{
	struct file_head h;
	struct slice s;
	struct entry e;
	uint32_t crc;
	size_t n;

	if (file.n < sizeof(h) + CRC)
		return -EBADMSG;
	memcpy(&h, file.p, sizeof(h));
	memcpy(&crc, file.p + file.n - CRC, CRC);
	s = slice_of(file.p + sizeof(h), file.n - sizeof(h) - CRC);
	if (memcmp(h.magic, MAGIC, sizeof(h.magic)) ||
	    le32toh(crc) != crc32c(0, file.p, file.n - CRC) || !are_entries(s))
		return -EBADMSG;
	if (memcmp(h.journal, head->journal, sizeof(h.journal)) ||
	    le64toh(h.as_of) > head->as_of)
		return -ESTALE;
	head->as_of = le64toh(h.as_of);
	for (; s.n; s = slice_of(s.p + n, s.n - n)) {
		n = entry_size(s, &e);
		read_one(w, &e, s.p + sizeof(e), head);
	}
	return 0;
}
