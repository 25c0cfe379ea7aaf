/* SPDX-License-Identifier: Apache-2.0 */
/* `picket status --rules`: which rules are used, and which are not needed. */
#pragma once

#include <stdint.h>

#include "base/buf.h"

struct rule_set;

/* The rules, and the id of the journal that has the samples. */
struct rule_report {
	const struct rule_set *set;
	const uint8_t *journal; /* 16 bytes */
};

/* A screen: rules most used, never used, expired or about to expire. */
void rule_report_text(struct buf *out, const struct rule_report *r);
/* One object for each rule, in the order of the files. */
void rule_report_json(struct buf *out, const struct rule_report *r);
