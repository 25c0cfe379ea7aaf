// SPDX-License-Identifier: Apache-2.0
/* out/like, app/likes: an image told by what differs is the same image. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/likes.h"
#include "out/like.h"
#include "out/pack.h"
#include "out/record.h"
#include "out_samples.h"
#include "seed.h"

static struct slice pack(struct buf *b, const struct image *img)
{
	buf_reset(b);
	record_pack_image(b, img);
	return buf_slice(b);
}

static Picket__V1__Image *unpack(struct slice s)
{
	Picket__V1__Image *m =
		picket__v1__image__unpack(NULL, s.n, (const uint8_t *)s.p);

	assert_non_null(m);
	return m;
}

/* The same bytes, once the fields stand in order. */
static void assert_same(struct slice is, struct slice want)
{
	Picket__V1__Image *m = unpack(is);
	size_t n = picket__v1__image__get_packed_size(m);
	uint8_t *p = malloc(n);

	assert_non_null(p);
	picket__v1__image__pack(m, p);
	assert_int_equal(n, want.n);
	assert_memory_equal(p, want.p, n);
	free(p);
	picket__v1__image__free_unpacked(m, NULL);
}

/* All that a message has of each field, in the order of its fields. */
struct runs {
	uint64_t have;
	struct slice run[LIKE_FIELDS];
};

static void find_runs(struct slice message, struct runs *ret)
{
	const char *begin = message.p;
	struct wire_field f;

	*ret = (struct runs){ 0 };
	for (; wire_next(&message, &f) > 0; begin = message.p) {
		struct slice *run = &ret->run[f.number];

		assert_true(f.number < LIKE_FIELDS);
		if (!(ret->have >> f.number & 1))
			run->p = begin;
		ret->have |= 1ull << f.number;
		run->n = (size_t)(message.p - run->p);
	}
}

/* What is told is not in the base, and what is missing is. */
static void assert_nothing_for_nothing(struct slice delta,
				       const struct like *like,
				       struct slice base)
{
	struct runs had, told;
	uint64_t both;

	find_runs(base, &had);
	find_runs(delta, &told);
	assert_int_equal(like->without & ~had.have, 0);
	assert_int_equal(like->without & told.have, 0);
	for (both = had.have & told.have; both; both &= both - 1) {
		int i = __builtin_ctzll(both);

		assert_false(slice_eq(had.run[i], told.run[i]));
	}
}

static size_t there_and_back(const struct image *base, const struct image *img)
{
	struct buf a = BUF_INIT(1 << 16), b = BUF_INIT(1 << 16);
	struct buf delta = BUF_INIT(1 << 16), out = BUF_INIT(1 << 16);
	struct slice whole = pack(&b, img);
	struct like_base to;
	struct like like;
	size_t n;

	assert_true(record_pack_image_base(&a, base, &to));
	assert_int_equal(to.id, base->id);
	record_pack_image_like(&delta, img, &to);
	assert_int_equal(like_read(buf_slice(&delta), &like), 0);
	assert_int_equal(like.id, base->id);
	assert_int_equal(
		like_complete(buf_slice(&delta), &like, buf_slice(&a), &out),
		0);
	assert_same(buf_slice(&out), whole);
	assert_nothing_for_nothing(buf_slice(&delta), &like, buf_slice(&a));
	n = delta.n;
	buf_done(&a);
	buf_done(&b);
	buf_done(&delta);
	buf_done(&out);
	return n;
}

static struct image with_args(struct image img, const char *args, size_t n)
{
	img.args = slice_of(args, n);
	return img;
}

static void what_differs_is_told_and_what_is_missing_too(void **state)
{
	const struct image base = sample_image(70, 7, "/usr/bin/make", NULL);
	struct image img = base, more = with_args(base, "a\0b\0c", 6);

	(void)state;
	img.id = 71;
	assert_true(there_and_back(&base, &img) < 12);
	assert_true(there_and_back(&base, &base) < 12);
	more.id = 72;
	/* More of what is repeated, fewer, none. */
	(void)there_and_back(&base, &more);
	(void)there_and_back(&more, &base);
	img = with_args(more, "a\0c", 4);
	(void)there_and_back(&more, &img);
	(void)there_and_back(&img, &more);
	/* A message that is there in one of them alone. */
	img.login_uid = 1000;
	(void)there_and_back(&more, &img);
	(void)there_and_back(&img, &more);
	img.flags = IMAGE_F_UNKNOWN;
	(void)there_and_back(&more, &img);
	(void)there_and_back(&img, &more);
}

static struct image anything(unsigned *seed)
{
	static const char bytes[] = "/a/b\0c\0\0dd\0/usr/lib/x\0y=z\0";
	struct image img = { .id = 1 + (uint64_t)rand_r(seed) };
	struct slice *const strings[] = { &img.args,   &img.env,
					  &img.cwd,    &img.exe.path,
					  &img.script, &img.cgroup,
					  &img.pod };
	uint32_t *const numbers[] = { &img.uid,	   &img.sgid, &img.tty,
				      &img.number, &img.argc, &img.pid_ns };
	size_t i;

	for (i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		if (rand_r(seed) % 2)
			*strings[i] = slice_of(bytes, (size_t)rand_r(seed) %
							      sizeof(bytes));
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (rand_r(seed) % 2)
			*numbers[i] = (uint32_t)rand_r(seed) % 3;
	img.flags = rand_r(seed) % 2 ? (uint32_t)rand_r(seed) & 0xff : 0;
	img.exe_file.known = rand_r(seed) % 2;
	img.exe_facts.known = rand_r(seed) % 2;
	img.login_uid = rand_r(seed) % 2 ? UINT32_MAX : 7;
	img.args_hidden = rand_r(seed) % 2 ? 1ull << 63 : 0;
	return img;
}

static void any_image_is_told_beside_any_other(void **state)
{
	unsigned seed = (unsigned)any_seed();

	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct image a = anything(&seed), b = anything(&seed);

		(void)there_and_back(&a, &b);
	}
}

/* As journal_format.h has it, byte by byte. */
static void bytes_are_those_of_the_format(void **state)
{
	/* id 10; args "y", "z"; gid 3; like 9; without forked */
	static const char want[] = "\x08\x0a\xca\x01\x01y\xca\x01\x01z"
				   "\x88\x02\x03\x80\x01\x09\x88\x01\x80\x04";
	struct image base = { .id = 9,
			      .proc.tgid = 5,
			      .login_uid = UINT32_MAX,
			      .args = slice_of("x", 2),
			      .flags = IMAGE_F_FORKED | IMAGE_F_UNKNOWN };
	struct image img = base;
	struct buf had = BUF_INIT(1 << 10), out = BUF_INIT(1 << 10);
	struct like_base to;
	struct like like;

	(void)state;
	img.id = 10;
	img.gid = 3;
	img.args = slice_of("y\0z", 4);
	img.flags = IMAGE_F_UNKNOWN;
	assert_true(record_pack_image_base(&had, &base, &to));
	record_pack_image_like(&out, &img, &to);
	assert_int_equal(out.n, sizeof(want) - 1);
	assert_memory_equal(out.p, want, out.n);
	assert_int_equal(like_read(buf_slice(&out), &like), 0);
	assert_int_equal(like.id, 9);
	assert_int_equal(like.without, 1 << 9);
	buf_done(&had);
	buf_done(&out);
}

struct large_numbers {
	ProtobufCMessage base;
	uint32_t first, last_of_set, beyond;
};

#define NUMBER(name_, id_, member)                                        \
	{                                                                 \
		.name = name_, .id = id_, .type = PROTOBUF_C_TYPE_UINT32, \
		.offset = offsetof(struct large_numbers, member)          \
	}

static const ProtobufCFieldDescriptor large_fields[] = {
	NUMBER("first", 1, first),
	NUMBER("last_of_set", 63, last_of_set),
	NUMBER("beyond", 70, beyond),
};

static const ProtobufCMessageDescriptor large_numbers = {
	.magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
	.name = "LargeNumbers",
	.sizeof_message = sizeof(struct large_numbers),
	.n_fields = 3,
	.fields = large_fields,
};

/* Fields that no set of 64 holds are told each time. */
static void fields_of_large_numbers_are_never_left_out(void **state)
{
	static const char want[] = "\xb0\x04\x03\x80\x01\x09";
	const struct large_numbers m = { { &large_numbers, 0, NULL }, 1, 2, 3 };
	struct buf out = BUF_INIT(1 << 10);
	struct like_base to;

	(void)state;
	assert_int_equal(like_base_set(&to, 9, &m.base, 8), 0);
	like_shorten(&m.base, &to, &out);
	assert_int_equal(out.n, sizeof(want) - 1);
	assert_memory_equal(out.p, want, out.n);
	buf_done(&out);
}

static void image_too_large_is_no_base(void **state)
{
	static char much[LIKE_BASE_MAX], empty[600];
	struct image img = { .flags = IMAGE_F_UNKNOWN,
			     .login_uid = UINT32_MAX };
	struct buf out = BUF_INIT(1 << 17);
	struct like_base to = { .id = 3 };
	/* Its id, its flag, and the tag and length of the directory. */
	const size_t rest = 2 + 2 + 4;

	(void)state;
	for (size_t more = 1; more < 2; more--) {
		buf_reset(&out);
		img.id = more + 1;
		img.cwd = slice_of(much, LIKE_BASE_MAX - rest + more);
		assert_int_equal(record_pack_image_base(&out, &img, &to),
				 !more);
		assert_int_equal(out.n, LIKE_BASE_MAX + more);
		assert_int_equal(to.id, more ? 3 : 1);
	}
	/* Many small ones take more room than bytes. */
	img.cwd = slice_of(NULL, 0);
	img.args = slice_of(empty, sizeof(empty));
	buf_reset(&out);
	assert_false(record_pack_image_base(&out, &img, &to));
	assert_true(out.n < LIKE_BASE_MAX);
	assert_null(to.message);
	buf_done(&out);
}

static void what_is_no_message_is_refused(void **state)
{
	static const char broken[] = "\x08\x0a\xca\x01\x7fy";
	static char large[LIKE_BASE_MAX + 1];
	const struct slice good = slice_of("\x08\x0a", 2);
	const struct like like = { .id = 1 };
	struct buf out = BUF_INIT(1 << 14);
	struct like got;

	(void)state;
	assert_int_equal(like_read(slice_of(broken, 6), &got), -EBADMSG);
	assert_int_equal(like_complete(slice_of(broken, 6), &like, good, &out),
			 -EBADMSG);
	assert_int_equal(like_complete(good, &like, slice_of(broken, 6), &out),
			 -EBADMSG);
	memcpy(large, "\xca\x01\xfe\x1f", 4); /* args of 4094 bytes */
	assert_int_equal(like_complete(good, &like,
				       slice_of(large, sizeof(large)), &out),
			 -EBADMSG);
	buf_done(&out);
}

/* ---- what the writer makes of it ------------------------------------------- */

struct writing {
	struct likes *likes;
	struct buf packed;
};

static int begin(void **state)
{
	struct writing *w = calloc(1, sizeof(*w));

	if (!w || likes_new(&w->likes) < 0)
		return -1;
	buf_init(&w->packed, 1 << 17);
	*state = w;
	return 0;
}

static int end(void **state)
{
	struct writing *w = *state;

	likes_free(w->likes);
	buf_done(&w->packed);
	free(w);
	return 0;
}

/* By which image it was told; 0: whole. */
static uint64_t told_by(struct writing *w, uint64_t segment,
			const struct image *img, bool is_kept)
{
	struct like like;

	buf_reset(&w->packed);
	likes_pack(w->likes, segment, img, &w->packed);
	assert_false(w->packed.failed);
	assert_int_equal(like_read(buf_slice(&w->packed), &like), 0);
	if (is_kept)
		likes_kept(w->likes);
	return like.id;
}

static void second_run_of_a_program_is_told_by_the_first(void **state)
{
	struct image img = sample_image(70, 7, "/usr/bin/make", NULL);
	struct image other = sample_image(80, 7, "/usr/bin/cc", NULL);

	other.exe_file.ino++;
	/* The journal did not take it: nothing can be like it. */
	assert_int_equal(told_by(*state, 5, &img, false), 0);
	assert_int_equal(told_by(*state, 5, &img, true), 0);
	assert_int_equal(told_by(*state, 5, &other, true), 0);
	img.id = 71;
	assert_int_equal(told_by(*state, 5, &img, true), 70);
	/* By one that is whole. */
	img.id = 72;
	assert_int_equal(told_by(*state, 5, &img, true), 70);
	other.id = 81;
	assert_int_equal(told_by(*state, 5, &other, true), 80);
	/* A segment stands alone. */
	assert_int_equal(told_by(*state, 6, &img, true), 0);
	img.id = 73;
	assert_int_equal(told_by(*state, 6, &img, true), 72);
}

static void one_that_differs_in_most_is_whole_and_takes_its_place(void **state)
{
	static char much[600];
	struct image img = sample_image(70, 7, "/usr/bin/make", NULL);

	assert_int_equal(told_by(*state, 5, &img, true), 0);
	img.id = 71;
	img.cwd = slice_of(much, sizeof(much));
	assert_int_equal(told_by(*state, 5, &img, true), 0);
	img.id = 72;
	assert_int_equal(told_by(*state, 5, &img, true), 71);
}

static void large_image_is_whole_and_none_is_like_it(void **state)
{
	static char much[LIKE_BASE_MAX];
	struct image img = sample_image(70, 7, "/usr/bin/make", NULL);
	struct image small = sample_image(60, 7, "/usr/bin/make", NULL);

	img.cwd = slice_of(much, sizeof(much));
	assert_int_equal(told_by(*state, 5, &img, true), 0);
	img.id = 71;
	assert_int_equal(told_by(*state, 5, &img, true), 0);
	/* Nor does it take the place of another. */
	assert_int_equal(told_by(*state, 5, &small, true), 0);
	img.id = 72;
	assert_int_equal(told_by(*state, 5, &img, true), 0);
	small.id = 61;
	assert_int_equal(told_by(*state, 5, &small, true), 60);
}

/* A reader may have forgotten what was not spoken of for long. */
static void one_that_was_not_used_for_long_is_told_again(void **state)
{
	struct image img = sample_image(1, 7, "/usr/bin/make", NULL);
	struct image other = sample_image(2, 7, "/usr/bin/cc", NULL);
	size_t each;

	other.exe_file.ino++;
	each = pack(&((struct writing *)*state)->packed, &other).n + 256;
	assert_int_equal(told_by(*state, 5, &img, true), 0);
	for (size_t told = 0; told < (4u << 20); told += each) {
		assert_int_equal(told_by(*state, 5, &other, true),
				 told ? 2 : 0);
		other.id = other.id == 2 ? 3 : other.id + 1;
	}
	img.id = 900000;
	assert_int_equal(told_by(*state, 5, &img, true), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_differs_is_told_and_what_is_missing_too),
		cmocka_unit_test(any_image_is_told_beside_any_other),
		cmocka_unit_test(bytes_are_those_of_the_format),
		cmocka_unit_test(fields_of_large_numbers_are_never_left_out),
		cmocka_unit_test(image_too_large_is_no_base),
		cmocka_unit_test(what_is_no_message_is_refused),
		cmocka_unit_test_setup_teardown(
			second_run_of_a_program_is_told_by_the_first, begin,
			end),
		cmocka_unit_test_setup_teardown(
			one_that_differs_in_most_is_whole_and_takes_its_place,
			begin, end),
		cmocka_unit_test_setup_teardown(
			large_image_is_whole_and_none_is_like_it, begin, end),
		cmocka_unit_test_setup_teardown(
			one_that_was_not_used_for_long_is_told_again, begin,
			end),
	};

	return cmocka_run_group_tests_name("like", tests, NULL, NULL);
}
