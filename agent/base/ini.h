/* SPDX-License-Identifier: Apache-2.0 */
/*
 * INI text, read strictly, by inih behind a line reader of ours.
 *
 * inih 55 cuts lines at 200 bytes and still calls its handler, treats an
 * indented line as a continuation, ends a value at " ;", and goes on after
 * errors, so keys after a broken section line land in the section before.
 * The reader refuses what would trigger any of that before inih sees it.
 *
 * Accepted: UTF-8 or any bytes but NUL; lines up to INI_LINE_MAX bytes;
 * "[section]" or "[word name]"; "key = value"; empty lines; comments, whole
 * lines that start with '#' or ';'. Keys are a-z, 0-9, '-' and '_'. A value
 * may hold '#', quotes and brackets, and ';' unless a blank stands before it.
 * Blanks around section, key and value are dropped.
 */
#pragma once

#include <stddef.h>

#include "base/slice.h"

#define INI_LINE_MAX 8192
#define INI_FILE_MAX (16u << 20)

struct ini_error {
	unsigned line;		/* 1-based; 0: the file as a whole */
	char what[160];		/* lower case, escaped, no period */
};

/*
 * section: whole text between the brackets, trimmed. key and value are
 * zero-terminated and live until the call returns. Called with key NULL when
 * a section begins. 0, or negative to stop: then err.what may have been
 * filled through ini_fail, and parsing ends with that line.
 */
typedef int (*ini_fn)(void *arg, unsigned line, const char *section,
		      const char *key, const char *value);

/*
 * 0; the handler's negative value; -EINVAL with *err filled in. When the
 * handler stops and has not filled in *err, its line is set.
 */
int ini_read(struct slice text, ini_fn fn, void *arg, struct ini_error *err);

/* Fill in *err, escaped and cut to fit; returns -EINVAL. */
int ini_fail(struct ini_error *err, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
