/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two programs at one hook write the same record but for the time, a few
 * microseconds apart. Only records of the moment itself and of a margin round
 * it are compared, and each once.
 */
#include "sense/handover.h"

#include <string.h>

#include "wire.h"

#define MARGIN_NS (HANDOVER_US * 1000ull)
/* How far apart two programs at one hook stamp their records. */
#define TWIN_NS	  1000000ull

#define FNV_START 0xcbf29ce484222325ull
#define FNV_PRIME 0x100000001b3ull

/* All that means something, but for the time. */
static uint64_t hash_of(const void *data, size_t size)
{
	struct wire_hdr hdr;
	const uint8_t *p;
	uint64_t hash = FNV_START;
	size_t i, n;

	memcpy(&hdr, data, sizeof(hdr));
	n = hdr.size < size ? hdr.size : size;
	hdr.time_ns = 0;
	p = (const uint8_t *)&hdr;
	for (i = 0; i < sizeof(hdr); i++)
		hash = (hash ^ p[i]) * FNV_PRIME;
	p = data;
	for (i = sizeof(hdr); i < n; i++)
		hash = (hash ^ p[i]) * FNV_PRIME;
	return hash;
}

static bool is_in_doubt(const struct handover *h, const void *data, size_t size)
{
	struct wire_hdr hdr;

	if (!h->from_ns || size < sizeof(hdr))
		return false;
	memcpy(&hdr, data, sizeof(hdr));
	return hdr.time_ns + MARGIN_NS >= h->from_ns &&
	       hdr.time_ns <= h->until_ns + MARGIN_NS;
}

static uint64_t time_of(const void *data)
{
	struct wire_hdr hdr;

	memcpy(&hdr, data, sizeof(hdr));
	return hdr.time_ns;
}

void handover_note(struct handover *h, const void *data, size_t size)
{
	if (!is_in_doubt(h, data, size) || h->count == HANDOVER_TWINS_MAX)
		return;
	h->twins[h->count].time_ns = time_of(data);
	h->twins[h->count++].hash = hash_of(data, size);
}

bool handover_is_twin(struct handover *h, const void *data, size_t size)
{
	uint64_t hash, now;
	size_t i;

	if (!h->count || !is_in_doubt(h, data, size))
		return false;
	hash = hash_of(data, size);
	now = time_of(data);
	for (i = 0; i < h->count; i++) {
		struct handover_twin *t = &h->twins[i];

		if (t->hash != hash || t->time_ns > now + TWIN_NS ||
		    now > t->time_ns + TWIN_NS)
			continue;
		*t = h->twins[--h->count];
		return true;
	}
	return false;
}
