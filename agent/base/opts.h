/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of one command, from one table: what getopt_long takes,
 * what --help says and what --list-options prints cannot disagree.
 *
 *	struct settings { const char *dir; bool json; };
 *
 *	static const struct opt_row rows[] = {
 *		{ .name = "journal", .letter = 'j', .metavar = "DIR",
 *		  .help = "journal directory",
 *		  .offset = offsetof(struct settings, dir) },
 *		{ .name = "json", .help = "one JSON object per line",
 *		  .offset = offsetof(struct settings, json) },
 *		{ 0 }
 *	};
 *	static const struct opt_command cmd = {
 *		.name = "picket tail", .synopsis = "[options]",
 *		.summary = "Print records as they come.", .rows = rows,
 *	};
 *
 *	if (!opts_parse(&cmd, argc, argv, &settings, &code))
 *		return code;
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define OPTS_MAX 32

struct opt_row {
	const char *name;    /* long, without dashes */
	char letter;	     /* 0: none */
	const char *metavar; /* NULL: takes no value */
	/*
	 * The words that it takes, one or with `several` a list with commas:
	 * they follow the help, are what is expected, and complete. NULL: the
	 * metavar says what stands there.
	 */
	const char *const *choices;
	size_t n_choices;
	bool several;
	const char *help; /* short; "\n" begins another line */
	/*
	 * Take the value (NULL: a flag is given) into settings; negative: it is
	 * what `expects`, or else `choices`, do not say. NULL: the bool, or with a metavar the const
	 * char *, at `offset` is set.
	 */
	int (*set)(void *settings, const char *value);
	const char *expects; /* "oldest, now or a number" */
	size_t offset;
};

struct opt_command {
	const char *name;	    /* "picket tail" */
	const char *synopsis;	    /* what follows the name in "Usage:" */
	const char *summary;	    /* what it does, in a sentence or two */
	const struct opt_row *rows; /* the last has no name */
	const char *notes;	    /* after the options; NULL: none */
	/* What the one operand it takes is called; NULL: it takes none. */
	const char *operand;
	size_t operand_offset; /* of the const char * in settings */
};

/*
 * argv[0] is the command's own name. True: settings are filled in, go on.
 * False: end with *ret_exit; help, the list or what is wrong has been printed.
 * A later value of an option replaces an earlier.
 */
bool opts_parse(const struct opt_command *cmd, int argc, char **argv,
		void *settings, int *ret_exit);

/*
 * One line on stderr, "NAME: WHAT 'WORD'", with a suggestion if there is one
 * and where help is; returns EXIT_CODE_USAGE. word and near may be NULL.
 */
int opts_usage_error(const char *name, const char *what, const char *word,
		     const char *near);
