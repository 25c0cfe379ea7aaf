// SPDX-License-Identifier: Apache-2.0
/*
 * The line that whoever is on call reads.
 *
 * The idea: what must be seen comes first. A column that is empty as long as
 * nothing is wrong, then the time, the process and where it runs in columns wide
 * enough for nearly all, then the act, and at the end what explains it: the
 * rule, and whose process it was. Columns are padded, never cut: a long name
 * moves the rest of its own line and hides nothing. On a terminal that holds for
 * what is marked; what is ordinary loses what does not fit, so that a line stays
 * a line and the eye finds the marks.
 */
#include "out/text.h"

#include <string.h>

#include "base/clock.h"
#include "out/names.h"
#include "out/text_part.h"

#define MARK_WIDTH 5
#define KIND_WIDTH 7
#define WHAT_WIDTH 44
/* Of what was done, on a terminal too narrow for all. */
#define WHAT_LEAST 20
/* Below this a terminal is no place for lines. */
#define ROOM_LEAST 8
#define END_MAX	   4096

#define SGR_RED	   "\033[1;31m"
#define SGR_YELLOW "\033[33m"
#define SGR_DIM	   "\033[2m"
#define SGR_END	   "\033[0m"

/* How wide what stands before the act is, so that room is left for that. */
struct layout {
	size_t columns; /* of the terminal, from which on this is used */
	size_t who, where;
	bool with_ms;
};

/* The first is for what has no width, too. */
static const struct layout layouts[] = {
	{ .columns = 120, .who = 30, .where = 16, .with_ms = true },
	{ .columns = 100, .who = 24, .where = 14 },
	{ .columns = 0, .who = 18, .where = 12 },
};

/* What stands in the column that is empty as long as all is well. */
struct alarm {
	const char *mark;
	const char *color; /* NULL: ordinary */
};

static const struct alarm alarms[] = {
	[PICKET__V1__SEVERITY__SEVERITY_NONE] = { "ALERT", SGR_RED },
	[PICKET__V1__SEVERITY__SEVERITY_LOW] = { "LOW", SGR_YELLOW },
	[PICKET__V1__SEVERITY__SEVERITY_MEDIUM] = { "MED", SGR_YELLOW },
	[PICKET__V1__SEVERITY__SEVERITY_HIGH] = { "HIGH", SGR_RED },
	[PICKET__V1__SEVERITY__SEVERITY_CRITICAL] = { "CRIT", SGR_RED },
};

static const struct layout *layout_of(const struct text_style *style)
{
	const struct layout *l = layouts;

	while (style->columns && style->columns < l->columns)
		l++;
	return l;
}

static struct alarm alarm_of_severity(Picket__V1__Severity severity)
{
	uint64_t i = (uint64_t)severity;

	return alarms[i < sizeof(alarms) / sizeof(*alarms) ? i : 0];
}

static struct alarm alarm_of(const struct view *v)
{
	static const struct alarm none = { "", NULL },
				  warning = { "WARN", SGR_YELLOW },
				  denied = { "deny", SGR_YELLOW };
	const Picket__V1__Verdict *d = v->event ? v->event->verdict : NULL;

	if (v->gap)
		return warning;
	if (v->amendment && v->amendment->repeats)
		return alarm_of_severity(v->amendment->repeats->severity);
	if (v->amendment && v->amendment->resolution)
		d = v->amendment->resolution->verdict;
	if (v->event && v->event->agent &&
	    what_is_warning(v->event->agent->what))
		return warning;
	if (d && d->alert)
		return alarm_of_severity(d->severity);
	if (d && d->answer == PICKET__V1__ANSWER__ANSWER_DENIED)
		return denied;
	return none;
}

static const char *kind_of(const struct view *v)
{
	if (v->gap)
		return "gap";
	if (v->amendment)
		return v->amendment->connect ? "connect"
		       : v->amendment->write ? "write"
		       : v->amendment->repeats
			       ? name_kind(v->amendment->repeats->kind)
		       : v->amended.known ? name_kind(v->amended.kind)
					  : "amended";
	if (v->event->kind == PICKET__V1__KIND__KIND_AGENT)
		return "picket";
	return name_kind(v->event->kind);
}

/* Records about picket itself have no process to show. */
static bool has_process(const struct view *v)
{
	return !v->gap && !(v->event && v->event->agent);
}

/* Columns from `from` on, sequences that colour not counted. */
static size_t columns(const struct buf *out, size_t from)
{
	return text_columns(slice_of(out->p + from, out->n - from));
}

/* The name loses its end, the number at the end stays. */
static void fit_name(struct buf *out, size_t from, size_t width)
{
	const char *number = memrchr(out->p + from, '[', out->n - from);
	char kept[16]; /* "[4294967295]" */
	size_t n;

	if (!number)
		return;
	n = out->n - (size_t)(number - out->p);
	if (n > sizeof(kept) || n >= width)
		return;
	memcpy(kept, number, n);
	out->n = from + text_head(slice_of(out->p + from,
					   (size_t)(number - out->p) - from),
				  width - n - 1);
	buf_add_str(out, "…");
	buf_add_slice(out, slice_of(kept, n));
}

/* Leave ancestors out, farthest first, until the process is in its column. */
static void fit_who(struct buf *out, size_t from, size_t width)
{
	static const char more[] = "…→", arrow[] = "→";

	while (columns(out, from) > width) {
		size_t at = from, rest;
		const char *hit;

		if (out->n - at > sizeof(more) &&
		    !memcmp(out->p + at, more, sizeof(more) - 1))
			at += sizeof(more) - 1;
		hit = memmem(out->p + at, out->n - at, arrow,
			     sizeof(arrow) - 1);
		if (!hit) {
			fit_name(out, from, width);
			return;
		}
		rest = out->n - (size_t)(hit - out->p);
		/* "…" and what begins with the arrow. */
		memmove(out->p + from + 3, hit, rest);
		memcpy(out->p + from, more, 3);
		out->n = from + 3 + rest;
	}
}

/* Up to the column's width, then one blank; two after what overflows. */
static void pad(struct buf *out, size_t from, size_t width)
{
	size_t n = columns(out, from);

	if (n > width)
		buf_add_char(out, ' ');
	for (; n < width; n++)
		buf_add_char(out, ' ');
	buf_add_char(out, ' ');
}

static void start(struct buf *out, const struct text_style *style,
		  const char *color)
{
	if (style->color && color)
		buf_add_str(out, color);
}

static void end(struct buf *out, const struct text_style *style,
		const char *color)
{
	if (style->color && color)
		buf_add_str(out, SGR_END);
}

static void add_time(struct buf *out, const struct view *v,
		     const struct text_style *style)
{
	char time[32] = "--:--:--.---"; /* of a gap that the reader found */

	start(out, style, SGR_DIM);
	if (v->wall_ns && style->with_date)
		(void)clock_print(v->wall_ns, time);
	else if (v->wall_ns)
		(void)clock_print_time(v->wall_ns, time);
	if (!style->with_date && !layout_of(style)->with_ms)
		*strchrnul(time, '.') = '\0';
	buf_add_str(out, time);
	end(out, style, SGR_DIM);
	buf_add_char(out, ' ');
}

/* The words in this colour, or nothing at all when there are none. */
static void add_colored(struct buf *out, const struct view *v,
			const char *color,
			void (*words)(struct buf *, const struct view *))
{
	size_t before = out->n, begin;

	if (color)
		buf_add_str(out, color);
	begin = out->n;
	words(out, v);
	if (out->n == begin)
		out->n = before;
	else if (color)
		buf_add_str(out, SGR_END);
}

static void add_end(struct buf *out, const struct view *v,
		    const struct text_style *style, const char *color)
{
	const char *dim = style->color ? SGR_DIM : NULL;
	size_t begin = out->n;

	add_colored(out, v, style->color && color ? color : dim, text_verdict);
	if (out->n != begin)
		buf_add_str(out, "  ");
	add_colored(out, v, dim,
		    style->without_who ? text_context_where : text_context);
}

static void trim_blanks(struct buf *out)
{
	while (out->n && out->p[out->n - 1] == ' ')
		out->n--;
}

/*
 * To so many columns: of a command the beginning tells most, of a file what it
 * is called and where it begins, so that it loses its middle.
 */
static void shorten(struct buf *out, size_t from, size_t max, bool is_command)
{
	cleanup_buf struct buf tail = BUF_INIT(END_MAX);
	struct slice s = slice_of(out->p + from, out->n - from);
	size_t head = is_command ? max - 1 : (max - 1) / 3;

	if (columns(out, from) <= max)
		return;
	head = text_head(s, head);
	if (!is_command) {
		size_t at = text_tail(
			s, max - 1 - text_columns(slice_of(s.p, head)));

		buf_add_slice(&tail, slice_of(s.p + at, s.n - at));
	}
	out->n = from + head;
	buf_add_str(out, "…");
	buf_add_slice(out, buf_slice(&tail));
}

/*
 * The rest of an ordinary line, in the columns that are left of the terminal's:
 * what was done is shortened for what explains it, or, where there is no room
 * for both, stands alone.
 */
static void add_rest(struct buf *out, const struct view *v,
		     const struct text_style *style, size_t room)
{
	cleanup_buf struct buf end_words = BUF_INIT(END_MAX);
	size_t from = out->n, end_columns;

	add_end(&end_words, v, style, NULL);
	trim_blanks(&end_words);
	end_columns = columns(&end_words, 0) + 2;
	if (end_words.failed || end_columns + WHAT_LEAST > room)
		end_columns = 0;
	text_what(out, v);
	room -= end_columns;
	shorten(out, from, room,
		v->event && v->event->kind == PICKET__V1__KIND__KIND_EXEC);
	if (!end_columns)
		return;
	pad(out, from, room < WHAT_WIDTH ? room : WHAT_WIDTH);
	buf_add_slice(out, buf_slice(&end_words));
}

static void add_refusal(struct buf *out, const struct view *v,
			const struct text_style *style)
{
	if (!v->event || !v->event->refusal)
		return;
	buf_add_str(out, "  ");
	add_colored(out, v, style->color ? SGR_DIM : NULL, text_refusal);
}

static void add_kind(struct buf *out, const struct view *v)
{
	size_t from = out->n;

	buf_add_str(out, kind_of(v));
	pad(out, from, KIND_WIDTH);
}

/* Who, and the unit or container; what is ordinary is kept in its columns. */
static void add_who(struct buf *out, const struct view_images *images,
		    const struct view *v, const struct text_style *style)
{
	const struct layout *l = layout_of(style);
	bool fits = style->columns && !alarm_of(v).color;
	size_t from = out->n;

	text_who(out, images, v->image);
	if (fits)
		fit_who(out, from, l->who);
	pad(out, from, l->who);
	from = out->n;
	text_where(out, v->image, fits ? l->where : 0);
	pad(out, from, l->where);
}

void text_line(struct buf *out, const struct view_images *images,
	       const struct view *v, const struct text_style *style)
{
	struct alarm alarm = alarm_of(v);
	size_t begin = out->n, from, used;

	start(out, style, alarm.color);
	buf_add_str(out, alarm.mark);
	pad(out, begin, MARK_WIDTH);
	end(out, style, alarm.color);
	add_time(out, v, style);
	if (!has_process(v)) {
		add_kind(out, v);
		text_what(out, v);
		add_refusal(out, v, style);
		return;
	}
	if (!style->without_who)
		add_who(out, images, v, style);
	add_kind(out, v);
	used = columns(out, begin);
	if (!alarm.color && !(v->event && v->event->refusal) &&
	    style->columns > used + ROOM_LEAST) {
		add_rest(out, v, style, style->columns - used);
		return;
	}
	from = out->n;
	text_what(out, v);
	/* A line that the terminal breaks is not made longer by blanks. */
	pad(out, from,
	    style->columns && used + WHAT_WIDTH >= style->columns ? 0
								  : WHAT_WIDTH);
	add_end(out, v, style, alarm.color);
	trim_blanks(out);
	add_refusal(out, v, style);
}

void text_body(struct buf *out, const struct view_images *images,
	       const struct view *v)
{
	size_t before;

	if (!has_process(v)) {
		buf_add_str(out, v->gap ? "" : "picket: ");
		text_what(out, v);
		return;
	}
	text_who(out, images, v->image);
	buf_add_char(out, ' ');
	/* A write's own words begin with what was done. */
	if (strcmp(kind_of(v), "write") != 0)
		buf_addf(out, "%s ", kind_of(v));
	text_what(out, v);
	before = out->n;
	buf_add_str(out, ", ");
	text_verdict(out, v);
	if (out->n == before + 2)
		out->n = before;
}
