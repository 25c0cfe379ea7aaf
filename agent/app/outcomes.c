// SPDX-License-Identifier: Apache-2.0
/*
 * Socket address -> the connect event that waits for its outcome. Bounded:
 * with more attempts under way than fit, the oldest is forgotten, and its
 * event simply has no amendment.
 */
#include "app/outcomes.h"

#include <errno.h>
#include <stdlib.h>

#include "app/pipeline.h"
#include "base/table.h"

/* A server under a connect flood has some thousands of SYNs in flight. */
#define OUTCOMES_MAX 16384

struct outcomes {
	struct table *by_sock; /* u64 sock -> struct amend_target */
};

int outcomes_new(struct outcomes **ret)
{
	struct outcomes *o = calloc(1, sizeof(*o));
	int r;

	if (!o)
		return -ENOMEM;
	r = table_new(OUTCOMES_MAX, sizeof(uint64_t),
		      sizeof(struct amend_target), &o->by_sock);
	if (r < 0) {
		free(o);
		return r;
	}
	*ret = o;
	return 0;
}

void outcomes_free(struct outcomes *o)
{
	if (!o)
		return;
	table_free(o->by_sock);
	free(o);
}

void outcomes_expect(struct outcomes *o, const struct event *ev,
		     struct amend_target target)
{
	struct amend_target *slot;
	int made;

	if (!ev->connect.sock)
		return;
	slot = table_put(o->by_sock, &ev->connect.sock, &made);
	*slot = target;
}

void outcomes_settle(struct outcomes *o, struct pipeline *p,
		     const struct event *ev)
{
	struct amend_target *target = table_get(o->by_sock, &ev->result.sock);
	struct record_amends of;

	/* Nobody's: the connect was ignored, lost, or the kernel's own. */
	if (!target)
		return;
	of = amend_begin(p, *target, ev->time_ns);
	record_pack_connect_result(&p->packed, &of, &ev->result);
	(void)amend_end(p, &of, 0);
	table_remove(o->by_sock, &ev->result.sock);
}

void outcomes_forget(struct outcomes *o, const struct event *ev)
{
	table_remove(o->by_sock, &ev->result.sock);
}

uint64_t outcomes_waiting(const struct outcomes *o)
{
	return table_count(o->by_sock);
}
