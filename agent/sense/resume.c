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
 * What the journal has is read once more, and only to know who is who and
 * which events will be amended. Half a ring back: the kernel goes on writing.
 */
static void walk_history(const struct ring *r, const struct account *a,
			 const struct sensor_journal *j, uint64_t until)
{
	uint64_t end = ring_end(r), back = ring_size(r) / 2;
	uint64_t n = account_oldest_step(a), at;
	const struct account_step *step;
	struct sensor_seen seen = { 0 };
	cleanup_free void *buf = malloc(WIRE_RECORD_MAX);
	int len;

	step = account_step_at(a, end > back ? end - back : 0, &n);
	if (!buf || !step || !j->seen)
		return;
	seen.data = buf;
	for (at = step->at; at < until;) {
		len = ring_copy(r, &at, buf, WIRE_RECORD_MAX);
		if (len < 0)
			return;
		if (len == 0)
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
