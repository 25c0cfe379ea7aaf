/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A journal followed on a loop: `picket tail`, and `picket run --tail` inside
 * the daemon. It reads the journal like every other reader, in bounded turns,
 * and stops reading while its output is slow; so nothing in the daemon waits
 * for a terminal, and the journal keeps what the terminal has not seen yet.
 */
#pragma once

#include "app/tail_lines.h"

struct loop;
struct reader;
struct tail_view;

int tail_view_new(const struct tail_settings *s, struct tail_view **ret);
/* Only once the loop it is attached to has ended: its timer stays there. */
void tail_view_free(struct tail_view *t);

/*
 * Called once, when the output ends by itself. error: -EPIPE if the reader is
 * gone; other -errno if reading or writing failed. A negative return ends the
 * loop.
 */
typedef int (*tail_ended_fn)(void *arg, int error);

/* Before tail_view_follow. ended may be NULL. */
int tail_view_attach(struct tail_view *t, struct loop *l, tail_ended_fn ended,
		     void *arg);

/* Follow the journal from where r stands. r must outlive t. -errno. */
int tail_view_follow(struct tail_view *t, struct reader *r);

/*
 * Print everything up to the journal's end, without a loop. An impatient one
 * gives up on a slow reader of its output after a second. 0, or -errno as
 * above.
 */
int tail_view_drain(struct tail_view *t, struct reader *r);

/* Records that could not be decoded so far. */
unsigned long tail_view_bad(const struct tail_view *t);
