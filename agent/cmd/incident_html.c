// SPDX-License-Identifier: Apache-2.0
/*
 * From the one sentence that everybody reads to the raw events that a few
 * need: each section says more than the one before it.
 */
#include "cmd/incident_html.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "app/tail_lines.h"
#include "base/clock.h"
#include "base/escape.h"
#include "cmd/coverage_answer.h"
#include "cmd/incident_sum.h"
#include "cmd/incident_svg.h"
#include "out/names.h"

#define ROWS_MAX     500u
#define SUMS_MAX     200u
#define RAW_MAX	     (16u << 20)
#define SENTENCE_UPS 6

static const char style[] =
	":root{--ink:#1b1f24;--dim:#5b6470;--line:#d5dae0;--paper:#fff;"
	"--low:#2f6f9f;--medium:#9a6700;--high:#c2410c;--critical:#b00020}\n"
	"@media(prefers-color-scheme:dark){:root{--ink:#e6e9ed;--dim:#9aa4b0;"
	"--line:#3a424c;--paper:#14181d;--low:#6cb6ff;--medium:#e0b040;"
	"--high:#ff8f57;--critical:#ff6b7d}}\n"
	"@media print{:root{--ink:#000;--dim:#444;--line:#bbb;--paper:#fff}"
	"details{display:none}}\n"
	"body{margin:0 auto;max-width:76rem;padding:1.5rem;color:var(--ink);"
	"background:var(--paper);font:15px/1.5 system-ui,sans-serif}\n"
	"h1{font-size:1.25rem;line-height:1.4;overflow-wrap:anywhere}"
	"h2{font-size:1.05rem;margin:2rem 0 .5rem}\n"
	"p,pre,td.w{overflow-wrap:anywhere}.dim{color:var(--dim)}"
	"td,th{white-space:nowrap}td.w{white-space:normal;min-width:14rem}\n"
	".wide{overflow-x:auto}table{border-collapse:collapse;width:100%}"
	"td,th{padding:.2rem .6rem .2rem 0;text-align:left;vertical-align:top;"
	"border-bottom:1px solid var(--line)}td.n,th.n{text-align:right}\n"
	"td,pre,svg text{font-family:ui-monospace,"
	"monospace;font-size:12px}th{font-weight:600}\n"
	"svg text{fill:var(--ink)}.edge{fill:none;stroke:var(--line)}"
	"rect{fill:none;stroke:var(--line)}circle{fill:var(--dim)}\n"
	".low{color:var(--low)}.medium{color:var(--medium)}"
	".high{color:var(--high)}.critical{color:var(--critical)}"
	"td.low,td.medium,td.high,td.critical{font-weight:600}\n"
	"g.subject text{font-weight:700}g.subject rect{stroke:var(--ink);"
	"stroke-width:2}\n"
	"g.low rect,g.medium rect,g.high rect,g.critical rect{"
	"stroke:currentColor;stroke-width:2}"
	"circle.low,circle.medium,circle.high,circle.critical{"
	"fill:currentColor}\n"
	"pre{white-space:pre-wrap;margin:.3rem 0}\n";

struct writer {
	struct buf *out;
	const struct incident_page *page;
	const struct incident *in;
};

static void put(struct writer *w, const char *html)
{
	buf_add_str(w->out, html);
}

static void text(struct writer *w, const char *s)
{
	escape_html(w->out, slice_str(s));
}

static void cell(struct writer *w, const char *class, const char *s)
{
	buf_addf(w->out, "<td class=\"%s\">", class);
	text(w, s);
	put(w, "</td>");
}

static void number(struct writer *w, uint64_t n)
{
	buf_addf(w->out, "<td class=\"n\">%" PRIu64 "</td>", n);
}

static void time_cell(struct writer *w, int64_t wall_ns)
{
	char time[32];

	cell(w, "t", wall_ns ? clock_print(wall_ns, time) : "-");
}

static void who(struct writer *w, uint32_t node)
{
	const struct incident_process *p = incident_process(w->in, node);

	text(w, p->name);
	buf_addf(w->out, "[%" PRIu32 "]", p->pid);
}

static void who_cell(struct writer *w, uint32_t node)
{
	put(w, "<td>");
	who(w, node);
	put(w, "</td>");
}

static void left_out(struct writer *w, uint64_t n, const char *of_what)
{
	if (n)
		buf_addf(w->out, "<p class=\"dim\">%" PRIu64 " more %s.</p>\n",
			 n, of_what);
}

/* ---- the sentence ------------------------------------------------------- */

static const char *verb_of(Picket__V1__Kind kind)
{
	static const char *const verbs[] = {
		[PICKET__V1__KIND__KIND_EXEC] = "executed",
		[PICKET__V1__KIND__KIND_EXIT] = "ended:",
		[PICKET__V1__KIND__KIND_CONNECT] = "connected to",
		[PICKET__V1__KIND__KIND_LISTEN] = "listens at",
		[PICKET__V1__KIND__KIND_LOAD] = "loaded",
		/* Their own words begin with what was done. */
		[PICKET__V1__KIND__KIND_WRITE] = "did",
		[PICKET__V1__KIND__KIND_TAMPER] = "did",
	};
	const char *verb = (size_t)kind < sizeof(verbs) / sizeof(*verbs)
				   ? verbs[kind]
				   : NULL;

	return verb ? verb : "did";
}

static void verdict(struct writer *w, const struct incident_record *rec)
{
	text(w, name_answer(rec->answer));
	if (*rec->rule) {
		put(w, " by ");
		text(w, rec->rule);
	}
	if (*rec->tag) {
		put(w, " (");
		text(w, rec->tag);
		put(w, ")");
	}
}

static void sentence(struct writer *w, const struct incident_record *rec)
{
	const struct forest *f = &w->in->forest;
	uint32_t up = f->nodes[rec->process].parent;
	int n;

	if (rec->alert)
		buf_addf(w->out, "<span class=\"%s\">%s alert</span>: ",
			 incident_class(rec->severity, true),
			 name_severity(rec->severity));
	who(w, rec->process);
	for (n = 0; up != FOREST_NONE && n < SENTENCE_UPS; n++) {
		put(w, n ? ", of " : ", started by ");
		who(w, up);
		up = f->nodes[up].parent;
	}
	buf_addf(w->out, "%s %s ", n ? "," : "", verb_of(rec->kind));
	text(w, rec->what);
	if (rec->answer) {
		put(w, " — ");
		verdict(w, rec);
	}
}

static void where(struct writer *w, const struct incident_record *rec)
{
	const struct incident_process *p =
		incident_process(w->in, rec->process);
	char from[32], to[32];

	buf_addf(w->out, "<p>%s, uid %" PRIu32, clock_print(rec->wall_ns, from),
		 p->uid);
	if (*p->unit) {
		put(w, ", unit ");
		text(w, p->unit);
	}
	if (*p->container) {
		put(w, ", container ");
		text(w, p->container);
	}
	if (rec->later) {
		put(w, ". Known later: ");
		text(w, rec->later);
	}
	put(w, ".</p>\n<p class=\"dim\">Record ");
	text(w, w->page->uid);
	buf_addf(w->out, "; what follows is of %s to %s.",
		 clock_print(w->in->span.from_ns, from),
		 clock_print(w->in->span.to_ns, to));
	put(w, " Made on ");
	text(w, w->page->host);
	buf_addf(w->out, " at %s by picket %s.</p>\n",
		 clock_print(w->page->now_ns, from), PICKET_VERSION);
}

/* ---- tables ------------------------------------------------------------- */

static void record_row(struct writer *w, const struct incident_record *rec)
{
	put(w, "<tr>");
	time_cell(w, rec->wall_ns);
	cell(w, incident_class(rec->severity, rec->alert),
	     rec->alert ? name_severity(rec->severity) : "");
	cell(w, "", name_kind(rec->kind));
	who_cell(w, rec->process);
	put(w, "<td class=\"w\">");
	text(w, rec->what);
	if (rec->later) {
		put(w, " <span class=\"dim\">");
		text(w, rec->later);
		put(w, "</span>");
	}
	put(w, "</td><td>");
	if (rec->answer)
		verdict(w, rec);
	put(w, "</td></tr>\n");
}

/* Too many for a table: what tells most stays in it. */
static bool tells_much(const struct incident_record *rec)
{
	return rec->alert || rec->kind == PICKET__V1__KIND__KIND_EXEC ||
	       rec->kind == PICKET__V1__KIND__KIND_LISTEN ||
	       rec->kind == PICKET__V1__KIND__KIND_TAMPER;
}

static void in_order(struct writer *w)
{
	const struct incident *in = w->in;
	bool all = in->n <= ROWS_MAX;
	size_t shown = 0;

	put(w, "<h2>In order</h2>\n");
	incident_svg_time(w->out, in);
	put(w, "<div class=\"wide\"><table><tr><th>Time (UTC)<th>Alert<th>Kind"
	       "<th>Process<th>What<th>Verdict</tr>\n");
	for (size_t i = 0; i < in->n && shown < ROWS_MAX; i++) {
		if (!all && !tells_much(&in->records[i]))
			continue;
		record_row(w, &in->records[i]);
		shown++;
	}
	put(w, "</table></div>\n");
	left_out(w, in->n - shown, "records are among the raw events below");
}

struct table {
	const char *title, *head, *none, *more;
	incident_key key;
	void (*row)(struct writer *w, const struct incident_sum *sum);
};

static void destination_row(struct writer *w, const struct incident_sum *sum)
{
	cell(w, "w", sum->key);
	number(w, sum->count);
	who_cell(w, sum->first->process);
	time_cell(w, sum->first->wall_ns);
	cell(w, "w", sum->last->later ? sum->last->later : "");
}

static void file_row(struct writer *w, const struct incident_sum *sum)
{
	cell(w, "w", sum->key);
	number(w, sum->count);
	number(w, sum->bytes);
	who_cell(w, sum->first->process);
	time_cell(w, sum->first->wall_ns);
}

static void rule_row(struct writer *w, const struct incident_sum *sum)
{
	cell(w, "", *sum->key ? sum->key : "no rule");
	cell(w, "", name_answer(sum->first->answer));
	cell(w, "", sum->first->tag);
	number(w, sum->count);
	number(w, sum->alerts);
}

static const struct table tables[] = {
	{ "Connections",
	  "<th>Where to<th class=\"n\">Times<th>First by<th>First<th>Outcome",
	  "No connection was made.", "destinations", incident_destination,
	  destination_row },
	{ "Files",
	  "<th>Path<th class=\"n\">Times<th class=\"n\">Bytes<th>First by"
	  "<th>First",
	  "No file was changed.", "files", incident_file, file_row },
	{ "What the policy said",
	  "<th>Rule<th>Answer<th>Tag<th class=\"n\">Times"
	  "<th class=\"n\">Alerts",
	  "No rule was asked.", "rules", incident_rule, rule_row },
};

static void put_table(struct writer *w, const struct table *t)
{
	struct incident_sum *sums = NULL;
	size_t n = 0, i;

	if (incident_sums(w->in, t->key, &sums, &n) < 0)
		w->out->failed = true;
	buf_addf(w->out, "<h2>%s</h2>\n", t->title);
	if (!n)
		buf_addf(w->out, "<p class=\"dim\">%s</p>\n", t->none);
	else
		buf_addf(w->out,
			 "<div class=\"wide\"><table><tr>"
			 "<th>Alert%s</tr>\n",
			 t->head);
	for (i = 0; i < n && i < SUMS_MAX; i++) {
		put(w, "<tr>");
		cell(w, incident_class(sums[i].worst, sums[i].alerts),
		     sums[i].alerts ? name_severity(sums[i].worst) : "");
		t->row(w, &sums[i]);
		put(w, "</tr>\n");
	}
	put(w, n ? "</table></div>\n" : "");
	left_out(w, n - i, t->more);
	free(sums);
}

/* ---- could it have been seen -------------------------------------------- */

static void answer_row(struct writer *w, const struct coverage_answer *y)
{
	put(w, "<tr>");
	cell(w, "", y->kind);
	cell(w, "", coverage_words[y->word]);
	put(w, "<td class=\"w\">");
	for (size_t i = 0; i < y->n; i++) {
		const struct coverage_because *b = &y->because[i];

		put(w, i ? "<br>" : "");
		text(w, b->what);
		put(w, *b->way ? " " : "");
		text(w, b->way);
		put(w, ": ");
		if (b->count)
			buf_addf(w->out, "%" PRIu64 " records, ", b->count);
		text(w, b->reason);
	}
	put(w, "</td></tr>\n");
}

static void coverage(struct writer *w)
{
	static struct coverage_answer y; /* not on the stack */

	put(w, "<h2>Could the rest have been seen?</h2>\n");
	if (!w->page->coverage) {
		put(w, "<p>What could be seen then is not known.</p>\n");
		return;
	}
	put(w, "<div class=\"wide\"><table><tr><th>Kind<th>Seen<th>Why not all"
	       "</tr>\n");
	for (size_t i = 0; i < TAIL_KINDS_SEEN; i++) {
		coverage_answer(w->page->coverage, tail_kind_names[i], &y);
		answer_row(w, &y);
	}
	put(w, "</table></div>\n");
}

static void notes(struct writer *w)
{
	const struct incident *in = w->in;

	put(w, "<h2>Lost or missing in this span</h2>\n");
	if (!in->n_notes && !in->dropped && !in->trimmed && !in->bad)
		put(w, "<p class=\"dim\">Nothing: the journal is whole here."
		       "</p>\n");
	if (in->trimmed)
		put(w, "<p>The journal begins within this span: what came "
		       "before was trimmed.</p>\n");
	left_out(w, in->dropped, "records found no room in this page");
	left_out(w, in->bad, "records could not be understood");
	put(w, in->n_notes ? "<table>\n" : "");
	for (size_t i = 0; i < in->n_notes; i++) {
		put(w, "<tr>");
		time_cell(w, in->notes[i].wall_ns);
		cell(w, "w", in->notes[i].text);
		put(w, "</tr>\n");
	}
	put(w, in->n_notes ? "</table>\n" : "");
	left_out(w, in->dropped_notes, "of these");
}

static void raw(struct writer *w)
{
	size_t begin = w->out->n, i;

	put(w, "<details><summary>Raw events, one JSON object each</summary>"
	       "\n<pre>");
	for (i = 0; i < w->in->n && w->out->n - begin < RAW_MAX; i++) {
		text(w, w->in->records[i].json);
		put(w, "\n");
	}
	put(w, "</pre></details>\n");
	left_out(w, w->in->n - i, "raw events found no room");
}

/* ---- the page ----------------------------------------------------------- */

static void head(struct writer *w, const struct incident_record *rec)
{
	put(w, "<!DOCTYPE html>\n<html lang=\"en\"><head>"
	       "<meta charset=\"utf-8\">\n"
	       "<meta http-equiv=\"Content-Security-Policy\" content=\""
	       "default-src 'none'; style-src 'unsafe-inline'\">\n"
	       "<meta name=\"viewport\" content=\"width=device-width\">\n"
	       "<title>picket: ");
	text(w, incident_process(w->in, rec->process)->name);
	put(w, " ");
	text(w, name_kind(rec->kind));
	put(w, "</title>\n<style>\n");
	put(w, style);
	put(w, "</style></head><body>\n<h1>");
	sentence(w, rec);
	put(w, "</h1>\n");
}

void incident_html(struct buf *out, const struct incident_page *page)
{
	struct writer w = { out, page, page->in };
	const struct incident_record *rec =
		&page->in->records[page->in->subject];
	uint32_t not_drawn;

	head(&w, rec);
	where(&w, rec);
	put(&w, "<h2>Processes</h2>\n<div class=\"wide\">\n");
	not_drawn = incident_svg_tree(out, page->in);
	put(&w, "</div>\n");
	left_out(&w, not_drawn, "processes are not drawn");
	in_order(&w);
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		put_table(&w, &tables[i]);
	coverage(&w);
	notes(&w);
	raw(&w);
	put(&w, "</body></html>\n");
}
