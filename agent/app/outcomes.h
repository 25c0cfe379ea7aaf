/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections whose outcome is not known yet. The kernel names the socket by
 * its address in both records; an address is used again once its socket is
 * gone, so a newer connect on it replaces what was expected.
 */
#pragma once

#include <stdint.h>

#include "app/amend.h"
#include "event.h"

struct outcomes;
struct pipeline;

int outcomes_new(struct outcomes **ret);
void outcomes_free(struct outcomes *o);

void outcomes_expect(struct outcomes *o, const struct event *ev,
		     struct amend_target target);

/* An outcome came in: journal it as an amendment if its connect was kept. */
void outcomes_settle(struct outcomes *o, struct pipeline *p,
		     const struct event *ev);

/* The same, for one that the journal has already. */
void outcomes_forget(struct outcomes *o, const struct event *ev);

uint64_t outcomes_waiting(const struct outcomes *o);
