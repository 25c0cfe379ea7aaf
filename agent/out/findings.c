// SPDX-License-Identifier: Apache-2.0
/* Two tables: by a file's identity, and by an event's name. */
#include "out/findings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"

/* Memory is taken as they come: 8 and 13 MB when full. */
#define FILES_MAX  65536
#define EVENTS_MAX 65536

/* Keys: without padding. */
struct file_key {
	uint64_t ino, size;
	int64_t mtime_ns, ctime_ns;
	uint32_t dev, generation;
};

struct event_key {
	uint64_t seq;
	uint64_t epoch;
};

struct findings {
	struct table *files;  /* -> struct file_facts */
	struct table *events; /* -> struct settled */
	struct findings_left left;
};

int findings_new(struct findings **ret)
{
	struct findings *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	if (table_new(FILES_MAX, sizeof(struct file_key),
		      sizeof(struct file_facts), &f->files) < 0 ||
	    table_new(EVENTS_MAX, sizeof(struct event_key),
		      sizeof(struct settled), &f->events) < 0) {
		findings_free(f);
		return -ENOMEM;
	}
	*ret = f;
	return 0;
}

void findings_free(struct findings *f)
{
	if (!f)
		return;
	table_free(f->files);
	table_free(f->events);
	free(f);
}

struct file_facts facts_of_finding(const Picket__V1__Finding *m)
{
	struct file_facts facts = { .known = m };

	if (!m)
		return facts;
	if ((unsigned)m->trust < TRUST_STATE_COUNT)
		facts.trust = (uint8_t)m->trust;
	if ((unsigned)m->hash < HASH_STATE_COUNT)
		facts.hash = (uint8_t)m->hash;
	facts.writable = (uint8_t)m->writable;
	if (m->sha256.len == sizeof(facts.sha256))
		memcpy(facts.sha256, m->sha256.data, sizeof(facts.sha256));
	else if (facts.hash == HASH_DONE)
		facts.hash = HASH_NONE;
	return facts;
}

/* NULL: there is no room for one more. */
static void *room_for(struct table *t, const void *key, size_t max)
{
	void *there = table_get(t, key);
	int made;

	if (there)
		return there;
	return table_count(t) < max ? table_put(t, key, &made) : NULL;
}

static void take_file(struct findings *f, const Picket__V1__File *file,
		      const Picket__V1__Finding *found)
{
	struct file_facts *to;
	struct file_key key;

	if (!file || !found)
		return;
	key =
		(struct file_key){ file->inode,	   file->size,
				   file->mtime_ns, file->ctime_ns,
				   file->device,   file->generation };
	to = room_for(f->files, &key, FILES_MAX);
	if (to)
		*to = facts_of_finding(found);
	else
		f->left.files++;
}

void findings_take(struct findings *f, const struct view *v)
{
	const Picket__V1__Resolution *r =
		v->amendment ? v->amendment->resolution : NULL;
	struct event_key key;
	struct settled *s;

	if (!r)
		return;
	take_file(f, r->exe_file, r->exe);
	take_file(f, r->script_file, r->script);
	key = (struct event_key){ v->amendment->seq, v->amendment->epoch };
	s = room_for(f->events, &key, EVENTS_MAX);
	if (!s) {
		f->left.verdicts++;
		return;
	}
	*s = (struct settled){
		.alert = r->verdict->alert || r->verdict->repeated,
		.repeated = r->verdict->repeated,
	};
	if ((unsigned)r->verdict->answer < 8)
		s->answer = (uint8_t)r->verdict->answer;
	if ((unsigned)r->verdict->severity < SEVERITY_COUNT)
		s->severity = (uint8_t)r->verdict->severity;
	(void)snprintf(s->rule, sizeof(s->rule), "%s", r->verdict->rule);
	(void)snprintf(s->tag, sizeof(s->tag), "%s", r->verdict->tag);
}

void findings_left(const struct findings *f, struct findings_left *ret)
{
	*ret = f->left;
}

struct file_facts findings_of(struct findings *f, const struct file_id *id)
{
	const struct file_key key = { id->ino,	    id->size, id->mtime_ns,
				      id->ctime_ns, id->dev,  id->generation };
	const struct file_facts *found = NULL;

	if (id->known)
		found = table_get(f->files, &key);
	return found ? *found : (struct file_facts){ 0 };
}

const struct settled *findings_verdict(struct findings *f, uint32_t epoch,
				       uint64_t seq)
{
	const struct event_key key = { seq, epoch };

	return table_get(f->events, &key);
}
