/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections whose outcome is not known yet. Both records identify the socket
 * by its kernel address; an address is reused once its socket is gone, so a
 * newer connect on it replaces the older entry. The table is bounded and
 * evicts the oldest.
 */
#pragma once

#include <stdint.h>

#include "app/amend.h"
#include "event.h"

struct outcomes;
struct pipeline;

int outcomes_new(struct outcomes **ret);
void outcomes_free(struct outcomes *o);

/* The connect `ev` was journaled as target. */
void outcomes_expect(struct outcomes *o, const struct event *ev,
		     struct amend_target target);

/* ev is an outcome: journal it as an amendment if its connect is known. */
void outcomes_settle(struct outcomes *o, struct pipeline *p,
		     const struct event *ev);

/* ev is an outcome that the journal already has. */
void outcomes_forget(struct outcomes *o, const struct event *ev);

uint64_t outcomes_waiting(const struct outcomes *o);
