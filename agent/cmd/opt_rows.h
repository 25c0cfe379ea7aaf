/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of option tables that mean the same in every command, so that letter,
 * metavar and help cannot drift apart. S is the command's settings; what the
 * row sets is the member of its name.
 */
#pragma once

#include <stddef.h>

#include "app/settings.h"
#include "app/tail_lines.h"
#include "base/opts.h"
#include "cmd/journal_dir.h"
#include "cmd/query_opts.h"
#include "cmd/when.h"

#define OPT_JOURNAL(S, member)                                                 \
	{                                                                      \
		.name = "journal", .letter = 'j', .metavar = "DIR",            \
		.help = JOURNAL_DIR_HELP, .offset = offsetof(struct S, member) \
	}
#define OPT_JSON(S, text)                          \
	{                                          \
		.name = "json", .help = (text),    \
		.offset = offsetof(struct S, json) \
	}
#define OPT_CONFIG(S, text)                                          \
	{                                                            \
		.name = "config", .letter = 'c', .metavar = "FILE",  \
		.help = (text), .offset = offsetof(struct S, config) \
	}
#define OPT_CONFIG_HELP "configuration (default " PLACE_CONFIG ")"
#define OPT_POLICY(S, text)                                          \
	{                                                            \
		.name = "policy", .letter = 'p', .metavar = "DIR",   \
		.help = (text), .offset = offsetof(struct S, policy) \
	}
#define OPT_POLICY_HELP "policy instead of the configured [rules] dir"
/* The first n of the kinds; which they are is the table's to say. */
#define OPT_KINDS(setter, n)                                                   \
	{                                                                      \
		.name = "kind", .letter = 'k', .metavar = "KINDS",             \
		.choices = tail_kind_names, .n_choices = (n), .several = true, \
		.help = "only", .set = (setter)                                \
	}
/* A span of time, of settings that begin with a struct query_choice. */
#define OPT_FROM(text)                                                         \
	{                                                                      \
		.name = "from", .letter = 'f', .metavar = "T", .help = (text), \
		.set = query_set_from, .expects = WHEN_EXPECTED                \
	}
#define OPT_TO(text)                                                         \
	{                                                                    \
		.name = "to", .letter = 't', .metavar = "T", .help = (text), \
		.set = query_set_to, .expects = WHEN_EXPECTED                \
	}

/* Who did it: setters of the command's own, that call query_match_*. */
#define OPT_UNIT(setter)                                                \
	{                                                               \
		.name = "unit", .letter = 'u', .metavar = "GLOB",       \
		.help = "only of this systemd unit; may be repeated",   \
		.set = (setter), .expects = "a glob as in policy files" \
	}
#define OPT_CONTAINER(setter)                                           \
	{                                                               \
		.name = "container", .metavar = "ID",                   \
		.help = "only of this container; may be repeated",      \
		.set = (setter), .expects = "a glob as in policy files" \
	}
#define OPT_EXE(setter, one)                                            \
	{                                                               \
		.name = "exe", .letter = (one), .metavar = "GLOB",      \
		.help = "only what this program did; may be repeated",  \
		.set = (setter), .expects = "a glob as in policy files" \
	}
