/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When to attach again what somebody else put out: at once the first time,
 * then ever later, so that picket and whoever fights it do not keep a
 * processor busy. Inside sense/ only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MENDING_FIRST_NS  (5 * 1000000000ull)
#define MENDING_LONGEST_NS (300 * 1000000000ull)
/* What held this long was put out by somebody who is done with it. */
#define MENDING_HELD_NS	  (600 * 1000000000ull)

/* Zeroed: never put out. All times are boottime. */
struct mending {
	uint32_t times;	  /* put out, or tried in vain, in a row */
	uint64_t due_ns;  /* of the next try */
	uint64_t back_ns; /* attached again then; 0: never */
};

void mending_put_out(struct mending *m, uint64_t now_ns);
void mending_failed(struct mending *m, uint64_t now_ns);
void mending_done(struct mending *m, uint64_t now_ns);

bool mending_is_due(const struct mending *m, uint64_t now_ns);
/* How long it was put off, as of the last put_out or failed. */
uint64_t mending_delay_ns(const struct mending *m);
