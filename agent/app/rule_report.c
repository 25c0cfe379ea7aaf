// SPDX-License-Identifier: Apache-2.0
#include "app/rule_report.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/escape.h"
#include "base/hex.h"
#include "rules/lint.h"
#include "rules/rules.h"

/* Of each list at most so many on a screen; --json has them all. */
#define MOST_USED_SHOWN 20
#define LIST_SHOWN	50
#define DAY_NS		((int64_t)86400 * (int64_t)NS_PER_S)
#define UID_MAX		80
/* What one object may take, so that the last is never cut. */
#define JSON_ROOM	(64u << 10)

static const char *sample(const struct rule_report *r,
			  const struct rule_info *info,
			  char uid[static UID_MAX])
{
	char hex[33];

	if (!info->sample_seq)
		return NULL;
	(void)snprintf(uid, UID_MAX, "%s.%u.%" PRIu64,
		       hex_print(r->journal, 16, hex), info->sample_epoch,
		       info->sample_seq);
	return uid;
}

static bool expires_soon(const struct rule_info *info)
{
	return !info->expired && info->expires_wall_ns != INT64_MAX &&
	       info->expires_wall_ns - clock_wall_ns() <
		       LINT_SOON_DAYS * DAY_NS;
}

/* "2026-11-30": the last day on which it holds. */
static const char *last_day(const struct rule_info *info, char to[static 32])
{
	(void)clock_print(info->expires_wall_ns - 1, to);
	to[10] = '\0';
	return to;
}

static int by_hits(const void *a, const void *b)
{
	const struct rule_info *x = a, *y = b;

	if (x->hits != y->hits)
		return x->hits < y->hits ? 1 : -1;
	return strcmp(x->name, y->name);
}

static void add_owner(struct buf *out, const struct rule_info *info)
{
	if (info->owner) {
		buf_add_str(out, "  owner ");
		escape_text(out, slice_str(info->owner));
	}
	if (info->ticket) {
		buf_add_str(out, "  ticket ");
		escape_text(out, slice_str(info->ticket));
	}
}

static void add_place(struct buf *out, const struct rule_info *info)
{
	buf_addf(out, "%-6s %s  ", info->action, info->name);
	escape_text(out, slice_str(info->file));
	buf_addf(out, ":%u", info->line);
}

static void text_used(struct buf *out, const struct rule_report *r,
		      const struct rule_info *list, size_t n)
{
	char when[32], uid[UID_MAX];

	buf_addf(out, "\n%12s  %-24s  %s\n", "HITS", "LAST", "MOST USED");
	for (size_t i = 0; i < n && i < MOST_USED_SHOWN && list[i].hits; i++) {
		const char *s = sample(r, &list[i], uid);

		buf_addf(out, "%12" PRIu64 "  %s  ", list[i].hits,
			 clock_print(list[i].last_hit_wall_ns, when));
		add_place(out, &list[i]);
		buf_addf(out, "%s%s\n", s ? "\n\t\t\t\t\t  " : "", s ? s : "");
	}
}

struct list {
	const char *title;
	bool (*has)(const struct rule_info *info);
	void (*tell)(struct buf *out, const struct rule_info *info);
};

static bool is_unused(const struct rule_info *info)
{
	return !info->hits;
}

static bool is_over(const struct rule_info *info)
{
	return info->expired || expires_soon(info);
}

static void tell_since(struct buf *out, const struct rule_info *info)
{
	char when[32];

	buf_addf(out, "  counted since %s",
		 clock_print(info->since_wall_ns, when));
}

static void tell_end(struct buf *out, const struct rule_info *info)
{
	char day[32];

	buf_addf(out, "  %s %s",
		 info->expired ? "expired, its last day was"
			       : "expires, its last day is",
		 last_day(info, day));
}

static const struct list lists[] = {
	{ "NEVER USED", is_unused, tell_since },
	{ "EXPIRED, OR ABOUT TO", is_over, tell_end },
};

#define LISTS (sizeof(lists) / sizeof(lists[0]))

static size_t count(const struct rule_info *all, size_t n, const struct list *l)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += l->has(&all[i]);
	return found;
}

static void text_list(struct buf *out, const struct rule_info *all, size_t n,
		      const struct list *l)
{
	size_t found = count(all, n, l), shown = 0;

	if (!found)
		return;
	buf_addf(out, "\n%s\n", l->title);
	for (size_t i = 0; i < n && shown < LIST_SHOWN; i++) {
		if (!l->has(&all[i]))
			continue;
		buf_add_str(out, "  ");
		add_place(out, &all[i]);
		l->tell(out, &all[i]);
		add_owner(out, &all[i]);
		buf_add_char(out, '\n');
		shown++;
	}
	if (found > shown)
		buf_addf(out, "  and %zu more: --json has them\n",
			 found - shown);
}

void rule_report_text(struct buf *out, const struct rule_report *r)
{
	size_t n = rule_set_count(r->set), i;
	struct rule_info *all = calloc(n + 1, sizeof(*all));

	if (!all) {
		out->failed = true;
		return;
	}
	for (i = 0; i < n; i++)
		rule_set_info(r->set, i, &all[i]);
	buf_addf(out, "%zu rules, %zu never used, %zu expired or about to\n", n,
		 count(all, n, &lists[0]), count(all, n, &lists[1]));
	for (i = 0; i < LISTS; i++)
		text_list(out, all, n, &lists[i]);
	if (n)
		qsort(all, n, sizeof(*all), by_hits);
	if (n && all[0].hits)
		text_used(out, r, all, n);
	free(all);
}

static void json_text(struct buf *out, const char *key, const char *s)
{
	if (!s)
		return;
	buf_addf(out, ",\"%s\":", key);
	escape_json(out, slice_str(s), NULL);
}

static void json_time(struct buf *out, const char *key, int64_t wall_ns)
{
	char when[32];

	buf_addf(out, ",\"%s\":\"%s\"", key, clock_print(wall_ns, when));
}

static void json_rule(struct buf *out, const struct rule_report *r,
		      const struct rule_info *info)
{
	char uid[UID_MAX], day[32];

	buf_addf(out, "{\"rule\":\"%s\",\"action\":\"%s\"", info->name,
		 info->action);
	json_text(out, "file", info->file);
	buf_addf(out, ",\"line\":%u,\"hits\":%" PRIu64, info->line, info->hits);
	json_time(out, "since", info->since_wall_ns);
	if (info->last_hit_wall_ns)
		json_time(out, "last_hit", info->last_hit_wall_ns);
	json_text(out, "sample", sample(r, info, uid));
	buf_addf(out, ",\"expired\":%s", info->expired ? "true" : "false");
	if (info->expires_wall_ns != INT64_MAX)
		buf_addf(out, ",\"expires\":\"%s\",\"expires_soon\":%s",
			 last_day(info, day),
			 expires_soon(info) ? "true" : "false");
	json_text(out, "owner", info->owner);
	json_text(out, "ticket", info->ticket);
	json_text(out, "reason", info->reason);
	json_text(out, "tag", info->tag);
	buf_add_str(out, "}\n");
}

void rule_report_json(struct buf *out, const struct rule_report *r)
{
	struct rule_info info;
	size_t n = rule_set_count(r->set), i;

	for (i = 0; i < n && out->max - out->n > JSON_ROOM; i++) {
		rule_set_info(r->set, i, &info);
		json_rule(out, r, &info);
	}
	/* Said in band: whoever counts rules must not miss some unseen. */
	if (i < n)
		buf_addf(out, "{\"left_out\":%zu}\n", n - i);
}
