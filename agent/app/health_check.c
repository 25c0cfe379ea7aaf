// SPDX-License-Identifier: Apache-2.0
/*
 * One line for a probe: "ok", or the first thing that would have to be
 * mended here for picket to do its work. What lies with somebody else, a dead
 * collector or the losses of a flood that is over, is no reason to restart
 * picket, so it is none here.
 */
#include <inttypes.h>
#include <string.h>

#include "app/health.h"

static bool journal_fails(struct buf *out, const struct health *h)
{
	if (!h->journal.error)
		return false;
	buf_addf(out, "the journal cannot be written: %s: %s",
		 h->journal.error_what, strerrordesc_np(h->journal.error));
	return true;
}

static bool canary_missing(struct buf *out, const struct health *h)
{
	if (!h->canary.is_missing)
		return false;
	buf_add_str(out, "the canary did not come through: what it did was "
			 "not seen, or not kept");
	return true;
}

/* The first row of each family stands for it: is any of its kin active? */
static bool is_watched(const struct health *h, const char *family)
{
	for (size_t i = 0; i < h->row_count; i++)
		if (!strcmp(h->rows[i].family, family) && h->rows[i].active)
			return true;
	return false;
}

static bool family_blind(struct buf *out, const struct health *h)
{
	for (size_t i = 0; i < h->row_count; i++) {
		const struct sensor_row *row = &h->rows[i];

		/* What an operator does not want watched is not to be mended. */
		if (row->active || !strcmp(row->reason, SENSOR_OFF_REASON) ||
		    is_watched(h, row->family))
			continue;
		buf_addf(out, "%s is not watched at all: %s", row->family,
			 row->reason);
		return true;
	}
	return false;
}

/* A package that comes or changes now is an alert for each of its programs. */
static bool packages_not_followed(struct buf *out, const struct health *h)
{
	if (!h->trust.wanted || !h->trust.is_fixed)
		return false;
	buf_add_str(out, "installed packages are not followed: the process "
			 "that reads their databases is gone");
	return true;
}

static bool (*const checks[])(struct buf *out, const struct health *h) = {
	journal_fails,
	family_blind,
	canary_missing,
	packages_not_followed,
};

void health_check(struct buf *out, const struct health *h)
{
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		if (checks[i](out, h)) {
			buf_add_char(out, '\n');
			return;
		}
	}
	buf_add_str(out, HEALTH_OK "\n");
}
