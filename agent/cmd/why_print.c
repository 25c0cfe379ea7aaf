// SPDX-License-Identifier: Apache-2.0
/* The answer of `picket why`, as a screen and as JSON. */
#include "cmd/why_print.h"

#include <inttypes.h>

#include "base/escape.h"

#define RULES_SHOWN 20u

static void text_verdict(struct buf *out, const char *when,
			 const struct verdict *v)
{
	buf_addf(out, "%-9s %s", when, answer_name(v->answer));
	if (v->rule)
		buf_addf(out, " by %s", v->rule);
	if (v->alert)
		buf_addf(out, ", an alert (%s)", severity_name(v->severity));
	buf_add_char(out, '\n');
}

static void text_cond(struct buf *out, const struct explain_cond *c)
{
	buf_addf(out, "    %-7s %s = %s",
		 c->holds     ? "holds"
		 : c->unknown ? "unknown"
			      : "no",
		 c->key, c->values);
	if (!c->holds && c->actual[0])
		buf_addf(out, "   (it is %s)", c->actual);
	buf_add_char(out, '\n');
}

static void text_rule(struct buf *out, const struct why_rule *r)
{
	buf_addf(out, "  %s %s  ", r->action, r->name);
	escape_text(out, slice_str(r->file));
	buf_addf(out, ":%u%s\n", r->line, r->expired ? "  expired" : "");
	for (size_t i = 0; i < r->n_conds; i++)
		text_cond(out, &r->conds[i]);
}

static void text_rules(struct buf *out, const struct why *w)
{
	size_t holding = 0, shown = 0;

	for (size_t i = 0; i < w->n_rules; i++)
		holding += w->rules[i].holds;
	buf_addf(out, "\n%zu rules speak of such events, %zu fit this one\n",
		 w->n_rules, holding);
	for (size_t i = 0; i < w->n_rules && shown < RULES_SHOWN; i++) {
		if (!w->rules[i].holds)
			continue;
		text_rule(out, &w->rules[i]);
		shown++;
	}
	if (w->nearest && !w->nearest->holds) {
		buf_add_str(out, "\nthe nearest allow rule\n");
		text_rule(out, w->nearest);
	}
}

static void text_edit(struct buf *out, const struct why *w)
{
	switch (w->edit) {
	case WHY_NONE:
		buf_add_str(out, "\nnothing needs to change: it is not an "
				 "alert\n");
		break;
	case WHY_IMPOSSIBLE:
		buf_addf(out, "\nno edit allows it: %s\n", w->why_not);
		break;
	case WHY_ADD_VALUE:
		buf_add_str(out, "\nthe smallest edit that allows it: in ");
		escape_text(out, slice_str(w->nearest->file));
		buf_addf(out, ":%u, [allow %s], add\n  %s\n", w->nearest->line,
			 w->nearest->name, w->text);
		break;
	case WHY_NEW_RULE:
		buf_addf(out,
			 "\nthe smallest edit that allows it: a new "
			 "rule\n%s",
			 w->text);
		break;
	}
}

static void text_effect(struct buf *out, const struct why_effect *e)
{
	buf_addf(out,
		 "\nit would have allowed %" PRIu64 " recorded events, %" PRIu64
		 " of them alerts\n",
		 e->events, e->alerts);
	for (size_t i = 0; i < WHY_SAMPLES && e->samples[i]; i++)
		buf_addf(out, "  %s\n", e->samples[i]);
}

static void json_conds(struct buf *out, const struct why_rule *r)
{
	buf_add_str(out, ",\"conditions\":[");
	for (size_t i = 0; i < r->n_conds; i++) {
		const struct explain_cond *c = &r->conds[i];

		buf_addf(out, "%s{\"key\":\"%s\",\"line\":%u,\"holds\":%s",
			 i ? "," : "", c->key, c->line,
			 c->holds ? "true" : "false");
		if (c->unknown)
			buf_add_str(out, ",\"unknown\":true");
		buf_add_str(out, ",\"values\":");
		escape_json(out, slice_str(c->values), NULL);
		buf_add_str(out, ",\"actual\":");
		escape_json(out, slice_str(c->actual), NULL);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

static void json_rule(struct buf *out, const struct why_rule *r)
{
	buf_addf(out, "{\"action\":\"%s\",\"name\":", r->action);
	escape_json(out, slice_str(r->name), NULL);
	buf_add_str(out, ",\"file\":");
	escape_json(out, slice_str(r->file), NULL);
	buf_addf(out, ",\"line\":%u,\"holds\":%s,\"failed\":%zu", r->line,
		 r->holds ? "true" : "false", r->n_failed);
	json_conds(out, r);
	buf_add_char(out, '}');
}

void why_json(struct buf *out, const struct why *w, const struct why_effect *e,
	      const struct why_files *files)
{
	static const char *const edits[] = {
		[WHY_NONE] = "none",
		[WHY_IMPOSSIBLE] = "impossible",
		[WHY_ADD_VALUE] = "add_value",
		[WHY_NEW_RULE] = "new_rule",
	};
	const char *comma = "";

	buf_add_char(out, '{');
	if (files)
		why_files_json(out, files);
	buf_addf(out, "\"answer\":\"%s\",\"alert\":%s,\"rule\":",
		 answer_name(w->verdict.answer),
		 w->verdict.alert ? "true" : "false");
	escape_json(out, slice_str(w->verdict.rule), NULL);
	buf_addf(out, ",\"considered\":%zu,\"fits\":[", w->n_rules);
	for (size_t i = 0; i < w->n_rules; i++) {
		if (!w->rules[i].holds)
			continue;
		buf_add_str(out, comma);
		json_rule(out, &w->rules[i]);
		comma = ",";
	}
	buf_add_char(out, ']');
	if (w->nearest) {
		buf_add_str(out, ",\"nearest\":");
		json_rule(out, w->nearest);
	}
	buf_addf(out, ",\"edit\":\"%s\",\"text\":", edits[w->edit]);
	escape_json(out,
		    slice_str(w->edit == WHY_IMPOSSIBLE ? w->why_not : w->text),
		    NULL);
	if (e)
		buf_addf(out,
			 ",\"would_allow\":%" PRIu64
			 ",\"of_them_alerts\":%" PRIu64,
			 e->events, e->alerts);
	buf_add_str(out, "}\n");
}

void why_text(struct buf *out, const struct why *w, const struct why_effect *e,
	      const struct why_files *files)
{
	if (files) {
		why_files_text(out, files);
		buf_add_str(out, "          with no arguments, environment, "
				 "terminal or container\n");
	}
	text_verdict(out, "policy", &w->verdict);
	text_rules(out, w);
	text_edit(out, w);
	if (e)
		text_effect(out, e);
}
