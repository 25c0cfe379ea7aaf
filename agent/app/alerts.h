/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alerts repeat without flooding. For one rule and subject, the first alert of
 * a window is raised, and so are those about another file or peer, up to
 * [alerts] objects. Later ones are journaled like any event, marked as
 * repeated, and summed: when the window ends, an amendment of the first alert
 * says how many there were and which was the last.
 *
 * The subject is what ran (path, device, inode, size and times of the
 * executable, the script), who started it (the parent's executable) and in
 * which container.
 *
 * An unlisted program is identified by the SHA-256 of its content, if that was
 * found out. It alerts once for each content, parent and container, and then
 * not again for limits.unlisted_ns, whether or not picket is restarted.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "app/alert_windows.h"
#include "app/amend.h"
#include "event.h"

struct alerts;
struct known;
struct pipeline;

struct alert_limits {
	uint64_t window_ns;   /* 0: every alert passes */
	size_t subjects;      /* open windows; the oldest ends early */
	unsigned objects;     /* 1 … ALERT_OBJECTS_MAX */
	uint64_t unlisted_ns; /* silence of an unlisted program */
};

struct alert_stats {
	uint64_t repeated;  /* events that would have been alerts */
	uint64_t summaries; /* amendments at the end of a window */
	uint64_t evicted;   /* windows that ended early for lack of room */
	uint64_t subjects;  /* now */
};

/* p (borrowed) journals the amendments. -ENOMEM. */
int alerts_new(const struct alert_limits *limits, struct pipeline *p,
	       struct alerts **ret);
void alerts_free(struct alerts *a);

/*
 * An alert is about to be journaled: decide whether it is raised (v->alert) or
 * only repeated (v->repeated). The caller must call alerts_kept next.
 */
void alerts_judge(struct alerts *a, const struct event *ev,
		  const struct image *img, struct verdict *v);

/* Where the event that was judged last is in the journal; seq 0: nowhere. */
void alerts_kept(struct alerts *a, struct amend_target target);

/* End the windows that are over. Returns when the next one ends; 0: none. */
uint64_t alerts_due(struct alerts *a, uint64_t now_ns);

/*
 * Nobody may be there when they end: tell what was held back in windows that
 * are open. They stay open, and what is told is not counted again.
 */
void alerts_tell_open(struct alerts *a, uint64_t now_ns);

/*
 * After a restart, windows are loaded from a file (alert_windows.h). What a
 * picket that was killed had not written there comes from the end of the
 * journal (alert_recall.h), by the next two functions, in the journal's order.
 */
struct recalled_alert {
	struct verdict verdict; /* alert or repeated, as it was kept */
	struct amend_target target;
};
/* An alert of the journal; ev->time_ns is of this boot. */
void alerts_recall(struct alerts *a, const struct event *ev,
		   const struct image *img, const struct recalled_alert *was);
/* The window whose first alert is `of` has ended. */
void alerts_recall_end(struct alerts *a, struct amend_target of);

/* Has anything changed since the last alerts_write? */
bool alerts_have_changed(const struct alerts *a);
/* As windows_write and windows_read. */
void alerts_write(struct alerts *a, struct buf *out,
		  const struct windows_file *head);
int alerts_read(struct alerts *a, struct slice file, struct windows_file *head);

/* The unlisted programs; NULL if window_ns is 0. */
struct known *alerts_known(struct alerts *a);

void alerts_stats(const struct alerts *a, struct alert_stats *ret);
