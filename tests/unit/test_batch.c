// SPDX-License-Identifier: Apache-2.0
/* out/batch, out/image_set, out/gzip: what a request holds. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#include <cmocka.h>

#include "otlp_logs.pb-c.h"
#include "out/batch.h"
#include "out/gzip.h"
#include "out_samples.h"

static const struct host host = { .name = "h", .arch = "amd64" };

struct fixture {
	struct sample s;
	struct batch *batch;
	struct buf out;
};

static void make_batch(struct fixture *f, enum collector_format format,
		       size_t records, size_t bytes)
{
	struct batch_settings set = {
		.format = format,
		.max_records = records,
		.max_bytes = bytes,
		.host = &host,
	};

	memcpy(set.journal, sample_journal, sizeof(set.journal));
	batch_free(f->batch);
	f->batch = NULL;
	assert_int_equal(batch_new(&set, &f->batch), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	sample_begin(&f->s);
	buf_init(&f->out, 16u << 20);
	make_batch(f, COLLECTOR_OTLP, 100, 1u << 20);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sample_end(&f->s);
	batch_free(f->batch);
	buf_done(&f->out);
	free(f);
	return 0;
}

static int add(struct fixture *f, const char *path)
{
	struct event ev = sample_write(path, OP_OPEN);

	assert_int_equal(sample_take(&f->s, &ev, &f->s.shell, NULL), 1);
	return batch_add(f->batch, f->s.images, &f->s.view);
}

/* The same record again, as it would be offered to the next batch. */
static int offer(struct fixture *f)
{
	return batch_add(f->batch, f->s.images, &f->s.view);
}

static const struct batch_seal seal = { .seq = 77, .sha256 = { 1, 2 } };

static Otlp__ScopeLogs *build(struct fixture *f, size_t from, size_t to,
			      Otlp__ExportLogsServiceRequest **ret)
{
	buf_reset(&f->out);
	batch_build(f->batch, (struct batch_run){ from, to }, &seal, &f->out);
	assert_false(f->out.failed);
	*ret = otlp__export_logs_service_request__unpack(
		NULL, f->out.n, (const uint8_t *)f->out.p);
	assert_non_null(*ret);
	return (*ret)->resource_logs[0]->scope_logs[0];
}

static const Otlp__AnyValue *value(const Otlp__LogRecord *r, const char *key)
{
	size_t i;

	for (i = 0; i < r->n_attributes; i++) {
		if (!strcmp(r->attributes[i]->key, key))
			return r->attributes[i]->value;
	}
	return NULL;
}

static int64_t number(const Otlp__LogRecord *r, const char *key)
{
	const Otlp__AnyValue *v = value(r, key);

	assert_non_null(v);
	return v->int_value;
}

static void manifest_is(const Otlp__ScopeLogs *logs, int64_t first,
			int64_t last, int64_t count)
{
	const Otlp__LogRecord *m = logs->log_records[logs->n_log_records - 1];

	assert_string_equal(m->event_name, "picket.manifest");
	assert_int_equal(number(m, "picket.manifest.first"), first);
	assert_int_equal(number(m, "picket.manifest.last"), last);
	assert_int_equal(number(m, "picket.manifest.count"), count);
	assert_int_equal(number(m, "picket.manifest.sealed"), 77);
	assert_int_equal(logs->n_log_records, count + 1);
}

/* ---- caps ------------------------------------------------------------------- */

static void batch_is_full_at_its_count(void **state)
{
	struct fixture *f = *state;
	int i;

	make_batch(f, COLLECTOR_OTLP, 3, 1u << 20);
	for (i = 0; i < 3; i++) {
		assert_false(batch_is_full(f->batch));
		assert_int_equal(add(f, "/a"), 1);
	}
	assert_true(batch_is_full(f->batch));
	assert_int_equal(add(f, "/b"), 0);
	assert_int_equal(batch_n(f->batch), 3);
	batch_begin(f->batch, 4, 1u << 20);
	assert_int_equal(offer(f), 1);
}

static void request_stays_within_its_bytes(void **state)
{
	Otlp__ExportLogsServiceRequest *req;
	struct fixture *f = *state;
	size_t n = 0;

	make_batch(f, COLLECTOR_OTLP, 1000, 20000);
	while (add(f, "/some/path") == 1)
		n++;
	assert_true(n > 3);
	assert_true(batch_is_full(f->batch));
	manifest_is(build(f, 0, n, &req), 1, (int64_t)n, (int64_t)n);
	assert_true(f->out.n <= 20000);
	assert_true(f->out.n > 15000);
	otlp__export_logs_service_request__free_unpacked(req, NULL);
}

static void one_record_always_fits(void **state)
{
	struct fixture *f = *state;

	make_batch(f, COLLECTOR_OTLP, 10, 100);
	assert_int_equal(add(f, "/larger/than/a/hundred/bytes"), 1);
	assert_int_equal(add(f, "/x"), 0);
	assert_int_equal(batch_n(f->batch), 1);
}

static void batch_ends_with_its_epoch(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(add(f, "/a"), 1);
	assert_int_equal(add(f, "/b"), 1);
	f->s.view.epoch = 2;
	assert_int_equal(offer(f), 0);
	assert_true(batch_is_full(f->batch));
}

static void alert_is_noticed(void **state)
{
	struct verdict v = { .answer = ANSWER_DENIED, .alert = true };
	struct event ev = sample_event(EVENT_EXEC);
	struct fixture *f = *state;

	assert_int_equal(add(f, "/a"), 1);
	assert_false(batch_has_alert(f->batch));
	assert_int_equal(sample_take(&f->s, &ev, &f->s.shell, &v), 1);
	assert_int_equal(offer(f), 1);
	assert_true(batch_has_alert(f->batch));
	batch_begin(f->batch, 0, 1u << 20);
	assert_false(batch_has_alert(f->batch));
}

/* ---- parts ------------------------------------------------------------------ */

static void parts_cover_the_numbers_without_a_hole(void **state)
{
	Otlp__ExportLogsServiceRequest *req;
	struct fixture *f = *state;
	Otlp__ScopeLogs *logs;
	int i;

	/* Number 3 was the last one done with: 4 is the first to cover. */
	f->s.seq = 4;
	batch_begin(f->batch, 4, 1u << 20);
	for (i = 0; i < 6; i++)
		assert_int_equal(add(f, "/a"), 1);
	logs = build(f, 0, 2, &req);
	manifest_is(logs, 4, 5, 2);
	assert_int_equal(number(logs->log_records[1], "picket.seq"), 5);
	otlp__export_logs_service_request__free_unpacked(req, NULL);
	logs = build(f, 2, 6, &req);
	manifest_is(logs, 6, 9, 4);
	assert_int_equal(number(logs->log_records[0], "picket.seq"), 6);
	otlp__export_logs_service_request__free_unpacked(req, NULL);
}

static void neighbours_withheld_for_one_reason_are_one_item(void **state)
{
	Otlp__ExportLogsServiceRequest *req;
	struct fixture *f = *state;
	const Otlp__AnyValue *held;
	struct view v = { .epoch = 1 };
	Otlp__ScopeLogs *logs;

	make_batch(f, COLLECTOR_OTLP, 3, 1u << 20);
	assert_int_equal(add(f, "/a"), 1);
	for (v.seq = 2; v.seq < 100000; v.seq++) {
		v.seq_end = v.seq + 1;
		v.wall_ns = (int64_t)v.seq;
		assert_int_equal(
			batch_add_withheld(f->batch, &v, MANIFEST_FILTERED), 1);
	}
	assert_int_equal(batch_n(f->batch), 2);
	assert_int_equal(batch_n_records(f->batch), 1);
	v.seq_end = v.seq + 1;
	assert_int_equal(batch_add_withheld(f->batch, &v, MANIFEST_UNREADABLE),
			 1);
	assert_int_equal(batch_n(f->batch), 3);
	logs = build(f, 0, 3, &req);
	manifest_is(logs, 1, 100000, 1);
	held = value(logs->log_records[1], "picket.manifest.withheld");
	assert_int_equal(held->array_value->n_values, 2);
	assert_string_equal(held->array_value->values[0]->string_value,
			    "2-99999 filtered");
	assert_string_equal(held->array_value->values[1]->string_value,
			    "100000-100000 unreadable");
	otlp__export_logs_service_request__free_unpacked(req, NULL);
}

static void withheld_records_are_told_and_not_sent(void **state)
{
	const struct view six = { .epoch = 1, .seq = 6, .seq_end = 7 };
	Otlp__ExportLogsServiceRequest *req;
	struct fixture *f = *state;
	const Otlp__AnyValue *held;
	Otlp__ScopeLogs *logs;
	struct batch_item it;
	int i;

	for (i = 0; i < 5; i++)
		assert_int_equal(add(f, "/a"), 1);
	assert_int_equal(
		batch_add_withheld(f->batch, &six, MANIFEST_UNREADABLE), 1);
	batch_withhold(f->batch, 1, MANIFEST_DEAD_LETTER);
	batch_withhold(f->batch, 2, MANIFEST_DEAD_LETTER);
	logs = build(f, 0, 6, &req);
	manifest_is(logs, 1, 6, 3);
	assert_int_equal(number(logs->log_records[1], "picket.seq"), 4);
	held = value(logs->log_records[3], "picket.manifest.withheld");
	assert_int_equal(held->array_value->n_values, 2);
	assert_string_equal(held->array_value->values[0]->string_value,
			    "2-3 dead letter");
	assert_string_equal(held->array_value->values[1]->string_value,
			    "6-6 unreadable");
	batch_item(f->batch, 5, &it);
	assert_int_equal(it.reason, MANIFEST_UNREADABLE);
	otlp__export_logs_service_request__free_unpacked(req, NULL);

	/* Nothing but withheld ones: the manifest goes alone. */
	manifest_is(build(f, 1, 3, &req), 2, 3, 0);
	otlp__export_logs_service_request__free_unpacked(req, NULL);
}

static void gap_covers_all_its_numbers(void **state)
{
	Otlp__ExportLogsServiceRequest *req;
	struct fixture *f = *state;
	char uid[VIEW_UID_MAX];
	struct view v = {
		.epoch = 1, .seq = 1, .seq_end = 11, .missing = true
	};
	Picket__V1__Gap gap;

	picket__v1__gap__init(&gap);
	gap.first_seq = 1;
	gap.count = 10;
	v.gap = &gap;
	memcpy(v.journal, sample_journal, sizeof(v.journal));
	assert_int_equal(batch_add(f->batch, f->s.images, &v), 1);
	manifest_is(build(f, 0, 1, &req), 1, 10, 1);
	otlp__export_logs_service_request__free_unpacked(req, NULL);
	assert_string_equal(batch_uid(f->batch, 0, uid),
			    "a00102030405060708090a0b0c0d0e0f.1.1-10");
}

static void record_for_the_dead_letter_is_a_whole_record(void **state)
{
	struct fixture *f = *state;
	Otlp__LogRecord *r;
	struct slice s;

	assert_int_equal(add(f, "/a"), 1);
	assert_int_equal(add(f, "/b"), 1);
	s = batch_record(f->batch, 1);
	r = otlp__log_record__unpack(NULL, s.n, (const uint8_t *)s.p);
	assert_non_null(r);
	assert_int_equal(number(r, "picket.seq"), 2);
	otlp__log_record__free_unpacked(r, NULL);
}

/* ---- format = picket --------------------------------------------------------- */

static Picket__V1__Batch *build_own(struct fixture *f, size_t from, size_t to)
{
	Picket__V1__Batch *b;

	buf_reset(&f->out);
	batch_build(f->batch, (struct batch_run){ from, to }, &seal, &f->out);
	assert_false(f->out.failed);
	b = picket__v1__batch__unpack(NULL, f->out.n,
				      (const uint8_t *)f->out.p);
	assert_non_null(b);
	return b;
}

static void own_batch_has_the_images_of_its_records_once(void **state)
{
	struct fixture *f = *state;
	struct event ev = sample_event(EVENT_EXEC);
	Picket__V1__Batch *b;

	make_batch(f, COLLECTOR_PICKET, 100, 1u << 20);
	assert_int_equal(add(f, "/a"), 1);
	assert_int_equal(add(f, "/b"), 1);
	assert_int_equal(sample_take(&f->s, &ev, &f->s.sshd, NULL), 1);
	assert_int_equal(offer(f), 1);

	b = build_own(f, 0, 3);
	assert_int_equal(b->n_images, 5);
	assert_int_equal(b->n_records, 3);
	assert_int_equal(b->journal.len, 16);
	assert_string_equal(b->host->name, "h");
	assert_int_equal(b->manifest->count, 3);
	assert_int_equal(b->manifest->sealed_seq, 77);
	picket__v1__batch__free_unpacked(b, NULL);

	/* A part takes only what its own records refer to. */
	b = build_own(f, 2, 3);
	assert_int_equal(b->n_images, 2);
	assert_int_equal(b->images[0]->pid, 700);
	assert_int_equal(b->manifest->first_seq, 3);
	picket__v1__batch__free_unpacked(b, NULL);
}

/* After a restart of the agent its numbers of images begin anew. */
static void batch_ends_where_an_image_number_means_another(void **state)
{
	struct fixture *f = *state;
	struct event ev = sample_event(EVENT_EXEC);
	struct image other = f->s.shell;
	Picket__V1__Batch *b;

	make_batch(f, COLLECTOR_PICKET, 100, 1u << 20);
	assert_int_equal(add(f, "/a"), 1);
	other.exe = sample_path("/usr/bin/wget");
	assert_int_equal(sample_describe(&f->s, &other), 0);
	assert_int_equal(sample_take(&f->s, &ev, &other, NULL), 1);
	assert_int_equal(offer(f), 0);
	batch_begin(f->batch, 2, 1u << 20);
	assert_int_equal(offer(f), 1);
	b = build_own(f, 0, 1);
	assert_memory_equal(b->images[0]->exe->path.data, "/usr/bin/wget", 13);
	picket__v1__batch__free_unpacked(b, NULL);
}

/* ---- gzip ------------------------------------------------------------------- */

static void gunzip(struct slice in, char *to, size_t n)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)in.p,
		       .avail_in = (uInt)in.n,
		       .next_out = (Bytef *)to,
		       .avail_out = (uInt)n };

	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.avail_out, 0);
	assert_int_equal(z.avail_in, 0);
	inflateEnd(&z);
}

static void gzip_gives_back_what_it_got_every_time(void **state)
{
	static const size_t sizes[] = { 1, 100000, 7, 65536 };
	struct fixture *f = *state;
	struct gzip *g;
	size_t i, k;

	assert_int_equal(gzip_new(&g), 0);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *in = malloc(sizes[i]), *back = malloc(sizes[i]);

		for (k = 0; k < sizes[i]; k++)
			in[k] = (char)(k * k >> 3);
		buf_reset(&f->out);
		assert_int_equal(gzip_pack(g, slice_of(in, sizes[i]), &f->out),
				 0);
		gunzip(buf_slice(&f->out), back, sizes[i]);
		assert_memory_equal(in, back, sizes[i]);
		free(in);
		free(back);
	}
	gzip_free(g);
}

static void gzip_into_too_small_a_buffer_fails(void **state)
{
	struct buf small = BUF_INIT(8);
	struct gzip *g;

	(void)state;
	assert_int_equal(gzip_new(&g), 0);
	assert_int_equal(gzip_pack(g, slice_str("abc"), &small), -EFBIG);
	gzip_free(g);
	buf_done(&small);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(batch_is_full_at_its_count),
		T(request_stays_within_its_bytes),
		T(one_record_always_fits),
		T(batch_ends_with_its_epoch),
		T(alert_is_noticed),
		T(parts_cover_the_numbers_without_a_hole),
		T(neighbours_withheld_for_one_reason_are_one_item),
		T(withheld_records_are_told_and_not_sent),
		T(gap_covers_all_its_numbers),
		T(record_for_the_dead_letter_is_a_whole_record),
		T(own_batch_has_the_images_of_its_records_once),
		T(batch_ends_where_an_image_number_means_another),
		T(gzip_gives_back_what_it_got_every_time),
		T(gzip_into_too_small_a_buffer_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
