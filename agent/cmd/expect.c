// SPDX-License-Identifier: Apache-2.0
/* A table of keys, each read by the option of `picket query` of its name. */
#include "cmd/expect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/tail_lines.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/ini.h"
#include "base/text.h"
#include "rules/rules.h"

#define EXPECTS_MAX 10000u

struct loading {
	struct expects *to;
	struct ini_error *err;
	unsigned given; /* of this section, bits of `keys` */
};

static struct expect *last(struct loading *l)
{
	return &l->to->v[l->to->n - 1];
}

/* ---- values ------------------------------------------------------------- */

static int set_rule(struct expect *e, const char *value)
{
	if (strlen(value) > EXPECT_NAME_MAX)
		return -EINVAL;
	(void)snprintf(e->rule, sizeof(e->rule), "%s", value);
	return 0;
}

static int set_answer(struct expect *e, const char *value)
{
	int a;

	for (a = ANSWER_ALLOWED; a < ANSWER_COUNT; a++) {
		if (!strcmp(answer_name((enum answer)a), value)) {
			e->answers |= 1u << a;
			return 0;
		}
	}
	return -EINVAL;
}

static int set_alert(struct expect *e, const char *value)
{
	bool yes;

	if (text_bool(slice_str(value), &yes) < 0)
		return -EINVAL;
	e->alert = yes;
	return 0;
}

static int set_kind(struct expect *e, const char *value)
{
	unsigned kinds;

	if (tail_kinds_parse(value, TAIL_KINDS_EVENT, &kinds) < 0)
		return -EINVAL;
	e->match.kinds |= kinds;
	return 0;
}

static int set_exe(struct expect *e, const char *value)
{
	return query_match_exe(&e->match, value);
}

static int set_path(struct expect *e, const char *value)
{
	return query_match_path(&e->match, value);
}

static int set_dest(struct expect *e, const char *value)
{
	return query_match_dest(&e->match, value);
}

/* "3", "2-5" or "1-". */
static int set_count(struct expect *e, const char *value)
{
	const char *dash = strchrnul(value, '-');
	uint64_t least, most = UINT64_MAX;

	if (text_u64(slice_of(value, (size_t)(dash - value)), &least) < 0)
		return -EINVAL;
	if (!*dash)
		most = least;
	else if (dash[1] && text_u64(slice_str(dash + 1), &most) < 0)
		return -EINVAL;
	if (most < least)
		return -EINVAL;
	e->least = least;
	e->most = most;
	return 0;
}

static const struct expect_key {
	const char *key;
	int (*set)(struct expect *e, const char *value);
	const char *expects;
	bool many;
} keys[] = {
	{ "rule", set_rule, "a rule's name, or none", false },
	{ "answer", set_answer, "allowed, denied, unlisted or ignored", true },
	{ "alert", set_alert, "yes or no", false },
	{ "kind", set_kind, "exec, connect, write, listen, load or tamper",
	  true },
	{ "exe", set_exe, QUERY_GLOB_EXPECTED, true },
	{ "path", set_path, QUERY_GLOB_EXPECTED, true },
	{ "dest", set_dest, QUERY_DEST_EXPECTED, true },
	{ "count", set_count, "a number, or a range such as 2-5 or 1-", false },
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

static int take_key(struct loading *l, unsigned line, const char *key,
		    const char *value)
{
	for (size_t i = 0; i < KEYS; i++) {
		if (strcmp(keys[i].key, key))
			continue;
		if (!keys[i].many && l->given >> i & 1)
			return ini_fail(l->err, line, "'%s' is given twice",
					key);
		l->given |= 1u << i;
		if (keys[i].set(last(l), value) < 0)
			return ini_fail(l->err, line, "%s '%s': not %s", key,
					value, keys[i].expects);
		return 0;
	}
	return ini_fail(l->err, line, "unknown key '%s'", key);
}

static int begin(struct loading *l, unsigned line, const char *section)
{
	static const char word[] = "expect ";
	const char *name = section + sizeof(word) - 1;
	struct expect *more;

	if (strncmp(section, word, sizeof(word) - 1) || !*name)
		return ini_fail(l->err, line,
				"unknown section [%s]: [expect NAME] is known",
				section);
	if (strlen(name) > EXPECT_NAME_MAX)
		return ini_fail(l->err, line, "the name is too long");
	for (size_t i = 0; i < l->to->n; i++)
		if (!strcmp(l->to->v[i].name, name))
			return ini_fail(l->err, line, "'%s' is also at line %u",
					name, l->to->v[i].line);
	if (l->to->n == EXPECTS_MAX)
		return ini_fail(l->err, line, "more than %u expectations",
				EXPECTS_MAX);
	more = reallocarray(l->to->v, l->to->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	l->to->v = more;
	more[l->to->n] = (struct expect){
		.line = line,
		.alert = -1,
		.least = 1,
		.most = UINT64_MAX,
	};
	(void)snprintf(more[l->to->n].name, sizeof(more->name), "%s", name);
	l->to->n++;
	l->given = 0;
	return 0;
}

static int take_line(void *arg, unsigned line, const char *section,
		     const char *key, const char *value)
{
	struct loading *l = arg;

	return key ? take_key(l, line, key, value) : begin(l, line, section);
}

int expects_load(const char *path, struct expects *ret,
		 struct expect_error *err)
{
	cleanup_free char *text = NULL;
	struct ini_error ini = { 0 };
	struct loading l = { .to = ret, .err = &ini };
	size_t n;
	int r;

	*ret = (struct expects){ 0 };
	*err = (struct expect_error){ 0 };
	r = fs_read_file(AT_FDCWD, path, INI_FILE_MAX, &text, &n);
	if (r < 0) {
		(void)snprintf(err->what, sizeof(err->what), "%s",
			       strerrordesc_np(-r));
		return r;
	}
	r = ini_read(slice_of(text, n), take_line, &l, &ini);
	if (r >= 0 && !ret->n)
		r = ini_fail(&ini, 0, "expects nothing");
	if (r < 0) {
		err->line = ini.line;
		(void)snprintf(err->what, sizeof(err->what), "%s",
			       ini.what[0] ? ini.what : strerrordesc_np(-r));
		expects_done(ret);
		return r;
	}
	return 0;
}

void expects_done(struct expects *e)
{
	for (size_t i = 0; i < e->n; i++)
		query_match_done(&e->v[i].match);
	free(e->v);
	*e = (struct expects){ 0 };
}

/* ---- counting ----------------------------------------------------------- */

static bool counts(const struct expect *e, const struct view *v,
		   const struct verdict *verdict)
{
	const char *rule = verdict->rule ? verdict->rule : "none";

	return (!e->rule[0] || !strcmp(e->rule, rule)) &&
	       (!e->answers || e->answers >> verdict->answer & 1) &&
	       (e->alert < 0 || e->alert == verdict->alert) &&
	       query_matches(&e->match, v) == QUERY_YES;
}

void expects_take(struct expects *e, const struct view *v,
		  const struct verdict *verdict)
{
	for (size_t i = 0; i < e->n; i++)
		e->v[i].found += counts(&e->v[i], v, verdict);
}

bool expect_holds(const struct expect *e)
{
	return e->found >= e->least && e->found <= e->most;
}
