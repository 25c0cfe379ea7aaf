// SPDX-License-Identifier: Apache-2.0
/*
 * Command lines by table. The idea: getopt_long does the splitting, this
 * finds out what it did not like and says exactly that, since "usage: …" over
 * a whole screen tells nobody which letter was wrong.
 */
#include "base/opts.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/escape.h"
#include "base/exit_codes.h"
#include "base/near.h"

/* Values of long options: behind all letters. */
#define VAL_ROW	 256
#define VAL_HELP (VAL_ROW + OPTS_MAX)
#define VAL_LIST (VAL_HELP + 1)

/* Where help texts begin; options that are longer get a line of their own. */
#define HELP_COLUMN  ((size_t)26)
#define HELP_MAX     (16 << 10)
#define HELP_WIDTH   ((size_t)80)
/* A terminal has 24, and the shell's prompt takes one of them. */
#define SCREEN_LINES 23

struct tables {
	struct option longs[OPTS_MAX + 3];
	char shorts[2 * OPTS_MAX + 8];
};

int opts_usage_error(const char *name, const char *what, const char *word,
		     const char *near)
{
	cleanup_buf struct buf out = BUF_INIT(4096);

	buf_addf(&out, "%s: %s", name, what);
	if (word) {
		buf_add_str(&out, " '");
		escape_text(&out, slice_str(word));
		buf_add_char(&out, '\'');
	}
	if (near)
		buf_addf(&out, ", did you mean '%s'?", near);
	buf_addf(&out, "\nTry '%s --help'.\n", name);
	/* Too long to say (buf.failed): what is there still says most. */
	if (out.n)
		(void)fwrite(out.p, 1, out.n, stderr);
	return EXIT_CODE_USAGE;
}

static void make_tables(const struct opt_command *cmd, struct tables *t)
{
	size_t n = 0, s = 0;

	t->shorts[s++] = ':'; /* tell a missing value from an unknown option */
	for (; cmd->rows[n].name && n < OPTS_MAX; n++) {
		const struct opt_row *row = &cmd->rows[n];

		t->longs[n] = (struct option){
			.name = row->name,
			.has_arg =
				row->metavar ? required_argument : no_argument,
			.val = VAL_ROW + (int)n,
		};
		if (!row->letter)
			continue;
		t->shorts[s++] = row->letter;
		if (row->metavar)
			t->shorts[s++] = ':';
	}
	t->shorts[s++] = 'h';
	t->shorts[s] = '\0';
	t->longs[n++] = (struct option){ "help", no_argument, NULL, VAL_HELP };
	t->longs[n++] =
		(struct option){ "list-options", no_argument, NULL, VAL_LIST };
	t->longs[n] = (struct option){ 0 };
}

static const struct opt_row *row_of(const struct opt_command *cmd, int val)
{
	if (val >= VAL_ROW && val < VAL_ROW + OPTS_MAX)
		return &cmd->rows[val - VAL_ROW];
	for (const struct opt_row *row = cmd->rows; row->name; row++)
		if (val && row->letter == val)
			return row;
	return NULL;
}

/* ---- what it prints ------------------------------------------------------ */

/* "  -j, --journal DIR"; the columns it takes. */
static size_t add_option(struct buf *out, const struct opt_row *row)
{
	size_t begin = out->n;

	if (row->letter)
		buf_addf(out, "  -%c, --%s", row->letter, row->name);
	else
		buf_addf(out, "      --%s", row->name);
	if (row->metavar)
		buf_addf(out, " %s", row->metavar);
	return out->n - begin;
}

/* Behind the help, which ended in this column; on one line, those that fit. */
static void add_choices(struct buf *out, const struct opt_row *row, size_t at,
			bool one_line)
{
	for (size_t i = 0; i < row->n_choices; i++) {
		bool last = i + 1 == row->n_choices;
		size_t n = 1 + strlen(row->choices[i]) + !last;

		if (at + n + (one_line && !last ? 2 : 0) > HELP_WIDTH) {
			if (one_line) {
				buf_add_str(out, " …");
				return;
			}
			buf_addf(out, "\n%*s", (int)HELP_COLUMN - 1, "");
			at = HELP_COLUMN - 1;
		}
		buf_addf(out, " %s%s", row->choices[i], last ? "" : ",");
		at += n;
	}
}

static void add_row(struct buf *out, const struct opt_row *row)
{
	const char *help = row->help;
	size_t n = add_option(out, row);

	if (n >= HELP_COLUMN) {
		buf_add_char(out, '\n');
		n = 0;
	}
	for (;;) {
		const char *end = strchrnul(help, '\n');

		buf_addf(out, "%*s%.*s", (int)(HELP_COLUMN - n), "",
			 (int)(end - help), help);
		if (!*end) {
			add_choices(out, row,
				    HELP_COLUMN + (size_t)(end - help), false);
			buf_add_char(out, '\n');
			break;
		}
		buf_add_char(out, '\n');
		help = end + 1;
		n = 0;
	}
}

/* One line: what the option is, without what is to be known about it. */
static void add_row_shortly(struct buf *out, const struct opt_row *row)
{
	size_t n = add_option(out, row), k;
	const char *help = row->help;

	buf_addf(out, "%*s", n < HELP_COLUMN ? (int)(HELP_COLUMN - n) : 2, "");
	for (k = 0; help[k] && !strchr("\n;", help[k]); k++)
		if (help[k] == ':' && strchr(" \n", help[k + 1]))
			break;
	buf_addf(out, "%.*s", (int)k, help);
	if (k && help[k - 1] == ',')
		buf_add_str(out, " …");
	else
		add_choices(out, row, HELP_COLUMN + k, true);
	buf_add_char(out, '\n');
}

static const struct opt_row help_row = { .name = "help",
					 .letter = 'h',
					 .help = "print this" };

static void add_help(struct buf *out, const struct opt_command *cmd)
{
	buf_addf(out, "Usage: %s %s\n\n%s\n\nOptions:\n", cmd->name,
		 cmd->synopsis, cmd->summary);
	for (const struct opt_row *row = cmd->rows; row->name; row++)
		add_row(out, row);
	add_row(out, &help_row);
	if (cmd->notes)
		buf_addf(out, "\n%s\n", cmd->notes);
}

static void add_help_shortly(struct buf *out, const struct opt_command *cmd)
{
	buf_addf(out, "Usage: %s %s\n%s\n\n", cmd->name, cmd->synopsis,
		 cmd->summary);
	for (const struct opt_row *row = cmd->rows; row->name; row++)
		add_row_shortly(out, row);
	buf_addf(out, "\n'%s --help' says more of each.\n", cmd->name);
}

static size_t lines_of(const struct buf *out)
{
	size_t n = 0;

	for (size_t i = 0; i < out->n; i++)
		n += out->p[i] == '\n';
	return n;
}

/* In full, or with -h what fits a screen of the usual size. */
static int print_help(const struct opt_command *cmd, bool in_full)
{
	cleanup_buf struct buf out = BUF_INIT(HELP_MAX);

	add_help(&out, cmd);
	if (!in_full && lines_of(&out) > SCREEN_LINES) {
		out.n = 0;
		add_help_shortly(&out, cmd);
	}
	if (out.failed || fwrite(out.p, 1, out.n, stdout) != out.n)
		return EXIT_CODE_FAILURE;
	return fflush(stdout) ? EXIT_CODE_FAILURE : EXIT_CODE_OK;
}

/* "=DIR", "=one|another" or nothing, to the end of the line. */
static void list_value(const struct opt_row *row)
{
	if (row->n_choices)
		for (size_t i = 0; i < row->n_choices; i++)
			printf("%c%s", i ? '|' : '=', row->choices[i]);
	else if (row->metavar)
		printf("=%s", row->metavar);
	(void)putchar('\n');
}

/* For completion, and for the test that compares the manual with the help. */
static int print_list(const struct opt_command *cmd)
{
	for (const struct opt_row *row = cmd->rows; row->name; row++) {
		printf("%s --%s", cmd->name, row->name);
		list_value(row);
		if (!row->letter)
			continue;
		printf("%s -%c", cmd->name, row->letter);
		list_value(row);
	}
	printf("%s --help\n%s -h\n", cmd->name, cmd->name);
	return fflush(stdout) ? EXIT_CODE_FAILURE : EXIT_CODE_OK;
}

/* ---- what it refuses ----------------------------------------------------- */

static int unknown_long(const struct opt_command *cmd, const char *arg)
{
	char typed[64], near_name[64];
	struct near near;

	(void)snprintf(typed, sizeof(typed), "%.*s",
		       (int)(strchrnul(arg, '=') - arg), arg);
	near = near_word(typed + 2);
	for (const struct opt_row *row = cmd->rows; row->name; row++)
		near_try(&near, row->name);
	near_try(&near, "help");
	if (near.best)
		(void)snprintf(near_name, sizeof(near_name), "--%s", near.best);
	return opts_usage_error(cmd->name, "unknown option", typed,
				near.best ? near_name : NULL);
}

static int refuse_option(const struct opt_command *cmd, const char *arg)
{
	const struct opt_row *row = row_of(cmd, optopt);
	char what[128], letter[3] = { '-', (char)optopt, '\0' };

	if (row || optopt == VAL_HELP || optopt == VAL_LIST) {
		(void)snprintf(what, sizeof(what),
			       "option '--%s' takes no value",
			       row ? row->name : "help");
		return opts_usage_error(cmd->name, what, NULL, NULL);
	}
	if (!optopt)
		return unknown_long(cmd, arg);
	return opts_usage_error(cmd->name, "unknown option", letter, NULL);
}

static int refuse_missing(const struct opt_command *cmd)
{
	const struct opt_row *row = row_of(cmd, optopt);
	char what[128];

	(void)snprintf(what, sizeof(what), "option '--%s' needs a value, %s",
		       row ? row->name : "", row ? row->metavar : "");
	return opts_usage_error(cmd->name, what, NULL, NULL);
}

/* "a list of one, another" or "one or another". */
static void add_expected(struct buf *out, const struct opt_row *row)
{
	if (row->expects || !row->n_choices) {
		buf_add_str(out, row->expects ? row->expects : row->metavar);
		return;
	}
	if (row->several)
		buf_add_str(out, "a list of ");
	for (size_t i = 0; i < row->n_choices; i++) {
		if (i && !row->several && i + 1 == row->n_choices)
			buf_add_str(out, " or ");
		else if (i)
			buf_add_str(out, ", ");
		buf_add_str(out, row->choices[i]);
	}
}

static int refuse_value(const struct opt_command *cmd,
			const struct opt_row *row, const char *value)
{
	cleanup_buf struct buf what = BUF_INIT(1024);

	buf_addf(&what, "option '--%s' wants ", row->name);
	add_expected(&what, row);
	buf_add_str(&what, ", not");
	buf_add_char(&what, '\0');
	return opts_usage_error(cmd->name,
				what.failed ? "no such value is taken,"
					    : (const char *)what.p,
				value, NULL);
}

/* ---- parsing ------------------------------------------------------------ */

static int take(const struct opt_row *row, void *settings, const char *value)
{
	char *at = (char *)settings + row->offset;

	if (row->set)
		return row->set(settings, value);
	if (row->metavar)
		memcpy(at, &value, sizeof(value));
	else
		memcpy(at, &(bool){ true }, sizeof(bool));
	return 0;
}

bool opts_parse(const struct opt_command *cmd, int argc, char **argv,
		void *settings, int *ret_exit)
{
	const struct opt_row *row;
	struct tables t;
	int val;

	make_tables(cmd, &t);
	optind = 0; /* glibc: begin anew */
	opterr = 0;
	for (;;) {
		val = getopt_long(argc, argv, t.shorts, t.longs, NULL);
		if (val == -1)
			break;
		if (val == 'h' || val == VAL_HELP) {
			*ret_exit = print_help(cmd, val == VAL_HELP);
			return false;
		}
		if (val == VAL_LIST) {
			*ret_exit = print_list(cmd);
			return false;
		}
		if (val == ':') {
			*ret_exit = refuse_missing(cmd);
			return false;
		}
		row = val == '?' ? NULL : row_of(cmd, val);
		if (!row) {
			*ret_exit = refuse_option(cmd, argv[optind - 1]);
			return false;
		}
		if (take(row, settings, optarg) < 0) {
			*ret_exit = refuse_value(cmd, row, optarg);
			return false;
		}
	}
	if (cmd->operand && optind < argc)
		memcpy((char *)settings + cmd->operand_offset, &argv[optind++],
		       sizeof(argv[0]));
	if (optind < argc) {
		*ret_exit = opts_usage_error(cmd->name, "unexpected argument",
					     argv[optind], NULL);
		return false;
	}
	return true;
}
