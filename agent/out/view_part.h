/* SPDX-License-Identifier: Apache-2.0 */
/* What view*.c share. Inside out/ only. */
#pragma once

#include "base/buf.h"
#include "out/view.h"

struct table;

struct amendable {
	uint64_t image;
	uint16_t path_len;
	uint8_t kind;
	bool alert;
	bool path_cut;
	char *path;
};

struct event_name {
	uint64_t seq;
	uint64_t epoch;
};

struct view_images {
	struct table *images; /* id -> struct held_image */
	struct live_images *live;
	struct table *events; /* struct event_name -> struct amendable */
	size_t bytes;
	uint64_t segment;
	uint8_t journal[16];
	bool begun;
};

/*
 * The message, to be freed with protobuf_c_message_free_unpacked(m, NULL), or
 * NULL: not one, or more than one payload may take.
 */
void *view_unpack(const ProtobufCMessageDescriptor *d, struct slice payload);

void view_free_message(void *m);

/* view_images.c: what is remembered of a segment. */
int view_take_description(struct view_images *v, struct slice payload);
/* The image, and its line of ancestors made young with it. */
const Picket__V1__Image *view_touch_line(struct view_images *v, uint64_t id);
void view_forget_images(struct view_images *v);
/* An event that an amendment may name later. */
void view_remember_event(struct view_images *v, const struct view *r);
/* Pointers handed out so far are not asked for any more. */
void view_forget_live(struct view_images *v);

/* view_fits.c: all that view.h promises of a record. */
bool view_event_fits(const Picket__V1__Event *e);
bool view_amendment_fits(const Picket__V1__Amendment *a);
