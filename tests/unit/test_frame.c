/* SPDX-License-Identifier: Apache-2.0 */
/* One frame: bytes, what makes it valid, resynchronisation, the example. */
#include "store/frame.h"

#include <errno.h>

#include "store_dir.h"

static const struct frame_key key = { .seed = 0x12345678, .epoch = 3 };

static size_t encode(uint8_t *to, struct frame f)
{
	struct journal_frame_header h;

	frame_encode(key, &f, &h);
	memcpy(to, &h, sizeof(h));
	if (f.payload.n)
		memcpy(to + sizeof(h), f.payload.p, f.payload.n);
	return sizeof(h) + f.payload.n;
}

static struct frame event(uint64_t seq, const char *payload)
{
	return (struct frame){ .type = JOURNAL_EVENT,
			       .flags = 1,
			       .seq = seq,
			       .wall_ns = -5,
			       .payload = slice_str(payload) };
}

static void what_was_encoded_is_decoded(void **state)
{
	uint8_t b[256];
	size_t n = encode(b, event(42, "hello"));
	struct frame f;

	(void)state;
	assert_int_equal(frame_decode(key, b, n, &f), n);
	assert_int_equal(f.type, JOURNAL_EVENT);
	assert_int_equal(f.flags, 1);
	assert_int_equal(f.epoch, 3);
	assert_int_equal(f.seq, 42);
	assert_int_equal(f.seq_end, 43);
	assert_int_equal(f.wall_ns, -5);
	assert_true(slice_eq(f.payload, slice_str("hello")));
	/* An empty payload is a payload. */
	n = encode(b, event(1, ""));
	assert_int_equal(frame_decode(key, b, n, &f), FRAME_HEADER);
}

/* An early writer's: what it does not say is not what stands behind it. */
static void short_seal_says_no_times(void **state)
{
	uint8_t b[256], early[JOURNAL_SEAL_LEAST] = { 42 };
	struct journal_seal seal;
	struct frame f;
	size_t n;

	(void)state;
	memset(b, 0xee, sizeof(b));
	n = encode(b, (struct frame){
			      .type = JOURNAL_SEAL,
			      .payload = slice_of((const char *)early,
						  sizeof(early)),
		      });
	assert_int_equal(frame_decode(key, b, n, &f), n);
	seal = frame_seal(&f);
	assert_int_equal(seal.last_seq, 42);
	assert_int_equal(seal.earliest_ns, 0);
	assert_int_equal(seal.latest_ns, 0);
}

static void cut_frame_may_go_on(void **state)
{
	uint8_t b[256];
	size_t n = encode(b, event(42, "hello")), i;
	struct frame f;

	(void)state;
	for (i = 0; i < n; i++)
		assert_int_equal(frame_decode(key, b, i, &f), 0);
}

static void any_flipped_bit_is_seen(void **state)
{
	uint8_t b[256];
	size_t n = encode(b, event(42, "hello")), i;
	struct frame f = { .seq = 7 };
	int bit;

	(void)state;
	for (i = 0; i < n; i++) {
		for (bit = 0; bit < 8; bit++) {
			b[i] ^= (uint8_t)(1 << bit);
			assert_true(frame_decode(key, b, n, &f) <= 0);
			b[i] ^= (uint8_t)(1 << bit);
		}
	}
	assert_int_equal(f.seq, 7);
	assert_true(frame_decode(key, b, n, &f) > 0);
}

static void other_salt_or_epoch_is_no_frame(void **state)
{
	struct frame_key salt = { .seed = key.seed + 1, .epoch = 3 };
	struct frame_key epoch = { .seed = key.seed, .epoch = 4 };
	uint8_t b[256];
	size_t n = encode(b, event(42, "hello"));
	struct frame f;

	(void)state;
	assert_int_equal(frame_decode(salt, b, n, &f), -EBADMSG);
	assert_int_equal(frame_decode(epoch, b, n, &f), -EBADMSG);
}

static void right_crc_does_not_make_nonsense_valid(void **state)
{
	struct journal_gap gap = { .first = 9, .count = 3 };
	struct journal_gap empty = { .first = 9 };
	struct journal_gap wide = { .first = 9, .count = UINT64_MAX };
	struct journal_seal seal = { .last_seq = 8 };
	struct journal_seal far = { .last_seq = JOURNAL_SEQ_MAX };
	const struct {
		uint8_t type;
		uint64_t seq;
		const void *payload;
		size_t n;
		bool ok;
	} cases[] = {
		{ JOURNAL_EVENT, 0, "x", 1, false },
		{ JOURNAL_EVENT, UINT64_MAX, "x", 1, false },
		{ JOURNAL_EVENT, JOURNAL_SEQ_MAX, "x", 1, false },
		{ JOURNAL_EVENT, JOURNAL_SEQ_MAX - 1, "x", 1, true },
		{ JOURNAL_AMENDMENT, 0, "x", 1, false },
		{ JOURNAL_DESCRIPTION, 0, "x", 1, true },
		{ JOURNAL_DESCRIPTION, 1, "x", 1, false },
		{ JOURNAL_SEAL, 0, &seal, sizeof(seal), true },
		{ JOURNAL_SEAL, 0, &seal, JOURNAL_SEAL_LEAST, true },
		{ JOURNAL_SEAL, 0, &seal, JOURNAL_SEAL_LEAST - 1, false },
		{ JOURNAL_SEAL, 1, &seal, sizeof(seal), false },
		{ JOURNAL_SEAL, 0, &far, sizeof(far), false },
		{ JOURNAL_GAP, 9, &gap, sizeof(gap), true },
		{ JOURNAL_GAP, 8, &gap, sizeof(gap), false },
		{ JOURNAL_GAP, 9, &gap, sizeof(gap) - 1, false },
		{ JOURNAL_GAP, 9, &empty, sizeof(empty), false },
		{ JOURNAL_GAP, 9, &wide, sizeof(wide), false },
		{ 0, 1, "x", 1, false },
		{ 77, 1, "x", 1, true },
		{ 77, 0, "x", 1, true },
	};
	uint8_t b[256];
	struct frame f;
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		n = encode(b, (struct frame){
				      .type = cases[i].type,
				      .seq = cases[i].seq,
				      .payload = slice_of(cases[i].payload,
							  cases[i].n),
			      });
		if ((frame_decode(key, b, n, &f) > 0) != cases[i].ok)
			fail_msg("case %zu", i);
	}
	n = encode(b, (struct frame){ .type = JOURNAL_GAP,
				      .seq = 9,
				      .payload = slice_of((const char *)&gap,
							  sizeof(gap)) });
	assert_true(frame_decode(key, b, n, &f) > 0);
	assert_int_equal(f.seq_end, 12);
}

static void overlong_length_is_refused_before_it_is_used(void **state)
{
	struct journal_frame_header h;
	struct frame f = event(1, "x");

	(void)state;
	frame_encode(key, &f, &h);
	h.length = JOURNAL_PAYLOAD_MAX + 1;
	assert_int_equal(frame_decode(key, &h, sizeof(h), &f), -EBADMSG);
}

static void next_frame_is_found_behind_any_damage(void **state)
{
	uint8_t b[512];
	size_t first = encode(b, event(1, "one JF JF")), n, i;

	(void)state;
	n = first + encode(b + first, event(2, "two"));
	assert_int_equal(frame_find(key, b, n, 0), 0);
	for (i = 0; i < first; i++) {
		b[i] ^= 1;
		assert_int_equal(frame_find(key, b, n, 0), first);
		assert_int_equal(frame_find(key, b, n, 1), first);
		b[i] ^= 1;
	}
	assert_int_equal(frame_find(key, b, n, first + 1), n);
	/* One that is cut is not found. */
	assert_int_equal(frame_find(key, b, n - 1, 1), n - 1);
}

static void frame_inside_a_payload_does_not_pass_for_one(void **state)
{
	const struct frame_key other = { .seed = 0, .epoch = 3 };
	struct journal_frame_header h;
	uint8_t b[512], inner[64];
	struct frame f = event(666, "forged");
	size_t n;

	(void)state;
	/* Whoever chose the payload does not know the salt. */
	frame_encode(other, &f, &h);
	memcpy(inner, &h, sizeof(h));
	memcpy(inner + sizeof(h), f.payload.p, f.payload.n);
	n = encode(b, (struct frame){ .type = JOURNAL_EVENT,
				      .seq = 1,
				      .payload = slice_of((char *)inner, 38) });
	b[0] ^= 1;
	assert_int_equal(frame_find(key, b, n, 0), n);
}

/* The lines "offset  hex hex ..." of the example in the header's comment. */
static size_t read_example(uint8_t *to)
{
	FILE *f = fopen("include/journal_format.h", "re");
	char line[256], *at, *end;
	size_t most = 0, off, n;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, " *\t", 3) || strspn(line + 3, " ") > 4)
			continue;
		off = strtoul(line + 3, &end, 10);
		if (end == line + 3 || strncmp(end, "  ", 2))
			continue;
		for (at = end + 2; *at && *at != '\n'; at = end) {
			n = strtoul(at, &end, 16);
			if (end == at || n > 255)
				break;
			to[off++] = (uint8_t)n;
			end += *end == ' ';
		}
		most = off > most ? off : most;
	}
	(void)fclose(f);
	memcpy(to + 512, to, 512);
	return most;
}

static void example_in_the_specification_is_what_we_write(void **state)
{
	uint8_t want[2048] = { 0 }, got[2048] = { 0 };
	struct segment s;
	struct segment_plan plan = {
		.epoch = 3,
		.number = 2,
		.first_seq = 42,
		.wall_ns = 1700000000000000000,
		.mode = 0600,
	};
	struct journal_frame_header h;
	struct store_dir d;
	const char *what;
	char path[256];
	struct frame f;
	struct iovec v[2];
	size_t n;
	int i, dirfd;

	(void)state;
	n = read_example(want);
	assert_int_equal(n, 1173);
	store_begin(&d);
	dirfd = open(d.base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (i = 0; i < 16; i++) {
		plan.id[i] = (uint8_t)i;
		plan.salt[i] = (uint8_t)(16 + i);
	}
	assert_int_equal(segment_init(&s, NULL), 0);
	assert_int_equal(segment_create(&s, dirfd, &plan, &what), 0);
	f = event(42, "hello");
	f.wall_ns = plan.wall_ns;
	frame_encode(s.key, &f, &h);
	v[0] = (struct iovec){ &h, sizeof(h) };
	v[1] = (struct iovec){ (char[]){ "hello" }, 5 };
	assert_int_equal(segment_write(&s, v, 2), 0);
	assert_int_equal(segment_seal(&s, 42, 0, plan.wall_ns), 0);
	segment_done(&s);
	(void)snprintf(path, sizeof(path), "%s/0000000000000002.seg", d.base);
	i = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(i, got, sizeof(got)), n);
	(void)close(i);
	(void)close(dirfd);
	assert_memory_equal(got, want, n);
	store_end(&d);
}

static void example_in_the_specification_is_read(void **state)
{
	uint8_t bytes[2048] = { 0 };
	struct journal_seal seal;
	struct reader_frame f;
	struct reader *r = NULL;
	struct store_dir d;
	char path[256];
	size_t n;
	int i;

	(void)state;
	n = read_example(bytes);
	store_begin(&d);
	(void)snprintf(path, sizeof(path), "%s/0000000000000002.seg", d.base);
	store_save(path, bytes, n);
	assert_int_equal(
		reader_open(d.base, READER_OLDEST, 0, READER_SEALED_ONLY, &r),
		0);
	assert_int_equal(reader_next(r, &f), 1);
	assert_int_equal(f.type, JOURNAL_EVENT);
	assert_int_equal(f.flags, JOURNAL_FRAME_URGENT);
	assert_int_equal(f.epoch, 3);
	assert_int_equal(f.seq, 42);
	assert_int_equal(f.wall_ns, 1700000000000000000);
	assert_true(slice_eq(f.payload, slice_str("hello")));
	assert_int_equal(reader_next(r, &f), 1);
	assert_int_equal(f.type, JOURNAL_SEAL);
	assert_int_equal(f.payload.n, sizeof(seal));
	memcpy(&seal, f.payload.p, sizeof(seal));
	assert_int_equal(seal.last_seq, 42);
	assert_int_equal(seal.previous, 0);
	assert_int_equal(seal.flags, 0);
	assert_int_equal(seal.earliest_ns, 1700000000000000000);
	assert_int_equal(seal.latest_ns, 1700000000000000000);
	assert_int_equal(reader_next(r, &f), 0);
	for (i = 0; i < 16; i++)
		assert_int_equal(reader_journal_id(r)[i], i);
	reader_close(r);
	/* The independent reader holds SHA and times against the bytes. */
	assert_int_equal(store_check(d.base, "sealed"), 42);
	store_end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_encoded_is_decoded),
		cmocka_unit_test(short_seal_says_no_times),
		cmocka_unit_test(cut_frame_may_go_on),
		cmocka_unit_test(any_flipped_bit_is_seen),
		cmocka_unit_test(other_salt_or_epoch_is_no_frame),
		cmocka_unit_test(right_crc_does_not_make_nonsense_valid),
		cmocka_unit_test(overlong_length_is_refused_before_it_is_used),
		cmocka_unit_test(next_frame_is_found_behind_any_damage),
		cmocka_unit_test(frame_inside_a_payload_does_not_pass_for_one),
		cmocka_unit_test(example_in_the_specification_is_what_we_write),
		cmocka_unit_test(example_in_the_specification_is_read),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
