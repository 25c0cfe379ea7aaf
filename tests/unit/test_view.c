// SPDX-License-Identifier: Apache-2.0
/* out/view: what a segment described is known in it, and only there. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "out/like.h"
#include "out_samples.h"

static void record_has_its_process_and_ancestors(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_event(EVENT_EXEC);
	const Picket__V1__Image *up;

	assert_int_equal(sample_take(s, &ev, &s->shell, NULL), 1);
	assert_int_equal(s->view.image->pid, 4711);
	up = view_image(s->images, s->view.image->parent_id);
	assert_int_equal(up->pid, 4001);
	up = view_image(s->images, up->parent_id);
	assert_int_equal(up->pid, 4000);
	assert_null(view_image(s->images, 0));
	assert_null(view_image(s->images, 99));
}

static void new_segment_starts_afresh(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_event(EVENT_EXEC);

	assert_non_null(view_image(s->images, s->shell.id));
	s->segment = 2;
	assert_int_equal(sample_take(s, &ev, &s->shell, NULL), 1);
	assert_null(s->view.image);
	assert_null(view_image(s->images, s->bash.id));
	assert_int_equal(sample_describe(s, &s->shell), 0);
	assert_int_equal(sample_take(s, &ev, &s->shell, NULL), 1);
	assert_int_equal(s->view.image->pid, 4711);
}

static void image_described_again_replaces_the_first(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_event(EVENT_EXEC);

	s->shell.proc.tgid = 99;
	assert_int_equal(sample_describe(s, &s->shell), 0);
	assert_int_equal(sample_take(s, &ev, &s->shell, NULL), 1);
	assert_int_equal(s->view.image->pid, 99);
}

/* As a journal holds it: what differs from an image described before it. */
static int describe_like(struct sample *s, const struct image *img,
			 const struct image *base)
{
	struct buf had = BUF_INIT(1 << 16);
	struct like_base to;

	assert_true(record_pack_image_base(&had, base, &to));
	buf_reset(&s->payload);
	record_pack_image_like(&s->payload, img, &to);
	buf_done(&had);
	return sample_frame(s, JOURNAL_DESCRIPTION);
}

static void image_like_another_is_known_whole(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_event(EVENT_EXEC);
	struct image img = s->shell, base = s->shell;
	const Picket__V1__Image *found;

	img.id = 900;
	img.proc.tgid = 5000;
	img.cwd = slice_of(NULL, 0);
	assert_int_equal(describe_like(s, &img, &base), 0);
	assert_int_equal(sample_take(s, &ev, &img, NULL), 1);
	found = s->view.image;
	assert_non_null(found);
	assert_int_equal(found->pid, 5000);
	assert_int_equal(found->cwd.len, 0);
	assert_int_equal(found->like, 0);
	assert_int_equal(found->exe->path.len, base.exe.path.n);
	assert_memory_equal(found->exe->path.data, base.exe.path.p,
			    base.exe.path.n);
	assert_int_equal(found->n_stdio, 3);
	/* A number that is given again is like what it was. */
	img = base;
	img.proc.tgid = 5001;
	assert_int_equal(describe_like(s, &img, &base), 0);
	assert_int_equal(view_image(s->images, base.id)->pid, 5001);
}

/* It is completed when somebody looks: by what its base was when it came. */
static void image_like_one_that_is_gone_since_is_known(void **state)
{
	struct sample *s = *state;
	struct image img = s->shell, base = s->shell, other;
	const Picket__V1__Image *found;

	img.id = 900;
	img.proc.tgid = 5000;
	assert_int_equal(describe_like(s, &img, &base), 0);
	other = sample_image(base.id, 1000, "/another", NULL);
	assert_int_equal(sample_describe(s, &other), 0);
	/* And one that is like it, of which nothing is whole as it was told. */
	other = img;
	other.id = 901;
	other.proc.tgid = 5001;
	assert_int_equal(describe_like(s, &other, &img), 0);
	for (uint64_t id = 900; id <= 901; id++) {
		found = view_image(s->images, id);
		assert_non_null(found);
		assert_int_equal(found->pid, 4100 + id);
		assert_int_equal(found->exe->path.len, base.exe.path.n);
		assert_memory_equal(found->exe->path.data, base.exe.path.p,
				    base.exe.path.n);
	}
}

/* As the first writer of such descriptions left them; never made again. */
static void golden_journal_of_likes_is_read(void **state)
{
	struct sample *s = *state;
	struct reader *r = NULL;
	struct reader_frame f;
	struct view v;
	unsigned n = 0;

	assert_int_equal(reader_open("tests/golden/journal-1-like",
				     READER_OLDEST, 0, READER_SEALED_ONLY, &r),
			 0);
	while (reader_next(r, &f) == 1) {
		int k = view_take(s->images, reader_journal_id(r), &f, &v);

		assert_true(k >= 0);
		if (k == 0)
			continue;
		assert_non_null(v.image);
		assert_int_equal(v.image->pid, 1000 + n);
		assert_int_equal(v.image->n_args, 1 + n % 2);
		assert_int_equal(v.image->cwd.len, n == 3 ? 0 : 5);
		assert_memory_equal(v.image->exe->path.data, "/usr/bin/make",
				    13);
		assert_int_equal(v.event->wall_ns,
				 1700000000000000000 + (int64_t)n++);
		view_done(&v);
	}
	reader_close(r);
	assert_int_equal(n, 8);
}

/* Half an image would be taken for all of it. */
static void image_like_one_that_is_lost_is_unknown(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_event(EVENT_EXEC);
	struct image img = s->shell, base = s->shell;

	img.id = 900;
	base.id = 899;
	assert_int_equal(describe_like(s, &img, &base), 0);
	assert_int_equal(sample_take(s, &ev, &img, NULL), 1);
	assert_null(s->view.image);
	/* Nor is one of another segment meant. */
	base.id = s->shell.id;
	s->segment = 2;
	assert_int_equal(describe_like(s, &img, &base), 0);
	assert_null(view_image(s->images, 900));
}

/* Few bytes that become many, over and over: a base has a bound. */
static void image_like_a_large_one_is_refused(void **state)
{
	static char big[LIKE_BASE_MAX];
	struct sample *s = *state;
	struct image img = s->shell, base = s->shell, small;

	base.id = 899;
	small = base;
	base.cwd = slice_of(big, sizeof(big));
	assert_int_equal(sample_describe(s, &base), 0);
	img.id = 900;
	/* No writer does that: as if the large one had been the small one. */
	assert_int_equal(describe_like(s, &img, &small), -EBADMSG);
	assert_null(view_image(s->images, 900));
}

static void time_that_is_the_frames_is_there(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_event(EVENT_EXIT);
	const struct write_totals t = { .count = 2 };

	buf_reset(&s->payload);
	record_pack_event(&s->payload, &ev, &s->shell, NULL,
			  RECORD_WALL_OF_FRAME);
	assert_int_equal(sample_frame(s, JOURNAL_EVENT), 1);
	assert_int_equal(s->view.event->wall_ns, SAMPLE_WALL_NS);
	buf_reset(&s->payload);
	record_pack_write_totals(
		&s->payload,
		&(struct record_amends){ 1, 1, 1, RECORD_WALL_OF_FRAME }, &t);
	assert_int_equal(sample_frame(s, JOURNAL_AMENDMENT), 1);
	assert_int_equal(s->view.amendment->wall_ns, SAMPLE_WALL_NS);
}

/* More than are kept unpacked: each is there whenever it is asked for. */
static void images_are_there_again_and_again(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_event(EVENT_EXEC);
	struct image img = sample_image(0, 1000, "/x", NULL);
	const Picket__V1__Image *found;

	for (uint64_t id = 100; id < 3000; id++) {
		img.id = id;
		img.proc.tgid = (int32_t)id;
		assert_int_equal(sample_describe(s, &img), 0);
	}
	for (int round = 0; round < 3; round++) {
		for (uint64_t id = 100; id < 3000; id++) {
			found = view_image(s->images, id);
			assert_non_null(found);
			assert_int_equal(found->pid, id);
			/* The same, as long as nothing was taken. */
			assert_ptr_equal(view_image(s->images, id), found);
			if (id % 100 == 0)
				assert_int_equal(
					sample_take(s, &ev, &s->shell, NULL),
					1);
		}
	}
}

/* 16 MiB of images, or 32768: whatever comes first. */
static void images_are_bounded_and_the_longest_unused_goes(void **state)
{
	static char big[3 << 14];
	struct sample *s = *state;
	struct event ev = sample_event(EVENT_EXEC);
	struct image img = sample_image(0, 1000, "/x", NULL);

	for (uint64_t id = 100; id < 100 + 32768; id++) {
		img.id = id;
		assert_int_equal(sample_describe(s, &img), 0);
		/* Used all the time, so it stays, and its ancestors with it. */
		assert_int_equal(sample_take(s, &ev, &s->shell, NULL), 1);
		assert_non_null(s->view.image);
	}
	assert_null(view_image(s->images, 100));
	assert_non_null(view_image(s->images, img.id));
	assert_non_null(view_image(s->images, s->bash.id));
	img.cwd = slice_of(big, sizeof(big));
	for (uint64_t id = 50000; id < 52000; id++) {
		img.id = id;
		assert_int_equal(sample_describe(s, &img), 0);
	}
	assert_null(view_image(s->images, 50000));
	assert_non_null(view_image(s->images, 51999));
}

static void amendment_finds_its_event(void **state)
{
	const struct write_totals t = { .count = 2 };
	struct sample *s = *state;
	struct event ev = sample_write("/etc/passwd", OP_OPEN);
	const struct verdict v = { .answer = ANSWER_DENIED, .alert = true };
	uint64_t seq;

	assert_int_equal(sample_take(s, &ev, &s->shell, &v), 1);
	seq = s->view.seq;
	ev = sample_event(EVENT_EXIT);
	assert_int_equal(sample_take(s, &ev, &s->bash, NULL), 1);
	buf_reset(&s->payload);
	record_pack_write_totals(&s->payload,
				 &(struct record_amends){ 1, seq, 1, 2 }, &t);
	assert_int_equal(sample_frame(s, JOURNAL_AMENDMENT), 1);
	assert_true(s->view.amended.known);
	assert_true(s->view.amended.alert);
	assert_int_equal(s->view.amended.kind, PICKET__V1__KIND__KIND_WRITE);
	assert_true(slice_eq(s->view.amended.path, slice_str("/etc/passwd")));
	assert_false(s->view.amended.path_cut);
	assert_int_equal(s->view.image->pid, 4711);
	/* The same number of another epoch is another event. */
	buf_reset(&s->payload);
	record_pack_write_totals(&s->payload,
				 &(struct record_amends){ 2, seq, 1, 2 }, &t);
	assert_int_equal(sample_frame(s, JOURNAL_AMENDMENT), 1);
	assert_false(s->view.amended.known);
	assert_null(s->view.image);
}

/* By number, so that it does not matter where a reader began. */
static void amendment_names_events_within_the_span_only(void **state)
{
	const struct write_totals t = { .count = 2 };
	struct sample *s = *state;
	struct event ev = sample_write("/etc/passwd", OP_OPEN);
	uint64_t seq;

	assert_int_equal(sample_take(s, &ev, &s->shell, NULL), 1);
	seq = s->view.seq;
	for (int beyond = 0; beyond < 2; beyond++) {
		s->seq = seq + VIEW_AMENDABLE_SPAN - 1 + (uint64_t)beyond;
		buf_reset(&s->payload);
		record_pack_write_totals(
			&s->payload, &(struct record_amends){ 1, seq, 1, 2 },
			&t);
		assert_int_equal(sample_frame(s, JOURNAL_AMENDMENT), 1);
		assert_int_equal(s->view.amended.known, !beyond);
	}
}

/* Naming one keeps it young, and must not push out another. */
static void the_oldest_within_the_span_is_remembered(void **state)
{
	const struct write_totals t = { .count = 2 };
	struct sample *s = *state;
	struct event ev = sample_write("/etc/passwd", OP_OPEN);

	/* Events have odd numbers, amendments even ones. */
	for (int n = 0; n < 2 * VIEW_AMENDABLE_SPAN; n++) {
		int64_t oldest;

		assert_int_equal(sample_take(s, &ev, &s->shell, NULL), 1);
		oldest = (int64_t)s->seq - (VIEW_AMENDABLE_SPAN - 1);
		buf_reset(&s->payload);
		record_pack_write_totals(
			&s->payload,
			&(struct record_amends){
				1, oldest > 0 ? (uint64_t)oldest : 1, 1, 2 },
			&t);
		assert_int_equal(sample_frame(s, JOURNAL_AMENDMENT), 1);
		assert_true(s->view.amended.known);
	}
}

static void long_path_is_remembered_by_its_end(void **state)
{
	const struct write_totals t = { .count = 2 };
	struct sample *s = *state;
	struct slice got;
	struct event ev;
	char path[1001];

	memset(path, 'x', 1000);
	memcpy(path + 995, "/end", 5);
	ev = sample_write(path, OP_OPEN);
	assert_int_equal(sample_take(s, &ev, &s->shell, NULL), 1);
	buf_reset(&s->payload);
	record_pack_write_totals(
		&s->payload, &(struct record_amends){ 1, s->view.seq, 1, 2 },
		&t);
	assert_int_equal(sample_frame(s, JOURNAL_AMENDMENT), 1);
	got = s->view.amended.path;
	assert_true(s->view.amended.path_cut);
	assert_int_equal(got.n, 224);
	assert_memory_equal(got.p + got.n - 4, "/end", 4);
}

static int take_packed(struct sample *s, uint8_t type,
		       const ProtobufCMessage *m)
{
	uint8_t *p;

	buf_reset(&s->payload);
	p = buf_extend(&s->payload, protobuf_c_message_get_packed_size(m));
	protobuf_c_message_pack(m, p);
	return sample_frame(s, type);
}

static void payload_that_is_not_what_its_type_says_is_refused(void **state)
{
	struct sample *s = *state;
	Picket__V1__Event e;
	Picket__V1__Write w;
	Picket__V1__Path p;
	Picket__V1__Connect c;
	Picket__V1__Address a;
	Picket__V1__Image i;
	uint8_t ip[17] = { 0 };

	picket__v1__event__init(&e);
	picket__v1__write__init(&w);
	picket__v1__path__init(&p);
	picket__v1__connect__init(&c);
	picket__v1__address__init(&a);
	picket__v1__image__init(&i);
	/* Of no kind; without its kind's member; without that one's parts. */
	assert_int_equal(take_packed(s, JOURNAL_EVENT, &e.base), -EBADMSG);
	e.kind = PICKET__V1__KIND__KIND_WRITE;
	assert_int_equal(take_packed(s, JOURNAL_EVENT, &e.base), -EBADMSG);
	e.write = &w;
	assert_int_equal(take_packed(s, JOURNAL_EVENT, &e.base), -EBADMSG);
	w.path = &p;
	assert_int_equal(take_packed(s, JOURNAL_EVENT, &e.base), 1);
	e.kind = PICKET__V1__KIND__KIND_CONNECT;
	e.connect = &c;
	c.peer = &a;
	a.ip = (ProtobufCBinaryData){ 4, ip };
	/* With another kind's member beside its own. */
	assert_int_equal(take_packed(s, JOURNAL_EVENT, &e.base), -EBADMSG);
	e.write = NULL;
	assert_int_equal(take_packed(s, JOURNAL_EVENT, &e.base), 1);
	c.peer = NULL;
	assert_int_equal(take_packed(s, JOURNAL_EVENT, &e.base), -EBADMSG);
	c.peer = &a;
	for (size_t n = 0; n <= 17; n++) {
		a.ip = (ProtobufCBinaryData){ n, ip };
		assert_int_equal(take_packed(s, JOURNAL_EVENT, &e.base),
				 n == 4 || n == 16 ? 1 : -EBADMSG);
	}
	a.ip.len = 4;
	a.port = 65536;
	assert_int_equal(take_packed(s, JOURNAL_EVENT, &e.base), -EBADMSG);
	/* An image without a number could never be referred to. */
	assert_int_equal(take_packed(s, JOURNAL_DESCRIPTION, &i.base),
			 -EBADMSG);
	i.id = 1;
	assert_int_equal(take_packed(s, JOURNAL_DESCRIPTION, &i.base), 0);
}

static void kind_of_a_newer_picket_is_a_record_all_the_same(void **state)
{
	struct sample *s = *state;
	Picket__V1__Event e;

	picket__v1__event__init(&e);
	e.kind = (Picket__V1__Kind)77;
	assert_int_equal(take_packed(s, JOURNAL_EVENT, &e.base), 1);
	assert_int_equal(s->view.event->kind, 77);
}

static void cut_payload_is_refused_at_every_length(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_write("/etc/cron.d/x", OP_OPEN);
	struct view v;

	assert_int_equal(sample_take(s, &ev, &s->shell, NULL), 1);
	/* Its own member comes last, so no cut leaves a whole event. */
	for (size_t n = 0; n < s->payload.n; n++) {
		struct reader_frame f = {
			.type = JOURNAL_EVENT,
			.epoch = 1,
			.seq = 9,
			.seq_end = 10,
			.segment = 1,
			.payload = slice_of(s->payload.p, n),
		};

		assert_int_equal(view_take(s->images, sample_journal, &f, &v),
				 -EBADMSG);
	}
}

/* 2 bytes of payload ask for 24 of memory and more: that must have an end. */
static void payload_that_wants_too_much_memory_is_refused(void **state)
{
	struct sample *s = *state;
	char *p;

	buf_reset(&s->payload);
	buf_add(&s->payload, "\x08\x07", 2); /* id = 7 */
	p = buf_extend(&s->payload, 120000);
	for (size_t i = 0; i < 120000; i += 2)
		memcpy(p + i, "\xca\x01", 2); /* not even whole members */
	assert_int_equal(sample_frame(s, JOURNAL_DESCRIPTION), -EBADMSG);
	buf_reset(&s->payload);
	buf_add(&s->payload, "\x08\x07", 2);
	p = buf_extend(&s->payload, 120000);
	for (size_t i = 0; i < 120000; i += 3)
		memcpy(p + i, "\xca\x01", 3); /* args = "" */
	assert_int_equal(sample_frame(s, JOURNAL_DESCRIPTION), -EBADMSG);
}

static void gap_says_why(void **state)
{
	static const struct {
		uint32_t reason;
		const char *want;
	} rows[] = {
		{ JOURNAL_GAP_OVERFLOW, "journal buffer full" },
		{ JOURNAL_GAP_TRIMMED, "trimmed" },
		{ JOURNAL_GAP_DAMAGED, "damaged" },
		{ 77, "unknown" },
	};
	struct sample *s = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct journal_gap gap = { .first = 5,
						 .count = 3,
						 .reason = rows[i].reason };
		struct reader_frame f = {
			.type = JOURNAL_GAP,
			.epoch = 1,
			.seq = 5,
			.seq_end = 8,
			.segment = 1,
			.payload = slice_of((const char *)&gap, sizeof(gap)),
		};
		struct view v;

		assert_int_equal(view_take(s->images, sample_journal, &f, &v),
				 1);
		assert_int_equal(v.gap->first_seq, 5);
		assert_int_equal(v.gap->count, 3);
		assert_string_equal(v.gap->reason, rows[i].want);
		assert_false(v.missing);
		view_done(&v);
	}
}

static void seals_and_unknown_frames_show_nothing(void **state)
{
	struct sample *s = *state;
	struct reader_frame f = { .type = JOURNAL_SEAL, .segment = 1 };
	struct view v;

	assert_int_equal(view_take(s->images, sample_journal, &f, &v), 0);
	f.type = 200;
	assert_int_equal(view_take(s->images, sample_journal, &f, &v), 0);
	assert_non_null(view_image(s->images, s->shell.id));
}

/* The next run may go on in the same segment, with numbers of its own. */
static void end_of_a_run_forgets_its_images(void **state)
{
	struct sample *s = *state;
	struct journal_seal seal = { .last_seq = 1 };
	struct reader_frame f = {
		.type = JOURNAL_SEAL,
		.segment = 1,
		.payload = slice_of((char *)&seal, sizeof(seal)),
	};
	struct view v;

	assert_int_equal(view_take(s->images, sample_journal, &f, &v), 0);
	assert_non_null(view_image(s->images, s->bash.id));
	seal.flags = JOURNAL_SEAL_CLEAN;
	/* A payload that is too short is none. */
	f.payload.n = JOURNAL_SEAL_LEAST - 1;
	assert_int_equal(view_take(s->images, sample_journal, &f, &v), 0);
	assert_non_null(view_image(s->images, s->bash.id));
	f.payload.n = JOURNAL_SEAL_LEAST;
	assert_int_equal(view_take(s->images, sample_journal, &f, &v), 0);
	assert_null(view_image(s->images, s->bash.id));
	assert_null(view_image(s->images, s->shell.id));
}

static void name_for_good_has_journal_epoch_and_number(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_event(EVENT_EXIT);
	char uid[VIEW_UID_MAX];

	assert_int_equal(sample_take(s, &ev, &s->shell, NULL), 1);
	assert_string_equal(view_uid(&s->view, uid),
			    "a00102030405060708090a0b0c0d0e0f.1.1");
	s->view.epoch = UINT32_MAX;
	s->view.seq = UINT64_MAX;
	assert_string_equal(view_uid(&s->view, uid),
			    "a00102030405060708090a0b0c0d0e0f"
			    ".4294967295.18446744073709551615");
	/* A gap that the reader made, by both ends. */
	s->view.missing = true;
	s->view.epoch = 0;
	s->view.seq = 9;
	s->view.seq_end = 12;
	assert_string_equal(view_uid(&s->view, uid),
			    "a00102030405060708090a0b0c0d0e0f.0.9-11");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) \
	cmocka_unit_test_setup_teardown(name, sample_setup, sample_teardown)
		T(record_has_its_process_and_ancestors),
		T(new_segment_starts_afresh),
		T(image_described_again_replaces_the_first),
		T(image_like_another_is_known_whole),
		T(image_like_one_that_is_gone_since_is_known),
		T(golden_journal_of_likes_is_read),
		T(image_like_one_that_is_lost_is_unknown),
		T(image_like_a_large_one_is_refused),
		T(time_that_is_the_frames_is_there),
		T(images_are_there_again_and_again),
		T(images_are_bounded_and_the_longest_unused_goes),
		T(amendment_finds_its_event),
		T(amendment_names_events_within_the_span_only),
		T(the_oldest_within_the_span_is_remembered),
		T(long_path_is_remembered_by_its_end),
		T(payload_that_is_not_what_its_type_says_is_refused),
		T(kind_of_a_newer_picket_is_a_record_all_the_same),
		T(cut_payload_is_refused_at_every_length),
		T(payload_that_wants_too_much_memory_is_refused),
		T(gap_says_why),
		T(seals_and_unknown_frames_show_nothing),
		T(end_of_a_run_forgets_its_images),
		T(name_for_good_has_journal_epoch_and_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
