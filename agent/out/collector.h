/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One destination: its settings, and what is read from its credential files.
 * Credentials are read anew for each request, so replacing a file is enough.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

/* Names in state_dir. */
#define COLLECTOR_CURSOR "ship"
#define COLLECTOR_STATUS "ship-status"
#define COLLECTOR_DEAD	 "dead-letters" /* a journal */

enum collector_format { COLLECTOR_OTLP, COLLECTOR_PICKET };

/* All text is borrowed; "" for what is not set. */
struct collector {
	const char *name; /* in messages; "" for the only or unnamed one */
	const char *url;
	enum collector_format format;
	char *const *kinds; /* of events that it wants, NULL-terminated */
	bool alerts_only;
	const char *state_dir;
	uint64_t batch_records, batch_bytes, batch_age_ms;
	uint64_t replay_rate; /* records/s of a backlog; 0: no limit */
	uint64_t timeout_ms, connect_timeout_ms;
	uint64_t retry_min_ms, retry_max_ms;
	bool gzip;
	const char *ca_file, *crl_file, *cert_file, *key_file;
	const char *token_file, *headers_file, *proxy;
};

/*
 * The URL that is posted to: as given, but one without a path gets
 * /v1/logs for OTLP. 0 or -EINVAL, -ENAMETOOLONG.
 */
int collector_url(const struct collector *c, struct buf *out);

#define COLLECTOR_HEADERS_MAX 64
#define COLLECTOR_FILE_MAX    (64u << 10)

/* "Name: value" lines, zero-terminated; kept in one piece of memory. */
struct collector_headers {
	char *lines[COLLECTOR_HEADERS_MAX];
	size_t n;
};

void collector_headers_done(struct collector_headers *h);

/*
 * Read text of header lines, "Name: value" each; empty ones and those that
 * begin with '#' are skipped. -EINVAL with the line's number in *ret_line:
 * a name that is none, a control character, one of the headers that are not
 * the user's to set, too many.
 */
int collector_headers_parse(struct slice text, struct collector_headers *h,
			    unsigned *ret_line);

/*
 * What token_file and headers_file say now. On failure one line of what is
 * wrong is in `what`.
 */
int collector_headers_read(const struct collector *c,
			   struct collector_headers *h, char what[static 256]);

/*
 * A number that changes when one of the files named in the settings is
 * replaced or written.
 */
uint64_t collector_stamp(const struct collector *c);

/*
 * Can every file be read, and only by those who should? fn gets one line for
 * each file that others may read or write. 0, or -errno with `what`.
 */
typedef void (*collector_warn_fn)(void *arg, const char *line);
int collector_check_files(const struct collector *c, collector_warn_fn fn,
			  void *arg, char what[static 256]);
