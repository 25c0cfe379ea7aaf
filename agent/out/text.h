/* SPDX-License-Identifier: Apache-2.0 */
/* A record as the line a person reads, without the newline, escaped. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "out/view.h"

struct text_style {
	bool color;	  /* SGR sequences */
	bool with_date;	  /* else the time of day, local */
	bool without_who; /* where it is seen from what is around */
	/* Of the terminal: what is no alarm is cut to them; 0: nothing is. */
	size_t columns;
};

/*
 * "HIGH  21:04:05.678 sshd→bash→curl[4711]  ssh.service  exec /tmp/x  denied by
 * rule"
 * A view whose kind has no line (none today) appends nothing.
 */
void text_line(struct buf *out, const struct view_images *images,
	       const struct view *v, const struct text_style *style);

/* Only "what": the sentence used as body of a shipped record. */
void text_body(struct buf *out, const struct view_images *images,
	       const struct view *v);

/*
 * Only what was done: "/tmp/x -o 'a b'", "tcp 10.0.0.7:443", "rename /a → /b"
 * …; of an amendment what became known.
 */
void text_what(struct buf *out, const struct view *v);
