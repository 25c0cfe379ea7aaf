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

static struct like_whole whole_of(struct slice s)
{
	struct like_whole w = { .bytes = s };

	assert_int_equal(wire_find_runs(s, &w.runs), 0);
	return w;
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

static size_t there_and_back(const struct image *base, const struct image *img)
{
	struct buf a = BUF_INIT(1 << 16), b = BUF_INIT(1 << 16);
	struct buf delta = BUF_INIT(1 << 16), out = BUF_INIT(1 << 16);
	struct slice had = pack(&a, base);
	const struct like_whole whole = whole_of(pack(&b, img));
	struct like_base to;
	struct like like;
	size_t n;

	assert_int_equal(like_base_set(&to, base->id, had), 0);
	like_shorten(&whole, &to, &delta);
	assert_int_equal(like_read(buf_slice(&delta), &like), 0);
	assert_int_equal(like.id, base->id);
	assert_int_equal(like_complete(buf_slice(&delta), &like, had, &out), 0);
	assert_same(buf_slice(&out), whole.bytes);
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
	/* id 9, pid 5, forked; args "x" */
	static const char base[] = "\x08\x09\x10\x05\x48\x01\xca\x01\x01x";
	/* id 10, pid 5; args "y", "z"; gid 3 */
	static const char whole[] = "\x08\x0a\x10\x05\xca\x01\x01y\xca\x01\x01z"
				    "\x88\x02\x03";
	static const char want[] = "\x08\x0a\xca\x01\x01y\xca\x01\x01z"
				   "\x88\x02\x03\x80\x01\x09\x88\x01\x80\x04";
	const struct like_whole w =
		whole_of(slice_of(whole, sizeof(whole) - 1));
	struct buf out = BUF_INIT(1 << 10);
	struct like_base to;
	struct like like;

	(void)state;
	assert_int_equal(
		like_base_set(&to, 9, slice_of(base, sizeof(base) - 1)), 0);
	like_shorten(&w, &to, &out);
	assert_int_equal(out.n, sizeof(want) - 1);
	assert_memory_equal(out.p, want, out.n);
	assert_int_equal(like_read(buf_slice(&out), &like), 0);
	assert_int_equal(like.id, 9);
	assert_int_equal(like.without, 1 << 9);
	buf_done(&out);
}

/* Fields that no set of 64 holds are told each time. */
static void fields_of_large_numbers_are_never_left_out(void **state)
{
	/* Fields 1, 63, 64 and 70, the last twice. */
	static const char whole[] = "\x08\x0a\xf8\x03\x01\x80\x04\x02"
				    "\xb0\x04\x03\xb0\x04\x04";
	static const char want[] = "\x80\x04\x02\xb0\x04\x03\xb0\x04\x04"
				   "\x80\x01\x09";
	const struct like_whole w =
		whole_of(slice_of(whole, sizeof(whole) - 1));
	struct buf out = BUF_INIT(1 << 10);
	struct like_base to;

	(void)state;
	assert_int_equal(like_base_set(&to, 9, w.bytes), 0);
	like_shorten(&w, &to, &out);
	assert_int_equal(out.n, sizeof(want) - 1);
	assert_memory_equal(out.p, want, out.n);
	buf_done(&out);
}

static void what_is_no_message_is_refused(void **state)
{
	static const char broken[] = "\x08\x0a\xca\x01\x7fy";
	static const char unordered[] = "\x10\x05\x08\x0a";
	static char large[LIKE_BASE_MAX + 1] = "\xca\x01";
	const struct slice good = slice_of("\x08\x0a", 2);
	const struct like like = { .id = 1 };
	struct buf out = BUF_INIT(1 << 14);
	struct like_base to;
	struct wire_runs runs;
	struct like got;

	(void)state;
	assert_int_equal(like_read(slice_of(broken, 6), &got), -EBADMSG);
	assert_int_equal(like_base_set(&to, 1, good), 0);
	assert_int_equal(like_base_set(&to, 2, slice_of(broken, 6)), -EINVAL);
	assert_int_equal(like_base_set(&to, 2, slice_of(unordered, 4)),
			 -EINVAL);
	assert_int_equal(like_base_set(&to, 2, slice_of(large, sizeof(large))),
			 -EINVAL);
	assert_int_equal(to.id, 1);
	assert_int_equal(wire_find_runs(slice_of(broken, 6), &runs), -EINVAL);
	assert_int_equal(wire_find_runs(slice_of(unordered, 4), &runs),
			 -EINVAL);
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
	struct like_whole whole;
	struct like like;
	struct slice s;

	buf_reset(&w->packed);
	record_pack_image_runs(&w->packed, img, &whole.runs);
	whole.bytes = buf_slice(&w->packed);
	s = likes_shorten(w->likes, segment, img, &whole);
	assert_int_equal(like_read(s, &like), 0);
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

	img.cwd = slice_of(much, sizeof(much));
	assert_int_equal(told_by(*state, 5, &img, true), 0);
	img.id = 71;
	assert_int_equal(told_by(*state, 5, &img, true), 0);
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
