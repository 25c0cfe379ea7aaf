/* SPDX-License-Identifier: Apache-2.0 */
/*
 * While programs are replaced, for a moment the old and the new ones both
 * report. The old ring is read up to a position taken a moment after the
 * position that the new one is read from, so nothing is missing; what that
 * moment put into both is known by its bytes and told once. Inside sense/
 * only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The moment: longer than any program runs at a hook. */
#define HANDOVER_US	   2000
#define HANDOVER_TWINS_MAX 4096

struct handover_twin {
	uint64_t time_ns;
	uint64_t hash;
};

struct handover {
	uint64_t from_ns; /* boottime; 0: nothing was replaced */
	uint64_t until_ns;
	struct handover_twin *twins; /* of the old ring; HANDOVER_TWINS_MAX */
	size_t count;
};

/* A record of the old ring. */
void handover_note(struct handover *h, const void *data, size_t size);
/* Whether this one of the new ring is one that the old one had. */
bool handover_is_twin(struct handover *h, const void *data, size_t size);
