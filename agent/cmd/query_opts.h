/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options that choose records, the same for every command that reads a
 * journal. Its settings begin with a struct query_match, and where it takes a
 * span of time with a struct query_choice; query_match_done it.
 */
#pragma once

#include <stdint.h>

#include "app/query_match.h"
#include "base/clock.h"
#include "base/opts.h"
#include "store/spans.h"

struct query_choice {
	struct query_match match; /* first: the setters of either take both */
	struct span span;
	int64_t now_ns; /* what "10m" is told from */
};

/* All there is, and now is now. */
#define QUERY_CHOICE_INIT                                                   \
	{                                                                   \
		.span = { INT64_MIN, INT64_MAX }, .now_ns = clock_wall_ns() \
	}

/* An end of the span. -EINVAL: no time. */
int query_set_from(void *choice, const char *value);
int query_set_to(void *choice, const char *value);

int query_set_exe(void *match, const char *value);
int query_set_pid(void *match, const char *value);
int query_set_unit(void *match, const char *value);
int query_set_container(void *match, const char *value);
int query_set_path(void *match, const char *value);
int query_set_dest(void *match, const char *value);

#define QUERY_MATCH_ROWS                                                          \
	{ .name = "exe",                                                          \
	  .letter = 'e',                                                          \
	  .metavar = "GLOB",                                                      \
	  .help = "executable of who acted; 'curl' is '/**/curl'",                \
	  .set = query_set_exe,                                                   \
	  .expects = QUERY_GLOB_EXPECTED },                                       \
		{ .name = "pid",                                                  \
		  .letter = 'p',                                                  \
		  .metavar = "PID",                                               \
		  .help = "number of who acted",                                  \
		  .set = query_set_pid,                                           \
		  .expects = "a number" },                                        \
		{ .name = "unit",                                                 \
		  .letter = 'u',                                                  \
		  .metavar = "GLOB",                                              \
		  .help = "systemd unit of who acted: nginx.service, user@*",     \
		  .set = query_set_unit,                                          \
		  .expects = QUERY_GLOB_EXPECTED },                               \
		{ .name = "container",                                            \
		  .letter = 'c',                                                  \
		  .metavar = "ID",                                                \
		  .help = "container of who acted, or how its id begins",         \
		  .set = query_set_container,                                     \
		  .expects = QUERY_GLOB_EXPECTED },                               \
		{ .name = "path",                                                 \
		  .metavar = "GLOB",                                              \
		  .help = "the file of a write, its new name, or what is loaded", \
		  .set = query_set_path,                                          \
		  .expects = QUERY_GLOB_EXPECTED },                               \
	{                                                                         \
		.name = "dest", .letter = 'd', .metavar = "ADDRESS",              \
		.help = "where a connection went: address or range, with\n"       \
			"a port if wanted (10.0.0.7:443, [::1]:80)",              \
		.set = query_set_dest, .expects = QUERY_DEST_EXPECTED             \
	}
