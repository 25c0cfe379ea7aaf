/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A status line begins anew: what an interim answer or a proxy said is past.
 */
#include "out/response_head.h"

#include <strings.h>

void response_head_begin(struct response_head *h)
{
	*h = (struct response_head){ .bytes = 0 };
}

static struct slice trim(struct slice s)
{
	while (s.n && s.p[0] && strchr(" \t", s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n && s.p[s.n - 1] && strchr(" \t\r\n", s.p[s.n - 1]))
		s.n--;
	return s;
}

static void keep(char to[static RESPONSE_VALUE_MAX], struct slice line,
		 const char *name)
{
	size_t n = strlen(name);
	struct slice value;

	if (line.n <= n || strncasecmp(line.p, name, n) != 0 ||
	    line.p[n] != ':')
		return;
	value = trim(slice_of(line.p + n + 1, line.n - n - 1));
	if (!value.n || value.n >= RESPONSE_VALUE_MAX ||
	    memchr(value.p, '\0', value.n))
		return;
	memcpy(to, value.p, value.n);
	to[value.n] = '\0';
}

bool response_head_line(struct response_head *h, struct slice line)
{
	size_t bytes = h->bytes + line.n;

	if (bytes > RESPONSE_HEAD_MAX)
		return false;
	if (slice_starts(line, slice_str("HTTP/")))
		response_head_begin(h);
	h->bytes = bytes;
	if (slice_eq(line, slice_str("\r\n")) ||
	    slice_eq(line, slice_str("\n")))
		h->is_whole = true;
	keep(h->retry_after, line, "Retry-After");
	keep(h->content_type, line, "Content-Type");
	return true;
}
