/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A journal followed on a loop: `picket tail`, and `picket run --tail` inside
 * the daemon. It reads the journal like every other reader, in bounded turns,
 * and stops reading while its output is slow; so nothing in the daemon waits
 * for a terminal, and the journal keeps what the terminal has not seen yet.
 */
#pragma once

#include <stdbool.h>

#include "app/tail_lines.h"

struct loop;
struct reader;
struct tail_view;

/*
 * Called once, when the output has ended by itself: -EPIPE, nobody reads it
 * any more; other -errno, reading or writing failed. A negative return ends
 * the loop with it.
 */
typedef int (*tail_ended_fn)(void *arg, int error);

struct tail_source {
	struct loop *loop;
	struct reader *reader; /* now the view's, also on failure */
	tail_ended_fn ended;   /* may be NULL */
	void *arg;
};

int tail_view_open(const struct tail_settings *s, const struct tail_source *src,
		   struct tail_view **ret);

/*
 * For the daemon: its own journal from now on, in text, on stdout, without
 * ever waiting. What goes wrong later ends the output and nothing else.
 */
int tail_view_new(const char *journal_dir, struct loop *l,
		  struct tail_view **ret);
/* When the loop no longer runs: its timer stays there. */
void tail_view_free(struct tail_view *t);

/* Look whether there is more, now rather than when the kernel tells. */
void tail_view_poke(struct tail_view *t);

/* Before the end: show what the journal holds by now, at most for a second. */
void tail_view_finish(struct tail_view *t);

/* Records that could not be understood, so far. */
unsigned long tail_view_bad(const struct tail_view *t);

/* Everything up to the journal's end, waiting for nothing but the output. */
int tail_drain(struct tail_lines *lines, struct reader *r,
	       unsigned long *ret_bad);
