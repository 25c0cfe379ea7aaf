/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sha256` and `sha256-file`: digests as values. A list is read when the
 * policy is, counts to its hash, and is what sha256sum prints: a digest, and
 * behind a blank whatever it likes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hex.h"
#include "base/text.h"
#include "rules/parse.h"

#define LIST_MAX (64u << 20)

bool digest_parse(struct slice hex, uint8_t ret[static 32])
{
	size_t i;
	int hi, lo;

	if (hex.n != 64)
		return false;
	for (i = 0; i < 32; i++) {
		hi = hex_digit(hex.p[2 * i]);
		lo = hex_digit(hex.p[2 * i + 1]);
		if (hi < 0 || lo < 0)
			return false;
		ret[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

/* Beside the policy's file, unless it says where. */
static int list_path(const struct builder *b, const char *name, char **ret)
{
	char **files = b->files.p;
	const char *file = b->files.n ? files[b->files.n - 1] : "";
	const char *slash = strrchr(file, '/');
	int dir = name[0] != '/' && slash ? (int)(slash - file) + 1 : 0;

	return asprintf(ret, "%.*s%s", dir, file, name) < 0 ? -ENOMEM : 0;
}

static int take_lines(struct builder *b, const struct value *like,
		      struct slice rest)
{
	unsigned line = 0;
	struct value *to;

	while (rest.n) {
		const char *end = memchr(rest.p, '\n', rest.n);
		size_t n = end ? (size_t)(end - rest.p) : rest.n;
		struct slice text = slice_of(rest.p, n), word;

		line++;
		n += !!end;
		rest = slice_of(rest.p + n, rest.n - n);
		/* A backslash before it: the name behind it has escapes. */
		if (text.n && text.p[0] == '\\')
			text = slice_of(text.p + 1, text.n - 1);
		if (!text_word(&text, &word) || word.p[0] == '#')
			continue;
		if (b->values.n == RULE_VALUES_MAX)
			return -E2BIG;
		to = vec_add(&b->values, sizeof(*to));
		if (!to)
			return -ENOMEM;
		*to = *like;
		if (!digest_parse(word, to->sha256)) {
			b->values.n--;
			return (int)line;
		}
	}
	return 0;
}

int digest_list_take(struct builder *b, const char *name, struct value *like)
{
	cleanup_free char *path = NULL, *text = NULL;
	size_t n = 0, before = b->values.n;
	int r;

	like->form = FORM_HASHES;
	r = list_path(b, name, &path);
	if (r < 0)
		return r;
	r = fs_read_foreign(AT_FDCWD, path, LIST_MAX, &text, &n);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return ini_fail(b->err, like->line, "list '%s': %s", path,
				r == -EFBIG    ? "file is too large"
				: r == -EINVAL ? "not a file"
					       : strerrordesc_np(-r));
	if (b->hash_part && b->hash_part(b->hash_arg, slice_of(text, n)) < 0)
		return -ENOMEM;
	r = take_lines(b, like, slice_of(text, n));
	if (r > 0)
		return ini_fail(b->err, like->line,
				"%s:%d: not a SHA-256 of 64 digits", path, r);
	if (r == -E2BIG)
		return ini_fail(b->err, like->line,
				"more than %u values in one rule",
				RULE_VALUES_MAX);
	if (r == 0 && b->values.n == before)
		return ini_fail(b->err, like->line, "list '%s' is empty", path);
	return r;
}
