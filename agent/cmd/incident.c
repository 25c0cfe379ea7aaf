// SPDX-License-Identifier: Apache-2.0
/*
 * Two readings: the record itself, which gives the root of the tree and the
 * span of time, and then all of that span that is of the tree.
 */
#include "cmd/incident.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "cmd/query_read.h"
#include "out/json.h"
#include "out/names.h"
#include "out/text.h"

#define WORDS_MAX  (4u << 20)
#define ARGS_BYTES 400
#define UP_MAX	   16

struct reading {
	struct incident *in;
	const struct incident_wish *wish;
	struct buf words;
	uint32_t epoch; /* of the record that is asked for */
	uint64_t seq;
	int error;
};

/* ---- words -------------------------------------------------------------- */

static struct slice bytes_of(ProtobufCBinaryData b)
{
	return slice_of((const char *)b.data, b.len);
}

/* What was gathered in words, as a string of its own. */
static int keep_words(struct reading *rd, char **ret)
{
	if (rd->words.failed)
		return -ENOMEM;
	*ret = strndup(rd->words.n ? rd->words.p : "", rd->words.n);
	if (!*ret)
		return -ENOMEM;
	rd->in->bytes += rd->words.n;
	buf_reset(&rd->words);
	return 0;
}

static int keep_text(struct reading *rd, struct slice s, char **ret)
{
	escape_text(&rd->words, s);
	return keep_words(rd, ret);
}

/* ---- processes ---------------------------------------------------------- */

static struct slice exe_of(const Picket__V1__Image *img)
{
	return img->exe ? bytes_of(img->exe->path) : bytes_of(img->comm);
}

static struct slice base_of(struct slice path)
{
	const char *slash = path.n ? memrchr(path.p, '/', path.n) : NULL;

	if (!slash || slash + 1 == path.p + path.n)
		return path;
	return slice_of(slash + 1, (size_t)(path.p + path.n - slash) - 1);
}

static void add_args(struct buf *out, const Picket__V1__Image *img)
{
	size_t i;

	for (i = 1; i < img->n_args && out->n < ARGS_BYTES; i++) {
		if (i > 1)
			buf_add_char(out, ' ');
		escape_word(out, bytes_of(img->args[i]));
	}
	if (i < img->argc)
		buf_add_str(out, " …");
}

static void forget_process(void *of)
{
	struct incident_process *p = of;

	free(p->name);
	free(p->exe);
	free(p->args);
	free(p->unit);
	free(p->container);
	free(p);
}

static int describe(struct reading *rd, const Picket__V1__Image *img,
		    struct incident_process *p)
{
	int r;

	r = keep_text(rd, base_of(exe_of(img)), &p->name);
	if (r >= 0)
		r = keep_text(rd, exe_of(img), &p->exe);
	if (r >= 0)
		r = keep_text(rd, bytes_of(img->unit), &p->unit);
	if (r >= 0)
		r = keep_text(rd, bytes_of(img->container), &p->container);
	if (r < 0)
		return r;
	add_args(&rd->words, img);
	return keep_words(rd, &p->args);
}

static int join(void *arg, const Picket__V1__Image *img, void **ret)
{
	struct incident_process *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->pid = img->pid;
	p->uid = img->uid;
	p->snapshot = img->snapshot;
	r = describe(arg, img, p);
	if (r < 0)
		forget_process(p);
	else
		*ret = p;
	return r;
}

/*
 * A process's image changes with each exec, and people know it by the last:
 * the shell's child that became the attacker's program.
 */
static int rename_process(struct reading *rd, const Picket__V1__Image *img,
			  uint32_t node)
{
	struct incident_process *p = rd->in->forest.nodes[node].of, fresh;
	int r;

	fresh = (struct incident_process){ 0 };
	r = describe(rd, img, &fresh);
	if (r >= 0) {
		char **was[] = { &p->name, &p->exe, &p->args, &p->unit,
				 &p->container };
		char *is[] = { fresh.name, fresh.exe, fresh.args, fresh.unit,
			       fresh.container };

		for (size_t i = 0; i < sizeof(is) / sizeof(*is); i++) {
			free(*was[i]);
			*was[i] = is[i];
		}
		p->uid = img->uid;
		return 0;
	}
	free(fresh.name);
	free(fresh.exe);
	free(fresh.unit);
	free(fresh.container);
	return r;
}

/* ---- records ------------------------------------------------------------ */

static void forget_record(struct incident_record *rec)
{
	free(rec->what);
	free(rec->object);
	free(rec->rule);
	free(rec->tag);
	free(rec->later);
	free(rec->json);
}

static struct incident_record *grow(struct incident *in)
{
	size_t cap = in->cap ? in->cap * 2 : 256;
	struct incident_record *grown;

	if (in->n == in->cap) {
		grown = reallocarray(in->records, cap, sizeof(*grown));
		if (!grown)
			return NULL;
		in->records = grown;
		in->cap = cap;
	}
	in->records[in->n] = (struct incident_record){ 0 };
	return &in->records[in->n];
}

/* What was said of it: at once, or once more was known. */
static int take_verdict(struct reading *rd, const Picket__V1__Verdict *verdict,
			struct incident_record *rec)
{
	char *rule, *tag;
	int r;

	r = keep_text(rd, slice_str(verdict ? verdict->rule : ""), &rule);
	if (r < 0)
		return r;
	r = keep_text(rd, slice_str(verdict ? verdict->tag : ""), &tag);
	if (r < 0) {
		free(rule);
		return r;
	}
	free(rec->rule);
	free(rec->tag);
	rec->rule = rule;
	rec->tag = tag;
	if (verdict) {
		rec->answer = verdict->answer;
		rec->severity = verdict->severity;
		rec->alert = verdict->alert;
	}
	return 0;
}

static int fill_words(struct reading *rd, const struct view_images *images,
		      const struct view *v, struct incident_record *rec)
{
	const Picket__V1__Write *w = v->event->write;
	int r;

	text_what(&rd->words, v);
	r = keep_words(rd, &rec->what);
	if (r >= 0 && w)
		escape_text(&rd->words, bytes_of(w->path->path));
	if (r >= 0)
		r = keep_words(rd, &rec->object);
	if (r >= 0)
		r = take_verdict(rd, v->event->verdict, rec);
	if (r < 0)
		return r;
	json_line(&rd->words, images, v);
	return keep_words(rd, &rec->json);
}

static void count_alert(struct incident *in, const struct incident_record *rec)
{
	struct incident_process *p = in->forest.nodes[rec->process].of;

	if (!rec->alert)
		return;
	p->alerts++;
	if (rec->severity > p->worst)
		p->worst = rec->severity;
}

static int take_event(struct reading *rd, const struct view_images *images,
		      const struct view *v)
{
	struct incident *in = rd->in;
	struct incident_record *rec;
	uint32_t node;
	int r;

	r = forest_place(&in->forest, images, v->image, &node);
	if (r < 0)
		return r;
	if (node == FOREST_NONE) {
		in->dropped += forest_full(&in->forest);
		return 0;
	}
	if (in->n == INCIDENT_RECORDS_MAX || in->bytes > INCIDENT_BYTES_MAX) {
		in->dropped++;
		return 0;
	}
	rec = grow(in);
	if (!rec)
		return -ENOMEM;
	rec->epoch = v->epoch;
	rec->seq = v->seq;
	rec->process = node;
	rec->wall_ns = v->wall_ns;
	rec->kind = v->event->kind;
	if (v->event->write) {
		rec->count = 1;
		rec->bytes = v->event->write->bytes;
	}
	if (rec->kind == PICKET__V1__KIND__KIND_EXEC)
		r = rename_process(rd, v->image, node);
	if (r >= 0)
		r = fill_words(rd, images, v, rec);
	if (r < 0) {
		forget_record(rec);
		return r;
	}
	if (rec->epoch == rd->epoch && rec->seq == rd->seq)
		in->subject = in->n;
	in->n++;
	((struct incident_process *)in->forest.nodes[node].of)->records++;
	count_alert(in, rec);
	return 0;
}

static struct incident_record *find_record(struct incident *in, uint32_t epoch,
					   uint64_t seq)
{
	size_t from = 0, to = in->n, at;
	struct incident_record *rec;

	while (from < to) {
		at = from + (to - from) / 2;
		rec = &in->records[at];
		if (rec->epoch == epoch && rec->seq == seq)
			return rec;
		if (rec->epoch < epoch ||
		    (rec->epoch == epoch && rec->seq < seq))
			from = at + 1;
		else
			to = at;
	}
	return NULL;
}

/* It was pending, and counted as no alert. */
static int settle(struct reading *rd, const Picket__V1__Resolution *resolution,
		  struct incident_record *rec)
{
	int r;

	if (!resolution || !resolution->verdict ||
	    rec->answer != PICKET__V1__ANSWER__ANSWER_PENDING)
		return 0;
	r = take_verdict(rd, resolution->verdict, rec);
	if (r >= 0)
		count_alert(rd->in, rec);
	return r;
}

static int take_amendment(struct reading *rd, const struct view *v)
{
	const Picket__V1__Amendment *a = v->amendment;
	struct incident_record *rec = find_record(rd->in, a->epoch, a->seq);
	char *later;
	int r;

	if (!rec || rd->in->bytes > INCIDENT_BYTES_MAX)
		return 0;
	if (rec->later) {
		buf_add_str(&rd->words, rec->later);
		buf_add_str(&rd->words, "; ");
	}
	text_what(&rd->words, v);
	r = keep_words(rd, &later);
	if (r < 0)
		return r;
	free(rec->later);
	rec->later = later;
	if (a->write) {
		rec->count = a->write->count;
		rec->bytes = a->write->bytes;
	}
	return settle(rd, a->resolution, rec);
}

static int take_note(struct reading *rd, const struct view *v)
{
	struct incident *in = rd->in;
	struct incident_note *note;

	if (!in->notes)
		in->notes = calloc(INCIDENT_NOTES_MAX, sizeof(*in->notes));
	if (!in->notes)
		return -ENOMEM;
	if (in->n_notes == INCIDENT_NOTES_MAX) {
		in->dropped_notes++;
		return 0;
	}
	note = &in->notes[in->n_notes];
	note->wall_ns = v->wall_ns;
	text_what(&rd->words, v);
	in->n_notes++;
	return keep_words(rd, &note->text);
}

static int take(void *arg, const struct view_images *images,
		const struct view *v)
{
	if (v->amendment)
		return take_amendment(arg, v);
	if (v->gap ||
	    (v->event->agent && what_is_warning(v->event->agent->what)))
		return take_note(arg, v);
	return v->image ? take_event(arg, images, v) : 0;
}

/* ---- the tree's root ---------------------------------------------------- */

static bool same(ProtobufCBinaryData a, ProtobufCBinaryData b)
{
	return slice_eq(bytes_of(a), bytes_of(b));
}

/*
 * As far up as it is one thing to an operator: a unit, a container, a session
 * of somebody who is logged in.
 */
static unsigned steps_up(const struct view_images *images,
			 const Picket__V1__Image *img)
{
	const Picket__V1__Image *up;
	unsigned n = 0;

	while (n < UP_MAX && (up = view_image(images, img->parent_id))) {
		if (up->pid == 1 || up->kthread || !same(up->unit, img->unit) ||
		    !same(up->container, img->container))
			break;
		if (!img->unit.len && !img->container.len &&
		    up->sid != img->sid)
			break;
		img = up;
		n++;
	}
	return n;
}

static void on_found(void *arg, const struct view_images *images,
		     const struct view *v)
{
	struct reading *rd = arg;
	const struct incident_wish *w = rd->wish;
	const Picket__V1__Image *root;

	rd->error = -ESRCH;
	if (!v->image)
		return;
	root = forest_above(images, v->image,
			    w->up < 0 ? steps_up(images, v->image)
				      : (unsigned)w->up);
	rd->epoch = v->epoch;
	rd->seq = v->seq;
	rd->in->span = (struct span){ v->wall_ns - w->before_ns,
				      v->wall_ns + w->after_ns };
	rd->error = forest_root(&rd->in->forest, root);
}

/* ---- reading ------------------------------------------------------------ */

static int read_all(struct reading *rd)
{
	static const struct query_match all;
	struct query_sum sum = { 0 };
	const struct query_name name = {
		.dir = rd->wish->journal,
		.uid = rd->wish->uid,
		.found = on_found,
		.arg = rd,
	};
	struct query_source source = {
		.dir = rd->wish->journal,
		.match = &all,
		.take = take,
		.arg = rd,
	};
	int r;

	r = query_find(&name);
	if (r < 0 || rd->error < 0)
		return r < 0 ? r : rd->error;
	source.span = rd->in->span;
	r = query_read(&source, &sum);
	rd->in->bad = sum.bad;
	rd->in->trimmed = sum.trimmed;
	return r < 0 ? r : 0;
}

int incident_read(const struct incident_wish *wish, struct incident *ret)
{
	struct reading rd = { .in = ret, .wish = wish };
	const struct forest_owner owner = { join, forget_process, &rd };
	int r;

	*ret = (struct incident){ .subject = SIZE_MAX };
	buf_init(&rd.words, WORDS_MAX);
	r = forest_init(&ret->forest, &owner);
	if (r >= 0)
		r = read_all(&rd);
	buf_done(&rd.words);
	return r;
}

void incident_done(struct incident *in)
{
	size_t i;

	for (i = 0; i < in->n; i++)
		forget_record(&in->records[i]);
	for (i = 0; i < in->n_notes; i++)
		free(in->notes[i].text);
	free(in->records);
	free(in->notes);
	forest_done(&in->forest);
}
