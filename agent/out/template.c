// SPDX-License-Identifier: Apache-2.0
#include "out/template.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/escape.h"
#include "out/names.h"
#include "out/text_part.h"

#define TEXT_MAX  4096
#define PARTS_MAX 128

/* What the fields of a line are taken from. */
struct line {
	struct buf *out;
	const struct view_images *images;
	const struct view *v;
};

struct field {
	const char *name;
	void (*put)(const struct line *l);
};

struct part {
	const struct field *field; /* NULL: it is text */
	uint16_t at, n;		   /* of the template's text */
};

struct template
{
	char text[TEXT_MAX];
	size_t used;
	struct part parts[PARTS_MAX];
	size_t n;
};

/* ---- fields ------------------------------------------------------------- */

static const Picket__V1__Verdict *verdict_of(const struct line *l)
{
	return l->v->event ? l->v->event->verdict : NULL;
}

static void put_time(const struct line *l)
{
	char time[32];

	if (l->v->wall_ns)
		buf_add_str(l->out, clock_print(l->v->wall_ns, time));
}

static void put_clock(const struct line *l)
{
	char time[32];

	if (l->v->wall_ns)
		buf_add_str(l->out, clock_print_time(l->v->wall_ns, time));
}

static void put_uid(const struct line *l)
{
	char uid[VIEW_UID_MAX];

	buf_add_str(l->out, view_uid(l->v, uid));
}

static void put_kind(const struct line *l)
{
	if (l->v->gap)
		buf_add_str(l->out, "gap");
	else if (l->v->amendment)
		buf_add_str(l->out, "amendment");
	else
		buf_add_str(l->out, name_kind(l->v->event->kind));
}

static void put_severity(const struct line *l)
{
	const Picket__V1__Verdict *verdict = verdict_of(l);

	if (verdict && verdict->alert)
		buf_add_str(l->out, name_severity(verdict->severity));
}

static void put_who(const struct line *l)
{
	if (l->v->image)
		text_who(l->out, l->images, l->v->image);
}

static void put_exe(const struct line *l)
{
	if (l->v->image && l->v->image->exe)
		escape_text(l->out, text_slice(l->v->image->exe->path));
}

static void put_pid(const struct line *l)
{
	if (l->v->image)
		buf_addf(l->out, "%" PRIu32, l->v->image->pid);
}

static void put_user(const struct line *l)
{
	const Picket__V1__Event *e = l->v->event;

	if (e && e->actor)
		buf_addf(l->out, "%" PRIu32, e->actor->uid);
	else if (l->v->image)
		buf_addf(l->out, "%" PRIu32, l->v->image->uid);
}

static void put_unit(const struct line *l)
{
	if (l->v->image)
		escape_text(l->out, text_slice(l->v->image->unit));
}

static void put_container(const struct line *l)
{
	if (l->v->image)
		escape_text(l->out, text_slice(l->v->image->container));
}

static void put_what(const struct line *l)
{
	text_what(l->out, l->v);
}

static void put_answer(const struct line *l)
{
	const Picket__V1__Verdict *verdict = verdict_of(l);

	if (verdict && verdict->answer)
		buf_add_str(l->out, name_answer(verdict->answer));
}

static void put_rule(const struct line *l)
{
	const Picket__V1__Verdict *verdict = verdict_of(l);

	if (verdict)
		escape_text(l->out, slice_str(verdict->rule));
}

static void put_tag(const struct line *l)
{
	const Picket__V1__Verdict *verdict = verdict_of(l);

	if (verdict)
		escape_text(l->out, slice_str(verdict->tag));
}

static const struct field fields[] = {
	{ "time", put_time },
	{ "clock", put_clock },
	{ "uid", put_uid },
	{ "kind", put_kind },
	{ "severity", put_severity },
	{ "who", put_who },
	{ "exe", put_exe },
	{ "pid", put_pid },
	{ "user", put_user },
	{ "unit", put_unit },
	{ "container", put_container },
	{ "what", put_what },
	{ "answer", put_answer },
	{ "rule", put_rule },
	{ "tag", put_tag },
};

static const struct field *find_field(struct slice name)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (slice_eq(name, slice_str(fields[i].name)))
			return &fields[i];
	return NULL;
}

/* ---- reading ------------------------------------------------------------ */

static struct part *add_part(struct template *t, const struct field *field)
{
	struct part *last = t->n ? &t->parts[t->n - 1] : NULL;

	/* Text goes on where text is. */
	if (!field && last && !last->field)
		return last;
	if (t->n == PARTS_MAX)
		return NULL;
	last = &t->parts[t->n++];
	*last = (struct part){ .field = field, .at = (uint16_t)t->used };
	return last;
}

static const char *add_char(struct template *t, char c)
{
	struct part *p = add_part(t, NULL);

	if (!p || t->used == TEXT_MAX)
		return "it is too long";
	t->text[t->used++] = c;
	p->n++;
	return NULL;
}

/* What is wrong, or NULL; *p moves past what was read. */
static const char *read_field(struct template *t, const char **p)
{
	const char *begin = *p + 1, *end = strchr(begin, '}');
	const struct field *field;

	if (!end)
		return "'{' without '}'";
	field = find_field(slice_of(begin, (size_t)(end - begin)));
	if (!field)
		return "no such field; there are: " TEMPLATE_FIELDS;
	if (!add_part(t, field))
		return "it is too long";
	*p = end + 1;
	return NULL;
}

static const char *read_escape(struct template *t, const char **p)
{
	char c = (*p)[1];

	if (c != 't' && c != '\\')
		return "behind '\\' stands a 't' or another '\\'";
	*p += 2;
	return add_char(t, c == 't' ? '\t' : c);
}

static const char *read_part(struct template *t, const char **p)
{
	char c = **p;

	if (c == '{' && (*p)[1] != '{')
		return read_field(t, p);
	if (c == '\\')
		return read_escape(t, p);
	/* A line is a line, and a terminal is not to be steered. */
	if ((unsigned char)c < ' ' || c == 0x7f)
		return "a control character";
	*p += c == '{' ? 2 : 1;
	return add_char(t, c);
}

int template_new(const char *text, struct template **ret, const char **ret_why,
		 size_t *ret_at)
{
	struct template *t = calloc(1, sizeof(*t));
	const char *p = text, *why = NULL;

	if (!t)
		return -ENOMEM;
	while (*p && !why)
		why = read_part(t, &p);
	if (why) {
		*ret_why = why;
		*ret_at = (size_t)(p - text);
		template_free(t);
		return -EINVAL;
	}
	*ret = t;
	return 0;
}

void template_free(struct template *t)
{
	free(t);
}

void template_line(struct buf *out, const struct template *t,
		   const struct view_images *images, const struct view *v)
{
	const struct line l = { out, images, v };

	for (size_t i = 0; i < t->n; i++) {
		const struct part *p = &t->parts[i];
		size_t before = out->n;

		if (!p->field) {
			buf_add(out, t->text + p->at, p->n);
			continue;
		}
		p->field->put(&l);
		if (out->n == before)
			buf_add_char(out, '-');
	}
}
