/* SPDX-License-Identifier: Apache-2.0 */
/* `picket status --rules`: which rules are used, and which may go. */
#pragma once

#include <stdint.h>

#include "base/buf.h"

struct rule_set;

/* What is told, and where samples are: the journal's id. */
struct rule_report {
	const struct rule_set *set;
	const uint8_t *journal; /* 16 bytes */
};

/* A screen: most used, never used, expired or about to. */
void rule_report_text(struct buf *out, const struct rule_report *r);
/* One object for each rule, in the order of the files. */
void rule_report_json(struct buf *out, const struct rule_report *r);
