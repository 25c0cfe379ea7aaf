/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns a record back into what the pipeline had: the event, and the image that
 * acted with its ancestors, so that rules can be evaluated on it again.
 */
#pragma once

#include "event.h"
#include "out/view.h"

struct findings;
struct recall;

int recall_new(struct recall **ret);
void recall_free(struct recall *r);

/* Further facts about files, for images made from now on. Borrowed. */
void recall_use(struct recall *r, struct findings *f);

/*
 * Keep images valid as long as r; once that takes more than `bytes`,
 * recall_event returns -ENOBUFS. Call it before the first event.
 */
void recall_keep(struct recall *r, size_t bytes);

/*
 * 1: *ret is the event, *ret_img the image that acted (NULL: none, or not
 * described); 0: the record is not something that happened on the host (agent,
 * gap, amendment). Slices are borrowed from the view and from r, until the next
 * call for either. ev->time_ns is CLOCK_BOOTTIME of the boot that recorded it.
 * -ENOMEM.
 */
int recall_event(struct recall *r, const struct view_images *images,
		 const struct view *v, struct event *ret,
		 const struct image **ret_img);
