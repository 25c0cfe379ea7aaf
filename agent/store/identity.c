/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose a directory is. The one idea: one file alone decides nothing. A state
 * without a segment of its journal, and a segment without others like it, are
 * somebody else's, and cost no more than a damaged one would.
 */
#include "store/identity.h"

#include <string.h>

#include "base/cleanup.h"
#include "store/scan.h"

/* Who has the majority, in one pass and without a table. */
struct vote {
	uint8_t id[JOURNAL_ID_SIZE];
	size_t lead;
};

static void vote(struct vote *v, const uint8_t id[static JOURNAL_ID_SIZE])
{
	if (!v->lead)
		memcpy(v->id, id, sizeof(v->id));
	if (!memcmp(v->id, id, sizeof(v->id)))
		v->lead++;
	else
		v->lead--;
}

void identity_find(int dirfd, struct dir_list *l)
{
	struct scan s = SCAN_INIT;
	struct vote v = { .lead = 0 };
	bool has_state, any = false;
	struct state st;
	size_t i;

	has_state = state_load(dirfd, &st) >= 0;
	l->has_id = false;
	for (i = l->n; i-- > 0;) {
		if (scan_open(&s, dirfd, l->numbers[i]) < 0)
			continue;
		any = true;
		vote(&v, s.header.id);
		/* Nearly always the youngest: the others need no look. */
		if (has_state && !memcmp(st.id, s.header.id, sizeof(st.id))) {
			memcpy(v.id, st.id, sizeof(v.id));
			break;
		}
	}
	scan_close(&s);
	if (!any && !has_state)
		return;
	memcpy(l->id, any ? v.id : st.id, sizeof(l->id));
	l->has_id = true;
}

int identity_of(int dirfd, uint8_t ret[static JOURNAL_ID_SIZE])
{
	cleanup_dir_list struct dir_list l = { 0 };
	int r;

	r = dir_list(dirfd, &l);
	if (r < 0)
		return r;
	identity_find(dirfd, &l);
	if (l.has_id)
		memcpy(ret, l.id, JOURNAL_ID_SIZE);
	return l.has_id;
}
