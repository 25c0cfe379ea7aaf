// SPDX-License-Identifier: Apache-2.0
/*
 * picket query: what happened then. A reader of the journal like any other;
 * its lines are those of `picket tail`, each with what became known later.
 */
#include "cmd/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app/line_out.h"
#include "app/tail_lines.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/exit_codes.h"
#include "base/log.h"
#include "base/opts.h"
#include "base/text.h"
#include "cmd/held.h"
#include "cmd/journal_dir.h"
#include "cmd/opt_rows.h"
#include "cmd/progress.h"
#include "cmd/query_opts.h"
#include "cmd/query_read.h"
#include "cmd/query_tree.h"
#include "cmd/when.h"
#include "out/json.h"
#include "out/text.h"

#define LINE_BYTES (4u << 20)
/* Lines that wait for amendments. */
#define HELD_BYTES (64u << 20)

struct settings {
	struct query_choice choice; /* first: see query_opts.h */
	const char *journal, *tree;
	bool json;
	uint32_t up;
};

struct query {
	const struct settings *s;
	struct query_tree *tree; /* NULL: a list is asked for */
	struct span span;
	struct held held;
	struct line_out out;
	struct text_style style;
	struct progress progress;
	struct buf line;
	int64_t today_ns; /* when it began; lines of before have a date */
	uint64_t missing; /* records; a tree has no line for gaps */
	int error;	  /* met while the root was looked for */
};

/* ---- options ------------------------------------------------------------ */

static int set_kinds(void *arg, const char *value)
{
	struct settings *s = arg;
	unsigned kinds;

	if (tail_kinds_parse(value, TAIL_KINDS_EVENT, &kinds) < 0)
		return -EINVAL;
	s->choice.match.kinds |= kinds;
	return 0;
}

static int set_up(void *arg, const char *value)
{
	struct settings *s = arg;

	return text_u32(slice_str(value), &s->up);
}

static int set_verdict(void *arg, const char *value)
{
	return query_match_verdict(&((struct settings *)arg)->choice.match,
				   value);
}

static const struct opt_row rows[] = {
	OPT_JOURNAL(settings, journal),
	{ .name = "from",
	  .letter = 'f',
	  .metavar = "T",
	  .help = "not before: 10m, '2h ago', 21:04, '2026-11-23 21:04',\n"
		  "2026-11-23T21:04:05.678Z; without it all there is",
	  .set = query_set_from,
	  .expects = WHEN_EXPECTED },
	OPT_TO("not after the second (or fraction) that T names"),
	OPT_KINDS(set_kinds, TAIL_KINDS_EVENT),
	QUERY_MATCH_ROWS,
	{ .name = "verdict",
	  .letter = 'v',
	  .metavar = "VERDICTS",
	  .choices = query_verdict_names,
	  .n_choices = QUERY_VERDICTS,
	  .several = true,
	  .help = "only",
	  .set = set_verdict },
	{ .name = "tree",
	  .metavar = "UID",
	  .help = "the process of the record with this uid (see --json)\n"
		  "and all that came of it, and what each of them did",
	  .offset = offsetof(struct settings, tree) },
	{ .name = "up",
	  .metavar = "N",
	  .help = "let the tree begin so many parents further up",
	  .set = set_up,
	  .expects = "a number" },
	OPT_JSON(settings, "one JSON object per line, with all there is"),
	{ 0 },
};

static const struct opt_command command = {
	.name = "picket query",
	.synopsis = "[options]",
	.summary =
		"Print the records of a journal that were asked for. Reads the journal only,\n"
		"up to its last seal: picket need not run.",
	.rows = rows,
	.notes =
		"Options must all hold; one that is given several times is a choice. What is\n"
		"missing from the journal within the time asked for is always told. Times\n"
		"without a zone are local; lines of earlier days have date and UTC. What became\n"
		"known of a record within an hour stands with it (--json: in 'amendments'), and\n"
		"a verdict that was pending is found as pending and as what it became. Of kinds,\n"
		"agent is picket about itself.",
};

/* ---- lines -------------------------------------------------------------- */

static int write_out(struct query *q)
{
	struct pollfd ready = { .fd = q->out.fd, .events = POLLOUT };
	int r;

	/* Both may be the same terminal. */
	progress_end(&q->progress);
	while ((r = line_out_flush(&q->out)) > 0)
		(void)poll(&ready, 1, -1);
	return r;
}

static int release_oldest(struct query *q, int64_t now_ns)
{
	const struct held_line *l = held_oldest(&q->held);

	if (!l->waits)
		(void)line_out_add(&q->out, slice_of(l->text, l->n));
	held_release(&q->held, now_ns);
	return line_out_full(&q->out) ? write_out(q) : 0;
}

/* What has waited long enough, and what has no room to wait. */
static int release(struct query *q, int64_t now_ns)
{
	int r = 0;

	while (r >= 0 && held_is_due(&q->held, now_ns))
		r = release_oldest(q, now_ns);
	return r;
}

/* All that is left: more becomes known of none. */
static int release_all(struct query *q)
{
	uint64_t hasty = q->held.hasty;
	int r = 0;

	while (r >= 0 && held_oldest(&q->held))
		r = release_oldest(q, q->s->choice.now_ns);
	q->held.hasty = hasty;
	return r;
}

static int make_line(struct query *q, const struct view_images *images,
		     const struct view *v)
{
	buf_reset(&q->line);
	q->style.with_date = v->wall_ns && v->wall_ns < q->today_ns;
	if (q->s->json)
		json_line(&q->line, images, v);
	else
		text_line(&q->line, images, v, &q->style);
	return q->line.failed ? -ENOMEM : 0;
}

static int add(struct query *q, const struct view_images *images,
	       const struct view *v)
{
	struct held_line line = {
		.epoch = v->epoch,
		.seq = v->seq,
		.wall_ns = v->wall_ns,
		.waits = v->event && query_matches(&q->s->choice.match, v) ==
					     QUERY_IF_SETTLED,
		.pending = view_is_pending(v),
	};
	const struct query_tree_line of_tree = { v, buf_slice(&q->line),
						 line.waits };
	int r;

	if (q->tree)
		return query_tree_add(q->tree, images, &of_tree);
	r = held_add(&q->held, &line, buf_slice(&q->line));
	return r < 0 ? r : release(q, v->wall_ns);
}

static int amend(struct query *q, const struct view *v)
{
	const Picket__V1__Amendment *a = v->amendment;

	if (a->resolution)
		held_resolve(&q->held, a->epoch, a->seq);
	if (query_settles(&q->s->choice.match, v)) {
		if (q->tree)
			query_tree_settle(q->tree, a->epoch, a->seq);
		else
			(void)held_settle(&q->held, a->epoch, a->seq);
	}
	if (q->tree)
		return query_tree_amend(q->tree, v, buf_slice(&q->line));
	return held_amend(&q->held, a->epoch, a->seq, buf_slice(&q->line));
}

static int take(void *arg, const struct view_images *images,
		const struct view *v)
{
	struct query *q = arg;
	int r;

	if (q->tree && v->gap) {
		q->missing += v->gap->count;
		return 0;
	}
	r = make_line(q, images, v);
	if (r < 0)
		return r;
	return v->amendment ? amend(q, v) : add(q, images, v);
}

static void passed(void *arg, int64_t wall_ns)
{
	progress_step(&((struct query *)arg)->progress, wall_ns);
}

static bool is_of_tree(const void *arg, const struct view_images *images,
		       const Picket__V1__Image *img)
{
	const struct query *q = arg;

	return query_tree_has(q->tree, images, img);
}

/* What becomes known is shown with its event, and nowhere else. */
static bool is_about_line(const void *arg, uint32_t epoch, uint64_t seq)
{
	const struct query *q = arg;

	return q->tree ? query_tree_names(q->tree, epoch, seq)
		       : held_has(&q->held, epoch, seq);
}

/* ---- the command --------------------------------------------------------- */

static int64_t today(int64_t now_ns)
{
	time_t now = (time_t)(now_ns / (int64_t)NS_PER_S);
	struct tm tm;

	if (!localtime_r(&now, &tm))
		return 0;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_isdst = -1;
	return (int64_t)mktime(&tm) * (int64_t)NS_PER_S;
}

static void on_found(void *arg, const struct view_images *images,
		     const struct view *v)
{
	struct query *q = arg;
	uint64_t start_ns;
	int64_t from_ns;

	q->error = -ESRCH;
	if (!v->image)
		return;
	q->error =
		query_tree_root(q->tree, images, v->image, q->s->up, &start_ns);
	/* A process does nothing before it is started; some slack. */
	from_ns = v->wall_ns - (int64_t)(v->event->boot_ns - start_ns) -
		  (int64_t)NS_PER_S;
	if (q->span.from_ns < from_ns)
		q->span.from_ns = from_ns;
}

/* Exit code; 0: the tree has a root. */
static int find_root(struct query *q)
{
	struct query_name name = {
		.dir = q->s->journal,
		.uid = q->s->tree,
		.found = on_found,
		.arg = q,
	};
	int r = query_find(&name);

	if (r == -EINVAL)
		return opts_usage_error(
			"picket query",
			"option '--tree' wants the uid of a record, not",
			q->s->tree, NULL);
	if (r == -ENOENT && access(q->s->journal, F_OK) == 0) {
		log_error("no event of this journal has that uid");
		return EXIT_CODE_FAILURE;
	}
	if (r < 0)
		return journal_dir_refuse(q->s->journal, r);
	if (q->error == -ESRCH)
		log_error("the record with that uid has no process");
	else if (q->error < 0)
		log_error("memory: %s", strerrordesc_np(-q->error));
	return q->error < 0 ? EXIT_CODE_FAILURE : EXIT_CODE_OK;
}

/* What the reader of the answer must know of it. */
static void tell(const struct query *q, const struct query_sum *sum)
{
	char time[32];

	if (sum->trimmed)
		log_notice("the journal begins at %s: what came before was "
			   "trimmed",
			   clock_print(sum->begun_ns, time));
	if (sum->gone_first)
		log_warning("the journal ends before what its state says: "
			    "numbers %" PRIu64 "-%" PRIu64 " are missing",
			    sum->gone_first, sum->gone_last);
	if (sum->bad)
		log_warning("%" PRIu64 " records could not be understood",
			    sum->bad);
	if (q->held.hasty)
		log_warning("%" PRIu64 " records came too fast to wait for "
			    "what became known of them later",
			    q->held.hasty);
	if (q->held.unsettled)
		log_warning("%" PRIu64 " verdicts were pending for more than "
			    "%d minutes, picket was killed meanwhile, maybe, "
			    "and count as pending here: '--verdict pending' "
			    "finds them, and 'picket why UID' what each became",
			    q->held.unsettled, HELD_MINUTES);
	if (q->missing)
		log_warning("%" PRIu64 " records are missing from the journal, "
			    "of the tree maybe",
			    q->missing);
	if (q->tree && query_tree_dropped(q->tree))
		log_warning("%" PRIu64 " records of the tree found no room",
			    query_tree_dropped(q->tree));
}

static int answer(struct query *q)
{
	const struct query_source source = {
		.dir = q->s->journal,
		.span = q->span,
		.match = &q->s->choice.match,
		.take = take,
		.wants_of = q->tree ? is_of_tree : NULL,
		.wants_about = is_about_line,
		.passed = passed,
		.arg = q,
	};
	struct query_sum sum = { 0 };
	int r;

	progress_begin(&q->progress, "reading", q->span.to_ns);
	r = query_read(&source, &sum);
	progress_end(&q->progress);
	if (r >= 0 && q->tree)
		r = query_tree_print(q->tree, &q->out);
	if (r >= 0)
		r = release_all(q);
	if (r >= 0)
		r = write_out(q);
	/* Nobody reads any more: as good as the end. */
	if (r == -EPIPE)
		return EXIT_CODE_OK;
	if (r < 0)
		return journal_dir_refuse(q->s->journal, r);
	/* No answer, which is not the answer that there is nothing. */
	if (!sum.segments) {
		log_error("there is no journal in '%s'", q->s->journal);
		return EXIT_CODE_FAILURE;
	}
	tell(q, &sum);
	return EXIT_CODE_OK;
}

static int run(const struct settings *s)
{
	struct query q = {
		.s = s,
		.span = s->choice.span,
		.today_ns = today(s->choice.now_ns),
	};
	int r;

	held_init(&q.held, s->json, HELD_BYTES);
	buf_init(&q.line, LINE_BYTES);
	q.style.without_who = s->tree;
	q.style.color = !s->json && tail_wants_color(STDOUT_FILENO);
	r = line_out_init(&q.out, STDOUT_FILENO, true);
	if (r >= 0 && s->tree)
		r = query_tree_new(s->json, &q.tree);
	if (r < 0) {
		log_error("cannot begin: %s", strerrordesc_np(-r));
		r = EXIT_CODE_FAILURE;
	} else {
		r = s->tree ? find_root(&q) : EXIT_CODE_OK;
		if (r == EXIT_CODE_OK)
			r = answer(&q);
		line_out_done(&q.out);
	}
	query_tree_free(q.tree);
	held_done(&q.held);
	buf_done(&q.line);
	return r;
}

int cmd_query(int argc, char **argv)
{
	cleanup_free char *found = NULL;
	struct settings s = { .choice = QUERY_CHOICE_INIT };
	int r;

	(void)signal(SIGPIPE, SIG_IGN); /* the write says so */
	if (opts_parse(&command, argc, argv, &s, &r)) {
		if (!s.journal)
			s.journal = journal_dir_find(NULL, &found);
		/* People ask for exits, or see them in a tree. */
		if (!s.choice.match.kinds && !s.json && !s.tree)
			s.choice.match.kinds = TAIL_DEFAULT;
		r = s.choice.span.from_ns > s.choice.span.to_ns
			    ? opts_usage_error("picket query",
					       "--from is after --to", NULL,
					       NULL)
			    : run(&s);
	}
	query_match_done(&s.choice.match);
	return r;
}
