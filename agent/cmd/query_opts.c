// SPDX-License-Identifier: Apache-2.0
#include "cmd/query_opts.h"

#include "cmd/when.h"

int query_set_from(void *choice, const char *value)
{
	struct query_choice *c = choice;
	struct when w;
	int r = when_parse(slice_str(value), c->now_ns, &w);

	if (r >= 0)
		c->span.from_ns = w.first_ns;
	return r;
}

int query_set_to(void *choice, const char *value)
{
	struct query_choice *c = choice;
	struct when w;
	int r = when_parse(slice_str(value), c->now_ns, &w);

	if (r >= 0)
		c->span.to_ns = w.last_ns;
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
