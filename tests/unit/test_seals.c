/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index within a segment: what is read of a large one for a span is a
 * part of it, holds every event of the span whichever way the clock was set,
 * and every description that those refer to. Seals that lie about where the
 * one before is cost time and nothing else.
 */
#include "seed.h"
#include "store/seals.h"

#include <time.h>

#include "store/frame.h"
#include "store/spans.h"
#include "store_dir.h"

#define T	 1000000ll
#define EVENTS	 10000
#define PAYLOAD	 4096
#define PER_SEAL 500

/* When the i-th event was. */
typedef int64_t (*clock_fn)(int64_t i);

static int64_t steady(int64_t i)
{
	return i * T;
}

static int64_t set_back(int64_t i)
{
	return (i < EVENTS / 2 ? i : i - EVENTS / 4) * T;
}

static int64_t in_the_future_once(int64_t i)
{
	return (i == EVENTS / 3 ? i + 10 * EVENTS : i) * T;
}

static int64_t backwards(int64_t i)
{
	return (EVENTS + 1 - i) * T;
}

/* One segment of 40 MiB; events name the place they are described in. */
static void fill(struct store_dir *d, clock_fn clock)
{
	char payload[PAYLOAD] = "", text[64];
	uint64_t place, described = 0, seq;
	int64_t i;

	for (i = 1; i <= EVENTS; i++) {
		place = journal_segment(d->j);
		(void)snprintf(text, sizeof(text), "%" PRIu64, place);
		if (place != described)
			store_describe(d, text);
		described = place;
		memcpy(payload, text, sizeof(text));
		assert_int_equal(
			journal_append(d->j, JOURNAL_EVENT, 0, clock(i),
				       slice_of(payload, sizeof(payload)),
				       &seq),
			0);
		assert_int_equal(seq, i);
		if (i % PER_SEAL == 0)
			store_flush(d);
	}
}

static void begin(struct store_dir *d, clock_fn clock)
{
	store_begin(d);
	d->settings.segment_size = 64u << 20;
	d->settings.max_size = 1u << 30;
	d->settings.buffer_size = 8u << 20;
	d->settings.sync_interval_ms = 1;
	store_open(d);
	fill(d, clock);
}

struct read {
	unsigned frames;  /* handed out */
	unsigned in_span; /* events of the span */
	uint64_t sum;	  /* of their numbers */
};

/* One run, as a query reads it. */
static void read_run(const struct store_dir *d, const struct span *span,
		     const struct span_run *run, struct read *sum)
{
	const struct reader_place at = { run->first_segment, run->first_off,
					 run->first_seq };
	char described[64] = "";
	struct reader *r = NULL;
	struct reader_frame f;

	assert_int_equal(
		reader_open_at(d->journal, &at, READER_SEALED_ONLY, &r), 0);
	while (reader_next(r, &f) == 1) {
		if (f.segment > run->last_segment ||
		    (f.segment == run->last_segment && f.seq > run->last_seq))
			break;
		sum->frames++;
		assert_false(f.flags & READER_MISSING);
		if (f.type == JOURNAL_DESCRIPTION)
			(void)snprintf(described, sizeof(described), "%.*s",
				       (int)f.payload.n, f.payload.p);
		if (f.type != JOURNAL_EVENT || !span_has(span, f.wall_ns))
			continue;
		assert_string_equal(f.payload.p, described);
		sum->in_span++;
		sum->sum += f.seq;
	}
	reader_close(r);
}

static struct read read_span(const struct store_dir *d, int64_t from,
			     int64_t to)
{
	const struct span span = { from, to };
	struct read sum = { 0 };
	struct spans s;
	size_t i;

	assert_int_equal(spans_find(d->journal, &span, &s), 0);
	for (i = 0; i < s.n; i++)
		read_run(d, &span, &s.runs[i], &sum);
	spans_done(&s);
	return sum;
}

/* Exactly what happened then, by the clock. */
static void expect(const struct store_dir *d, clock_fn clock, int64_t from,
		   int64_t to)
{
	struct read got = read_span(d, from * T, to * T), want = { 0 };
	int64_t i;

	for (i = 1; i <= EVENTS; i++) {
		if (clock(i) < from * T || clock(i) > to * T)
			continue;
		want.in_span++;
		want.sum += (uint64_t)i;
	}
	if (got.in_span != want.in_span || got.sum != want.sum)
		fail_msg("%" PRId64 "-%" PRId64 ": %u events, expected %u",
			 from, to, got.in_span, want.in_span);
}

static void part_of_a_large_segment_is_read(void **state)
{
	struct store_dir d;
	struct read r;

	(void)state;
	begin(&d, steady);
	/* While it is written, and when it is closed. */
	for (int closed = 0; closed < 2; closed++) {
		r = read_span(&d, 8000 * T, 8010 * T);
		assert_int_equal(r.in_span, 11);
		/* 16 MiB before it, a section, and a seal's worth behind. */
		assert_in_range(r.frames, 4000, 6000);
		r = read_span(&d, 1, 10 * T);
		assert_int_equal(r.in_span, 10);
		assert_true(r.frames < 2 * PER_SEAL);
		r = read_span(&d, 1, INT64_MAX);
		assert_int_equal(r.in_span, EVENTS);
		store_close(&d);
	}
	assert_int_equal(store_check(d.journal, "events"), EVENTS);
	store_end(&d);
}

static void nothing_is_missed_whichever_way_the_clock_went(void **state)
{
	static const clock_fn clocks[] = { steady, set_back, in_the_future_once,
					   backwards };
	unsigned seed = (unsigned)any_seed();
	struct store_dir d;
	int64_t from;
	size_t i;
	int n;

	(void)state;
	for (i = 0; i < sizeof(clocks) / sizeof(*clocks); i++) {
		begin(&d, clocks[i]);
		for (n = 0; n < 16; n++) {
			from = rand_r(&seed) % EVENTS;
			expect(&d, clocks[i], from,
			       from + rand_r(&seed) % (n % 2 ? 50 : 5000));
		}
		expect(&d, clocks[i], 0, 20 * EVENTS);
		store_end(&d);
	}
}

/* The last seal but n, changed by `lie`, with a checksum that is right. */
static void change_seal(const struct store_dir *d, unsigned n,
			void (*lie)(struct journal_seal *, uint64_t off))
{
	struct journal_segment_header h;
	struct journal_frame_header head;
	struct scan s = SCAN_INIT;
	struct seal_at at, before;
	struct journal_seal seal;
	struct frame f;
	char path[256];
	uint8_t *bytes;
	bool is_last;
	size_t size;
	int dirfd;

	dirfd = open(d->journal, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(scan_open(&s, dirfd, 1), 0);
	assert_int_equal(seals_last(&s, &at, &is_last), 1);
	for (; n; n--, at = before)
		assert_int_equal(seals_before(&s, &at, &before), 1);
	scan_close(&s);
	(void)close(dirfd);
	bytes = store_load(store_segment(d, 1, path), &size);
	memcpy(&h, bytes, sizeof(h));
	assert_true(frame_decode(frame_key_of(&h), bytes + at.off,
				 at.end - at.off, &f) > 0);
	memcpy(&seal, f.payload.p, sizeof(seal));
	lie(&seal, at.off);
	f.payload = slice_of((const char *)&seal, sizeof(seal));
	frame_encode(frame_key_of(&h), &f, &head);
	memcpy(bytes + at.off, &head, sizeof(head));
	memcpy(bytes + at.off + sizeof(head), &seal, sizeof(seal));
	store_save(path, bytes, size);
	free(bytes);
}

static void to_itself(struct journal_seal *s, uint64_t off)
{
	s->previous = off;
}

static void forward(struct journal_seal *s, uint64_t off)
{
	s->previous = off + 1000;
}

static void to_no_seal(struct journal_seal *s, uint64_t off)
{
	s->previous = off - 100;
}

static void far_away(struct journal_seal *s, uint64_t off)
{
	(void)off;
	s->previous = UINT64_MAX;
}

static void into_the_header(struct journal_seal *s, uint64_t off)
{
	(void)off;
	s->previous = 4;
}

static void seal_that_lies_hides_nothing(void **state)
{
	void (*const lies[])(struct journal_seal *, uint64_t) = {
		to_itself, forward, to_no_seal, far_away, into_the_header,
	};
	struct store_dir d;
	char path[256];
	uint8_t *whole;
	size_t i, n;

	(void)state;
	(void)alarm(120);
	begin(&d, steady);
	store_close(&d);
	whole = store_load(store_segment(&d, 1, path), &n);
	for (i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		change_seal(&d, 0, lies[i]);
		expect(&d, steady, 7000, 7050);
		store_save(path, whole, n);
		change_seal(&d, 5, lies[i]);
		expect(&d, steady, 7000, 7050);
		expect(&d, steady, 9700, 9750);
		store_save(path, whole, n);
	}
	/* And damage that the index leads past is nobody's business. */
	store_flip(path, 3 << 20);
	expect(&d, steady, 9000, 9100);
	free(whole);
	store_end(&d);
	(void)alarm(0);
}

/* A journal of small segments goes on in one, as settings change. */
static void promise_of_the_header_is_kept(void **state)
{
	struct journal_segment_header h;
	uint64_t first, place;
	struct store_dir d;
	char path[256];
	uint8_t *bytes;
	size_t n;

	(void)state;
	store_begin(&d);
	d.settings.segment_size = 64u << 20;
	d.settings.max_size = 1u << 30;
	store_open(&d);
	store_events(&d, 10);
	store_close(&d);
	d.settings.segment_size = 24u << 20;
	d.settings.buffer_size = 16u << 20;
	store_open(&d);
	first = place = journal_segment(d.j);
	while (place == first && store_stats(&d).bytes < 12u << 20) {
		store_events(&d, 1000);
		place = journal_segment(d.j);
	}
	assert_true(place != first);
	assert_int_equal(store_stats(&d).segments, 1);
	store_close(&d);
	bytes = store_load(store_segment(&d, 1, path), &n);
	memcpy(&h, bytes, sizeof(h));
	assert_int_equal(h.compatible, JOURNAL_DESCRIBED_NEAR);
	free(bytes);
	store_end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(part_of_a_large_segment_is_read),
		cmocka_unit_test(
			nothing_is_missed_whichever_way_the_clock_went),
		cmocka_unit_test(seal_that_lies_hides_nothing),
		cmocka_unit_test(promise_of_the_header_is_kept),
	};

	return cmocka_run_group_tests_name("seals", tests, NULL, NULL);
}
