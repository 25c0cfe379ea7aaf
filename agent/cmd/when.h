/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A point in time as people type it:
 *
 *	2026-11-23T21:04:05.678Z	RFC 3339, with Z or an offset
 *	2026-11-23 21:04:05		local; seconds and date may be left out,
 *	2026-11-23 21:04		a date alone is its midnight
 *	21:04:05			local, today
 *	10m, 2h ago, 7d			before now
 *	now
 */
#pragma once

#include <stdint.h>

#include "base/slice.h"

#define WHEN_EXPECTED \
	"a time such as 10m, '2h ago', 21:04, '2026-11-23 21:04' or RFC 3339"

/* The first and the last nanosecond of the second, or fraction, it names. */
struct when {
	int64_t first_ns, last_ns;
};

/* -EINVAL: it is none of these, or there is no such time. */
int when_parse(struct slice text, int64_t now_ns, struct when *ret);
