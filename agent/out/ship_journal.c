/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal's end of the shipper: it comes and goes, and what is read of it
 * gathers into a batch until that is full, old or urgent.
 */
#include "out/ship_part.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "out/early.h"

/* How often a journal that is not there, or fails, is looked for again. */
#define REOPEN_MS   2000
/* Frames read before others of the loop get their turn. */
#define TURN_FRAMES 2000
/*
 * A batch in which nothing is left to send waits for this long: its manifest
 * proves a silence, and needs no hurry.
 */
#define QUIET_MS    10000

/* ---- coming and going ---------------------------------------------------------- */

void ship_close_journal(struct ship *s)
{
	early_close(s->early);
	if (s->feed)
		loop_remove(s->loop, feed_fd(s->feed));
	feed_close(s->feed);
	s->feed = NULL;
	batch_free(s->batch);
	s->batch = NULL;
}

static int on_journal(int fd, uint32_t events, void *arg)
{
	struct ship *s = arg;

	(void)fd;
	(void)events;
	feed_clear(s->feed);
	return s->state == IDLE ? ship_pump(s) : 0;
}

void ship_begin_batch(struct ship *s)
{
	batch_begin(s->batch, s->cursor.seq ? s->cursor.seq + 1 : 0,
		    s->max_bytes);
	s->acked = 0;
	s->bad_end = 0;
}

static int use_journal(struct ship *s)
{
	struct batch_settings b = {
		.format = s->collector->format,
		.max_records = s->collector->batch_records,
		.max_bytes = s->collector->batch_bytes,
		.host = &s->host,
	};
	int r;

	memcpy(b.journal, s->cursor.journal, sizeof(b.journal));
	r = batch_new(&b, &s->batch);
	if (r < 0)
		return r;
	r = loop_add(s->loop, feed_fd(s->feed), EPOLLIN, on_journal, s);
	if (r < 0)
		return r;
	ship_begin_batch(s);
	s->read = (struct early_name){ s->cursor.epoch, s->cursor.seq };
	s->tally_changed = false;
	s->told_early_end = false;
	r = tally_load(s->collector->state_dir, s->cursor.journal, &s->tally);
	if (r < 0)
		return r;
	s->behind_since_ns = clock_mono_ns();
	ship_begin_backlog(s);
	r = early_open(s->early);
	if (r < 0)
		ship_tell(s, SHIP_WARNING,
			  "alerts wait for their turn as all records do: %s",
			  strerror(-r));
	return 0;
}

static int no_journal(struct ship *s, const char *what)
{
	/* Said once per absence, not per look. */
	if ((s->state != NO_JOURNAL || !s->status.error_ns) && s->others <= 2)
		ship_tell(s, s->once ? SHIP_ERROR : SHIP_WARNING, "%s%s", what,
			  s->once ? "" : "; waiting for it");
	ship_note_error(s, what);
	ship_close_journal(s);
	if (s->once)
		return ship_stop(s, 1);
	ship_set_state(s, NO_JOURNAL);
	return loop_timer_arm(s->retry, REOPEN_MS);
}

/* A journal directory in which nothing was begun yet has no name. */
static bool is_zero(const uint8_t id[static 16])
{
	static const uint8_t zero[16];

	return !memcmp(id, zero, sizeof(zero));
}

/* What makes it send again what it sent before is seen by whoever looks. */
static void tell_start(struct ship *s, const struct feed_opening *o)
{
	char what[256];

	if (o->bad_cursor)
		(void)snprintf(what, sizeof(what),
			       "the cursor in '%.160s' is damaged; starting at "
			       "the oldest record",
			       s->collector->state_dir);
	else if (o->ahead)
		(void)snprintf(what, sizeof(what),
			       "more was shipped than '%.120s' holds: is it a "
			       "copy of before? starting at its oldest record",
			       s->journal_dir);
	else if (o->other_journal && !is_zero(o->cursor.journal))
		(void)snprintf(
			what, sizeof(what),
			"the cursor is of another journal, shipped up to "
			"%" PRIu32 ".%" PRIu64
			"; starting at the oldest record of '%.120s'",
			o->former.epoch, o->former.seq, s->journal_dir);
	else
		return;
	ship_tell(s, SHIP_WARNING, "%s", what);
	ship_note_error(s, what);
}

int ship_open_journal(struct ship *s)
{
	struct feed_opening o;
	char what[256];
	int r;

	r = feed_open(s->journal_dir, s->collector->state_dir, COLLECTOR_CURSOR,
		      &s->feed, &o, what);
	if (r < 0)
		return no_journal(s, what);
	s->cursor = o.cursor;
	tell_start(s, &o);
	r = use_journal(s);
	if (r < 0) {
		(void)snprintf(what, sizeof(what), "cannot use journal: %s",
			       strerror(-r));
		return no_journal(s, what);
	}
	ship_tell(s, SHIP_DEBUG,
		  "shipping from '%s' behind %" PRIu32 ".%" PRIu64,
		  s->journal_dir, s->cursor.epoch, s->cursor.seq);
	ship_set_state(s, IDLE);
	return ship_pump(s);
}

/* ---- reading -------------------------------------------------------------------- */

static void note_gap(struct ship *s, const struct view *v)
{
	uint64_t n = v->seq_end - v->seq;

	if (!v->missing)
		return;
	s->status.missing += n;
	ship_tell(s, SHIP_WARNING,
		  "%" PRIu64
		  " records were trimmed or damaged before they could "
		  "be shipped, from=%" PRIu32 ".%" PRIu64,
		  n, v->epoch, v->seq);
}

static int take_record(struct ship *s, const struct view *v)
{
	int r;

	if (!filter_passes(&s->filter, v))
		return batch_add_withheld(s->batch, v, MANIFEST_FILTERED);
	switch (early_claim(s->early, v)) {
	case EARLY_FREE:
		break;
	case EARLY_SENT:
		return batch_add_withheld(s->batch, v, MANIFEST_EARLY);
	case EARLY_BUSY:
		s->is_held = true;
		return 0;
	}
	r = batch_add(s->batch, feed_images(s->feed), v);
	if (r == 1)
		note_gap(s, v);
	return r;
}

/*
 * 1: the batch took what came next; 0: nothing more now, or no room; -ESTALE:
 * another journal is there.
 */
static int fill_one(struct ship *s)
{
	size_t n = batch_n(s->batch), records = batch_n_records(s->batch);
	const struct view *v;
	int got, r;

	got = feed_peek(s->feed, &v);
	if (got <= 0)
		return got;
	if (got == FEED_OTHER)
		return -ESTALE;
	if (got == FEED_RECORD)
		r = take_record(s, v);
	else
		r = batch_add_withheld(s->batch, v, MANIFEST_UNREADABLE);
	if (r != 1)
		return r;
	if (!n || (!records && batch_n_records(s->batch)))
		s->began_ns = clock_mono_ns();
	if (got == FEED_RECORD && tally_take(&s->tally, v))
		s->tally_changed = true;
	s->read.epoch = v->epoch;
	s->read.seq = v->seq_end > v->seq ? v->seq_end - 1 : v->seq;
	s->others = 0;
	feed_taken(s->feed);
	return 1;
}

/* Once: nobody else says so, for there is nothing to ship of it. */
static void tell_early_end(struct ship *s)
{
	uint64_t first, last;
	char what[256];

	if (s->told_early_end || !feed_ends_early(s->feed, &first, &last))
		return;
	s->told_early_end = s->failed = true;
	(void)snprintf(what, sizeof(what),
		       "the journal ends before what its state says: numbers "
		       "%" PRIu64 "-%" PRIu64 " are missing",
		       first, last);
	ship_tell(s, SHIP_WARNING, "%s", what);
	ship_note_error(s, what);
}

/* The journal ended, or failed, with nothing read that could be sent first. */
static int nothing_read(struct ship *s, int r)
{
	char what[256];

	/* Once: a journal that is none of one name would be opened for ever. */
	if (r == -ESTALE && !s->others++) {
		ship_close_journal(s);
		return ship_open_journal(s);
	}
	if (r < 0) {
		(void)snprintf(what, sizeof(what), "cannot read '%.160s': %s",
			       s->journal_dir,
			       r == -ESTALE ? "it holds more than one journal"
					    : strerror(-r));
		return no_journal(s, what);
	}
	tell_early_end(s);
	return s->once ? ship_stop(s, s->failed || s->cursor_failed) : 0;
}

/* How long the batch may still wait for more; 0: not at all. */
static uint64_t may_wait_ms(const struct ship *s)
{
	uint64_t age_ms = (clock_mono_ns() - s->began_ns) / NS_PER_MS;
	uint64_t limit_ms = s->collector->batch_age_ms;

	if (s->once || s->is_held || ship_batch_is_full(s) ||
	    batch_has_alert(s->batch))
		return 0;
	if (!batch_n_records(s->batch) && limit_ms < QUIET_MS)
		limit_ms = QUIET_MS;
	return age_ms < limit_ms ? limit_ms - age_ms : 0;
}

/* Everything there is was read, or (r not 0) there is more. */
static void note_progress(struct ship *s, int r)
{
	if (r == 0 && !s->is_held && !ship_batch_is_full(s)) {
		s->behind_since_ns = 0;
		if (!s->backlog_end)
			s->backlog_end = s->read.seq;
		early_caught_up(s->early);
	} else if (!s->behind_since_ns) {
		s->behind_since_ns = clock_mono_ns();
	}
}

/* Read on; send if there is reason to, else say when there will be. */
int ship_pump(struct ship *s)
{
	unsigned left = TURN_FRAMES;
	uint64_t wait_ms;
	int r = 1;

	s->is_held = false;
	while (r == 1 && left-- && !ship_batch_is_full(s))
		r = fill_one(s);
	note_progress(s, r);
	if (s->is_held && !batch_n(s->batch))
		return 0;
	if (!batch_n(s->batch) && r != 1)
		return nothing_read(s, r);
	if (r == 1 && !ship_batch_is_full(s))
		return loop_timer_arm(s->age, 0);
	wait_ms = r < 0 ? 0 : may_wait_ms(s);
	return wait_ms ? loop_timer_arm(s->age, wait_ms) : ship_send_next(s);
}
