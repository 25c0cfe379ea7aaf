/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wall clock that a journal's times are of. It may have been set meanwhile,
 * and a time that it then showed once more is two. What lies between two
 * settings is an era.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.pb-c.h"

#define COVERAGE_ERAS_MAX 8

/* The newest ones that had that time, oldest first. */
struct coverage_eras {
	size_t numbers[COVERAGE_ERAS_MAX];
	size_t n; /* 0 for an empty journal only */
};

/*
 * -errno of reading. A time that no era had, because the clock was set past it
 * or nothing is as new or as old, is of the era before it, or else the first.
 */
int coverage_eras_of(const char *dir, int64_t at_ns, struct coverage_eras *ret);

/*
 * Does a record of picket's own begin an era? last_ns: when the record before it
 * was, 0: it is the first. *ret_by_ns: how far the clock was set, if it is known.
 */
bool coverage_begins_era(const Picket__V1__Event *e, int64_t last_ns,
			 int64_t *ret_by_ns);
