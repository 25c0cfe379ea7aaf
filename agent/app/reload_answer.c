// SPDX-License-Identifier: Apache-2.0
#include "app/reload_answer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/escape.h"
#include "base/hex.h"

static int count_lint(void *arg, const struct lint *l)
{
	struct reload_result *r = arg;

	r->lints[l->kind]++;
	return 0;
}

void reload_lint(struct reload_result *r)
{
	const struct lint_options opt = { .now_wall_ns = clock_wall_ns() };
	bool all;

	r->linted = rule_set_lint(r->set, &opt, count_lint, r, &all) >= 0;
}

void reload_error(const struct reload_result *r,
		  char to[static RELOAD_ERROR_MAX])
{
	const struct rule_error *e = &r->where;

	if (!e->what[0])
		(void)snprintf(to, RELOAD_ERROR_MAX, "%s",
			       strerrordesc_np(-r->error));
	else if (e->line)
		(void)snprintf(to, RELOAD_ERROR_MAX, "%s:%u: %s", e->file,
			       e->line, e->what);
	else
		(void)snprintf(to, RELOAD_ERROR_MAX, "%s: %s", e->file,
			       e->what);
}

static void add_code(struct buf *out, enum exit_code code)
{
	buf_addf(out, "%d", code);
}

/* A memory that is full is no mistake in a file. */
static enum exit_code code_of(const struct reload_result *r)
{
	if (r->error >= 0)
		return EXIT_CODE_OK;
	return r->error == -ENOMEM || r->error == -EAGAIN ? EXIT_CODE_FAILURE
							  : EXIT_CODE_CONFIG;
}

static const char *const actions[] = { "allow", "deny", "ignore" };

#define ACTIONS (sizeof(actions) / sizeof(actions[0]))

static void count_actions(const struct rule_set *set, size_t n[ACTIONS])
{
	struct rule_info info;

	for (size_t i = 0; i < rule_set_count(set); i++) {
		rule_set_info(set, i, &info);
		for (size_t k = 0; k < ACTIONS; k++)
			n[k] += !strcmp(info.action, actions[k]);
	}
}

static void text_lints(struct buf *out, const struct reload_result *r)
{
	const char *join = "odd: ";

	for (size_t i = 0; i < LINT_KIND_COUNT; i++) {
		if (!r->lints[i])
			continue;
		buf_addf(out, "%s%zu %s", join, r->lints[i],
			 lint_kind_name((enum lint_kind)i));
		join = ", ";
	}
	if (*join == ',')
		buf_add_str(out, " ('picket check' has the lines)\n");
}

static void text_conf(struct buf *out, const struct reload_conf *c)
{
	if (*c->changed)
		buf_addf(out,
			 "agent.ini is read at the start only; changed since, "
			 "and waiting for a restart: %s\n",
			 c->changed);
	if (*c->error)
		buf_addf(out,
			 "agent.ini is wrong now, the next start will fail: "
			 "%s\n",
			 c->error);
}

void reload_text(struct buf *out, const struct reload_result *r)
{
	size_t n[ACTIONS] = { 0 };
	char what[RELOAD_ERROR_MAX], sha[65];

	add_code(out, code_of(r));
	if (r->error < 0) {
		reload_error(r, what);
		buf_add_str(out, what);
		return;
	}
	count_actions(r->set, n);
	buf_addf(out,
		 "policy reloaded: generation %" PRIu64
		 ", sha256 %s\n%zu rules:",
		 r->generation, hex_print(rule_set_hash(r->set), 32, sha),
		 rule_set_count(r->set));
	for (size_t k = 0; k < ACTIONS; k++)
		buf_addf(out, "%s %zu %s", k ? "," : "", n[k], actions[k]);
	buf_add_char(out, '\n');
	if (r->linted)
		text_lints(out, r);
	if (r->has_shadow && *r->shadow_error)
		buf_addf(out, "shadow policy not reloaded: %s\n",
			 r->shadow_error);
	else if (r->has_shadow)
		buf_addf(out, "shadow policy: %zu rules, sha256 %s\n",
			 rule_set_count(r->shadow),
			 hex_print(rule_set_hash(r->shadow), 32, sha));
	text_conf(out, &r->conf);
}

static void json_error(struct buf *out, const struct reload_result *r)
{
	const struct rule_error *e = &r->where;

	buf_add_str(out, ",\"error\":{\"file\":");
	escape_json(out, slice_str(e->file), NULL);
	buf_addf(out, ",\"line\":%u,\"what\":", e->line);
	escape_json(
		out,
		slice_str(e->what[0] ? e->what : strerrordesc_np(-r->error)),
		NULL);
	buf_add_char(out, '}');
}

void reload_json(struct buf *out, const struct reload_result *r)
{
	size_t n[ACTIONS] = { 0 };
	char sha[65];

	add_code(out, code_of(r));
	count_actions(r->set, n);
	buf_addf(out,
		 "{\"reloaded\":%s,\"generation\":%" PRIu64
		 ",\"sha256\":\"%s\",\"rules\":%zu",
		 r->error < 0 ? "false" : "true", r->generation,
		 hex_print(rule_set_hash(r->set), 32, sha),
		 rule_set_count(r->set));
	for (size_t k = 0; k < ACTIONS; k++)
		buf_addf(out, ",\"%s\":%zu", actions[k], n[k]);
	if (r->error < 0)
		json_error(out, r);
	if (r->linted) {
		buf_add_str(out, ",\"lints\":{");
		for (size_t i = 0; i < LINT_KIND_COUNT; i++)
			buf_addf(out, "%s\"%s\":%zu", i ? "," : "",
				 lint_kind_name((enum lint_kind)i),
				 r->lints[i]);
		buf_add_char(out, '}');
	}
	if (r->has_shadow) {
		buf_add_str(out, ",\"shadow\":{\"error\":");
		escape_json(out, slice_str(r->shadow_error), NULL);
		if (r->shadow)
			buf_addf(out, ",\"rules\":%zu,\"sha256\":\"%s\"",
				 rule_set_count(r->shadow),
				 hex_print(rule_set_hash(r->shadow), 32, sha));
		buf_add_char(out, '}');
	}
	buf_add_str(out, ",\"restart_needed_for\":");
	escape_json(out, slice_str(r->conf.changed), NULL);
	buf_add_str(out, ",\"config_error\":");
	escape_json(out, slice_str(r->conf.error), NULL);
	buf_add_str(out, "}\n");
}

void reload_deny(struct buf *out, enum exit_code code, const char *why,
		 bool json)
{
	add_code(out, code);
	if (!json) {
		buf_add_str(out, why);
		return;
	}
	buf_add_str(out, "{\"reloaded\":false,\"error\":{\"what\":");
	escape_json(out, slice_str(why), NULL);
	buf_add_str(out, "}}\n");
}
