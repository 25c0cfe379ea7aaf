/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One POST at a time to one destination, on the event loop. Connections are
 * kept; TLS 1.2 and later, names and chains always verified, no redirects, no
 * protocol but http and https, nothing of the environment.
 */
#pragma once

#include <stdbool.h>

#include "base/loop.h"
#include "base/slice.h"
#include "out/collector.h"

/* A longer answer is refused. */
#define HTTP_ANSWER_MAX (4u << 20)

struct http;

struct http_request {
	struct slice body; /* untouched until done is called */
	const char *content_type;
	bool is_gzip;
};

/* Until the callback returns. Texts are zero-terminated, never NULL. */
struct http_answer {
	long status;	   /* 0: there was none */
	const char *error; /* why, one line */
	const char *retry_after, *content_type;
	struct slice body;
	long version; /* CURL_HTTP_VERSION_* */
};

/* May call http_post. A negative return ends the loop with it. */
typedef int (*http_done_fn)(const struct http_answer *answer, void *arg);

/* c is kept, not copied. Once per process, before threads: http_global_init. */
int http_global_init(void);
int http_new(struct loop *l, const struct collector *c, http_done_fn fn,
	     void *arg, struct http **ret);
/* What is under way is dropped; done is not called. */
void http_free(struct http *h);

/*
 * Start. -EBUSY: one is under way. -EINVAL, -EACCES …: credentials cannot be
 * read; one line of what is wrong is in `what`.
 */
int http_post(struct http *h, const struct http_request *req,
	      char what[static 256]);

/* What is under way is dropped; done is not called. */
void http_cancel(struct http *h);

/* Close idle connections, so that the next request reads every file anew. */
void http_forget(struct http *h);
