/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a collector's answer means. Everything here is foreign bytes: looked
 * through with bounds, without allocation, quoted only escaped.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum response_verdict {
	RESPONSE_ACK,	    /* any 2xx: the batch is the collector's now */
	RESPONSE_RETRY,	    /* later, the same again */
	RESPONSE_TOO_LARGE, /* 413: smaller */
	RESPONSE_REFUSED,   /* something in the batch is not wanted */
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
	 * Not about what was sent but about who sends and where to (401, 404,
	 * a redirect …): nothing that is sent could change it, so it is
	 * tried again and never costs a record.
	 */
	bool is_setup;
	uint64_t retry_after_ms; /* 0: nothing was said, or it is past */
	bool has_retry_after;
	uint64_t rejected; /* partial success: records not taken */
	/* One line: "status 503: try later"; a warning sent with a 2xx. */
	char text[RESPONSE_TEXT_MAX];
};

void response_read(const struct response_in *in, struct response *ret);

/* Seconds or any of the three HTTP dates; -EINVAL. Past dates are 0. */
int response_retry_after(const char *value, int64_t now_s, uint64_t *ret_ms);
