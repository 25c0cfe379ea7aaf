// SPDX-License-Identifier: Apache-2.0
#include "cmd/query_opts.h"

#include "cmd/when.h"
#include "store/spans.h"

int query_from(struct span *span, int64_t now_ns, const char *value)
{
	struct when w;
	int r = when_parse(slice_str(value), now_ns, &w);

	if (r >= 0)
		span->from_ns = w.first_ns;
	return r;
}

int query_to(struct span *span, int64_t now_ns, const char *value)
{
	struct when w;
	int r = when_parse(slice_str(value), now_ns, &w);

	if (r >= 0)
		span->to_ns = w.last_ns;
	return r;
}

int query_set_exe(void *match, const char *value)
{
	return query_match_exe(match, value);
}

int query_set_pid(void *match, const char *value)
{
	return query_match_pid(match, value);
}

int query_set_unit(void *match, const char *value)
{
	return query_match_unit(match, value);
}

int query_set_container(void *match, const char *value)
{
	return query_match_container(match, value);
}

int query_set_path(void *match, const char *value)
{
	return query_match_path(match, value);
}

int query_set_dest(void *match, const char *value)
{
	return query_match_dest(match, value);
}
