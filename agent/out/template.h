/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line as somebody asked for it: text with {fields}, each escaped, "-"
 * where a record has none. "{{" is a brace, "\t" a tab, "\\" a backslash.
 */
#pragma once

#include "base/buf.h"
#include "out/view.h"

struct template;

/* What a field may be called: for the error, and in two lines for help. */
#define TEMPLATE_FIELDS_HELP                              \
	"time clock uid kind severity who exe pid user\n" \
	"unit container what answer rule tag"
#define TEMPLATE_FIELDS                                                      \
	"time clock uid kind severity who exe pid user unit container what " \
	"answer rule tag"

/*
 * -ENOMEM, or -EINVAL with a constant phrase in *ret_why and the byte in
 * *ret_at where it is wrong.
 */
int template_new(const char *text, struct template **ret, const char **ret_why,
		 size_t *ret_at);
void template_free(struct template *t);

/* Appends the line, without a newline. */
void template_line(struct buf *out, const struct template *t,
		   const struct view_images *images, const struct view *v);
