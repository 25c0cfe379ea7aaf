/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of out/text held against what is wanted, and verdicts for them. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "out/text_part.h"
#include "out_samples.h"

static const struct verdict allowed = { .answer = ANSWER_ALLOWED,
					.rule = "shells" };
static const struct verdict alert = { .answer = ANSWER_DENIED,
				      .alert = true,
				      .severity = SEVERITY_HIGH,
				      .rule = "cron-files",
				      .tag = "T1053.003" };

static inline int setup(void **state)
{
	(void)setenv("TZ", "UTC", 1);
	tzset();
	return sample_setup(state);
}

static inline void assert_line(const struct sample *s, const struct text_style *style,
			const char *want)
{
	struct buf out = BUF_INIT(64 << 10);

	text_line(&out, s->images, &s->view, style);
	buf_add_char(&out, '\0');
	assert_false(out.failed);
	assert_string_equal(out.p, want);
	buf_done(&out);
}
