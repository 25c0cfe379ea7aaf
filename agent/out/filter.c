/* SPDX-License-Identifier: Apache-2.0 */
#include "out/filter.h"

#include <stddef.h>
#include <string.h>

#include "out/names.h"

/* More kinds than that there will not be. */
#define KINDS_MAX 64

static bool is_named(char *const *names, const char *name)
{
	for (; *names; names++) {
		if (!strcmp(*names, name))
			return true;
	}
	return false;
}

void filter_init(struct filter *f, char *const *kinds, bool alerts_only)
{
	unsigned k;

	*f = (struct filter){
		.all_kinds = !kinds || !*kinds,
		.alerts_only = alerts_only,
	};
	for (k = 0; k < KINDS_MAX && !f->all_kinds; k++) {
		if (is_named(kinds, name_kind((Picket__V1__Kind)k)))
			f->kinds |= 1ull << k;
	}
}

static bool has_kind(const struct filter *f, Picket__V1__Kind k)
{
	return f->all_kinds ||
	       ((unsigned)k < KINDS_MAX && f->kinds >> (unsigned)k & 1);
}

/* By what it holds; what nobody here knows is better sent than not. */
static bool has_kind_of(const struct filter *f, const struct view *v)
{
	const Picket__V1__Amendment *a = v->amendment;

	if (v->amended.known)
		return has_kind(f, v->amended.kind);
	if (a->connect)
		return has_kind(f, PICKET__V1__KIND__KIND_CONNECT);
	if (a->write)
		return has_kind(f, PICKET__V1__KIND__KIND_WRITE);
	if (a->repeats)
		return has_kind(f, a->repeats->kind);
	return true;
}

bool filter_is_alert(const struct view *v)
{
	const Picket__V1__Amendment *a = v->amendment;

	/* An event that was pending is an alert with what settled it. */
	if (a && a->resolution)
		return a->resolution->verdict->alert;
	return v->event && v->event->verdict && v->event->verdict->alert;
}

bool filter_passes(const struct filter *f, const struct view *v)
{
	if (v->event)
		return has_kind(f, v->event->kind) &&
		       (!f->alerts_only || filter_is_alert(v));
	if (v->amendment)
		return has_kind_of(f, v) &&
		       (!f->alerts_only || v->amendment->repeats ||
			filter_is_alert(v) ||
			(v->amended.known && v->amended.alert));
	return true;
}
