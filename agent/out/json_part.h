/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON, member by member. Commas come by themselves: a member that follows
 * anything but an opening bracket puts one first. Only json*.c includes this.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "event.pb-c.h"
#include "out/view.h"

/* name NULL: a member of a list. Names are ours: written as they are. */
void json_open(struct buf *out, const char *name, char bracket);
void json_close(struct buf *out, char bracket);

void json_str(struct buf *out, const char *name, const char *value);
void json_u64(struct buf *out, const char *name, uint64_t value);
void json_i64(struct buf *out, const char *name, int64_t value);
void json_hex(struct buf *out, const char *name, uint64_t value);
/* Left out when false. */
void json_true(struct buf *out, const char *name, bool value);
/* "8:1" */
void json_device(struct buf *out, const char *name, uint32_t device);

/* Left out when empty; NAME_b64 follows where it is not UTF-8. */
void json_bytes(struct buf *out, const char *name, struct slice value);
/* Left out when empty. */
void json_base64(struct buf *out, const char *name, ProtobufCBinaryData value);
void json_byte_list(struct buf *out, const char *name,
		    const ProtobufCBinaryData *items, size_t n);
/* NAME, NAME_fs, NAME_host, NAME_flags; NULL: nothing. */
void json_path(struct buf *out, const char *name, const Picket__V1__Path *p);
void json_file(struct buf *out, const char *name, const Picket__V1__File *f);

void json_process(struct buf *out, const struct view_images *images,
		  const Picket__V1__Image *img);

/* NULL: nothing. */
void json_finding(struct buf *out, const char *name,
		  const Picket__V1__Finding *f);
