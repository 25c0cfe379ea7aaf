/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all events of a group have in common, besides what it is a group of:
 * the operations on files, and of a service's or a container's events the few
 * users that they ran as and the few programs that started them. A condition
 * is made of it only where it is known of every event, and narrows the rule.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "event.h"

/* More different ones than this are nobody's intention. */
#define TRAITS_FEW 4u

struct traits {
	uint32_t ops; /* of writes: 1 << enum write_op */
	uint32_t users[TRAITS_FEW];
	size_t n_users;
	char *parents[TRAITS_FEW]; /* globs; owned */
	size_t n_parents;
	bool any_user, any_parent;
};

/* Not of those that come and go with whoever logs in. */
bool traits_is_service(struct slice unit);

struct trait_event {
	const struct event *ev;
	bool is_steady;	     /* of a service or container */
	struct slice parent; /* as a glob; empty: not known */
};

/* -ENOMEM. */
int traits_add(struct traits *t, const struct trait_event *e);
void traits_done(struct traits *t);
/* As lines of a rule. */
void traits_write(const struct traits *t, struct buf *out);
