// SPDX-License-Identifier: Apache-2.0
/*
 * picket check: is this configuration and policy right. Needs no privilege,
 * so it can run where policy is reviewed.
 */
#include <stddef.h>
#include <stdio.h>

#include "app/settings.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/escape.h"
#include "base/exit_codes.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/opts.h"
#include "base/places.h"
#include "cmd/commands.h"
#include "cmd/opt_rows.h"
#include "conf/conf.h"
#include "rules/lint.h"

#define SETTINGS_TEXT_MAX (256u << 10)
#define FINDINGS_MAX	  (64u << 20)

struct check_settings {
	const char *config;
	const char *policy;
	bool print, json, strict;
};

static const struct opt_row rows[] = {
	OPT_CONFIG(check_settings, OPT_CONFIG_HELP),
	OPT_POLICY(check_settings, OPT_POLICY_HELP),
	{ .name = "print",
	  .help = "print every setting as it is in force",
	  .offset = offsetof(struct check_settings, print) },
	{ .name = "strict",
	  .help = "end with 1 when anything was found that is allowed\n"
		  "and probably not meant",
	  .offset = offsetof(struct check_settings, strict) },
	OPT_JSON(check_settings, "one JSON object"),
	{ 0 },
};

static const struct opt_command command = {
	.name = "picket check",
	.synopsis = "[options]",
	.summary =
		"Check the configuration and the policy it names, and tell what is allowed\n"
		"there and probably not meant: rules that never match or decide, programs in\n"
		"an allow that others can replace, what has expired or soon will, allows that\n"
		"nobody answers for.",
	.rows = rows,
	.notes =
		"Exit status: 0 both are right, 6 one is not: FILE:LINE: what; with --strict\n"
		"1 when there was anything to tell.",
};

struct finding_out {
	struct buf *out;
	bool json;
	size_t n;
};

static int add_finding(void *arg, const struct lint *l)
{
	struct finding_out *f = arg;

	if (!f->json) {
		escape_text(f->out, slice_str(l->file));
		buf_addf(f->out, ":%u: rule '%s' %s\n", l->line, l->rule,
			 l->what);
	} else {
		buf_addf(f->out, "%s{\"kind\":\"%s\",\"line\":%u,\"file\":",
			 f->n ? "," : "", lint_kind_name(l->kind), l->line);
		escape_json(f->out, slice_str(l->file), NULL);
		buf_add_str(f->out, ",\"rule\":");
		escape_json(f->out, slice_str(l->rule), NULL);
		buf_add_str(f->out, ",\"other\":");
		escape_json(f->out, slice_str(l->other), NULL);
		buf_add_str(f->out, ",\"what\":");
		escape_json(f->out, slice_str(l->what), NULL);
		buf_add_char(f->out, '}');
	}
	f->n++;
	return 0;
}

static void add_json(struct buf *out, const struct check_settings *s,
		     const struct rule_set *set, const struct buf *findings)
{
	char sha[65];

	buf_addf(out, "{\"rules\":%zu,\"sha256\":\"%s\",\"config\":",
		 rule_set_count(set), hex_print(rule_set_hash(set), 32, sha));
	escape_json(out, slice_str(s->config), NULL);
	buf_add_str(out, ",\"policy\":");
	escape_json(out, slice_str(s->policy), NULL);
	buf_add_str(out, ",\"findings\":[");
	buf_add(out, findings->p, findings->n);
	buf_add_str(out, "]}\n");
}

static void add_text(struct buf *out, const struct check_settings *s,
		     const struct rule_set *set, const struct buf *findings)
{
	char sha[65];

	buf_add_str(out, "configuration '");
	escape_text(out, slice_str(s->config));
	buf_add_str(out, "' is right\n");
	buf_add(out, findings->p, findings->n);
	buf_add_str(out, "policy '");
	escape_text(out, slice_str(s->policy));
	buf_addf(out, "' is right: %zu rules, sha256 %s\n", rule_set_count(set),
		 hex_print(rule_set_hash(set), 32, sha));
}

/* What is right is told, and what is odd about it. An exit code. */
static int tell(const struct check_settings *s, const struct rule_set *set,
		struct buf *out)
{
	cleanup_buf struct buf findings = BUF_INIT(FINDINGS_MAX);
	struct finding_out f = { .out = &findings, .json = s->json };
	const struct lint_options opt = { .now_wall_ns = clock_wall_ns() };
	bool all;

	if (rule_set_lint(set, &opt, add_finding, &f, &all) < 0 ||
	    findings.failed)
		return EXIT_CODE_FAILURE;
	if (!all)
		log_warning("more than %d rules: they were not compared with "
			    "each other",
			    LINT_PAIR_RULES);
	(s->json ? add_json : add_text)(out, s, set, &findings);
	return s->strict && f.n ? EXIT_CODE_FAILURE : EXIT_CODE_OK;
}

/* The agent goes on without it; who checks wants to know before. */
static int check_shadow(const struct conf *conf)
{
	struct rule_set *set = NULL;
	int code = EXIT_CODE_OK;

	if (*conf->rules.shadow)
		code = settings_load_rules(conf->rules.shadow, conf, &set);
	rule_set_free(set);
	return code;
}

static int check(struct check_settings *s, const struct conf *conf)
{
	cleanup_buf struct buf out = BUF_INIT(FINDINGS_MAX + SETTINGS_TEXT_MAX);
	struct rule_set *set = NULL;
	int code;

	if (!s->policy)
		s->policy = conf->rules.dir;
	code = settings_load_rules(s->policy, conf, &set);
	if (code != EXIT_CODE_OK)
		return code;
	code = check_shadow(conf);
	if (code != EXIT_CODE_OK) {
		rule_set_free(set);
		return code;
	}
	if (s->print)
		conf_print(&out, conf);
	code = tell(s, set, &out);
	rule_set_free(set);
	if (out.failed || fwrite(out.p, 1, out.n, stdout) != out.n ||
	    fflush(stdout))
		return EXIT_CODE_FAILURE;
	return code;
}

int cmd_check(int argc, char **argv)
{
	struct check_settings s = { .config = PLACE_CONFIG };
	struct conf conf = { 0 };
	int code;

	if (!opts_parse(&command, argc, argv, &s, &code))
		return code;
	code = settings_load(s.config, &conf);
	if (code != EXIT_CODE_OK)
		return code;
	code = check(&s, &conf);
	conf_done(&conf);
	return code;
}
