// SPDX-License-Identifier: Apache-2.0
/*
 * The loop's side: what is remembered, and two short queues to and from the
 * thread, which alone touches the database and the disk.
 */
#include "trust/trust.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/table.h"
#include "trust/worker.h"

#define REMEMBERED_MAX 8192
#define WAYS_MAX       8192

/* Padding matters: a key. */
struct file_key {
	uint64_t ino;
	uint64_t dev;
};

struct entry {
	struct file_id id;
	struct file_facts facts;
	struct digests digests;
	uint64_t path;	     /* a hash of it */
	uint32_t db_number;  /* by which trust was judged; 0: not judged */
	uint32_t way_number; /* as of which writable was looked at */
	bool asked;	     /* under way */
	bool touched;	     /* written to since it was asked about */
	bool stale;	     /* a "no" by an old database */
	char package[TRUST_PACKAGE_MAX];
};

struct trust {
	struct worker *worker;
	struct table *entries; /* struct file_key -> struct entry */
	struct table *ways;    /* hash of a directory's name */
	uint32_t db_number, way_number;
	uint64_t seed; /* so that nobody makes two names of one hash */
	struct trust_stats stats;
};

int trust_new(const struct trust_settings *s, struct trust **ret)
{
	struct trust *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->way_number = 1;
	if (getrandom(&t->seed, sizeof(t->seed), 0) < 0) {
		free(t);
		return -errno;
	}
	r = table_new(REMEMBERED_MAX, sizeof(struct file_key),
		      sizeof(struct entry), &t->entries);
	if (r >= 0)
		r = table_new(WAYS_MAX, sizeof(uint64_t), 1, &t->ways);
	if (r >= 0)
		r = worker_start(s, &t->worker);
	if (r < 0) {
		trust_free(t);
		return r;
	}
	*ret = t;
	return 0;
}

void trust_free(struct trust *t)
{
	if (!t)
		return;
	worker_stop(t->worker);
	table_free(t->entries);
	table_free(t->ways);
	free(t);
}

int trust_fd(const struct trust *t)
{
	return worker_fd(t->worker);
}

void trust_stats(const struct trust *t, struct trust_stats *ret)
{
	*ret = t->stats;
	ret->remembered = table_count(t->entries);
	ret->queued = worker_queued(t->worker);
}

static bool is_same_file(const struct file_id *a, const struct file_id *b)
{
	return a->size == b->size && a->mtime_ns == b->mtime_ns &&
	       a->ctime_ns == b->ctime_ns && a->generation == b->generation;
}

/* All is found out, but for a database that is newer than what was asked. */
static bool waits_for_db(const struct trust *t, const struct entry *e)
{
	return e->facts.known && e->way_number == t->way_number &&
	       e->db_number == t->db_number;
}

static uint64_t path_hash(const struct trust *t, struct slice path)
{
	uint64_t h = t->seed;

	for (size_t i = 0; i < path.n; i++) {
		h = (h ^ (unsigned char)path.p[i]) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 32;
	}
	return h;
}

static struct file_key key_of(const struct file_id *id)
{
	return (struct file_key){ id->ino, id->dev };
}

/* Good for this question, now? */
static bool is_answer(const struct trust *t, const struct entry *e,
		      const struct trust_question *q)
{
	if (!e->facts.known || e->way_number != t->way_number)
		return false;
	/* What the disk says is settled; "no" by an old database is not. */
	return !q->wants_trust ||
	       (e->db_number && e->db_number == t->db_number && !e->stale);
}

/* Each directory on the way, but the root, which is never a stranger's. */
static void note_way(struct trust *t, struct slice path)
{
	uint64_t hash;
	int made;

	for (size_t i = 1; i < path.n; i++) {
		if (path.p[i] != '/')
			continue;
		hash = path_hash(t, slice_of(path.p, i));
		(void)table_put(t->ways, &hash, &made);
	}
}

static int send(struct trust *t, const struct trust_question *q,
		struct entry *e)
{
	const struct work w = {
		.id = q->id,
		.path = q->path,
		.path_hash = e->path,
		.digests = e->digests,
		.way_number = t->way_number,
	};
	int r = worker_send(t->worker, &w);

	if (r < 0) {
		t->stats.refused++;
		return -EAGAIN;
	}
	note_way(t, q->path);
	e->asked = true;
	e->touched = false;
	return 0;
}

int trust_ask(struct trust *t, const struct trust_question *q,
	      struct trust_answer *ret)
{
	struct file_key key = key_of(&q->id);
	uint64_t path = path_hash(t, q->path);
	struct entry *e;
	int made;

	t->stats.asked++;
	e = table_put(t->entries, &key, &made);
	/* By another name it may be another one's to write to. */
	if (made || !is_same_file(&e->id, &q->id) || e->path != path) {
		/* Two who wait, and each takes the other's answer away, wait
		 * for ever: whoever asked first has it. */
		if (!made && e->asked) {
			*ret = (struct trust_answer){ 0 };
			return 0;
		}
		*e = (struct entry){ .id = q->id, .path = path };
	}
	ret->facts = e->facts;
	memcpy(ret->package, e->package, sizeof(ret->package));
	if (is_answer(t, e, q)) {
		t->stats.answered_at_once++;
		return 1;
	}
	return e->asked || waits_for_db(t, e) ? 0 : send(t, q, e);
}

bool trust_recall(struct trust *t, const struct trust_question *q,
		  struct trust_answer *ret)
{
	struct file_key key = key_of(&q->id);
	const struct entry *e = table_get(t->entries, &key);

	if (!e || !is_same_file(&e->id, &q->id) || !is_answer(t, e, q) ||
	    e->path != path_hash(t, q->path))
		return false;
	t->stats.asked++;
	t->stats.answered_at_once++;
	ret->facts = e->facts;
	memcpy(ret->package, e->package, sizeof(ret->package));
	return true;
}

void trust_written(struct trust *t, const struct file_id *id)
{
	struct file_key key = key_of(id);
	struct entry *e;

	if (!id->known || !table_count(t->entries))
		return;
	e = table_get(t->entries, &key);
	if (!e)
		return;
	t->stats.forgotten++;
	if (e->asked) {
		e->touched = true;
		e->facts.known = false;
		e->digests.known = false;
		return;
	}
	table_remove(t->entries, &key);
}

void trust_way_changed(struct trust *t, struct slice path)
{
	uint64_t hash = path_hash(t, path);

	if (table_get(t->ways, &hash))
		t->way_number++;
}

int trust_offer(struct trust *t, int fd)
{
	return worker_offer(t->worker, fd);
}

static void count(struct trust_stats *s, const struct done *d)
{
	switch ((enum hash_state)d->facts.hash) {
	case HASH_DONE:
		s->hashed += d->was_read;
		s->hashed_bytes += d->was_read ? d->id.size : 0;
		break;
	case HASH_CHANGED:
		s->changed++;
		break;
	case HASH_GONE:
		s->gone++;
		break;
	case HASH_TOO_LARGE:
		s->too_large++;
		break;
	case HASH_NONE:
	case HASH_FAILED:
	case HASH_STATE_COUNT:
		s->failed++;
		break;
	}
}

static void take_done(struct trust *t, const struct done *d,
		      struct trust_news *news)
{
	struct file_key key = key_of(&d->id);
	struct entry *e = table_get(t->entries, &key);

	count(&t->stats, d);
	/* It gave way, or the name is another file's by now. */
	if (!e || !is_same_file(&e->id, &d->id) || e->path != d->path_hash)
		return;
	e->asked = false;
	e->facts = d->facts;
	e->digests = d->digests;
	e->way_number = d->way_number;
	e->db_number = d->db_number;
	e->stale = d->is_stale;
	memcpy(e->package, d->package, sizeof(e->package));
	if (e->touched) {
		/* What was read may be what was written since. */
		e->facts.hash = HASH_CHANGED;
		if (e->facts.trust != TRUST_UNPACKAGED)
			e->facts.trust = TRUST_UNKNOWN;
		e->digests.known = false;
	}
	news->is_stale |= d->is_stale;
	news->any = true;
}

void trust_collect(struct trust *t, struct trust_news *ret)
{
	struct offered o;
	struct done d;

	*ret = (struct trust_news){ 0 };
	worker_clear(t->worker);
	if (worker_offered(t->worker, &o)) {
		ret->offered = o.result < 0 ? o.result : 1;
		if (o.result >= 0) {
			t->db_number = o.number;
			t->stats.files = o.header.n_files;
			t->stats.packages = o.header.n_packages;
			t->stats.built_wall_ns = o.header.built_wall_ns;
			t->stats.build_ns = o.header.build_ns;
			ret->any = true;
		}
	}
	while (worker_take(t->worker, &d))
		take_done(t, &d, ret);
}
