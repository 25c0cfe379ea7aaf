/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the payloads of a few frames, as in fuzz_view.c, shipped in
 * both formats. Properties: a request that was built is protobuf; every string
 * in it is valid UTF-8; no record has a key twice; each number is accounted
 * for by the manifest; a batch of our own has every image once.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "otlp_logs.pb-c.h"
#include "out/batch.h"
#include "out/view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUT_MAX	    (64u << 20)
#define RECORDS_MAX 64
#define BYTES_MAX   (4u << 20)

static const uint8_t journal[16] = { 1, 2, 3 };

static void check_value(const Otlp__AnyValue *v)
{
	size_t i;

	assert(v);
	if (v->value_case == OTLP__ANY_VALUE__VALUE_STRING_VALUE)
		assert(utf8_valid(slice_str(v->string_value)));
	if (v->value_case != OTLP__ANY_VALUE__VALUE_ARRAY_VALUE)
		return;
	for (i = 0; i < v->array_value->n_values; i++)
		check_value(v->array_value->values[i]);
}

static void check_record(const Otlp__LogRecord *r)
{
	size_t i, k;

	check_value(r->body);
	assert(*r->event_name && r->observed_time_unix_nano + 1);
	for (i = 0; i < r->n_attributes; i++) {
		const char *key = r->attributes[i]->key;

		assert(utf8_valid(slice_str(key)));
		check_value(r->attributes[i]->value);
		for (k = 0; k < i; k++)
			assert(strcmp(key, r->attributes[k]->key) != 0);
	}
}

static void check_otlp(const struct buf *out)
{
	Otlp__ExportLogsServiceRequest *req =
		otlp__export_logs_service_request__unpack(
			NULL, out->n, (const uint8_t *)out->p);
	const Otlp__ScopeLogs *logs;
	size_t i;

	assert(req);
	logs = req->resource_logs[0]->scope_logs[0];
	for (i = 0; i < logs->n_log_records; i++)
		check_record(logs->log_records[i]);
	otlp__export_logs_service_request__free_unpacked(req, NULL);
}

static void check_own(const struct buf *out)
{
	Picket__V1__Batch *b = picket__v1__batch__unpack(
		NULL, out->n, (const uint8_t *)out->p);
	size_t i, k;

	assert(b);
	assert(b->manifest->count == b->n_records);
	for (i = 0; i < b->n_images; i++) {
		for (k = 0; k < i; k++)
			assert(b->images[i]->id != b->images[k]->id);
	}
	picket__v1__batch__free_unpacked(b, NULL);
}

static struct batch *make_batch(enum collector_format format)
{
	static const struct host host = { .name = "h" };
	struct batch_settings set = {
		.format = format,
		.max_records = RECORDS_MAX,
		.max_bytes = BYTES_MAX,
		.host = &host,
	};
	struct batch *b;

	memcpy(set.journal, journal, sizeof(set.journal));
	assert(batch_new(&set, &b) == 0);
	return b;
}

static void ship(struct batch *b, enum collector_format format)
{
	struct batch_seal seal = { .seq = 1 };
	struct buf out = BUF_INIT(OUT_MAX);
	size_t n = batch_n(b);

	if (n) {
		batch_build(b, (struct batch_run){ 0, n }, &seal, &out);
		assert(!out.failed);
		if (format == COLLECTOR_OTLP)
			check_otlp(&out);
		else
			check_own(&out);
	}
	buf_done(&out);
}

/* 1: *ret is the next frame of the input, which moves on. */
static int next_frame(struct slice *in, uint64_t *seq, struct reader_frame *ret)
{
	size_t n;

	if (in->n < 3)
		return 0;
	n = (uint8_t)in->p[1] | (size_t)(uint8_t)in->p[2] << 8;
	*ret = (struct reader_frame){
		.type = (uint8_t)in->p[0] % 6,
		.epoch = 1,
		.wall_ns = 1795467845678000000,
	};
	if (n > in->n - 3)
		n = in->n - 3;
	ret->payload = slice_of(in->p + 3, n);
	*in = slice_of(in->p + 3 + n, in->n - 3 - n);
	if (ret->type >= JOURNAL_EVENT && ret->type <= JOURNAL_GAP) {
		ret->seq = ++*seq;
		ret->seq_end = ret->seq + 1;
	}
	return 1;
}

/* Tables that take long to make are made once for all inputs. */
struct maker {
	struct view_images *images;
	struct batch *batch;
	enum collector_format format;
};

static void take(struct maker *m, const struct reader_frame *frame)
{
	struct view v;
	int r = view_take(m->images, journal, frame, &v);

	assert(r == 0 || r == 1 || r == -EBADMSG);
	if (r == -EBADMSG && frame->seq) {
		v = (struct view){ .epoch = 1,
				   .seq = frame->seq,
				   .seq_end = frame->seq_end };
		(void)batch_add_withheld(m->batch, &v, MANIFEST_UNREADABLE);
	}
	if (r != 1)
		return;
	r = batch_add(m->batch, m->images, &v);
	if (r == 0) {
		ship(m->batch, m->format);
		batch_begin(m->batch, 0, BYTES_MAX);
		r = batch_add(m->batch, m->images, &v);
	}
	assert(r == 1);
	view_done(&v);
}

static void run(struct slice in, enum collector_format format)
{
	static struct maker makers[2];
	static uint64_t segment;
	struct maker *m = &makers[format == COLLECTOR_PICKET];
	struct reader_frame frame;
	uint64_t seq = 0;

	if (!m->batch) {
		m->format = format;
		m->batch = make_batch(format);
		assert(view_images_new(&m->images) == 0);
	}
	batch_begin(m->batch, 0, BYTES_MAX);
	segment++;
	while (next_frame(&in, &seq, &frame)) {
		frame.segment = segment;
		take(m, &frame);
	}
	ship(m->batch, format);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	run(slice_of((const char *)data, size), COLLECTOR_OTLP);
	run(slice_of((const char *)data, size), COLLECTOR_PICKET);
	return 0;
}
