/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record as the pipeline had it: the event, and the image that acted with
 * its line, so that the deciding code can be asked about it once more.
 */
#pragma once

#include "event.h"
#include "out/view.h"

struct findings;
struct recall;

int recall_new(struct recall **ret);
void recall_free(struct recall *r);

/* What is known of files besides: of images made from now on. Borrowed. */
void recall_use(struct recall *r, struct findings *f);

/*
 * Images are good as long as r is: where that is no longer possible, or takes
 * more than `bytes`, recall_event says -ENOBUFS. Before the first event.
 */
void recall_keep(struct recall *r, size_t bytes);

/*
 * 1: *ret is the event, *ret_img who acted (NULL: nobody, or not described);
 * 0: not an event that happened on the host (agent, gap, amendment). Slices
 * are borrowed from the view and from r: good until the next call of either.
 * Times are as recorded: ev->time_ns is of the boot it was made in.
 * -ENOMEM.
 */
int recall_event(struct recall *r, const struct view_images *images,
		 const struct view *v, struct event *ret,
		 const struct image **ret_img);
