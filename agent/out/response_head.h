/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collects from the header lines of an answer, as the HTTP library delivers
 * them one by one, what response.h needs, and whether they were complete.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

/* With the final zero; a longer value is ignored. */
#define RESPONSE_VALUE_MAX 128
/* Limit for all lines of an answer, including interim responses. */
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
