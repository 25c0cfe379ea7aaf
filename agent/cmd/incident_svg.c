// SPDX-License-Identifier: Apache-2.0
/*
 * The idea of the tree's picture: a row a process in depth-first order, so
 * that any tree, wide or deep, reads from top to bottom and prints. Where
 * there are too many, those with an alert, the one that is asked about and
 * those above them are drawn first.
 */
#include "cmd/incident_svg.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/escape.h"
#include "out/names.h"

#define NODES_DRAWN_MAX 300u
#define ROW_HEIGHT	30
#define BOX_HEIGHT	22
#define STEP		26
#define DEPTH_SHOWN	20u
#define LABEL_BYTES	72
#define GLYPH_WIDTH	7.3 /* of the page's 12 px monospace */

#define TIME_WIDTH  960
#define TIME_LEFT   80
#define TIME_BINS   220
#define LANE_HEIGHT 22

const char *incident_class(Picket__V1__Severity worst, bool alert)
{
	if (!alert)
		return "none";
	return worst ? name_severity(worst) : "low";
}

/* ---- the tree ----------------------------------------------------------- */

/* Characters, for what is drawn is one column each, nearly always. */
static size_t columns(struct slice s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static void cut(struct buf *b, size_t max)
{
	if (b->n <= max)
		return;
	b->n = max;
	while (b->n && ((unsigned char)b->p[b->n] & 0xc0) == 0x80)
		b->n--;
	buf_add_str(b, "…");
}

static void label(struct buf *out, const struct incident_process *p)
{
	buf_reset(out);
	buf_add_str(out, p->name);
	cut(out, LABEL_BYTES / 2);
	buf_addf(out, "[%" PRIu32 "]", p->pid);
	if (*p->args) {
		buf_add_char(out, ' ');
		buf_add_str(out, p->args);
	}
	cut(out, LABEL_BYTES);
}

/* Who is drawn: keep[i]. Returns how many. */
static uint32_t choose(const struct incident *in, uint32_t subject, bool *keep)
{
	const struct forest *f = &in->forest;
	uint32_t i, up, n = 0;

	for (i = 0; i < f->n && n < NODES_DRAWN_MAX; i++) {
		if (!incident_process(in, i)->alerts && i != subject)
			continue;
		for (up = i; up != FOREST_NONE && !keep[up];
		     up = f->nodes[up].parent) {
			keep[up] = true;
			n++;
		}
	}
	/* Parents come before their children, and are numbered before them. */
	for (i = 0; i < f->n && n < NODES_DRAWN_MAX; i++) {
		if (keep[i] || (f->nodes[i].parent != FOREST_NONE &&
				!keep[f->nodes[i].parent]))
			continue;
		keep[i] = true;
		n++;
	}
	return n;
}

static int left_of(uint32_t depth)
{
	return 8 + STEP * (int)(depth < DEPTH_SHOWN ? depth : DEPTH_SHOWN);
}

struct drawing {
	const struct incident *in;
	struct buf *out, label;
	int *row_of; /* of a node that is drawn */
	int row, width;
	uint32_t subject; /* whom it is all about */
};

static void draw_node(struct drawing *d, uint32_t i)
{
	const struct forest_node *node = &d->in->forest.nodes[i];
	const struct incident_process *p = node->of;
	int x = left_of(node->depth), y = d->row * ROW_HEIGHT + 6, width;

	d->row_of[i] = d->row++;
	if (node->parent != FOREST_NONE)
		buf_addf(d->out, "<path class=\"edge\" d=\"M%d %dV%dH%d\"/>",
			 left_of(node->depth - 1) + 12,
			 d->row_of[node->parent] * ROW_HEIGHT + 6 + BOX_HEIGHT,
			 y + BOX_HEIGHT / 2, x);
	label(&d->label, p);
	width = (int)((double)columns(buf_slice(&d->label)) * GLYPH_WIDTH) + 16;
	if (x + width + 8 > d->width)
		d->width = x + width + 8;
	buf_addf(d->out,
		 "<g class=\"%s%s\"><rect x=\"%d\" y=\"%d\" width=\"%d\" "
		 "height=\"%d\" rx=\"4\"/><text x=\"%d\" y=\"%d\">",
		 incident_class(p->worst, p->alerts),
		 i == d->subject ? " subject" : "", x, y, width, BOX_HEIGHT,
		 x + 8, y + 15);
	escape_html(d->out, buf_slice(&d->label));
	buf_add_str(d->out, "</text><title>");
	escape_html(d->out, slice_str(p->exe));
	buf_addf(d->out,
		 " uid %" PRIu32 ", %" PRIu32 " records, %" PRIu32 " alerts",
		 p->uid, p->records, p->alerts);
	buf_add_str(d->out, "</title></g>\n");
}

static void draw_tree(struct drawing *d, const bool *keep, uint32_t n)
{
	struct buf *page = d->out;
	cleanup_buf struct buf body = BUF_INIT(8u << 20);
	uint32_t i;

	/* The width is known at the end, and stands at the beginning. */
	d->out = &body;
	for (i = 0; i != FOREST_NONE; i = forest_behind(&d->in->forest, i))
		if (keep[i])
			draw_node(d, i);
	d->out = page;
	buf_addf(page,
		 "<svg class=\"tree\" role=\"img\" aria-label=\"process tree\" "
		 "width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n",
		 d->width, (int)n * ROW_HEIGHT + 8, d->width,
		 (int)n * ROW_HEIGHT + 8);
	buf_add_slice(page, buf_slice(&body));
	buf_add_str(page, "</svg>\n");
	page->failed |= body.failed;
}

uint32_t incident_svg_tree(struct buf *out, const struct incident *in)
{
	struct drawing d = {
		.in = in,
		.out = out,
		.width = 200,
		.subject = in->records[in->subject].process,
	};
	bool *keep = calloc(in->forest.n, sizeof(*keep));
	uint32_t n = 0;

	d.row_of = calloc(in->forest.n, sizeof(*d.row_of));
	buf_init(&d.label, 4096);
	if (keep && d.row_of) {
		n = choose(in, d.subject, keep);
		draw_tree(&d, keep, n);
	} else {
		out->failed = true;
	}
	buf_done(&d.label);
	free(d.row_of);
	free(keep);
	return in->forest.n - n;
}

/* ---- the timeline ------------------------------------------------------- */

static const Picket__V1__Kind lanes[] = {
	PICKET__V1__KIND__KIND_EXEC,   PICKET__V1__KIND__KIND_CONNECT,
	PICKET__V1__KIND__KIND_LISTEN, PICKET__V1__KIND__KIND_WRITE,
	PICKET__V1__KIND__KIND_LOAD,   PICKET__V1__KIND__KIND_TAMPER,
	PICKET__V1__KIND__KIND_EXIT,
};
#define LANES (sizeof(lanes) / sizeof(*lanes))

struct bin {
	uint32_t n;
	bool alert;
	Picket__V1__Severity worst;
};

/* From the first to the last record, which the whole span may dwarf. */
static struct span extent(const struct incident *in)
{
	struct span s = { INT64_MAX, INT64_MIN };

	for (size_t i = 0; i < in->n; i++) {
		if (in->records[i].wall_ns < s.from_ns)
			s.from_ns = in->records[i].wall_ns;
		if (in->records[i].wall_ns > s.to_ns)
			s.to_ns = in->records[i].wall_ns;
	}
	if (s.to_ns <= s.from_ns)
		s.to_ns = s.from_ns + (int64_t)NS_PER_MS;
	return s;
}

static void fill(const struct incident *in, const struct span *s,
		 struct bin bins[LANES][TIME_BINS])
{
	double width = (double)(s->to_ns - s->from_ns);

	for (size_t i = 0; i < in->n; i++) {
		const struct incident_record *rec = &in->records[i];
		size_t at = (size_t)((double)(rec->wall_ns - s->from_ns) /
				     width * (TIME_BINS - 1));

		for (size_t l = 0; l < LANES; l++) {
			struct bin *b = &bins[l][at];

			if (lanes[l] != rec->kind)
				continue;
			b->n++;
			b->alert |= rec->alert;
			if (rec->alert && rec->severity > b->worst)
				b->worst = rec->severity;
		}
	}
}

static double x_of(size_t bin)
{
	return TIME_LEFT +
	       (double)bin * (TIME_WIDTH - TIME_LEFT - 12) / (TIME_BINS - 1);
}

static void draw_lane(struct buf *out, size_t lane, const struct bin *bins)
{
	int y = (int)lane * LANE_HEIGHT + 14;

	buf_addf(out,
		 "<text x=\"4\" y=\"%d\">%s</text><path class=\"edge\" "
		 "d=\"M%d %dH%d\"/>\n",
		 y + 4, name_kind(lanes[lane]), TIME_LEFT, y, TIME_WIDTH - 12);
	for (size_t i = 0; i < TIME_BINS; i++) {
		if (!bins[i].n)
			continue;
		buf_addf(out,
			 "<circle class=\"%s\" cx=\"%.1f\" cy=\"%d\" r=\"%d\">"
			 "<title>%" PRIu32 "</title></circle>\n",
			 incident_class(bins[i].worst, bins[i].alert), x_of(i),
			 y,
			 bins[i].n > 50	 ? 6
			 : bins[i].n > 5 ? 5
					 : 4,
			 bins[i].n);
	}
}

void incident_svg_time(struct buf *out, const struct incident *in)
{
	static struct bin bins[LANES][TIME_BINS]; /* not on the stack */
	struct span s = extent(in);
	int height = (int)LANES * LANE_HEIGHT + 24;
	char time[32];

	if (!in->n)
		return;
	memset(bins, 0, sizeof(bins));
	fill(in, &s, bins);
	buf_addf(out,
		 "<svg class=\"time\" role=\"img\" aria-label=\"timeline\" "
		 "width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n",
		 TIME_WIDTH, height, TIME_WIDTH, height);
	for (size_t l = 0; l < LANES; l++)
		draw_lane(out, l, bins[l]);
	buf_addf(out, "<text x=\"%d\" y=\"%d\">%s</text>", TIME_LEFT,
		 height - 6, clock_print(s.from_ns, time));
	buf_addf(out,
		 "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n"
		 "</svg>\n",
		 TIME_WIDTH - 12, height - 6, clock_print(s.to_ns, time));
}
