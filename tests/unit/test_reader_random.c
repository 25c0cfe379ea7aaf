/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random journals with a few restarts and crashes, in which one header, frame,
 * gap or seal lies, with a right checksum: whoever reads from wherever gets
 * all that is sound, once, and verify says that something is wrong.
 */
#include "store/reader.h"

#include "store/cursor.h"
#include "store/verify.h"
#include "store_forge.h"

#define ROUNDS	   100
#define EVENTS_MAX 512

/* A numbered frame that the writer left. */
struct record {
	uint64_t segment, seq;
	uint32_t epoch;
	bool is_sound; /* nobody lies in it, or in its segment's header */
};

struct truth {
	struct store_dir d;
	struct record all[EVENTS_MAX];
	size_t n;
	uint64_t segments;
	char lie[160];
};

static uint64_t chance_state;

/* A number below n (xorshift). */
static uint64_t chance(uint64_t n)
{
	chance_state ^= chance_state << 13;
	chance_state ^= chance_state >> 7;
	chance_state ^= chance_state << 17;
	return (chance_state >> 8) % n;
}

/* Power was lost: the end of the youngest segment is not there. */
static void lose_end(const struct store_dir *d)
{
	char path[256];
	struct stat st;
	off_t lost;

	(void)store_segment(d, store_last_segment(d), path);
	assert_int_equal(stat(path, &st), 0);
	lost = (off_t)chance((uint64_t)st.st_size - JOURNAL_HEADER_AREA + 1);
	assert_int_equal(truncate(path, st.st_size - lost), 0);
}

static void write_run(struct store_dir *d)
{
	unsigned i, commits = 2 + (unsigned)chance(8);

	store_open(d);
	for (i = 0; i < commits; i++) {
		store_events(d, 1 + (unsigned)chance(15));
		store_flush(d);
	}
}

/* What a walk over its frames finds is what was written. */
static void learn_segment(struct truth *t, uint64_t segment)
{
	struct journal_segment_header h;
	size_t n, off = JOURNAL_HEADER_AREA;
	struct frame f;
	char path[256];
	uint8_t *bytes;
	long size;

	bytes = store_load(store_segment(&t->d, segment, path), &n);
	memcpy(&h, bytes, sizeof(h));
	for (; off < n; off += (size_t)size) {
		size = frame_decode(frame_key_of(&h), bytes + off, n - off, &f);
		assert_true(size > 0);
		if (!f.seq)
			continue;
		assert_true(t->n < EVENTS_MAX);
		t->all[t->n++] =
			(struct record){ segment, f.seq, f.epoch, true };
	}
	free(bytes);
}

static void begin(struct truth *t)
{
	unsigned i, runs = 1 + (unsigned)chance(3);
	char name[16];

	*t = (struct truth){ .n = 0 };
	store_begin(&t->d);
	t->d.settings.segment_size = 4096;
	/* Seals are where the seed wants them. */
	t->d.settings.sync_interval_ms = 3600000;
	for (i = 0; i < runs; i++) {
		write_run(&t->d);
		if (i + 1 == runs || !chance(3)) {
			store_close(&t->d);
			continue;
		}
		(void)snprintf(name, sizeof(name), "crash%u", i);
		store_crash(&t->d, name);
		if (chance(2))
			lose_end(&t->d);
	}
	t->segments = store_last_segment(&t->d);
	for (i = 1; i <= t->segments; i++)
		learn_segment(t, i);
}

/* Something that could be a number, near this one or another's. */
static uint64_t plausible(const struct truth *t, uint64_t own)
{
	static const int64_t steps[] = { 1, -1, 2, 5, -5, 40, -40, 1000000000 };
	uint64_t said = own;

	while (said == own || !said || said >> 62)
		said = chance(2) ? own + (uint64_t)steps[chance(8)]
				 : t->all[chance(t->n)].seq;
	return said;
}

static void lie_in_header(struct truth *t)
{
	struct store_header with = { .with_frames = true };
	uint64_t segment = 1 + chance(t->segments);
	struct journal_segment_header h;
	char path[256];
	uint8_t *bytes;
	size_t i, n;

	bytes = store_load(store_segment(&t->d, segment, path), &n);
	memcpy(&h, bytes, sizeof(h));
	free(bytes);
	if (chance(3)) {
		with.first_seq = plausible(t, h.first_seq);
	} else {
		do
			with.epoch = 1 + (uint32_t)chance(h.epoch + 4);
		while (with.epoch == h.epoch);
		with.with_frames = chance(2);
	}
	store_forge_header(&t->d, segment, &with);
	for (i = 0; i < t->n; i++)
		t->all[i].is_sound = t->all[i].segment != segment;
	(void)snprintf(t->lie, sizeof(t->lie),
		       "header of %" PRIu64 " of %" PRIu64
		       ": epoch %u for %u (frames %d), first %" PRIu64
		       " for %" PRIu64,
		       segment, t->segments, with.epoch, h.epoch,
		       with.with_frames, with.first_seq, h.first_seq);
}

static uint64_t said;

static void say_number(struct frame *f, uint8_t *payload)
{
	(void)payload;
	f->seq = said;
}

static void say_gap(struct frame *f, uint8_t *payload)
{
	const struct journal_gap gap = {
		.first = f->seq,
		.count = said,
		.reason = JOURNAL_GAP_OVERFLOW,
	};

	f->type = JOURNAL_GAP;
	memcpy(payload, &gap, sizeof(gap));
	memset(payload + sizeof(gap), 0, f->payload.n - sizeof(gap));
}

static void lie_in_frame(struct truth *t)
{
	struct record *r = &t->all[chance(t->n)];
	bool is_gap = !chance(3);
	struct record *first = r;

	while (first > t->all && first[-1].segment == r->segment)
		first--;
	said = is_gap ? plausible(t, 1) : plausible(t, r->seq);
	store_forge(&t->d,
		    &(struct store_forgery){ r->segment, JOURNAL_EVENT,
					     (unsigned)(r - first),
					     is_gap ? say_gap : say_number });
	r->is_sound = false;
	(void)snprintf(t->lie, sizeof(t->lie),
		       "%s %u/%" PRIu64 " in %" PRIu64 " of %" PRIu64
		       ": %" PRIu64,
		       is_gap ? "gap" : "event", r->epoch, r->seq, r->segment,
		       t->segments, said);
}

static void say_last(struct frame *f, uint8_t *payload)
{
	uint64_t was;

	(void)f;
	memcpy(&was, payload + offsetof(struct journal_seal, last_seq),
	       sizeof(was));
	said += said == was;
	memcpy(payload + offsetof(struct journal_seal, last_seq), &said,
	       sizeof(said));
}

static void lie_in_seal(struct truth *t)
{
	const struct record *r = &t->all[chance(t->n)];

	said = plausible(t, r->seq);
	store_forge(&t->d, &(struct store_forgery){ r->segment, JOURNAL_SEAL, 0,
						    say_last });
	(void)snprintf(t->lie, sizeof(t->lie),
		       "seal in %" PRIu64 " of %" PRIu64 ": %" PRIu64,
		       r->segment, t->segments, said);
}

static const struct record *find(const struct truth *t, uint32_t epoch,
				 uint64_t seq)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (t->all[i].epoch == epoch && t->all[i].seq == seq)
			return &t->all[i];
	return NULL;
}

struct reading {
	const struct truth *t;
	struct cursor from;
	uint64_t seed;
	const char *how;
	bool seen[EVENTS_MAX];
};

static void complain(const struct reading *g, const char *what, uint32_t epoch,
		     uint64_t seq)
{
	fail_msg("seed %" PRIu64 ": %s; %s %u/%" PRIu64 ": %s %u/%" PRIu64,
		 g->seed, g->t->lie, g->how, g->from.epoch, g->from.seq, what,
		 epoch, seq);
}

static void note(struct reading *g, const struct reader_frame *f)
{
	const struct record *r = find(g->t, f->epoch, f->seq);
	char want[128];

	if (!r || !r->is_sound)
		return;
	if (store_payload(f->seq, want) != f->payload.n ||
	    memcmp(want, f->payload.p, f->payload.n))
		return;
	if (g->seen[r - g->t->all])
		complain(g, "twice", f->epoch, f->seq);
	g->seen[r - g->t->all] = true;
}

static void read_all(struct reading *g, struct reader *r)
{
	unsigned left = 8 * EVENTS_MAX;
	uint64_t end[64] = { 0 };
	struct reader_frame f;
	size_t i;
	int n;

	while ((n = reader_next(r, &f)) > 0) {
		if (!left--)
			complain(g, "no end", f.epoch, f.seq);
		if (!f.seq)
			continue;
		if (f.type == JOURNAL_EVENT && f.seq < end[f.epoch % 64])
			complain(g, "again", f.epoch, f.seq);
		if (f.type == JOURNAL_EVENT) {
			end[f.epoch % 64] = f.seq_end;
			note(g, &f);
		}
	}
	assert_int_equal(n, 0);
	reader_close(r);
	for (i = 0; i < g->t->n; i++) {
		const struct record *e = &g->t->all[i];

		if (e->is_sound && !g->seen[i] &&
		    (e->epoch > g->from.epoch ||
		     (e->epoch == g->from.epoch && e->seq > g->from.seq)))
			complain(g, "missing", e->epoch, e->seq);
	}
}

static void read_behind(const struct truth *t, const struct reading *how,
			unsigned flags)
{
	struct reading g = *how;
	struct reader *r;

	g.t = t;
	memcpy(g.from.journal, t->d.opening.id, sizeof(g.from.journal));
	assert_int_equal(reader_open_cursor(t->d.journal, &g.from, flags, &r),
			 0);
	read_all(&g, r);
}

/* Where a number alone says too little, or nothing: it ends, and in order. */
static void read_from(const struct truth *t, const struct reading *how,
		      enum reader_from from, uint64_t seq)
{
	struct reading g = *how;
	struct reader *r;

	g.t = t;
	g.from.epoch = UINT32_MAX; /* nothing has to come */
	g.from.seq = seq;
	assert_int_equal(reader_open(t->d.journal, from, seq, 0, &r), 0);
	read_all(&g, r);
}

static void read_everywhere(const struct truth *t, uint64_t seed)
{
	struct reading g = { .t = t, .seed = seed, .how = "oldest" };
	struct verify_result v;
	struct reader *r;
	size_t i;

	assert_int_equal(reader_open(t->d.journal, READER_OLDEST, 0, 0, &r), 0);
	read_all(&g, r);
	for (i = 0; i < t->n; i++) {
		g = (struct reading){ .seed = seed, .how = "cursor" };
		g.from.epoch = t->all[i].epoch;
		g.from.seq = t->all[i].seq;
		read_behind(t, &g, i % 2 ? READER_SEALED_ONLY : 0);
	}
	g = (struct reading){ .seed = seed, .how = "number" };
	read_from(t, &g, READER_SEQ, 1 + chance(t->all[t->n - 1].seq));
	g.how = "now";
	read_from(t, &g, READER_NOW, 0);
	assert_int_equal(verify(t->d.journal, NULL, &v), 0);
	if (*t->lie && !v.n_findings)
		fail_msg("seed %" PRIu64 ": %s: nothing found", seed, t->lie);
}

/* The next run goes on behind all of that, and gives no name again. */
static void go_on(struct truth *t, uint64_t seed)
{
	unsigned i, more = 1 + (unsigned)chance(60);
	struct record r = { .is_sound = true };

	store_open(&t->d);
	for (i = 0; i < more; i++) {
		r.seq = store_event(&t->d, 0);
		r.epoch = t->d.opening.epoch;
		if (find(t, r.epoch, r.seq))
			fail_msg("seed %" PRIu64 ": %s: %u/%" PRIu64
				 " given again",
				 seed, t->lie, r.epoch, r.seq);
		assert_true(t->n < EVENTS_MAX);
		t->all[t->n++] = r;
	}
	store_close(&t->d);
}

static void one_lie_costs_no_more_than_what_it_is_in(void **state)
{
	static void (*const lies[])(struct truth * t) = {
		lie_in_header,
		lie_in_frame,
		lie_in_seal,
	};
	const char *given = getenv("PICKET_TEST_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 10) : 1;
	static struct truth t;
	int round;

	(void)state;
	print_message("# PICKET_TEST_SEED=%" PRIu64 "\n", seed);
	for (round = 0; round < ROUNDS; round++, seed++) {
		chance_state = seed * 0x9e3779b97f4a7c15u | 1;
		begin(&t);
		read_everywhere(&t, seed);
		lies[chance(3)](&t);
		read_everywhere(&t, seed);
		go_on(&t, seed);
		read_everywhere(&t, seed);
		store_end(&t.d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_lie_costs_no_more_than_what_it_is_in),
	};

	return cmocka_run_group_tests_name("reader_random", tests, NULL, NULL);
}
