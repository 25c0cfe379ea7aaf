/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "name value" lines. The one idea: what is read back must be what would be
 * written, to the byte; there is no tolerance to get wrong.
 */
#include "store/lines.h"

#include <errno.h>
#include <string.h>

#include "base/hex.h"
#include "base/text.h"

int line_take(struct slice *text, const char *name, struct slice *ret_value)
{
	struct slice head = slice_str(name), value;
	const char *end;

	if (!slice_starts(*text, head) || text->n == head.n ||
	    text->p[head.n] != ' ')
		return -EBADMSG;
	value.p = text->p + head.n + 1;
	end = memchr(value.p, '\n', text->n - head.n - 1);
	if (!end)
		return -EBADMSG;
	value.n = (size_t)(end - value.p);
	text->n -= (size_t)(end + 1 - text->p);
	text->p = end + 1;
	*ret_value = value;
	return 0;
}

int line_take_u64(struct slice *text, const char *name, uint64_t *ret)
{
	struct slice rest = *text, value;
	int r;

	r = line_take(&rest, name, &value);
	if (r < 0)
		return r;
	/* One spelling for each number: no leading zeros. */
	if (value.n > 1 && value.p[0] == '0')
		return -EBADMSG;
	if (text_u64(value, ret) < 0)
		return -EBADMSG;
	*text = rest;
	return 0;
}

int line_take_hex(struct slice *text, const char *name, uint8_t *ret, size_t n)
{
	struct slice rest = *text, value;

	if (line_take(&rest, name, &value) < 0 || hex_parse(value, ret, n) < 0)
		return -EBADMSG;
	*text = rest;
	return 0;
}
