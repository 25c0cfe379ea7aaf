/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An argument list of anyone's, with one section of every form. Properties:
 * as many strings come out as went in, what is told to be hidden is, and
 * nothing that stands behind --password= as a whole argument is left.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rules/redact.h"
#include "rules/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char policy[] = "[redact words]\n"
			     "option = --*password\n"
			     "env = *_KEY\n"
			     "[redact letter]\n"
			     "program = my*\n"
			     "prefix = -p\n"
			     "[redact text]\n"
			     "assigned = pw\n"
			     "after = key:\n"
			     "[redact block]\n"
			     "after = BEGIN\n"
			     "until = END\n"
			     "[redact url]\n"
			     "url-password = yes\n";

static size_t count_zeros(struct slice s)
{
	size_t i, n = 0;

	for (i = 0; i < s.n; i++)
		n += !s.p[i];
	return n;
}

static void check_option(struct slice shown)
{
	static const char option[] = "--password=";
	const size_t n = sizeof(option) - 1;
	struct slice arg;
	const char *zero;

	for (; shown.n; shown.p += arg.n, shown.n -= arg.n) {
		zero = memchr(shown.p, '\0', shown.n);
		arg = slice_of(shown.p,
			       zero ? (size_t)(zero - shown.p) + 1 : shown.n);
		if (arg.n < n + 2 || memcmp(arg.p, option, n))
			continue;
		/* Quotes around a value may stay. */
		assert(memmem(arg.p + n, arg.n - n, "<redacted", 9) ||
		       (arg.n <= n + 3 && strchr("'\"`", arg.p[n])));
	}
}

static void check(const struct redactor *r, struct image *img,
		  struct buf *scratch)
{
	static const struct redact_key key;
	struct redacted got;

	redact_image(r, &key, img, scratch, &got);
	if (got.args_cut)
		return;
	assert(count_zeros(got.args) == count_zeros(img->args));
	assert(!got.args_hidden == (got.args.p == img->args.p));
	check_option(got.args);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct buf scratch = BUF_INIT(REDACT_SCRATCH_MAX);
	static struct rule_set *set;
	const struct rule_options options = { .now_wall_ns = 1 };
	struct image img = { .exe.path = slice_str("/bin/x") };
	struct rule_error err;

	if (!set && rule_set_load_text("fuzz.ini", slice_str(policy), &options,
				       &set, &err) < 0)
		abort();
	img.args = slice_of((const char *)data, size);
	check(rule_set_redactor(set), &img, &scratch);
	img.flags = IMAGE_F_ARGS_TRUNCATED;
	check(rule_set_redactor(set), &img, &scratch);
	img.env = img.args;
	check(rule_set_redactor(set), &img, &scratch);
	return 0;
}
