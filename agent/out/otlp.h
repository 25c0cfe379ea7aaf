/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as OTLP log records, packed. A request is put together of parts
 * that are packed once: its head (resource and scope, the same for every
 * request) and log records, any run of which makes a request.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "out/host.h"
#include "out/manifest.h"
#include "out/view.h"

struct otlp;

int otlp_new(struct otlp **ret);
void otlp_free(struct otlp *o);

/* Append one packed LogRecord; out->failed tells of a failure. */
void otlp_record(struct otlp *o, struct buf *out,
		 const struct view_images *images, const struct view *v);
void otlp_manifest(struct otlp *o, struct buf *out, const struct manifest *m);

/* What of a request stands before its records. */
struct otlp_head {
	struct buf resource; /* packed Resource */
	struct buf scope;    /* packed InstrumentationScope */
};
int otlp_head_init(struct otlp_head *h, const struct host *host,
		   const uint8_t journal_id[static 16]);
void otlp_head_done(struct otlp_head *h);

/* How a record stands in a request: its tag and length before it. */
#define OTLP_RECORD_TAG 0x12 /* ScopeLogs.log_records */

/*
 * A whole ExportLogsServiceRequest of `records`: log records each behind
 * their tag and length.
 */
void otlp_request(struct buf *out, const struct otlp_head *h,
		  struct slice records);
