/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of a person's line: who, what, and what the rules said. Only
 * text.c, template.c and these words' own files include this. All is escaped, nothing
 * here adds colour or columns.
 */
#pragma once

#include "out/text.h"

/* "sshd→bash→curl[4711]", four at most and few columns; "…→": it goes deeper. */
void text_who(struct buf *out, const struct view_images *images,
	      const Picket__V1__Image *img);

/* "denied by cron-files (T1053.003)"; nothing where no rule was asked. */
void text_verdict(struct buf *out, const struct view *v);

/* "refused by soc at 2027-…: HTTP 400: …", of a dead letter. */
void text_refusal(struct buf *out, const struct view *v);

/*
 * "nginx.service", "0123456789ab" of a container, "-" where there is neither.
 * max: columns, of which it loses what does not fit; 0: few enough anyway.
 */
void text_where(struct buf *out, const Picket__V1__Image *img, size_t max);

/* "uid=1000 pod=shop/cart-0": what is not root's or the host's own. */
void text_context(struct buf *out, const struct view *v);
/* "uid=1000 unit=nginx.service": the same and text_where. */
void text_context_where(struct buf *out, const struct view *v);

/* "… 10.0.0.7:443 connected from 10.0.0.2:41000": v is an amendment. */
void text_amendment(struct buf *out, const struct view *v);

/* What others wrote as a sentence is cut here. */
#define TEXT_SENTENCE_MAX 600

/* A path as text_word; a long one loses its middle; "?": none. */
void text_path(struct buf *out, struct slice path);
/* "10.0.0.7:443", "[::1]:80"; of 4 or 16 bytes, which view_take has seen to. */
void text_address(struct buf *out, const Picket__V1__Address *a,
		  bool with_port);

/* At most max bytes of it as text_word or escape_text, then "…". */
void text_cut_word(struct buf *out, struct slice s, size_t max);
void text_cut(struct buf *out, struct slice s, size_t max);

static inline struct slice text_slice(ProtobufCBinaryData b)
{
	return slice_of((const char *)b.data, b.len);
}

/* How many columns escaped text takes, colours not counted. */
size_t text_columns(struct slice s);
/* Bytes of s that fit into max columns. */
size_t text_head(struct slice s, size_t max);
/* Where its end begins that fits into max columns; never within an escape. */
size_t text_tail(struct slice s, size_t max);
