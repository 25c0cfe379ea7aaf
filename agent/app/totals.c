// SPDX-License-Identifier: Apache-2.0
/*
 * (image, file) -> the event and when its window began, oldest first, and a
 * short list per process so that an exit finds its own. Bounded, as the kernel's
 * sums are: what gives way loses its amendment, never its event, and is counted.
 */
#include "app/totals.h"

#include <errno.h>
#include <stdlib.h>

#include "app/pipeline.h"
#include "base/table.h"
#include "sense/sensor.h"
#include "wire.h"

#define TOTALS_MAX   32768
/* Settled per call of totals_due: each may be a system call. */
#define TOTALS_BATCH 256

/* Zeroed padding matters: this is a key. */
struct process_key {
	uint64_t start_ns;
	uint64_t tgid;
};

struct waiting {
	struct amend_target target;
	uint64_t first_ns; /* of the events that expect this sum */
	uint64_t since_ns; /* of its latest event */
	uint64_t told_count, told_bytes; /* by the events themselves */
	struct wire_written_key next;	 /* another file of the same process */
	bool has_next;
	bool is_kept; /* by the kernel, for as long as it has room */
};

struct totals {
	struct pipeline *p;
	struct table *waiting; /* struct wire_written_key -> struct waiting */
	struct table *heads; /* struct process_key -> struct wire_written_key */
};

/* Whether the kernel has a sum that says more than the events did. */
static bool is_summed_since(const struct totals *t,
			    const struct wire_written_key *key,
			    const struct waiting *w)
{
	return sensor_has_written(t->p->sensor, key, w->first_ns);
}

static void give_way(void *arg, const void *key, void *value)
{
	struct totals *t = arg;
	const struct waiting *w = value;

	t->p->counts.totals_lost += w->is_kept && is_summed_since(t, key, w);
}

int totals_new(struct pipeline *p, struct totals **ret)
{
	struct totals *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->p = p;
	if (table_new(TOTALS_MAX, sizeof(struct wire_written_key),
		      sizeof(struct waiting), &t->waiting) < 0 ||
	    table_new(TOTALS_MAX, sizeof(struct process_key),
		      sizeof(struct wire_written_key), &t->heads) < 0) {
		totals_free(t);
		return -ENOMEM;
	}
	table_on_evict(t->waiting, give_way, t);
	*ret = t;
	return 0;
}

void totals_free(struct totals *t)
{
	if (!t)
		return;
	table_free(t->waiting);
	table_free(t->heads);
	free(t);
}

/* Operations that the kernel adds up; names (rename, unlink …) it does not. */
static bool has_sum(enum write_op op)
{
	return op == OP_OPEN || op == OP_WRITE || op == OP_TRUNCATE ||
	       op == OP_MMAP || op == OP_CHMOD || op == OP_CHOWN ||
	       op == OP_XATTR || op == OP_CHATTR || op == OP_UTIME;
}

/* Of these the kernel sums every one, whichever hook tells. */
static bool is_kept(enum write_op op)
{
	return op == OP_OPEN || op == OP_WRITE || op == OP_MMAP;
}

void totals_expect(struct totals *t, const struct event *ev,
		   struct amend_target target)
{
	struct process_key proc = { ev->actor.proc.start_ns,
				    ev->actor.proc.tgid };
	struct wire_written_key key = {
		.start_ns = ev->actor.proc.start_ns,
		.ino = ev->write.file.ino,
		.tgid = ev->actor.proc.tgid,
		.image = ev->actor.image_number,
		.dev = ev->write.file.dev,
		.version = ev->write.file.generation ^ ev->write.file.object,
	};
	struct wire_written_key *head;
	struct waiting *w;
	int made, made_head;

	if (!has_sum(ev->write.op) || !ev->write.file.known ||
	    (ev->write.path.flags & PATH_F_CLAIMED))
		return;
	w = table_put(t->waiting, &key, &made);
	/* The sums tell of the whole file: they amend its latest event. */
	w->target = target;
	w->since_ns = ev->time_ns;
	w->told_count++;
	w->told_bytes += ev->write.bytes;
	w->is_kept = w->is_kept || is_kept(ev->write.op);
	if (!made)
		return;
	w->first_ns = ev->time_ns;
	head = table_put(t->heads, &proc, &made_head);
	w->has_next = !made_head;
	if (!made_head)
		w->next = *head;
	*head = key;
}

static void amend(struct totals *t, const struct wire_written_key *key,
		  const struct waiting *w, uint64_t now_ns)
{
	struct pipeline *p = t->p;
	struct write_totals totals;
	struct sensor_untold more;
	struct wire_written sums;
	struct record_amends of;

	/* What the kernel has of it then gives way there in time. */
	if (!is_summed_since(t, key, w))
		return;
	if (sensor_take_written(p->sensor, key, &sums) < 0) {
		p->counts.totals_lost += w->is_kept;
		return;
	}
	more = sensor_untold(&sums);
	/*
	 * lsm and fentry see a write before it is known how many bytes it will
	 * be: there may be bytes alone.
	 */
	if (!more.count && !more.bytes)
		return;
	/* It may be older than the events that wait, and so may what it told. */
	totals = (struct write_totals){
		.count = w->told_count + more.count,
		.bytes = w->told_bytes + more.bytes,
		.until_ns = now_ns,
		.ops = sums.ops | sums.claimed,
	};
	of = amend_begin(p, w->target, now_ns);
	record_pack_write_totals(&p->packed, &of, &totals);
	(void)amend_end(p, &of, 0);
}

bool totals_settle(struct totals *t, const struct wire_written_key *key,
		   uint64_t now_ns)
{
	struct waiting *w = table_get(t->waiting, key), now;

	if (!w)
		return false;
	now = *w;
	table_remove(t->waiting, key);
	amend(t, key, &now, now_ns);
	return true;
}

void totals_of_process(struct totals *t, struct proc_key proc, uint64_t now_ns)
{
	struct process_key head_key = { proc.start_ns, proc.tgid };
	struct wire_written_key *head = table_get(t->heads, &head_key);
	struct wire_written_key key;
	struct waiting *w, now;

	if (!head)
		return;
	key = *head;
	table_remove(t->heads, &head_key);
	/* A link that leads nowhere: its entry gave way or was due before. */
	while ((w = table_get(t->waiting, &key))) {
		now = *w;
		table_remove(t->waiting, &key);
		amend(t, &key, &now, now_ns);
		if (!now.has_next)
			break;
		key = now.next;
	}
}

uint64_t totals_due(struct totals *t, uint64_t now_ns, uint64_t window_ns)
{
	for (unsigned n = 0; n < TOTALS_BATCH; n++) {
		struct wire_written_key key;
		struct waiting *w, now;
		const void *oldest;

		w = table_oldest(t->waiting, &oldest);
		if (!w)
			return 0;
		if (now_ns < w->since_ns + window_ns)
			return w->since_ns + window_ns;
		key = *(const struct wire_written_key *)oldest;
		now = *w;
		table_remove(t->waiting, &key);
		amend(t, &key, &now, now_ns);
	}
	return now_ns;
}
