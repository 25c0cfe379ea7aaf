// SPDX-License-Identifier: Apache-2.0
/*
 * The shadow policy in the running agent: loaded at start, and told of. A rule
 * that makes a difference is a sample in the journal the first time, and again
 * when there is more of it a good while later; all of them together no more
 * often than every few seconds, whatever they say.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/agent.h"
#include "app/settings.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "conf/conf.h"
#include "event.pb-c.h"
#include "rules/rules.h"

#define ROW_AGAIN_NS (600 * NS_PER_S)
#define SAMPLE_NS    (5 * NS_PER_S)

void shadow_start(struct agent *a)
{
	struct rule_options opt;
	struct rule_error err = { 0 };
	struct rule_set *set = NULL;

	a->shadow.dir = a->s->conf->rules.shadow;
	if (!*a->shadow.dir)
		return;
	settings_rule_options(a->s->conf, &opt);
	if (rule_set_load(a->shadow.dir, &opt, &set, &err) < 0)
		set = NULL;
	shadow_take(&a->shadow, set, &err);
	if (set)
		log_notice("shadow policy is asked, too rules=%zu dir='%s'",
			   rule_set_count(set), a->shadow.dir);
	else
		log_warning("there is no shadow policy: %s", a->shadow.error);
}

static void tell(struct agent *a, const struct shadow_row *row)
{
	char sha[65], count[24], hex[33], uid[80] = "";
	const struct record_fact facts[] = {
		{ "difference", shadow_difference_name(row->difference) },
		{ "rule", row->rule },
		{ "was", answer_name(row->was) },
		{ "is", answer_name(row->is) },
		{ "count", count },
		{ "shadow_sha256", sha },
		{ row->seq ? "sample" : NULL, uid },
		{ NULL, NULL },
	};

	(void)hex_print(rule_set_hash(a->shadow.set), 32, sha);
	(void)snprintf(count, sizeof(count), "%" PRIu64, row->count);
	if (row->seq)
		(void)snprintf(uid, sizeof(uid), "%s.%u.%" PRIu64,
			       hex_print(a->opening.id, 16, hex), row->epoch,
			       row->seq);
	announce(&a->announcer, PICKET__V1__AGENT__WHAT__SHADOW, facts,
		 "the shadow policy %s by rule %s, %s times: %s instead of "
		 "%s%s%s",
		 row->difference == SHADOW_ALERTED    ? "would alert"
		 : row->difference == SHADOW_SILENCED ? "would not alert"
						      : "answers otherwise",
		 row->rule, count, answer_name(row->is), answer_name(row->was),
		 row->seq ? ", such as " : "", uid);
}

static bool is_due(const struct shadow_row *row, uint64_t now_ns)
{
	if (row->count == row->told)
		return false;
	return !row->told || now_ns - row->told_ns >= ROW_AGAIN_NS;
}

void shadow_watch(struct agent *a)
{
	struct shadow *s = &a->shadow;
	uint64_t now_ns = clock_boot_ns();

	if (!s->set || (s->told_ns && now_ns - s->told_ns < SAMPLE_NS))
		return;
	for (size_t i = 0; i < s->n_rows; i++) {
		struct shadow_row *row = &s->rows[i];

		if (!is_due(row, now_ns))
			continue;
		tell(a, row);
		row->told = row->count;
		row->told_ns = s->told_ns = now_ns;
		return;
	}
}
