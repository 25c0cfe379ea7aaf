// SPDX-License-Identifier: Apache-2.0
/*
 * Which records are shown, and as what.
 *
 * The idea: for programs (JSON) everything is shown unless they ask for less;
 * for people only what they would act on. That a connection was established,
 * or that a file was written again, is the ordinary case and stays silent,
 * unless its event was an alert. What was lost is shown always: silence must
 * mean that nothing happened.
 */
#include "app/tail_lines.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "app/alert_line.h"
#include "app/line_out.h"
#include "app/query_match.h"
#include "app/set_aside.h"
#include "base/buf.h"
#include "base/text.h"
#include "out/fields.h"
#include "out/json.h"
#include "out/names.h"
#include "out/pbwire.h"
#include "out/template.h"
#include "out/text.h"
#include "out/view.h"
#include "store/reader.h"

/* The longest line: an image with 64 ancestors, everything escaped. */
#define LINE_BYTES (4u << 20)

struct tail_lines {
	struct tail_settings s;
	struct text_style style;
	struct view_images *images;
	struct set_aside aside; /* of a log */
	struct line_out out;
	struct buf line;
	uint64_t skipped; /* of out.skipped, not yet told */
};

const char *const tail_kind_names[] = { "exec",	  "exit",   "connect",
					"write",  "listen", "load",
					"tamper", "agent",  "amendment" };
_Static_assert(TAIL_ALL == (1u << TAIL_KINDS) - 1, "a name for each bit");
_Static_assert(TAIL_AGENT == 1u << TAIL_KINDS_SEEN, "seen come first");
_Static_assert(TAIL_AMENDMENT == 1u << TAIL_KINDS_EVENT, "then events");

int tail_kinds_parse(const char *list, size_t n, unsigned *ret_kinds)
{
	return text_choices(slice_str(list), tail_kind_names, n, ret_kinds);
}

bool tail_wants_color(int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (!isatty(fd) || (no_color && *no_color))
		return false;
	return term && *term && strcmp(term, "dumb") != 0;
}

/* Asked again for each line: windows are made larger while it runs. */
static size_t columns_of(int fd)
{
	struct winsize w;

	return ioctl(fd, TIOCGWINSZ, &w) < 0 ? 0 : w.ws_col;
}

int tail_lines_new(const struct tail_settings *s, struct tail_lines **ret)
{
	struct tail_lines *t;
	int r;

	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->s = *s;
	t->style.color = !s->json && tail_wants_color(s->fd);
	buf_init(&t->line, LINE_BYTES);
	set_aside_init(&t->aside);
	r = line_out_init(&t->out, s->fd, s->patient);
	if (r >= 0)
		r = view_images_new(&t->images);
	if (r < 0) {
		tail_lines_free(t);
		return r;
	}
	*ret = t;
	return 0;
}

void tail_lines_free(struct tail_lines *t)
{
	if (!t)
		return;
	line_out_done(&t->out);
	view_images_free(t->images);
	set_aside_done(&t->aside);
	buf_done(&t->line);
	free(t);
}

int tail_lines_fd(const struct tail_lines *t)
{
	return t->out.fd;
}

bool tail_lines_full(const struct tail_lines *t)
{
	return line_out_full(&t->out);
}

/* ---- which -------------------------------------------------------------- */

unsigned tail_kind(Picket__V1__Kind kind)
{
	unsigned bit = 0;

	(void)tail_kinds_parse(name_kind(kind), TAIL_KINDS, &bit);

	/* Of a newer picket: cannot have been asked for, nor left out. */
	return bit ? bit : TAIL_ALL;
}

static bool wants_event(const struct tail_lines *t, const struct view *v)
{
	const Picket__V1__Event *e = v->event;
	bool alert = e->verdict && e->verdict->alert;

	/* What picket warns of stands in its own log anyway. */
	if (!t->s.as_log && e->agent && what_is_warning(e->agent->what))
		return true;
	if (t->s.alerts_only && !alert)
		return false;
	/* Nobody acts on what picket does to test itself. */
	if (e->canary && !t->s.json && !alert)
		return false;
	if (t->s.match && query_matches(t->s.match, v) != QUERY_YES)
		return false;
	return t->s.kinds & tail_kind(e->kind);
}

static bool wants_amendment(const struct tail_lines *t, const struct view *v)
{
	const Picket__V1__Amendment *a = v->amendment;
	bool alert = a->repeats || (v->amended.known && v->amended.alert) ||
		     (a->resolution && a->resolution->verdict->alert);

	if (t->s.alerts_only && !alert)
		return false;
	if (t->s.match && !query_matches_amendment(t->s.match, v))
		return false;
	if (t->s.json)
		return t->s.kinds & TAIL_AMENDMENT;
	if (a->connect)
		return (t->s.kinds & TAIL_CONNECT) &&
		       (alert || a->connect->error);
	/* What turned out to be allowed needs no second line. */
	if (a->resolution)
		return alert && (t->s.kinds &
				 (v->amended.known ? tail_kind(v->amended.kind)
						   : TAIL_ALL));
	if (a->repeats)
		return t->s.kinds & tail_kind(a->repeats->kind);
	return (t->s.kinds & TAIL_WRITE) && alert;
}

static bool wants(const struct tail_lines *t, const struct view *v)
{
	/* A gap that the reader found has no time. */
	if (v->wall_ns && v->wall_ns < t->s.since_ns)
		return false;
	if (v->gap)
		return true;
	return v->event ? wants_event(t, v) : wants_amendment(t, v);
}

/* ---- lines -------------------------------------------------------------- */

static void tell_skipped(struct tail_lines *t, uint64_t n)
{
	buf_reset(&t->line);
	buf_addf(&t->line,
		 t->s.json ? "{\"kind\":\"skipped\",\"lines\":%" PRIu64 "}"
			   : "… %" PRIu64 " lines are not shown: "
			     "the output is slower than what happens",
		 n);
	(void)line_out_add(&t->out, buf_slice(&t->line));
}

/* The field with this number, of type `bytes`; empty: there is none. */
static struct slice part_of(struct slice message, uint32_t number)
{
	struct wire_field f;

	while (wire_next(&message, &f) > 0)
		if (f.number == number && f.type == 2)
			return f.bytes;
	return slice_of(NULL, 0);
}

/* Event.verdict.answer */
static bool is_pending(struct slice event)
{
	struct slice verdict = part_of(event, FIELD_EVENT_VERDICT);
	struct wire_field f;

	while (wire_next(&verdict, &f) > 0)
		if (f.number == FIELD_VERDICT_ANSWER)
			return f.value == PICKET__V1__ANSWER__ANSWER_PENDING;
	return false;
}

/* Outcomes and totals say nothing but of an alert. */
static bool is_of_no_alert(const struct tail_lines *t,
			   const struct reader_frame *f)
{
	struct slice rest = f->payload;
	uint64_t epoch = 0, seq = 0;
	struct wire_field field;

	while (wire_next(&rest, &field) > 0) {
		if (field.number == FIELD_AMENDMENT_EPOCH)
			epoch = field.value;
		else if (field.number == FIELD_AMENDMENT_SEQ)
			seq = field.value;
		else if (field.number >= FIELD_AMENDMENT_CONNECT)
			return field.number <= FIELD_AMENDMENT_WRITE &&
			       !view_may_amend(t->images, f, epoch, seq);
	}
	return false;
}

/*
 * A log of alerts is kept by the agent itself, of all that it journals: what
 * is no alert, and can become none, is not unpacked.
 */
static bool is_passed_over(const struct tail_lines *t,
			   const struct reader_frame *f)
{
	if (f->type == JOURNAL_AMENDMENT)
		return is_of_no_alert(t, f);
	return f->type == JOURNAL_EVENT && !(f->flags & JOURNAL_FRAME_URGENT) &&
	       !is_pending(f->payload);
}

static bool is_set_aside(struct tail_lines *t, const struct reader_frame *f)
{
	return (f->type == JOURNAL_DESCRIPTION || f->type == JOURNAL_SEAL) &&
	       set_aside_put(&t->aside, f);
}

/* 1: there is nothing to be said; 0: what it speaks of is known; -ENOMEM. */
static int take_for_log(struct tail_lines *t, const uint8_t *journal_id,
			const struct reader_frame *f)
{
	if (is_passed_over(t, f) || is_set_aside(t, f))
		return 1;
	return set_aside_hand_out(&t->aside, journal_id, t->images);
}

int tail_lines_take(struct tail_lines *t, const uint8_t *journal_id,
		    const struct reader_frame *frame)
{
	struct view v;
	int r = 0;

	if (t->s.as_log)
		r = take_for_log(t, journal_id, frame);
	if (r)
		return r < 0 ? r : 0;
	r = view_take(t->images, journal_id, frame, &v);
	if (r <= 0)
		return r;
	if (wants(t, &v)) {
		buf_reset(&t->line);
		if (t->s.as_log)
			alert_line(&t->line, t->images, &v);
		else if (t->s.json)
			json_line(&t->line, t->images, &v);
		else if (t->s.template)
			template_line(&t->line, t->s.template, t->images, &v);
		else {
			t->style.columns = columns_of(t->s.fd);
			text_line(&t->line, t->images, &v, &t->style);
		}
		if (t->line.failed)
			r = -ENOMEM;
		else
			(void)line_out_add(&t->out, buf_slice(&t->line));
	}
	view_done(&v);
	return r < 0 ? r : 0;
}

int tail_lines_flush(struct tail_lines *t)
{
	uint64_t skipped;
	int r;

	r = line_out_flush(&t->out);
	skipped = t->out.skipped - t->skipped;
	if (r != 0 || !skipped)
		return r;
	t->skipped = t->out.skipped;
	tell_skipped(t, skipped);
	return line_out_flush(&t->out);
}
