// SPDX-License-Identifier: Apache-2.0
/* base/opts, base/near: what is taken, and what is said of the rest. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/exit_codes.h"
#include "base/near.h"
#include "base/opts.h"

struct settings {
	const char *dir;
	bool json;
	int number;
};

static int set_number(void *arg, const char *value)
{
	struct settings *s = arg;

	if (strlen(value) != 1)
		return -EINVAL;
	s->number = value[0] - '0';
	return 0;
}

static const char *const choices[] = { "alpha",	  "beta",  "gamma", "delta",
				       "epsilon", "zeta",  "eta",   "theta",
				       "iota",	  "kappa", "lambda" };

static int set_word(void *settings, const char *value)
{
	(void)settings;
	return strcmp(value, "beta") ? -EINVAL : 0;
}

static const struct opt_row rows[] = {
	{ .name = "journal",
	  .letter = 'j',
	  .metavar = "DIR",
	  .help = "where it is",
	  .offset = offsetof(struct settings, dir) },
	{ .name = "json",
	  .help = "objects\nfor programs",
	  .offset = offsetof(struct settings, json) },
	{ .name = "a-number-with-a-long-name",
	  .letter = 'n',
	  .metavar = "N",
	  .help = "a digit",
	  .set = set_number,
	  .expects = "one digit" },
	{ .name = "words",
	  .letter = 'w',
	  .metavar = "WORDS",
	  .choices = choices,
	  .n_choices = sizeof(choices) / sizeof(*choices),
	  .several = true,
	  .help = "only",
	  .set = set_word },
	{ .name = "word",
	  .metavar = "WORD",
	  .choices = choices,
	  .n_choices = 2,
	  .help = "only",
	  .set = set_word },
	{ 0 },
};

static const struct opt_command command = {
	.name = "picket try",
	.synopsis = "[options]",
	.summary = "Try options.",
	.rows = rows,
	.notes = "That is all.",
};

/* What parsing wrote to a stream, by way of a pipe: it is short. */
struct said {
	char text[2048];
	bool go_on;
	int code;
	struct settings s;
};

static struct said parse(int stream, const char *const *words)
{
	char *argv[16] = { (char *)(uintptr_t) "try" };
	struct said said = { .code = -1 };
	int argc = 1, ends[2], kept;
	ssize_t n;

	while (*words)
		argv[argc++] = (char *)(uintptr_t)*words++;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	(void)fflush(stdout);
	kept = fcntl(stream, F_DUPFD_CLOEXEC, 3);
	assert_true(dup2(ends[1], stream) >= 0);
	said.go_on = opts_parse(&command, argc, argv, &said.s, &said.code);
	(void)fflush(stdout);
	assert_true(dup2(kept, stream) >= 0);
	(void)close(kept);
	(void)close(ends[1]);
	n = read(ends[0], said.text, sizeof(said.text) - 1);
	assert_true(n >= 0);
	said.text[n] = '\0';
	(void)close(ends[0]);
	return said;
}

#define PARSE(stream, ...) \
	parse(stream, (const char *const[]){ __VA_ARGS__, NULL })

static void options_land_in_the_settings(void **state)
{
	struct said said;

	(void)state;
	said = PARSE(STDERR_FILENO, "--json", "-j", "/x", "-n7");
	assert_true(said.go_on);
	assert_string_equal(said.text, "");
	assert_true(said.s.json);
	assert_string_equal(said.s.dir, "/x");
	assert_int_equal(said.s.number, 7);
	said = PARSE(STDERR_FILENO, "--journal=/a", "--journal", "/b");
	assert_true(said.go_on);
	assert_false(said.s.json);
	assert_string_equal(said.s.dir, "/b");
	/* Each call begins anew, whatever the one before read. */
	said = PARSE(STDERR_FILENO, "--json");
	assert_true(said.go_on && said.s.json && !said.s.dir);
}

static void what_is_wrong_is_said_exactly(void **state)
{
	static const struct {
		const char *words[3], *want;
	} cases[] = {
		{ { "--jsno" },
		  "unknown option '--jsno', did you mean '--json'?" },
		{ { "--wombat" }, "unknown option '--wombat'" },
		{ { "--word", "gamma" },
		  "option '--word' wants alpha or beta, not 'gamma'" },
		{ { "-w", "mu" },
		  "option '--words' wants a list of alpha, beta, gamma, delta, "
		  "epsilon, zeta, eta, theta, iota, kappa, lambda, not 'mu'" },
		{ { "--wombat=3" }, "unknown option '--wombat'" },
		{ { "--w\033[2Jx" }, "unknown option '--w\\x1b[2Jx'" },
		{ { "-x" }, "unknown option '-x'" },
		{ { "--json=3" }, "option '--json' takes no value" },
		{ { "--journal" }, "option '--journal' needs a value, DIR" },
		{ { "-j" }, "option '--journal' needs a value, DIR" },
		{ { "-n", "77" },
		  "option '--a-number-with-a-long-name' wants "
		  "one digit, not '77'" },
		{ { "word" }, "unexpected argument 'word'" },
		{ { "--json", "--", "--json" },
		  "unexpected argument '--json'" },
	};
	char want[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *words[4] = { cases[i].words[0], cases[i].words[1],
					 cases[i].words[2] };
		struct said said = parse(STDERR_FILENO, words);

		assert_false(said.go_on);
		assert_int_equal(said.code, EXIT_CODE_USAGE);
		(void)snprintf(want, sizeof(want),
			       "picket try: %s\nTry 'picket try --help'.\n",
			       cases[i].want);
		assert_string_equal(said.text, want);
	}
}

static void help_is_on_stdout_and_no_failure(void **state)
{
	static const char want[] =
		"Usage: picket try [options]\n"
		"\n"
		"Try options.\n"
		"\n"
		"Options:\n"
		"  -j, --journal DIR       where it is\n"
		"      --json              objects\n"
		"                          for programs\n"
		"  -n, --a-number-with-a-long-name N\n"
		"                          a digit\n"
		"  -w, --words WORDS       only alpha, beta, gamma, delta, "
		"epsilon, zeta, eta,\n"
		"                          theta, iota, kappa, lambda\n"
		"      --word WORD         only alpha, beta\n"
		"  -h, --help              print this\n"
		"\n"
		"That is all.\n";
	struct said said;

	(void)state;
	said = PARSE(STDOUT_FILENO, "--json", "-h", "--wombat");
	assert_false(said.go_on);
	assert_int_equal(said.code, EXIT_CODE_OK);
	assert_string_equal(said.text, want);
	said = PARSE(STDOUT_FILENO, "--help");
	assert_string_equal(said.text, want);
}

static void options_are_listed_for_completion(void **state)
{
	struct said said;

	(void)state;
	said = PARSE(STDOUT_FILENO, "--list-options");
	assert_false(said.go_on);
	assert_int_equal(said.code, EXIT_CODE_OK);
	assert_string_equal(said.text,
			    "picket try --journal=DIR\n"
			    "picket try -j=DIR\n"
			    "picket try --json\n"
			    "picket try --a-number-with-a-long-name=N\n"
			    "picket try -n=N\n"
			    "picket try --words=alpha|beta|gamma|delta|"
			    "epsilon|zeta|eta|theta|iota|kappa|lambda\n"
			    "picket try -w=alpha|beta|gamma|delta|"
			    "epsilon|zeta|eta|theta|iota|kappa|lambda\n"
			    "picket try --word=alpha|beta\n"
			    "picket try --help\n"
			    "picket try -h\n");
}

static void near_words_are_found_and_far_ones_are_not(void **state)
{
	static const char *const known[] = { "run", "tail", "status", "check" };
	static const struct {
		const char *typed, *want;
	} cases[] = {
		{ "tial", "tail" },
		{ "stauts", "status" },
		{ "chekc", "check" },
		{ "statuss", "status" },
		{ "rn", "run" },
		{ "tall", "tail" },
		{ "wombat", NULL },
		{ "", NULL },
		{ "x", NULL },
		{ "follow", NULL },
		{ "runrunrunrunrunrunrunrunrunrunrunrunrun", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct near n = near_word(cases[i].typed);

		for (size_t k = 0; k < 4; k++)
			near_try(&n, known[k]);
		if (cases[i].want)
			assert_string_equal(n.best, cases[i].want);
		else
			assert_null(n.best);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_land_in_the_settings),
		cmocka_unit_test(what_is_wrong_is_said_exactly),
		cmocka_unit_test(help_is_on_stdout_and_no_failure),
		cmocka_unit_test(options_are_listed_for_completion),
		cmocka_unit_test(near_words_are_found_and_far_ones_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
