/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader consumes a record before the journal has it on the disk. When it is
 * killed in between, the record is in neither place but still in the ring's
 * memory, and the trail says where. So the next reader goes back to it.
 */
#include "sense/resume.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "sense/decode.h"

/* Overtaken by the kernel, a walk goes on this part of the ring ahead of it. */
#define HEAD_START 16

static int uncount(void *account, const void *data, size_t size)
{
	int family = decode_family(data, size);
	struct account *a = account;

	if (family >= 0 && a->received[family])
		a->received[family]--;
	return 0;
}

/* What lies before it, the kernel has written over. */
static uint64_t oldest(const struct ring *r)
{
	uint64_t end = ring_end(r);

	return end > ring_size(r) ? end - ring_size(r) : 0;
}

/*
 * The first place behind step *n where a record begins that the kernel will not
 * write over at once: it goes on writing. UINT64_MAX: there is none.
 */
static uint64_t still_there(const struct ring *r, const struct account *a,
			    uint64_t *n)
{
	uint64_t old = oldest(r), ahead = ring_size(r) / HEAD_START;
	const struct account_step *step =
		account_step_at(a, old ? old + ahead : 0, n);

	return step ? step->at : UINT64_MAX;
}

/*
 * What the journal has is read once more, as far back as it is there, and only
 * to know who is who and which events will be amended: what was executed long
 * before the last agent ended may act long after it.
 */
static void walk_history(const struct ring *r, const struct account *a,
			 const struct sensor_journal *j, uint64_t until)
{
	uint64_t n = account_oldest_step(a), at;
	const struct account_step *step;
	struct sensor_seen seen = { 0 };
	cleanup_free void *buf = malloc(WIRE_RECORD_MAX);
	int len;

	if (!buf || !j->seen)
		return;
	seen.data = buf;
	for (at = still_there(r, a, &n); at < until;) {
		len = ring_copy(r, &at, buf, WIRE_RECORD_MAX);
		if (len < 0)
			at = still_there(r, a, &n);
		if (len <= 0)
			continue;
		step = account_step_at(a, at, &n);
		seen.size = (size_t)len;
		seen.seq = step && step->at == at ? step->seq : 0;
		seen.epoch = seen.seq ? (uint32_t)step->epoch : 0;
		j->seen(j->arg, &seen);
	}
}

uint64_t resume_ring(struct ring *r, struct account *a, unsigned cpus,
		     const struct sensor_journal *j)
{
	struct account_resume back = { .at = ring_at(r) };
	uint64_t consumed = ring_at(r);
	bool known = memcmp(a->journal, j->id, sizeof(a->journal)) == 0;

	account_settle(a, consumed);
	if (known) {
		/* Overtaken while we look: then from further on. */
		do
			back = account_resume(a, j->last_seq, consumed,
					      oldest(r));
		while (back.at < consumed && ring_rewind(r, back.at) < 0);
		walk_history(r, a, j, back.at);
	}
	/* Of another journal's numbers there is nothing to take back. */
	account_untell(a, cpus, known ? j->last_seq : UINT64_MAX);
	(void)ring_walk(r, back.at, consumed, uncount, a);
	account_begin(a, j->id, j->last_seq, back.at);
	return back.missing;
}

struct dropping {
	const struct ring *ring;
	struct account *account;
};

/* Counted as one that is read is: whoever is killed here counts none twice. */
static int drop(void *dropping, const void *data, size_t size)
{
	int family = decode_family(data, size);
	struct dropping *d = dropping;

	if (family >= 0)
		account_count(d->account, (enum wire_family)family,
			      ring_at(d->ring));
	return 0;
}

void resume_drop(struct ring *r, struct account *a, uint64_t until)
{
	struct dropping d = { .ring = r, .account = a };

	ring_stop_at(r, until);
	(void)ring_read(r, drop, &d, SIZE_MAX);
	ring_stop_at(r, UINT64_MAX);
}
