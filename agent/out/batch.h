/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consecutive numbers of one journal, encoded, on their way to one collector.
 * Any part of them makes a request, which ends with a manifest of that part;
 * records that turn out to be refused are withheld from then on.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "out/collector.h"
#include "out/host.h"
#include "out/manifest.h"
#include "out/view.h"

struct batch;

struct batch_settings {
	enum collector_format format;
	size_t max_records, max_bytes;
	const struct host *host; /* copied */
	bool is_early; /* alerts before their turn, numbers between them */
	uint8_t journal[16];
};

int batch_new(const struct batch_settings *s, struct batch **ret);
void batch_free(struct batch *b);

/*
 * Empty it. first_seq: the number that its first manifest begins with (the
 * last one done with plus one); 0: that of the first record. max_bytes: at
 * most those of the settings.
 */
void batch_begin(struct batch *b, uint64_t first_seq, size_t max_bytes);

/*
 * 1: taken (or withheld as unreadable when it cannot be encoded); 0: it does
 * not fit into this batch, put it into the next. An empty batch takes any.
 */
int batch_add(struct batch *b, const struct view_images *images,
	      const struct view *v);
/*
 * The numbers of a record (its seq, seq_end, epoch and time) that is not
 * sent. Neighbours withheld for the same reason are one item: millions fit.
 */
int batch_add_withheld(struct batch *b, const struct view *v,
		       enum manifest_reason why);

/* Items: records and what is withheld, in order; and records alone. */
size_t batch_n(const struct batch *b);
size_t batch_n_records(const struct batch *b);
bool batch_is_full(const struct batch *b);
bool batch_has_alert(const struct batch *b);

/* Items from..to-1; their numbers run on from what went before. */
struct batch_run {
	size_t from, to;
};

struct batch_item {
	uint64_t first, last; /* numbers */
	uint32_t epoch;
	enum manifest_reason reason; /* SENT: not withheld */
	size_t bytes;		     /* in a request */
	int64_t wall_ns;	     /* of several numbers: of the newest */
};

void batch_item(const struct batch *b, size_t i, struct batch_item *ret);
void batch_withhold(struct batch *b, size_t i, enum manifest_reason why);

const char *batch_uid(const struct batch *b, size_t i,
		      char buf[static VIEW_UID_MAX]);
/* Its encoded bytes: a LogRecord or picket.v1.Record. */
struct slice batch_record(const struct batch *b, size_t i);

/* The newest seal, as reader_seal tells it, and what the journal told. */
struct tally;
struct batch_seal {
	uint64_t seq;
	uint8_t sha256[32];
	const struct tally *tally; /* NULL: nothing is known */
};

/*
 * Append the request for a run: its records that are not withheld and the
 * manifest. out->failed tells of a failure.
 */
void batch_build(struct batch *b, struct batch_run run,
		 const struct batch_seal *seal, struct buf *out);
const char *batch_content_type(const struct batch *b);
