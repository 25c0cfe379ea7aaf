/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alerts repeat without flooding. Of one rule and subject the first alert of
 * a window passes, and so do those about another file or peer, up to
 * [alerts] objects; the rest are kept in the journal like any event, marked
 * as repeated, and summed: an amendment of the first one says at the window's
 * end how many there were and which was the last.
 *
 * The subject is what ran (path, device, inode, size and times of the
 * executable, the script), who started it (the parent's executable) and in
 * which container.
 *
 * A program that no rule lists is known by its content's SHA-256, if that was
 * found out, and alerts once for each content, parent and container, however
 * often it is started: not again for limits.unlisted_ns, over restarts, too.
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
	size_t subjects;      /* at a time; the oldest gives way */
	unsigned objects;     /* 1 … ALERT_OBJECTS_MAX */
	uint64_t unlisted_ns; /* for a program that no rule lists */
};

struct alert_stats {
	uint64_t repeated;  /* events that would have been alerts */
	uint64_t summaries; /* amendments that told of them */
	uint64_t evicted;   /* windows that ended early for want of room */
	uint64_t subjects;  /* now */
};

/* p is borrowed, for the amendments. -ENOMEM. */
int alerts_new(const struct alert_limits *limits, struct pipeline *p,
	       struct alerts **ret);
void alerts_free(struct alerts *a);

/*
 * An alert is about to be kept: v->alert and v->repeated become what it is.
 * Whoever asks says with alerts_kept what came of it.
 */
void alerts_judge(struct alerts *a, const struct event *ev,
		  const struct image *img, struct verdict *v);

/* The event that was judged last is in the journal; seq 0: it is not. */
void alerts_kept(struct alerts *a, struct amend_target target);

/* Tell of windows that are over; 0: none is left, else when the next one is. */
uint64_t alerts_due(struct alerts *a, uint64_t now_ns);

/*
 * Windows go on with the next picket: in a file (alert_windows.h), and what the
 * file of one that was killed has not yet from the journal's end
 * (alert_recall.h).
 */
struct recalled_alert {
	struct verdict verdict; /* alert or repeated, as it was kept */
	struct amend_target target;
};
/* An alert that the journal has, in its order; ev->time_ns is of this boot. */
void alerts_recall(struct alerts *a, const struct event *ev,
		   const struct image *img, const struct recalled_alert *was);
/* So is what was told of the window that began with this one. */
void alerts_recall_end(struct alerts *a, struct amend_target of);

/* Since the last alerts_write. */
bool alerts_have_changed(const struct alerts *a);
/* As windows_write and windows_read. */
void alerts_write(struct alerts *a, struct buf *out,
		  const struct windows_file *head);
int alerts_read(struct alerts *a, struct slice file, struct windows_file *head);

/* The programs that no rule lists; NULL with no window. */
struct known *alerts_known(struct alerts *a);

void alerts_stats(const struct alerts *a, struct alert_stats *ret);
