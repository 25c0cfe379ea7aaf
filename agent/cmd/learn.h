/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy from what was recorded. Events that the policy at hand does not
 * allow are put together by what did them and where; each group becomes a rule
 * or a few. What must not be allowed is refused and told, with its reason.
 * What comes out depends on the events and nothing else. What is kept of them
 * is bounded (learn_room.h), so that what is too much is counted, and told.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "event.h"
#include "out/view.h"

struct learn;
struct rule_set;

struct learn_settings {
	struct rule_set *base; /* borrowed: what is allowed there is known */
	bool excepts;	       /* also of what is denied there */
	const char *owner;     /* of the rules */
};

struct learn_counts {
	uint64_t events;
	uint64_t known;	  /* allowed or ignored as it is */
	uint64_t learned; /* that the new rules are of */
	uint64_t denied;  /* and not to be excepted */
	uint64_t refused; /* that no rule may or can allow */
	uint64_t crowded; /* more than is kept; the rules may fit some */
	int64_t first_ns, last_ns;
};

int learn_new(const struct learn_settings *s, struct learn **ret);
void learn_free(struct learn *l);

/* What was recorded, as recall_event brings it. -ENOMEM. */
int learn_take(struct learn *l, const struct view *v, const struct event *ev,
	       const struct image *img);

/*
 * The rules of all that was taken. Names are new to the base, and one name is
 * one rule: learn_drop takes it out of the text (it says nothing that others
 * do not). -ENOMEM.
 */
int learn_finish(struct learn *l);
size_t learn_rules(const struct learn *l);
bool learn_drop(struct learn *l, const char *name);
/* Rules alone, as a policy file. */
void learn_text(const struct learn *l, struct buf *out);
/* What was not learned and why, as comments. */
void learn_refusals(const struct learn *l, struct buf *out);

const struct learn_counts *learn_counts(const struct learn *l);
