// SPDX-License-Identifier: Apache-2.0
/*
 * (rule, subject) -> its window, and a queue of windows by their beginning.
 * All are equally long, so the head of the queue is the next to end, and the
 * one to give way when there is no room. Nothing is told of a window in which
 * nothing was held back.
 *
 * Keys are hashes that nobody can find a double of: a double would hide an
 * alert behind another.
 */
#include "app/alerts.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "app/alert_known.h"
#include "app/pipeline.h"
#include "base/clock.h"
#include "base/table.h"
#include "out/record.h"
#include "store/journal.h"

/* Windows ended in one call of alerts_due. */
#define DUE_BATCH 256

struct subject_key {
	uint8_t hash[16];
};

struct window {
	uint64_t since_ns;
	uint64_t count;	  /* matches, the alerts included */
	uint64_t alerted; /* of them alerts */
	struct amend_target first, last;
	uint64_t objects[ALERT_OBJECTS_MAX];
	char rule[104], tag[64]; /* a reload may take the verdict's away */
	enum severity severity;
	enum event_kind kind;
};

struct alerts {
	struct alert_limits limits;
	struct pipeline *p;
	struct table *windows;	   /* struct subject_key -> struct window */
	struct subject_key *queue; /* a ring of limits.subjects */
	size_t head, n;
	EVP_MD_CTX *hash;
	struct known *known;
	struct alert_stats stats;
	/* Between alerts_judge and alerts_kept. */
	struct subject_key judged;
	int64_t judged_wall_ns;
	bool is_judged, has_passed, is_unlisted;
};

_Static_assert(sizeof(struct subject_key) == KNOWN_KEY, "one key for both");

int alerts_new(const struct alert_limits *limits, struct pipeline *p,
	       struct alerts **ret)
{
	struct alerts *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->limits = *limits;
	a->p = p;
	a->hash = EVP_MD_CTX_new();
	a->queue = calloc(limits->subjects, sizeof(*a->queue));
	if (!a->hash || !a->queue ||
	    table_new(limits->subjects, sizeof(struct subject_key),
		      sizeof(struct window), &a->windows) < 0 ||
	    known_new(limits->subjects, &a->known) < 0) {
		alerts_free(a);
		return -ENOMEM;
	}
	*ret = a;
	return 0;
}

void alerts_free(struct alerts *a)
{
	if (!a)
		return;
	table_free(a->windows);
	known_free(a->known);
	free(a->queue);
	EVP_MD_CTX_free(a->hash);
	free(a);
}

/* ---- subjects ----------------------------------------------------------- */

/* Each part with its length before it: no two lists of parts are the same. */
static void hash_slice(struct alerts *a, struct slice s)
{
	uint64_t n = s.n;

	(void)EVP_DigestUpdate(a->hash, &n, sizeof(n));
	(void)EVP_DigestUpdate(a->hash, s.p, s.n);
}

static void hash_number(struct alerts *a, uint64_t v)
{
	(void)EVP_DigestUpdate(a->hash, &v, sizeof(v));
}

static void hash_file(struct alerts *a, const struct file_id *f)
{
	hash_number(a, f->dev);
	hash_number(a, f->ino);
	hash_number(a, f->size);
	hash_number(a, (uint64_t)f->mtime_ns);
	hash_number(a, (uint64_t)f->ctime_ns);
}

/* By what it was when it was executed; a copy of it is another. */
static void hash_program(struct alerts *a, const struct image *img)
{
	hash_slice(a, img->exe.path);
	hash_file(a, &img->exe_file);
	hash_slice(a, img->script);
}

/* Has somebody looked? */
static bool hash_content(struct alerts *a, const struct file_facts *facts)
{
	if (!facts->known || facts->hash != HASH_DONE)
		return false;
	hash_slice(a, slice_of((const char *)facts->sha256,
			       sizeof(facts->sha256)));
	return true;
}

/* By its content, wherever that lies. */
static void hash_unlisted(struct alerts *a, const struct image *img)
{
	if (!hash_content(a, &img->exe_facts)) {
		hash_slice(a, img->exe.path);
		hash_file(a, &img->exe_file);
	}
	if (img->script.n && !hash_content(a, &img->script_facts)) {
		hash_slice(a, img->script);
		hash_file(a, &img->script_file);
	}
}

static bool is_unlisted_program(const struct event *ev, const struct verdict *v)
{
	return ev->kind == EVENT_EXEC && !v->rule;
}

static struct subject_key subject_of(struct alerts *a, const struct event *ev,
				     const struct image *img,
				     const struct verdict *v)
{
	unsigned char sum[EVP_MAX_MD_SIZE] = { 0 };
	struct subject_key key;

	(void)EVP_DigestInit_ex(a->hash, EVP_sha256(), NULL);
	hash_slice(a, slice_str(v->rule));
	hash_number(a, v->rule ? 0 : (uint64_t)ev->kind);
	if (img) {
		if (is_unlisted_program(ev, v))
			hash_unlisted(a, img);
		else
			hash_program(a, img);
		hash_slice(a, img->parent ? img->parent->exe.path
					  : slice_of(NULL, 0));
		hash_slice(a, img->container);
	}
	(void)EVP_DigestFinal_ex(a->hash, sum, NULL);
	memcpy(key.hash, sum, sizeof(key.hash));
	return key;
}

/* ---- objects ------------------------------------------------------------ */

static void hash_end(struct alerts *a, const struct endpoint *e)
{
	hash_number(a, e->family);
	hash_slice(a, slice_of((const char *)e->addr.bytes,
			       sizeof(e->addr.bytes)));
	hash_slice(a, e->unix_path);
	hash_number(a, (uint64_t)e->vsock.cid << 32 | e->vsock.port);
}

/* What it was done to; an exec is its own object. 0 is none. */
static uint64_t object_of(struct alerts *a, const struct event *ev)
{
	unsigned char sum[EVP_MAX_MD_SIZE] = { 0 };
	const struct image *target = ev->tamper.target_img;
	uint64_t object;

	(void)EVP_DigestInit_ex(a->hash, EVP_sha256(), NULL);
	switch (ev->kind) {
	case EVENT_WRITE:
		hash_slice(a, ev->write.path.path);
		hash_slice(a, ev->write.new_path.path);
		break;
	case EVENT_CONNECT:
		hash_end(a, &ev->connect.peer);
		break;
	case EVENT_LISTEN:
		hash_end(a, &ev->listen.local);
		hash_number(a, ev->listen.local.port);
		break;
	case EVENT_LOAD:
		hash_slice(a, ev->load.path.path);
		hash_slice(a, ev->load.name);
		break;
	case EVENT_TAMPER:
		hash_number(a, (uint64_t)ev->tamper.op);
		hash_number(a, ev->tamper.id);
		if (target)
			hash_slice(a, target->exe.path);
		break;
	default:
		break;
	}
	(void)EVP_DigestFinal_ex(a->hash, sum, NULL);
	memcpy(&object, sum, sizeof(object));
	return object ? object : 1;
}

/* One that this window has not told of, while it may. */
static bool is_new_object(const struct alerts *a, struct window *w,
			  uint64_t object)
{
	unsigned i;

	for (i = 0; i < a->limits.objects && w->objects[i]; i++) {
		if (w->objects[i] == object)
			return false;
	}
	if (i == a->limits.objects)
		return false;
	w->objects[i] = object;
	return true;
}

/* ---- windows ------------------------------------------------------------ */

static void tell(struct alerts *a, const struct window *w, uint64_t now_ns)
{
	struct pipeline *p = a->p;
	int64_t wall_ns = (int64_t)now_ns + p->wall_offset_ns;
	const struct alert_repeats told = {
		.count = w->count,
		.alerted = w->alerted,
		.last_epoch = w->last.epoch,
		.last_seq = w->last.seq,
		.since_ns = w->since_ns,
		.kind = w->kind,
		.severity = w->severity,
		.rule = w->rule[0] ? w->rule : NULL,
		.tag = w->tag[0] ? w->tag : NULL,
	};
	uint64_t seq;

	if (w->count == w->alerted || !w->first.seq)
		return;
	buf_reset(&p->packed);
	record_pack_alert_repeats(&p->packed, w->first.epoch, w->first.seq,
				  &told, now_ns, RECORD_WALL_OF_FRAME);
	if (!p->packed.failed &&
	    journal_append(p->journal, JOURNAL_AMENDMENT, 0, wall_ns,
			   buf_slice(&p->packed), &seq) == 0) {
		p->counts.amended++;
		a->stats.summaries++;
	} else {
		p->counts.refused++;
	}
}

static void end_first(struct alerts *a, uint64_t now_ns)
{
	struct subject_key key = a->queue[a->head];
	struct window *w = table_get(a->windows, &key), gone;

	a->head = (a->head + 1) % a->limits.subjects;
	a->n--;
	if (!w)
		return;
	gone = *w;
	table_remove(a->windows, &key);
	tell(a, &gone, now_ns);
}

/* When the first window in the queue is over. */
static uint64_t first_end(struct alerts *a)
{
	const struct window *w = table_get(a->windows, &a->queue[a->head]);

	return w ? w->since_ns + a->limits.window_ns : 0;
}

static struct window *begin(struct alerts *a, const struct subject_key *key,
			    const struct event *ev, const struct verdict *v)
{
	struct window *w;
	int made;

	if (a->n == a->limits.subjects) {
		a->stats.evicted++;
		end_first(a, ev->time_ns);
	}
	a->queue[(a->head + a->n++) % a->limits.subjects] = *key;
	w = table_put(a->windows, key, &made);
	*w = (struct window){
		.since_ns = ev->time_ns,
		.severity = v->severity,
		.kind = ev->kind,
	};
	if (v->rule)
		(void)snprintf(w->rule, sizeof(w->rule), "%s", v->rule);
	if (v->tag)
		(void)snprintf(w->tag, sizeof(w->tag), "%s", v->tag);
	return w;
}

uint64_t alerts_due(struct alerts *a, uint64_t now_ns)
{
	uint64_t told_ns = now_ns == UINT64_MAX ? clock_boot_ns() : now_ns, end;
	unsigned i;

	for (i = 0; i < DUE_BATCH && a->n; i++) {
		end = first_end(a);
		if (end > now_ns)
			return end;
		end_first(a, told_ns);
	}
	return a->n ? told_ns : 0;
}

/* ---- alerts ------------------------------------------------------------- */

static int64_t wall_of(const struct alerts *a, const struct event *ev)
{
	return (int64_t)ev->time_ns + a->p->wall_offset_ns;
}

/* In an earlier window, or by a picket before this one. */
static bool is_told(struct alerts *a, const struct event *ev)
{
	return a->is_unlisted &&
	       known_has(a->known, a->judged.hash,
			 wall_of(a, ev) - (int64_t)a->limits.unlisted_ns);
}

void alerts_judge(struct alerts *a, const struct event *ev,
		  const struct image *img, struct verdict *v)
{
	struct window *w;

	a->is_judged = false;
	if (!v->alert || !a->limits.window_ns)
		return;
	/* What is over and has not been told yet must not swallow this one. */
	while (a->n && first_end(a) <= ev->time_ns)
		end_first(a, ev->time_ns);
	a->judged = subject_of(a, ev, img, v);
	w = table_get(a->windows, &a->judged);
	if (!w)
		w = begin(a, &a->judged, ev, v);
	a->is_judged = true;
	a->is_unlisted = is_unlisted_program(ev, v);
	a->judged_wall_ns = wall_of(a, ev);
	a->has_passed =
		!is_told(a, ev) && is_new_object(a, w, object_of(a, ev));
	w->count++;
	w->alerted += a->has_passed;
	v->alert = a->has_passed;
	v->repeated = !a->has_passed;
}

void alerts_kept(struct alerts *a, struct amend_target target)
{
	struct window *w;

	if (!a->is_judged)
		return;
	a->is_judged = false;
	w = table_get(a->windows, &a->judged);
	if (!w)
		return;
	if (target.seq) {
		if (!w->first.seq)
			w->first = target;
		w->last = target;
		a->stats.repeated += !a->has_passed;
		if (a->has_passed && a->is_unlisted)
			known_add(a->known, a->judged.hash, a->judged_wall_ns);
		return;
	}
	/* Nobody will read of it: the next one is to be told again. */
	w->count--;
	if (a->has_passed) {
		w->alerted--;
		memset(w->objects, 0, sizeof(w->objects));
	}
}

struct known *alerts_known(struct alerts *a)
{
	return a->limits.window_ns ? a->known : NULL;
}

void alerts_stats(const struct alerts *a, struct alert_stats *ret)
{
	*ret = a->stats;
	ret->subjects = table_count(a->windows);
}
