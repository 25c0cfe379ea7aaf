/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sections and metadata of policy files. The one idea: a rule is checked as
 * a whole when its section ends, so that every complaint names the line that
 * the reader has to change and nothing half-read is ever kept.
 */
#include "rules/parse.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "rules/hash.h"
#include "rules/names.h"
#include "rules/strings.h"

void builder_done(struct builder *b)
{
	struct pattern **p = b->patterns.p;
	char **f = b->files.p;
	size_t i;

	for (i = 0; i < b->patterns.n; i++)
		pattern_free(p[i]);
	for (i = 0; i < b->files.n; i++)
		free(f[i]);
	vec_done(&b->rules);
	vec_done(&b->notes);
	vec_done(&b->conds);
	vec_done(&b->patterns);
	vec_done(&b->numbers);
	vec_done(&b->cidrs);
	vec_done(&b->hashes);
	vec_done(&b->excepts);
	vec_done(&b->files);
	vec_done(&b->values);
	vec_done(&b->redact_sections);
	redact_values_done(&b->redact_values);
	keymap_done(&b->names);
	keymap_done(&b->pattern_ids);
	strings_free(b->strings);
	free(b->passwd);
	free(b->group);
	*b = (struct builder){ 0 };
}

/* Names are few enough to tell two with one hash apart by trying on. */
static uint64_t name_key(struct slice name, uint64_t attempt)
{
	return hash_bytes(attempt, name);
}

struct rule *builder_find(const struct builder *b, const char *name)
{
	struct rule *rules = b->rules.p;
	uint64_t attempt;
	uint32_t at;

	for (attempt = 0;; attempt++) {
		at = keymap_get(&b->names, name_key(slice_str(name), attempt),
				0);
		if (!at)
			return NULL;
		if (!strcmp(rules[at - 1].name, name))
			return &rules[at - 1];
	}
}

static int enter_name(struct builder *b, const char *name, uint32_t rule)
{
	uint32_t *at;
	uint64_t attempt;

	for (attempt = 0;; attempt++) {
		at = keymap_put(&b->names, name_key(slice_str(name), attempt));
		if (!at)
			return -ENOMEM;
		if (*at)
			continue;
		*at = rule + 1;
		return 0;
	}
}

/* ---- metadata ----------------------------------------------------------- */

static int take_text(struct builder *b, const char *value, const char **ret)
{
	*ret = strings_add(&b->strings, slice_str(value));
	return *ret ? 0 : -ENOMEM;
}

static int take_event(struct builder *b, unsigned line, const char *value)
{
	int kind = word_find(&event_words, slice_str(value));

	if (kind < 0)
		return ini_fail(b->err, line,
				"unknown event '%s': known are exec, connect, "
				"write, listen, load and tamper",
				value);
	b->events |= (uint16_t)(1u << kind);
	return 0;
}

static int take_severity(struct builder *b, unsigned line, const char *value)
{
	int severity = word_find(&severity_words, slice_str(value));

	if (severity <= SEVERITY_NONE)
		return ini_fail(b->err, line,
				"unknown severity '%s': known are low, medium, "
				"high and critical",
				value);
	b->rule.severity = (uint8_t)severity;
	return 0;
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

static bool is_name(const char *s)
{
	size_t n;

	for (n = 0; s[n]; n++) {
		if (!is_name_char(s[n]) || n == RULE_NAME_MAX)
			return false;
	}
	return n > 0;
}

static int take_tag(struct builder *b, unsigned line, const char *value)
{
	if (!is_name(value))
		return ini_fail(b->err, line,
				"tag '%s' is not one word of letters, digits, "
				"'.', '-' and '_'",
				value);
	return take_text(b, value, &b->rule.tag);
}

static int take_owner(struct builder *b, unsigned line, const char *value)
{
	(void)line;
	return take_text(b, value, &b->note.owner);
}

static int take_ticket(struct builder *b, unsigned line, const char *value)
{
	(void)line;
	return take_text(b, value, &b->note.ticket);
}

static int take_reason(struct builder *b, unsigned line, const char *value)
{
	(void)line;
	return take_text(b, value, &b->note.reason);
}

static bool is_leap(uint32_t y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

/* 2027-01-31 -> days since 1970-01-01. */
static int read_date(struct slice s, uint32_t *ret_days)
{
	static const uint8_t lengths[] = { 31, 28, 31, 30, 31, 30,
					   31, 31, 30, 31, 30, 31 };
	uint32_t y, m, d, i, length, days = 0;

	if (s.n != 10 || s.p[4] != '-' || s.p[7] != '-' ||
	    text_u32(slice_of(s.p, 4), &y) < 0 ||
	    text_u32(slice_of(s.p + 5, 2), &m) < 0 ||
	    text_u32(slice_of(s.p + 8, 2), &d) < 0)
		return -EINVAL;
	if (y < 1970 || y > 2200 || m < 1 || m > 12)
		return -EINVAL;
	for (i = 1970; i < y; i++)
		days += 365 + is_leap(i);
	for (i = 1; i < m; i++)
		days += lengths[i - 1] + (i == 2 && is_leap(y));
	length = lengths[m - 1] + (m == 2 && is_leap(y));
	if (d < 1 || d > length)
		return -EINVAL;
	*ret_days = days + d - 1;
	return 0;
}

static int take_expires(struct builder *b, unsigned line, const char *value)
{
	uint32_t days;

	if (read_date(slice_str(value), &days) < 0)
		return ini_fail(b->err, line,
				"'%s' is not a date such as 2027-01-31", value);
	/* The day that is named is the last on which the rule holds. */
	b->rule.expires_ns = (int64_t)(days + 1) * 86400 * (int64_t)NS_PER_S;
	b->rule.expired = b->now_wall_ns >= b->rule.expires_ns;
	return 0;
}

static int take_excepts(struct builder *b, unsigned line, const char *value)
{
	struct except_line *e;

	if (b->rule.action != ACTION_ALLOW)
		return ini_fail(b->err, line,
				"'excepts' belongs to an allow rule");
	if (!is_name(value))
		return ini_fail(b->err, line, "'%s' cannot be a rule's name",
				value);
	e = vec_add(&b->excepts, sizeof(*e));
	if (!e)
		return -ENOMEM;
	*e = (struct except_line){ .rule = (uint32_t)b->rules.n, .line = line };
	b->rule.n_excepts++;
	b->rule.has_excepts = true;
	return take_text(b, value, &e->name);
}

static int take_final(struct builder *b, unsigned line, const char *value)
{
	bool final;

	if (text_bool(slice_str(value), &final) < 0)
		return ini_fail(b->err, line, "'%s' is neither yes nor no",
				value);
	b->rule.final = final;
	return 0;
}

static const struct meta {
	const char *key;
	int (*take)(struct builder *b, unsigned line, const char *value);
	bool many; /* may be given several times */
	bool deny_only;
} metas[] = {
	{ .key = "event", .take = take_event, .many = true },
	{ .key = "severity", .take = take_severity, .deny_only = true },
	{ .key = "tag", .take = take_tag },
	{ .key = "owner", .take = take_owner },
	{ .key = "ticket", .take = take_ticket },
	{ .key = "reason", .take = take_reason },
	{ .key = "expires", .take = take_expires },
	{ .key = "excepts", .take = take_excepts, .many = true },
	{ .key = "final", .take = take_final, .deny_only = true },
};

#define META_COUNT (sizeof(metas) / sizeof(metas[0]))

static int take_meta(struct builder *b, unsigned line, const struct meta *m,
		     const char *value)
{
	uint32_t bit = 1u << (m - metas);

	if (m->deny_only && b->rule.action != ACTION_DENY)
		return ini_fail(b->err, line, "'%s' belongs to a deny rule",
				m->key);
	if (!m->many && (b->given & bit))
		return ini_fail(b->err, line, "'%s' is given twice", m->key);
	b->given |= bit;
	return m->take(b, line, value);
}

static void hash_text(struct builder *b, const char *s)
{
	b->note.text_hash = hash_bytes(b->note.text_hash, slice_str(s));
}

static int take_key(struct builder *b, unsigned line, const char *key,
		    const char *value)
{
	size_t i;

	if (!*value)
		return ini_fail(b->err, line, "'%s' has no value", key);
	hash_text(b, key);
	hash_text(b, value);
	if (b->in_redact)
		return redact_take(b, line, key, value);
	for (i = 0; i < META_COUNT; i++) {
		if (!strcmp(metas[i].key, key))
			return take_meta(b, line, &metas[i], value);
	}
	return cond_take(b, line, key, value);
}

/* ---- sections ----------------------------------------------------------- */

static int begin_section(struct builder *b, unsigned line, const char *section)
{
	struct slice rest = slice_str(section), word;
	const struct rule_note *notes = b->notes.p, *other;
	const struct rule *same;
	const char *name;
	char **files = b->files.p;
	int action = -EINVAL;
	bool redact = false;

	if (text_word(&rest, &word)) {
		action = word_find(&action_words, word);
		redact = slice_eq(word, slice_str("redact"));
	}
	if (action < 0 && !redact)
		return ini_fail(b->err, line,
				"unknown section [%s]: known are [allow NAME], "
				"[deny NAME], [ignore NAME] and [redact NAME]",
				section);
	rest = text_trim(rest);
	name = rest.n ? rest.p : "";
	if (!is_name(name))
		return ini_fail(b->err, line,
				"a rule's name has 1 to %u letters, digits, "
				"'-', '_' and '.'",
				RULE_NAME_MAX);
	if (redact) {
		b->in_redact = true;
		return redact_begin(b, line, name);
	}
	same = builder_find(b, name);
	if (same) {
		other = &notes[same - (struct rule *)b->rules.p];
		return ini_fail(b->err, line, "rule '%s' is also at %s:%u",
				name, files[other->file], other->line);
	}
	if (b->rules.n == RULES_MAX)
		return ini_fail(b->err, line, "more than %u rules", RULES_MAX);
	b->rule = (struct rule){
		.action = (uint8_t)action,
		.expires_ns = INT64_MAX,
		.first_except = (uint32_t)b->excepts.n,
	};
	b->note = (struct rule_note){
		.file = (uint32_t)b->files.n - 1,
		.line = line,
	};
	hash_text(b, section);
	b->events = 0;
	b->given = 0;
	b->values.n = 0;
	b->in_rule = true;
	return take_text(b, name, &b->rule.name);
}

/* The events that the rule is about: as said, or all that have its values. */
static int settle_kinds(struct builder *b)
{
	uint16_t kinds = RULE_KINDS;
	const struct value *values = b->values.p;
	size_t i;

	if (!b->values.n && !b->events)
		return ini_fail(b->err, b->note.line, "rule has no condition");
	if (b->events)
		kinds = b->events;
	for (i = 0; i < b->values.n; i++) {
		if (b->events ? (kinds & ~values[i].kinds)
			      : !(kinds & values[i].kinds))
			return ini_fail(b->err, values[i].line,
					"never true: not every event of this "
					"rule has what is asked for here");
		kinds &= values[i].kinds;
	}
	b->rule.kinds = kinds;
	return 0;
}

static int finish_section(struct builder *b)
{
	struct rule_note *note;
	struct rule *to;
	int r;

	if (b->in_redact) {
		b->in_redact = false;
		return redact_finish(b);
	}
	if (!b->in_rule)
		return 0;
	b->in_rule = false;
	if (b->rule.action == ACTION_DENY && !b->rule.severity)
		b->rule.severity = SEVERITY_MEDIUM;
	r = settle_kinds(b);
	if (r < 0)
		return r;
	r = conds_finish(b);
	if (r < 0)
		return r;
	r = enter_name(b, b->rule.name, (uint32_t)b->rules.n);
	if (r < 0)
		return r;
	note = vec_add(&b->notes, sizeof(*note));
	to = vec_add(&b->rules, sizeof(*to));
	if (!note || !to)
		return -ENOMEM;
	*note = b->note;
	*to = b->rule;
	return 0;
}

static int take_line(void *arg, unsigned line, const char *section,
		     const char *key, const char *value)
{
	struct builder *b = arg;
	int r;

	if (key)
		return take_key(b, line, key, value);
	r = finish_section(b);
	if (r < 0)
		return r;
	return begin_section(b, line, section);
}

int parse_rules(struct builder *b, struct slice text, struct ini_error *err)
{
	int r;

	b->err = err;
	b->in_rule = false;
	b->in_redact = false;
	r = ini_read(text, take_line, b, err);
	if (r < 0)
		return r;
	return finish_section(b);
}
