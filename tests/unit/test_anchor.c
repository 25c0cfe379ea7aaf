/* SPDX-License-Identifier: Apache-2.0 */
/* Anchors as files: what is written is read back, all else is refused. */
#include "store/anchor.h"

#include <errno.h>
#include <unistd.h>

#include "store_dir.h"

#define GOOD                                         \
	"picket-anchor 1\n"                          \
	"journal 000102030405060708090a0b0c0d0e0f\n" \
	"epoch 3\nseq 42\nsha256 "                   \
	"a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"           \
	"b0b1b2b3b4b5b6b7b8b9babbbcbdbebf\n"

static struct anchor sample(void)
{
	struct anchor a = { .epoch = 3, .seq = 42 };
	uint8_t i;

	for (i = 0; i < 16; i++)
		a.journal[i] = i;
	for (i = 0; i < 32; i++)
		a.sha[i] = (uint8_t)(0xa0 + i);
	return a;
}

static void written_anchor_is_the_text_that_is_documented(void **state)
{
	struct anchor a = sample(), b;
	struct store_dir d;
	char path[256];
	uint8_t *text;
	size_t n;

	(void)state;
	store_begin(&d);
	(void)snprintf(path, sizeof(path), "%s/anchor", d.base);
	assert_int_equal(anchor_save(path, &a), 0);
	text = store_load(path, &n);
	assert_int_equal(n, strlen(GOOD));
	assert_memory_equal(text, GOOD, n);
	free(text);
	assert_int_equal(anchor_load(path, &b), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	/* And replaced whole. */
	a.seq = 43;
	assert_int_equal(anchor_save(path, &a), 0);
	assert_int_equal(anchor_load(path, &b), 0);
	assert_int_equal(b.seq, 43);
	store_end(&d);
}

static void what_is_not_an_anchor_is_refused(void **state)
{
	static const struct {
		const char *from, *to;
	} cases[] = {
		{ "anchor 1", "anchor 2" },
		{ "picket-anchor", "picket-cursor" },
		{ "0e0f\n", "0e0\n" },
		{ "0e0f\n", "0e0F\n" },
		{ "epoch 3", "epoch -3" },
		{ "epoch 3", "epoch 4294967296" },
		{ "seq 42", "seq 042" },
		{ "seq 42", "seq 9223372036854775808" },
		{ "seq 42\n", "" },
		{ "bebf\n", "bebf" },
		{ "bebf\n", "bebf\n\n" },
		{ "bebf\n", "beb\n" },
		{ "a0a1", "g0a1" },
	};
	struct anchor a = { .seq = 7 };
	struct store_dir d;
	char path[256], text[1024];
	const char *at;
	size_t i;

	(void)state;
	store_begin(&d);
	(void)snprintf(path, sizeof(path), "%s/anchor", d.base);
	assert_int_equal(anchor_load(path, &a), -ENOENT);
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		at = strstr(GOOD, cases[i].from);
		assert_non_null(at);
		(void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - GOOD),
			       GOOD, cases[i].to, at + strlen(cases[i].from));
		store_save(path, text, strlen(text));
		if (anchor_load(path, &a) != -EBADMSG)
			fail_msg("taken for an anchor:\n%s", text);
	}
	memset(text, 'a', sizeof(text));
	store_save(path, text, sizeof(text));
	assert_int_equal(anchor_load(path, &a), -EBADMSG);
	assert_int_equal(a.seq, 7);
	assert_int_equal(anchor_save("/nonexistent/anchor", &a), -ENOENT);
	store_end(&d);
}

static void name_without_a_directory_is_in_the_current_one(void **state)
{
	struct anchor a = sample(), b;
	struct store_dir d;
	char before[256];

	(void)state;
	store_begin(&d);
	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(chdir(d.base), 0);
	assert_int_equal(anchor_save("here", &a), 0);
	assert_int_equal(anchor_load("here", &b), 0);
	assert_int_equal(chdir(before), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	store_end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_anchor_is_the_text_that_is_documented),
		cmocka_unit_test(what_is_not_an_anchor_is_refused),
		cmocka_unit_test(
			name_without_a_directory_is_in_the_current_one),
	};

	return cmocka_run_group_tests_name("anchor", tests, NULL, NULL);
}
