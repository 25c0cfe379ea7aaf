/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations that are given as text: taken, or refused in these words. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "conf/conf.h"

static inline void assert_refused(const char *text, unsigned line, const char *what)
{
	struct conf conf, before;
	struct conf_error err;

	memset(&conf, 0xa5, sizeof(conf));
	before = conf;
	assert_int_equal(conf_load_text("x.ini", slice_str(text), &conf, &err),
			 -EINVAL);
	assert_string_equal(err.what, what);
	assert_int_equal(err.line, line);
	assert_string_equal(err.file, "x.ini");
	/* Untouched on failure. */
	assert_memory_equal(&conf, &before, sizeof(conf));
}

static inline void load(const char *text, struct conf *ret)
{
	struct conf_error err;

	if (conf_load_text("x.ini", slice_str(text), ret, &err) < 0)
		fail_msg("line %u: %s", err.line, err.what);
}

static inline void print(const struct conf *c, struct buf *out)
{
	conf_print(out, c);
	buf_add_char(out, '\0');
	assert_false(out->failed);
}
