// SPDX-License-Identifier: Apache-2.0
/*
 * `picket tail`: a reader of the journal like any other, so it needs nothing
 * of a running picket and takes nothing from it; a slow terminal slows only
 * itself. stdout holds data alone; whoever closes it ends this quietly.
 */
#include "cmd/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/tail_view.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/exit_codes.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/opts.h"
#include "base/text.h"
#include "cmd/journal_dir.h"
#include "cmd/opt_rows.h"
#include "cmd/query_opts.h"
#include "cmd/when.h"
#include "out/template.h"
#include "store/reader.h"
#include "store/spans.h"

struct settings {
	struct query_match match; /* first: see query_opts.h */
	const char *journal, *format;
	bool json, no_follow, alerts;
	unsigned kinds; /* 0: not given */
	bool has_from, has_since;
	int64_t since_ns;
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

static int set_since(void *arg, const char *value)
{
	struct settings *s = arg;
	struct when w;

	if (when_parse(slice_str(value), clock_wall_ns(), &w) < 0)
		return -EINVAL;
	s->since_ns = w.first_ns;
	s->has_since = true;
	return 0;
}

static int set_kinds(void *arg, const char *value)
{
	struct settings *s = arg;

	return tail_kinds_parse(value, TAIL_KINDS, &s->kinds);
}

static const struct opt_row rows[] = {
	OPT_JOURNAL(settings, journal),
	OPT_JSON(settings, "one JSON object per line, with all there is"),
	{ .name = "from",
	  .letter = 'f',
	  .metavar = "oldest|now|SEQ",
	  .help = "where to begin: the oldest record, the next one\n"
		  "(default), or the one with this number",
	  .set = set_from,
	  .expects = "oldest, now or a number" },
	{ .name = "since",
	  .letter = 's',
	  .metavar = "T",
	  .help = "begin so long ago, or then: 10m, '2h ago', 21:04,\n"
		  "'2026-11-23 21:04' or RFC 3339",
	  .set = set_since,
	  .expects = WHEN_EXPECTED },
	{ .name = "no-follow",
	  .letter = 'n',
	  .help = "end where the journal ends; begins with the oldest\n"
		  "record unless --from says otherwise",
	  .offset = offsetof(struct settings, no_follow) },
	{ .name = "alerts",
	  .letter = 'a',
	  .help = "only alerts, and what picket lost",
	  .offset = offsetof(struct settings, alerts) },
	OPT_KINDS(set_kinds, TAIL_KINDS),
	QUERY_MATCH_ROWS,
	{ .name = "format",
	  .metavar = "TEXT",
	  .help = "lines of your own: '{time} {who} {what}'; fields are\n" TEMPLATE_FIELDS_HELP,
	  .offset = offsetof(struct settings, format) },
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
		"A line is the severity of an alert, the time, the process with its parents, the\n"
		"unit or container it is in ('-': neither), what was done, verdict and rule. It\n"
		"is for people: times are local, and exits, connections that were established\n"
		"and repeated writes are left out (--kind exit shows exits); --json leaves out\n"
		"nothing. What is missing from the journal is always told. Of kinds, agent is\n"
		"picket about itself, and amendments are told by --json alone.\n"
		"A slow terminal is waited for and holds nothing up; what the journal removed\n"
		"meanwhile is told. One that does not exist is an error, an empty one is\n"
		"waited for (with --no-follow, an error).\n"
		"On a terminal what is not marked (HIGH, deny, WARN …) is cut to its width, and\n"
		"names and times are shorter below 120 columns; colours are for terminals, unless\n"
		"NO_COLOR is set.",
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

/* The number to begin reading with; what is before it was before then. */
static int find_since(struct settings *s)
{
	const struct span span = { s->since_ns, INT64_MAX };
	struct spans spans;
	int r = spans_find(s->journal, &span, &spans);

	if (r < 0)
		return r;
	s->from = spans.n ? READER_SEQ : READER_OLDEST;
	s->seq = spans.n ? spans.runs[0].first_seq : 0;
	spans_done(&spans);
	return 0;
}

static int show(const struct settings *s, const struct tail_settings *t,
		struct reader *r)
{
	struct tail_view *view = NULL;
	struct loop *loop = NULL;
	uint64_t first, last;
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
	if (k >= 0 && s->no_follow && reader_ends_early(r, &first, &last))
		log_warning("the journal ends before what its state says: "
			    "numbers %" PRIu64 "-%" PRIu64 " are missing",
			    first, last);
	tail_view_free(view);
	loop_free(loop);
	/* No answer, which is not the answer that there is nothing. */
	if (k >= 0 && s->no_follow && !reader_found_any(r)) {
		log_error("there is no journal in '%s'", s->journal);
		return EXIT_CODE_FAILURE;
	}
	/* Nobody reads any more: as good as the end. */
	if (k >= 0 || k == -EPIPE)
		return EXIT_CODE_OK;
	log_error("cannot go on printing records: %s", strerrordesc_np(-k));
	return EXIT_CODE_FAILURE;
}

static int usage_error(const char *what)
{
	return opts_usage_error("picket tail", what, NULL, NULL);
}

static int refuse_format(const char *format, const char *why, size_t at)
{
	char what[256];

	(void)snprintf(what, sizeof(what), "--format, byte %zu: %s, in", at + 1,
		       why);
	return opts_usage_error("picket tail", what, format, NULL);
}

static int run(struct settings *s, struct tail_settings *t)
{
	struct reader *r;
	int k = 0;

	if (s->has_since)
		k = find_since(s);
	else if (!s->has_from)
		s->from = s->no_follow ? READER_OLDEST : READER_NOW;
	if (k >= 0)
		k = reader_open(s->journal, s->from, s->seq, 0, &r);
	if (k < 0)
		return journal_dir_refuse(s->journal, k);
	t->json = s->json;
	t->alerts_only = s->alerts;
	t->kinds = s->kinds ? s->kinds : s->json ? TAIL_ALL : TAIL_DEFAULT;
	t->since_ns = s->has_since ? s->since_ns : INT64_MIN;
	t->match = &s->match;
	k = show(s, t, r);
	reader_close(r);
	return k;
}

static int prepare_and_run(struct settings *s)
{
	struct tail_settings t = { .fd = STDOUT_FILENO, .patient = true };
	struct template *template = NULL;
	const char *why;
	size_t at;
	int r;

	if (s->has_since && s->has_from)
		return usage_error("--since and --from are two beginnings");
	if (s->format && s->json)
		return usage_error("--format and --json are two forms");
	if (s->format) {
		r = template_new(s->format, &template, &why, &at);
		if (r == -EINVAL)
			return refuse_format(s->format, why, at);
		if (r < 0) {
			log_error("memory: %s", strerrordesc_np(-r));
			return EXIT_CODE_FAILURE;
		}
		t.template = template;
	}
	r = run(s, &t);
	template_free(template);
	return r;
}

int cmd_tail(int argc, char **argv)
{
	cleanup_free char *found = NULL;
	struct settings s = { 0 };
	int r;

	(void)signal(SIGPIPE, SIG_IGN); /* the write says so */
	if (opts_parse(&command, argc, argv, &s, &r)) {
		if (!s.journal)
			s.journal = journal_dir_find(NULL, &found);
		r = prepare_and_run(&s);
	}
	query_match_done(&s.match);
	return r;
}
