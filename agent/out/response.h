/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a collector's answer means. The answer is foreign bytes: it is parsed
 * with bounds and without allocation, and quoted only escaped.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum response_verdict {
	RESPONSE_ACK,	    /* any 2xx: the collector has the batch */
	RESPONSE_RETRY,	    /* send the same again later */
	RESPONSE_TOO_LARGE, /* 413: send less at a time */
	RESPONSE_REFUSED,   /* something in the batch is refused for good */
};

/* As it came; texts are zero-terminated, never NULL. */
struct response_in {
	long status;		 /* 0: there was none, see error */
	const char *error;	 /* of the transport: "could not connect …" */
	const char *retry_after; /* the header's value, or "" */
	const char *content_type; /* the same */
	struct slice body;
	int64_t now_s; /* since the epoch: Retry-After may be a date */
};

#define RESPONSE_TEXT_MAX 320

struct response {
	enum response_verdict verdict;
	/*
	 * The answer is about the sender or the address (401, 404, a redirect
	 * …), not about the records: retry, and never give up a record.
	 */
	bool is_setup;
	uint64_t retry_after_ms; /* 0: not given, or past */
	bool has_retry_after;
	uint64_t rejected; /* partial success: records not taken */
	/* One line: "status 503: try later"; a warning sent with a 2xx. */
	char text[RESPONSE_TEXT_MAX];
};

void response_read(const struct response_in *in, struct response *ret);

/* Seconds or any of the three HTTP dates; -EINVAL. Past dates are 0. */
int response_retry_after(const char *value, int64_t now_s, uint64_t *ret_ms);
