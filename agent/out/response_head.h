/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header lines of an answer, one by one as the HTTP library hands them
 * out: of them what response.h wants to know, and whether they were whole.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

/* With its end; a value that is longer is as if it were not there. */
#define RESPONSE_VALUE_MAX 128
/* All lines of an answer, interim ones included: they could be without end. */
#define RESPONSE_HEAD_MAX  (256u << 10)

struct response_head {
	size_t bytes;
	bool is_whole; /* the empty line behind them came */
	/* Zero-terminated, "" when it was not said. */
	char retry_after[RESPONSE_VALUE_MAX], content_type[RESPONSE_VALUE_MAX];
};

void response_head_begin(struct response_head *h);

/* One line, its end included; false: there have been too many bytes. */
bool response_head_line(struct response_head *h, struct slice line);
