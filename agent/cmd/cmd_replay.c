// SPDX-License-Identifier: Apache-2.0
/*
 * `picket replay`: what this policy would have said. For review before it is
 * rolled out, and for CI: a recorded journal and a file of expectations are a
 * test of a policy.
 */
#include "cmd/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/query_match.h"
#include "app/settings.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/escape.h"
#include "base/exit_codes.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/opts.h"
#include "cmd/held.h"
#include "cmd/journal_dir.h"
#include "cmd/opt_rows.h"
#include "cmd/query_opts.h"
#include "cmd/replay.h"
#include "cmd/when.h"
#include "conf/conf.h"
#include "rules/rules.h"

#define OUTPUT_MAX (16u << 20)

struct settings {
	struct query_choice choice; /* first: see query_opts.h */
	const char *journal, *policy, *against, *expect, *config;
	bool json;
};

static const struct opt_row rows[] = {
	OPT_POLICY(settings, "the policy to ask (a directory or one file)"),
	{ .name = "against",
	  .letter = 'a',
	  .metavar = "DIR",
	  .help = "compare with this policy, not with what was recorded",
	  .offset = offsetof(struct settings, against) },
	{ .name = "expect",
	  .letter = 'e',
	  .metavar = "FILE",
	  .help = "expectations: [expect NAME] with rule, answer, alert,\n"
		  "kind, exe, path, dest and count",
	  .offset = offsetof(struct settings, expect) },
	{ .name = "config",
	  .letter = 'c',
	  .metavar = "FILE",
	  .help = "agent.ini that says what 'unlisted' means; without it\n"
		  "its defaults",
	  .offset = offsetof(struct settings, config) },
	OPT_FROM("only what happened since"),
	OPT_TO("only what happened until then"),
	OPT_UNIT(query_set_unit),
	OPT_CONTAINER(query_set_container),
	OPT_EXE(query_set_exe, 0),
	OPT_JOURNAL(settings, journal),
	OPT_JSON(settings, "one JSON object"),
	{ 0 },
};

static const struct opt_command command = {
	.name = "picket replay",
	.synopsis = "--policy DIR [options]",
	.summary =
		"Put recorded events to a policy, and say which would newly alert and which\n"
		"no longer would. The deciding code is the agent's own.",
	.rows = rows,
	.notes =
		"What a policy ignored or dropped was never recorded and is not seen here. A\n"
		"verdict that was pending and came more than 65 minutes after --to is not\n"
		"compared, and counted.\n"
		"Exit status: 0 nothing changes, or with --expect all of it holds; 1 not so,\n"
		"or the journal cannot be read; 6 a policy or the file is wrong.",
};

/* ---- text --------------------------------------------------------------- */

static void text_tally(struct buf *out, const char *who,
		       const struct replay_tally *t)
{
	buf_addf(out,
		 "%-9s%10" PRIu64 "%10" PRIu64 "%10" PRIu64 "%10" PRIu64
		 "%10" PRIu64 "\n",
		 who, t->answers[ANSWER_ALLOWED], t->answers[ANSWER_DENIED],
		 t->answers[ANSWER_UNLISTED], t->answers[ANSWER_IGNORED],
		 t->alerts);
}

/* Names and lines are escaped by those who made them. */
static void text_changes(struct buf *out, const struct replay *r, bool silenced)
{
	for (size_t i = 0; i < r->n_changes; i++) {
		const struct replay_change *c = &r->changes[i];

		if (c->silenced != silenced)
			continue;
		buf_addf(out, "  %" PRIu64 " by %s (%s)\n", c->count, c->rule,
			 severity_name(c->severity));
		for (size_t k = 0; k < REPLAY_SAMPLES; k++)
			if (c->samples[k].line)
				buf_addf(out, "    %s\n      %s\n",
					 c->samples[k].line, c->samples[k].uid);
	}
}

static void text_expects(struct buf *out, const struct settings *s,
			 const struct expects *e)
{
	size_t held = 0;

	for (size_t i = 0; i < e->n; i++)
		held += expect_holds(&e->v[i]);
	buf_addf(out, "expectations: %zu of %zu hold\n", held, e->n);
	for (size_t i = 0; i < e->n; i++) {
		const struct expect *x = &e->v[i];

		if (expect_holds(x))
			continue;
		buf_add_str(out, "  ");
		escape_text(out, slice_str(s->expect));
		buf_addf(out, ":%u: ", x->line);
		escape_text(out, slice_str(x->name));
		buf_addf(out, ": %" PRIu64 " events, expected ", x->found);
		if (x->most == UINT64_MAX)
			buf_addf(out, "at least %" PRIu64 "\n", x->least);
		else if (x->most == x->least)
			buf_addf(out, "%" PRIu64 "\n", x->least);
		else
			buf_addf(out, "%" PRIu64 " to %" PRIu64 "\n", x->least,
				 x->most);
	}
}

static void text_result(struct buf *out, const struct settings *s,
			const struct replay *r)
{
	char from[32], to[32];

	buf_addf(out, "%" PRIu64 " events", r->events);
	if (r->events)
		buf_addf(out, ", %s to %s", clock_print(r->first_ns, from),
			 clock_print(r->last_ns, to));
	buf_addf(out, "\n\n%-9s%10s%10s%10s%10s%10s\n", "", "allowed", "denied",
		 "unlisted", "ignored", "alerts");
	text_tally(out, r->against ? "against" : "recorded", &r->before);
	text_tally(out, "policy", &r->now);
	buf_addf(out, "\nnewly alerted: %" PRIu64 "\n", r->alerted);
	text_changes(out, r, false);
	buf_addf(out, "newly silenced: %" PRIu64 "\n", r->silenced);
	text_changes(out, r, true);
	if (r->redacted)
		buf_addf(out,
			 "not compared: %" PRIu64
			 ", where it hangs on secrets that are redacted\n",
			 r->redacted);
	if (r->unsettled)
		buf_addf(out,
			 "not compared: %" PRIu64
			 ", whose verdict was pending and came more than %d "
			 "minutes after this time, or never: 'picket query "
			 "--verdict pending' finds them, and 'picket why UID' "
			 "what each became\n",
			 r->unsettled, HELD_MINUTES);
	if (r->expects)
		text_expects(out, s, r->expects);
}

/* ---- JSON --------------------------------------------------------------- */

static void json_tally(struct buf *out, const char *who,
		       const struct replay_tally *t)
{
	buf_addf(out, ",\"%s\":{\"alerts\":%" PRIu64, who, t->alerts);
	for (int a = ANSWER_ALLOWED; a < ANSWER_COUNT; a++)
		buf_addf(out, ",\"%s\":%" PRIu64, answer_name((enum answer)a),
			 t->answers[a]);
	buf_add_char(out, '}');
}

static void json_changes(struct buf *out, const struct replay *r, bool silenced)
{
	const char *comma = "";

	for (size_t i = 0; i < r->n_changes; i++) {
		const struct replay_change *c = &r->changes[i];

		if (c->silenced != silenced)
			continue;
		buf_addf(out, "%s{\"rule\":", comma);
		comma = ",";
		escape_json(out, slice_str(c->rule), NULL);
		buf_addf(out,
			 ",\"severity\":\"%s\",\"count\":%" PRIu64
			 ",\"samples\":[",
			 severity_name(c->severity), c->count);
		for (size_t k = 0; k < REPLAY_SAMPLES && c->samples[k].uid; k++)
			buf_addf(out, "%s\"%s\"", k ? "," : "",
				 c->samples[k].uid);
		buf_add_str(out, "]}");
	}
}

static void json_expects(struct buf *out, const struct expects *e)
{
	buf_add_str(out, ",\"expectations\":[");
	for (size_t i = 0; i < e->n; i++) {
		const struct expect *x = &e->v[i];

		buf_addf(out, "%s{\"name\":", i ? "," : "");
		escape_json(out, slice_str(x->name), NULL);
		buf_addf(out,
			 ",\"line\":%u,\"found\":%" PRIu64 ",\"holds\":%s}",
			 x->line, x->found, expect_holds(x) ? "true" : "false");
	}
	buf_add_char(out, ']');
}

static void json_result(struct buf *out, const struct replay *r)
{
	char sha[65];

	buf_addf(out, "{\"events\":%" PRIu64 ",\"policy_sha256\":\"%s\"",
		 r->events, hex_print(rule_set_hash(r->set), 32, sha));
	json_tally(out, r->against ? "against" : "recorded", &r->before);
	json_tally(out, "policy", &r->now);
	buf_addf(out, ",\"newly_alerted\":%" PRIu64 ",\"alerted\":[",
		 r->alerted);
	json_changes(out, r, false);
	buf_addf(out, "],\"newly_silenced\":%" PRIu64 ",\"silenced\":[",
		 r->silenced);
	json_changes(out, r, true);
	buf_addf(out, "],\"not_compared\":%" PRIu64 ",\"unsettled\":%" PRIu64,
		 r->redacted, r->unsettled);
	if (r->expects)
		json_expects(out, r->expects);
	buf_add_str(out, "}\n");
}

/* ---- the command -------------------------------------------------------- */

static bool is_well(const struct replay *r)
{
	if (!r->expects)
		return !r->alerted && !r->silenced;
	for (size_t i = 0; i < r->expects->n; i++)
		if (!expect_holds(&r->expects->v[i]))
			return false;
	return true;
}

static int print(const struct settings *s, const struct replay *r)
{
	cleanup_buf struct buf out = BUF_INIT(OUTPUT_MAX);

	if (s->json)
		json_result(&out, r);
	else
		text_result(&out, s, r);
	if (out.failed || fwrite(out.p, 1, out.n, stdout) != out.n ||
	    fflush(stdout))
		return EXIT_CODE_FAILURE;
	if (r->bad)
		log_warning("%" PRIu64 " records could not be understood",
			    r->bad);
	return is_well(r) ? EXIT_CODE_OK : EXIT_CODE_FAILURE;
}

static int load_expects(const char *path, struct expects *ret)
{
	struct expect_error err;

	if (expects_load(path, ret, &err) >= 0)
		return EXIT_CODE_OK;
	if (err.line)
		log_error("%s:%u: %s", path, err.line, err.what);
	else
		log_error("%s: %s", path, err.what);
	return EXIT_CODE_CONFIG;
}

static int replay(const struct settings *s, const struct conf *conf)
{
	struct rule_set *against = NULL, *set = NULL;
	struct expects expects = { 0 };
	const struct replay_source source = { s->journal, s->choice.span,
					      &s->choice.match };
	struct replay r = { 0 };
	int code, k;

	code = settings_load_rules(s->policy, conf, &set);
	if (code == EXIT_CODE_OK && s->against)
		code = settings_load_rules(s->against, conf, &against);
	if (code == EXIT_CODE_OK && s->expect)
		code = load_expects(s->expect, &expects);
	if (code == EXIT_CODE_OK) {
		r.set = set;
		r.against = against;
		r.expects = s->expect ? &expects : NULL;
		k = replay_run(&r, &source);
		code = k < 0 ? journal_dir_refuse(s->journal, k) : print(s, &r);
	}
	replay_done(&r);
	expects_done(&expects);
	rule_set_free(against);
	rule_set_free(set);
	return code;
}

int cmd_replay(int argc, char **argv)
{
	cleanup_free char *found = NULL;
	struct settings s = { .choice = QUERY_CHOICE_INIT };
	struct conf conf = { 0 };
	int code;

	if (!opts_parse(&command, argc, argv, &s, &code)) {
		query_match_done(&s.choice.match);
		return code;
	}
	if (!s.policy)
		code = opts_usage_error(command.name,
					"a policy is needed, by option",
					"--policy", NULL);
	else if (!s.config)
		code = conf_init(&conf) < 0 ? EXIT_CODE_FAILURE : EXIT_CODE_OK;
	else
		code = settings_load(s.config, &conf);
	if (code == EXIT_CODE_OK && !s.journal)
		s.journal = journal_dir_find(s.config, &found);
	if (code == EXIT_CODE_OK)
		code = replay(&s, &conf);
	conf_done(&conf);
	query_match_done(&s.choice.match);
	return code;
}
