// SPDX-License-Identifier: Apache-2.0
/*
 * picket: the command line. A table of commands; each knows its own options.
 */
#include <stdio.h>
#include <string.h>

#include "base/exit_codes.h"
#include "base/log.h"
#include "base/near.h"
#include "base/opts.h"
#include "cmd/commands.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{ "run", cmd_run, "watch this host until told to stop" },
	{ "tail", cmd_tail, "print what the journal holds, and what comes" },
	{ "reload", cmd_reload, "have a running picket read its policy anew" },
	{ "status", cmd_status, "say what a running picket sees and has lost" },
	{ "query", cmd_query, "print what happened at a time, and who did it" },
	{ "verify", cmd_verify, "prove that a journal is what was written" },
	{ "coverage", cmd_coverage, "say what could have been seen, and when" },
	{ "replay", cmd_replay, "ask a policy about what was recorded" },
	{ "report", cmd_report, "write an incident as a page to hand on" },
	{ "why", cmd_why, "explain a verdict, and what would change it" },
	{ "support-bundle", cmd_support_bundle,
	  "gather what somebody needs who is to help" },
	{ "learn", cmd_learn, "write a policy from what was recorded" },
	{ "check", cmd_check, "read configuration and policy, and judge them" },
};

#define COMMANDS (sizeof(commands) / sizeof(*commands))

static void print_usage(FILE *to)
{
	(void)fputs("Usage: picket COMMAND [options]\n"
		    "\n"
		    "picket watches what runs on this host: programs executed, "
		    "connections opened,\n"
		    "files written; each is held against a policy and kept in "
		    "a journal.\n"
		    "\n"
		    "Commands:\n",
		    to);
	for (size_t i = 0; i < COMMANDS; i++)
		(void)fprintf(to, "  %-14s  %s\n", commands[i].name,
			      commands[i].summary);
	(void)fputs("\n"
		    "'picket COMMAND --help' has the options of one; "
		    "'picket --version' the version.\n",
		    to);
}

static int print_help(void)
{
	print_usage(stdout);
	return fflush(stdout) ? EXIT_CODE_FAILURE : EXIT_CODE_OK;
}

static int print_version(void)
{
	(void)puts("picket " PICKET_VERSION);
	return fflush(stdout) ? EXIT_CODE_FAILURE : EXIT_CODE_OK;
}

/* Of all commands, one option per line: for completion and for tests. */
static int print_options(void)
{
	static char list[] = "--list-options";
	int r = EXIT_CODE_OK;

	(void)puts("picket --help\npicket --version");
	for (size_t i = 0; i < COMMANDS && r == EXIT_CODE_OK; i++) {
		char name[16];
		char *argv[] = { name, list, NULL };

		(void)snprintf(name, sizeof(name), "%s", commands[i].name);
		r = commands[i].run(2, argv);
	}
	return r;
}

static const struct {
	const char *name;
	int (*print)(void);
} answers[] = {
	{ "--help", print_help }, { "-h", print_help },
	{ "help", print_help },	  { "--version", print_version },
	{ "-V", print_version },  { "--list-options", print_options },
};

static int unknown(const char *word)
{
	struct near near = near_word(word);

	for (size_t i = 0; i < COMMANDS; i++)
		near_try(&near, commands[i].name);
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++)
		near_try(&near, answers[i].name);
	return opts_usage_error(
		"picket", *word == '-' ? "unknown option" : "unknown command",
		word, near.best);
}

int main(int argc, char **argv)
{
	log_init("picket", LOG_NOTICE);
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_CODE_USAGE;
	}
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	/* Run by picket itself, and in no list. */
	if (!strcmp(argv[1], "canary"))
		return cmd_canary(argc - 1, argv + 1);
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++)
		if (!strcmp(argv[1], answers[i].name))
			return answers[i].print();
	return unknown(argv[1]);
}
