// SPDX-License-Identifier: Apache-2.0
#include "app/alert_line.h"

#include "base/log.h"
#include "out/names.h"
#include "out/text.h"

/* Priorities of syslog(3); what is added to an alert has no severity. */
static const struct {
	int priority;
	const char *name;
} severities[] = {
	[PICKET__V1__SEVERITY__SEVERITY_NONE] = { 5, "" },
	[PICKET__V1__SEVERITY__SEVERITY_LOW] = { 5, "low " },
	[PICKET__V1__SEVERITY__SEVERITY_MEDIUM] = { 4, "medium " },
	[PICKET__V1__SEVERITY__SEVERITY_HIGH] = { 3, "high " },
	[PICKET__V1__SEVERITY__SEVERITY_CRITICAL] = { 2, "critical " },
};

/* An event that was pending is an alert with what settled it. */
static const Picket__V1__Verdict *verdict_of(const struct view *v)
{
	if (v->amendment && v->amendment->resolution)
		return v->amendment->resolution->verdict;
	return v->event ? v->event->verdict : NULL;
}

void alert_line(struct buf *out, const struct view_images *images,
		const struct view *v)
{
	const Picket__V1__Verdict *verdict = verdict_of(v);
	size_t s = verdict ? (size_t)verdict->severity : 0;
	char uid[VIEW_UID_MAX];

	if (s >= sizeof(severities) / sizeof(*severities))
		s = PICKET__V1__SEVERITY__SEVERITY_CRITICAL;
	if (log_is_journal())
		buf_addf(out, "<%d>", severities[s].priority);
	else
		buf_add_str(out, "picket: ");
	/* Whether an alert was among what is missing nobody knows. */
	if (!v->gap)
		buf_addf(out, "%salert: ", severities[s].name);
	text_body(out, images, v);
	if (!v->gap)
		buf_addf(out, "  uid=%s", view_uid(v, uid));
}
