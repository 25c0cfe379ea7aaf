/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The coverage table: what each hook's probe sees and does not, what no hook is
 * for, and what this kernel can do that nobody has thought of.
 */
#include <assert.h>
#include <stdio.h>

#include "sense/probes.h"
#include "sense/sensor_impl.h"

/* NULL: nothing goes by the ends of calls. */
static const struct hook *first_by_calls(const struct sensor *s)
{
	const struct probe *p;
	size_t i;

	for (i = 0; i < sense_hook_count; i++) {
		p = attach_serving(&s->a, i);
		if (p && p->place == PLACE_CALL_END)
			return &sense_hooks[i];
	}
	return NULL;
}

/*
 * What sees calls begin is listed with the calls that change files; where those
 * are switched off, with what it is there for: of files nothing is seen then.
 */
static enum wire_family family_of(const struct sensor *s, const struct hook *h)
{
	const struct hook *other = NULL;

	if (h->probes[0].place == PLACE_CALL_BEGIN &&
	    s->force[h->family] == SENSOR_OFF)
		other = first_by_calls(s);
	return other ? other->family : h->family;
}

static void put_hook(const struct sensor *s, size_t hook,
		     struct sensor_row *row)
{
	const struct hook *h = &sense_hooks[hook];
	const struct probe *p = attach_serving(&s->a, hook);
	const char *why = p ? p->blind : s->a.hooks[hook].reason;
	uint8_t force = s->force[h->family];

	row->family = sense_family_name(family_of(s, h));
	row->hook = h->sees;
	row->backend = sense_backend_name(p ? p->backend : WIRE_BACKEND_NONE);
	row->active = p;
	if (p && force && force != SENSOR_OFF && p->backend != force)
		(void)snprintf(row->reason, sizeof(row->reason),
			       "there is no program for %s, which was asked "
			       "for%s%s",
			       sense_backend_name(force), why ? "; " : "",
			       why ? why : "");
	else
		(void)snprintf(row->reason, sizeof(row->reason), "%s",
			       why ? why : "");
}

static void put_blind(const struct blind_spot *spot, struct sensor_row *row)
{
	row->family = sense_family_name(spot->family);
	row->hook = spot->what;
	row->backend = sense_backend_name(WIRE_BACKEND_NONE);
	row->active = false;
	(void)snprintf(row->reason, sizeof(row->reason), "%s", spot->reason);
}

/* Nothing to tell: the kernel has no call that nobody has looked at. */
static bool put_calls(const struct calls_found *calls, struct sensor_row *row)
{
	static const struct blind_spot spot = {
		WIRE_FAM_WRITE, "system calls that picket does not know", ""
	};

	if (calls->count && !calls->unknown)
		return false;
	put_blind(&spot, row);
	if (calls->count)
		(void)snprintf(row->reason, sizeof(row->reason),
			       "%zu that this kernel has: %s", calls->unknown,
			       calls->names);
	else
		(void)snprintf(row->reason, sizeof(row->reason),
			       "this kernel's BTF names none to compare with");
	return true;
}

/* Those of their calls that are not numbered as everybody's. */
static bool put_x32(const struct sensor *s, struct sensor_row *row)
{
	static const struct blind_spot spot = {
		WIRE_FAM_WRITE, "system calls of x32 programs",
		"this kernel can run those: their own numbers from 512 on "
		"(writev, pwritev, ioctl, ptrace) are not told"
	};

	if (!s->calls.x32 || !first_by_calls(s))
		return false;
	put_blind(&spot, row);
	return true;
}

size_t sensor_coverage(const struct sensor *s,
		       struct sensor_row rows[static SENSOR_ROWS_MAX])
{
	size_t i, n = 0;

	assert(sense_hook_count + sense_blind_count + 2 <= SENSOR_ROWS_MAX);
	for (i = 0; i < sense_hook_count; i++)
		if (!attach_is_unneeded(&s->a, i))
			put_hook(s, i, &rows[n++]);
	for (i = 0; i < sense_blind_count; i++)
		put_blind(&sense_blind[i], &rows[n++]);
	n += put_calls(&s->calls, &rows[n]);
	n += put_x32(s, &rows[n]);
	return n;
}
