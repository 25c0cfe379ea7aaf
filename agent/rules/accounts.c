/* SPDX-License-Identifier: Apache-2.0 */
/*
 * passwd(5) and group(5) agree in their first three fields. NSS would ask
 * the network, from the program that must not touch it.
 */
#include "rules/accounts.h"

#include <errno.h>

#include "base/text.h"

/* The field up to the next ':', which *line moves past. */
static struct slice take_field(struct slice *line)
{
	const char *colon = line->n ? memchr(line->p, ':', line->n) : NULL;
	size_t n = colon ? (size_t)(colon - line->p) : line->n;
	struct slice field = slice_of(line->p, n);

	if (colon)
		n++;
	*line = slice_of(line->p + n, line->n - n);
	return field;
}

int account_find(struct slice text, struct slice name, uint32_t *ret_id)
{
	const char *end;
	struct slice line;
	size_t n;

	while (text.n) {
		end = memchr(text.p, '\n', text.n);
		n = end ? (size_t)(end - text.p) : text.n;
		line = slice_of(text.p, n);
		text = slice_of(text.p + n + !!end, text.n - n - !!end);
		if (!slice_eq(take_field(&line), name))
			continue;
		(void)take_field(&line);
		if (text_u32(take_field(&line), ret_id) == 0)
			return 0;
	}
	return -ENOENT;
}
