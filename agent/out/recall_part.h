/* SPDX-License-Identifier: Apache-2.0 */
/* What recall*.c share. Inside out/ only. */
#pragma once

#include "out/recall.h"

/* Borrowed from the message. */
struct slice recall_bytes(ProtobufCBinaryData b);
struct file_path recall_path(const Picket__V1__Path *p);
struct file_id recall_file(const Picket__V1__File *f);

/*
 * The act of an event and its kind; 1, or 0: none of the host's. target is
 * where the image that a tamper event is aimed at goes.
 */
int recall_act(struct image *target, struct event *ev,
	       const Picket__V1__Event *e);
