/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes to the readers of numbers, sizes and durations. Property: what is
 * accepted prints to something that reads back as the same value, and words
 * cover the input.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint64_t untouched = 0x1122334455667788;

static void check_forms(struct slice in)
{
	uint64_t v = untouched, again = 0;
	uint32_t small;
	char form[24];
	bool yes;
	int r;

	r = text_size(in, &v);
	assert(r == 0 || ((r == -EINVAL || r == -ERANGE) && v == untouched));
	if (r == 0) {
		r = text_size(slice_str(text_print_size(v, form)), &again);
		assert(r == 0 && again == v);
	}
	v = untouched;
	r = text_duration(in, &v);
	assert(r == 0 || ((r == -EINVAL || r == -ERANGE) && v == untouched));
	if (r == 0) {
		r = text_duration(slice_str(text_print_duration(v, form)),
				  &again);
		assert(r == 0 && again == v);
	}
	v = untouched;
	if (text_u64(in, &v) == 0 && v <= UINT32_MAX)
		assert(text_u32(in, &small) == 0 && small == v);
	(void)text_hex_u64(in, &v);
	(void)text_bool(in, &yes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of((const char *)data, size), rest = in, word;
	size_t words = 0, blanks = 0, i;

	check_forms(in);
	while (text_word(&rest, &word)) {
		assert(word.n && word.p >= in.p);
		assert(word.p + word.n <= in.p + in.n);
		assert(text_trim(word).n == word.n);
		check_forms(word);
		words += word.n;
	}
	for (i = 0; i < size; i++)
		blanks += data[i] == ' ' || data[i] == '\t';
	assert(words + blanks == size);
	word = text_trim(in);
	assert(word.n <= in.n);
	return 0;
}
