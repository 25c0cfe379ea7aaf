// SPDX-License-Identifier: Apache-2.0
/*
 * `picket tail`: a reader of the journal like any other, so it needs nothing
 * of a running picket and takes nothing from it; a slow terminal slows only
 * itself. stdout holds data alone; whoever closes it ends this quietly.
 */
#include "app/commands.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/exit_codes.h"
#include "app/journal_dir.h"
#include "app/opts.h"
#include "app/tail_view.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/text.h"
#include "store/reader.h"

struct settings {
	const char *journal;
	bool json, no_follow, alerts;
	unsigned kinds; /* 0: not given */
	bool has_from;
	enum reader_from from;
	uint64_t seq;
};

static int set_from(void *arg, const char *value)
{
	struct settings *s = arg;
	uint64_t seq = 0;

	if (!strcmp(value, "oldest"))
		s->from = READER_OLDEST;
	else if (!strcmp(value, "now"))
		s->from = READER_NOW;
	else if (text_u64(slice_str(value), &seq) == 0)
		s->from = READER_SEQ;
	else
		return -EINVAL;
	s->seq = seq;
	s->has_from = true;
	return 0;
}

static int set_kinds(void *arg, const char *value)
{
	struct settings *s = arg;

	return tail_kinds_parse(value, &s->kinds);
}

static const struct opt_row rows[] = {
	{ .name = "journal",
	  .letter = 'j',
	  .metavar = "DIR",
	  .help = JOURNAL_DIR_HELP,
	  .offset = offsetof(struct settings, journal) },
	{ .name = "json",
	  .help = "one JSON object per line, with all there is",
	  .offset = offsetof(struct settings, json) },
	{ .name = "from",
	  .letter = 'f',
	  .metavar = "oldest|now|SEQ",
	  .help = "where to begin: the oldest record, the next one\n"
		  "(default), or the one with this number",
	  .set = set_from,
	  .expects = "oldest, now or a number" },
	{ .name = "no-follow",
	  .letter = 'n',
	  .help = "end where the journal ends; begins with the oldest\n"
		  "record unless --from says otherwise",
	  .offset = offsetof(struct settings, no_follow) },
	{ .name = "alerts",
	  .letter = 'a',
	  .help = "only alerts, and what picket lost",
	  .offset = offsetof(struct settings, alerts) },
	{ .name = "kind",
	  .letter = 'k',
	  .metavar = "KINDS",
	  .help = "only exec, connect, write, listen, load, tamper,\n"
		  "exit, agent (picket about itself) or amendment\n"
		  "(JSON only)",
	  .set = set_kinds,
	  .expects = TAIL_KINDS_EXPECTED },
	{ 0 },
};

static const struct opt_command command = {
	.name = "picket tail",
	.synopsis = "[options]",
	.summary =
		"Print the records of a journal, a line each, and go on with new ones as\n"
		"they come. Reads the journal only: picket need not run.",
	.rows = rows,
	.notes =
		"A line is for people: times are local, and exits, connections that were\n"
		"established and repeated writes are left out (--kind exit shows exits);\n"
		"--json leaves out nothing. What is missing from the journal is always told.\n"
		"A journal that does not exist is an error; one that is empty is waited for.\n"
		"Colours are for terminals, unless NO_COLOR is set.",
};

static int on_ended(void *arg, int error)
{
	(void)arg;
	return error;
}

static int follow(struct tail_view *view, struct loop *loop, struct reader *r)
{
	int k;

	k = tail_view_attach(view, loop, on_ended, NULL);
	if (k >= 0)
		k = tail_view_follow(view, r);
	return k < 0 ? k : loop_run(loop);
}

static int show(const struct settings *s, const struct tail_settings *t,
		struct reader *r)
{
	struct tail_view *view = NULL;
	struct loop *loop = NULL;
	int k;

	k = tail_view_new(t, &view);
	if (k >= 0)
		k = loop_new(&loop);
	if (k >= 0)
		k = s->no_follow ? tail_view_drain(view, r)
				 : follow(view, loop, r);
	if (view && tail_view_bad(view))
		log_warning("%lu records could not be understood",
			    tail_view_bad(view));
	tail_view_free(view);
	loop_free(loop);
	/* Nobody reads any more: as good as the end. */
	if (k >= 0 || k == -EPIPE)
		return EXIT_CODE_OK;
	log_error("cannot go on printing records: %s", strerrordesc_np(-k));
	return EXIT_CODE_FAILURE;
}

int cmd_tail(int argc, char **argv)
{
	struct settings s = { .journal = JOURNAL_DIR_DEFAULT };
	struct tail_settings t = { .fd = STDOUT_FILENO, .patient = true };
	struct reader *r;
	int k;

	if (!opts_parse(&command, argc, argv, &s, &k))
		return k;
	if (!s.has_from)
		s.from = s.no_follow ? READER_OLDEST : READER_NOW;
	t.json = s.json;
	t.alerts_only = s.alerts;
	t.kinds = s.kinds ? s.kinds : s.json ? TAIL_ALL : TAIL_DEFAULT;
	(void)signal(SIGPIPE, SIG_IGN); /* the write says so */
	k = reader_open(s.journal, s.from, s.seq, 0, &r);
	if (k < 0)
		return journal_dir_refuse(s.journal, k);
	k = show(&s, &t, r);
	reader_close(r);
	return k;
}
