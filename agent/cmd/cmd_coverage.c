// SPDX-License-Identifier: Apache-2.0
/*
 * `picket coverage`: could it have been seen? Yes; no, because; partly,
 * because. The answer is for whoever reads silence in a journal, so what
 * cannot be proved to have been watched counts as not watched.
 */
#include "cmd/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "app/tail_lines.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/escape.h"
#include "base/exit_codes.h"
#include "base/log.h"
#include "base/opts.h"
#include "cmd/coverage_answer.h"
#include "cmd/coverage_clock.h"
#include "cmd/coverage_read.h"
#include "cmd/journal_dir.h"
#include "cmd/opt_rows.h"
#include "cmd/when.h"

#define OUTPUT_MAX    (1u << 20)
/* Twice what a record waits for its seal. */
#define TABLE_WAIT_MS 2000
#define TABLE_STEP_MS 100
/* Later than any record, and not so late that sums overflow. */
#define NEVER_NS      (INT64_MAX / 2)

struct settings {
	const char *journal;
	const char *kind; /* NULL: each */
	bool json;
	int64_t at_ns; /* 0: not given */
};

static int set_at(void *arg, const char *value)
{
	struct settings *s = arg;
	struct when w;
	int r = when_parse(slice_str(value), clock_wall_ns(), &w);

	if (r >= 0)
		s->at_ns = w.last_ns;
	return r;
}

static int set_kind(void *arg, const char *value)
{
	struct settings *s = arg;

	for (size_t i = 0; i < TAIL_KINDS_SEEN; i++) {
		if (!strcmp(tail_kind_names[i], value)) {
			s->kind = tail_kind_names[i];
			return 0;
		}
	}
	return -EINVAL;
}

static const struct opt_row rows[] = {
	{ .name = "at",
	  .letter = 'a',
	  .metavar = "TIME",
	  .help = "when; without it, as of the newest record",
	  .set = set_at,
	  .expects = WHEN_EXPECTED },
	{ .name = "kind",
	  .letter = 'k',
	  .metavar = "KIND",
	  .choices = tail_kind_names,
	  .n_choices = TAIL_KINDS_SEEN,
	  .help = "only",
	  .set = set_kind },
	OPT_JOURNAL(settings, journal),
	OPT_JSON(settings, "one JSON object per kind"),
	{ 0 },
};

static const struct opt_command command = {
	.name = "picket coverage",
	.synopsis = "[options]",
	.summary =
		"Say whether an event could have been seen at some time: yes; no, because;\n"
		"partly, because. Reads the journal only: picket need not run.",
	.rows = rows,
	.notes =
		"'off' is a way in that nothing watched, 'unseen' what the hook in use cannot\n"
		"see, 'lost' what was made in the kernel and is not in the journal. What picket\n"
		"would see now, by way in, is in 'picket status'. A time that the clock showed\n"
		"more than once, because it was set back, has an answer for each, oldest first.",
};

/* ---- text --------------------------------------------------------------- */

static void text_span(struct buf *out, const struct coverage_because *b)
{
	char from[32], until[32];

	if (b->from_ns)
		buf_addf(out, " from %s", clock_print(b->from_ns, from));
	if (b->until_ns == INT64_MAX)
		buf_add_str(out, " on");
	else if (b->until_ns)
		buf_addf(out, " until %s", clock_print(b->until_ns, until));
}

static void text_because(struct buf *out, const struct coverage_because *b)
{
	buf_addf(out, "  %-8s", b->what);
	if (*b->way) {
		escape_text(out, slice_str(b->way));
		if (strcmp(b->what, "off")) {
			buf_add_str(out, " (");
			escape_text(out, slice_str(b->backend));
			buf_add_char(out, ')');
		}
		buf_add_str(out, ": ");
	}
	if (b->count)
		buf_addf(out, "%" PRIu64 " %s: ", b->count,
			 strcmp(b->what, "missing") ? "events" : "records");
	escape_text(out, slice_str(b->reason));
	text_span(out, b);
	buf_add_char(out, '\n');
}

static void text_reply(struct buf *out, const struct coverage_answer *y,
		       int64_t at_ns)
{
	char when[32];

	buf_addf(out, "%s at %s: %s%s\n", y->kind, clock_print(at_ns, when),
		 coverage_words[y->word], y->n ? ", because" : "");
	for (size_t i = 0; i < y->n; i++)
		text_because(out, &y->because[i]);
}

/* ---- JSON --------------------------------------------------------------- */

static void json_member(struct buf *out, const char *key, const char *value)
{
	if (!*value)
		return;
	buf_addf(out, ",\"%s\":", key);
	escape_json(out, slice_str(value), NULL);
}

static void json_time(struct buf *out, const char *key, int64_t at_ns)
{
	char when[32];

	if (at_ns && at_ns != INT64_MAX)
		json_member(out, key, clock_print(at_ns, when));
}

static void json_reply(struct buf *out, const struct coverage_answer *y,
		       int64_t at_ns)
{
	buf_addf(out, "{\"kind\":\"%s\"", y->kind);
	json_time(out, "at", at_ns);
	json_member(out, "answer", coverage_words[y->word]);
	buf_add_str(out, ",\"because\":[");
	for (size_t i = 0; i < y->n; i++) {
		const struct coverage_because *b = &y->because[i];

		buf_addf(out, "%s{\"what\":\"%s\"", i ? "," : "", b->what);
		json_member(out, "way", b->way);
		json_member(out, "backend", b->backend);
		json_member(out, "reason", b->reason);
		if (b->count)
			buf_addf(out, ",\"count\":%" PRIu64, b->count);
		json_time(out, "from", b->from_ns);
		json_time(out, "until", b->until_ns);
		buf_add_char(out, '}');
	}
	buf_add_str(out, "]}\n");
}

/* ---- the command -------------------------------------------------------- */

static int print(const struct settings *s, const struct coverage *c)
{
	cleanup_buf struct buf out = BUF_INIT(OUTPUT_MAX);
	static struct coverage_answer y; /* some kilobytes: not on the stack */
	/* The same for all of them: people need it said once. */
	bool at_once = c->state != COVERAGE_RAN && !s->json && !s->kind;

	if (at_once) {
		coverage_answer(c, "anything", &y);
		text_reply(&out, &y, s->at_ns);
	}
	for (size_t i = 0; i < TAIL_KINDS_SEEN && !at_once; i++) {
		if (s->kind && s->kind != tail_kind_names[i])
			continue;
		coverage_answer(c, tail_kind_names[i], &y);
		(s->json ? json_reply : text_reply)(&out, &y, s->at_ns);
	}
	if (out.failed || fwrite(out.p, 1, out.n, stdout) != out.n ||
	    fflush(stdout))
		return EXIT_CODE_FAILURE;
	return EXIT_CODE_OK;
}

/*
 * Of what comes after the newest record nothing can be said. Where that is the
 * start of a run, the table of ways in comes with the next seal: without it the
 * answer would be no.
 */
static int read_newest(const char *journal, struct coverage *ret)
{
	unsigned tries = TABLE_WAIT_MS / TABLE_STEP_MS;
	int r;

	while ((r = coverage_read(journal, NEVER_NS, SIZE_MAX, ret)) >= 0 &&
	       ret->state == COVERAGE_RAN && !ret->n_rows && tries--) {
		coverage_done(ret);
		(void)poll(NULL, 0, TABLE_STEP_MS);
	}
	return r;
}

static int answer(const struct settings *s, size_t era)
{
	struct coverage c;
	int r = coverage_read(s->journal, s->at_ns, era, &c);
	int code;

	if (r < 0)
		return journal_dir_refuse(s->journal, r);
	if (c.state == COVERAGE_RAN && c.newest_era == era &&
	    c.newest_ns < s->at_ns)
		log_warning("the newest record is older than that: the answer "
			    "is of then");
	code = print(s, &c);
	coverage_done(&c);
	return code;
}

int cmd_coverage(int argc, char **argv)
{
	struct coverage_eras eras = { .numbers = { 0 }, .n = 1 };
	cleanup_free char *found = NULL;
	struct settings s = { 0 };
	struct coverage c;
	int code, r;

	if (!opts_parse(&command, argc, argv, &s, &code))
		return code;
	if (!s.journal)
		s.journal = journal_dir_find(NULL, &found);
	if (s.at_ns) {
		r = coverage_eras_of(s.journal, s.at_ns, &eras);
	} else {
		r = read_newest(s.journal, &c);
		if (r >= 0) {
			s.at_ns = c.newest_ns;
			eras.numbers[0] = c.newest_era;
			coverage_done(&c);
		}
	}
	if (r < 0)
		return journal_dir_refuse(s.journal, r);
	if (!eras.n) /* an empty journal */
		return answer(&s, 0);
	if (eras.n > 1)
		log_warning("the clock was set back and showed that time %zu "
			    "times: an answer for each",
			    eras.n);
	code = EXIT_CODE_OK;
	for (size_t i = 0; i < eras.n && code == EXIT_CODE_OK; i++)
		code = answer(&s, eras.numbers[i]);
	return code;
}
