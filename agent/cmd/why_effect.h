/* SPDX-License-Identifier: Apache-2.0 */
/* What else an edit of the policy would have allowed, of what was recorded. */
#pragma once

#include "event.h"
#include "store/spans.h"

struct rule_set;

#define WHY_SAMPLES 5

struct why_effect {
	struct rule_set *before, *after; /* borrowed */
	uint64_t events;		 /* allowed now and not before */
	uint64_t alerts;		 /* of them, that alerted before */
	char *samples[WHY_SAMPLES];
};

/* -errno of reading; why_effect_done in any case. */
int why_effect_read(struct why_effect *e, const char *journal,
		    const struct span *span);
void why_effect_done(struct why_effect *e);
