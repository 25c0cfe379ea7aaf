/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the shipper share (ship*.c and early*.c). Functions that
 * return int are callbacks of the loop or called by one: a negative value ends
 * the loop. Times named _ns are monotonic unless said otherwise.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "out/backoff.h"
#include "out/batch.h"
#include "out/dead_letter.h"
#include "out/early_set.h"
#include "out/feed.h"
#include "out/filter.h"
#include "out/gzip.h"
#include "out/http.h"
#include "out/response.h"
#include "out/ship.h"
#include "out/tally.h"

struct early;

/* PACED: waiting for replay_rate. */
enum state { NO_JOURNAL, IDLE, SENDING, WAITING, PACED, STOPPED };

/* A record that was refused alone; it may not be its fault. */
struct ship_suspect {
	bool is_tried;	  /* a request without it was sent */
	bool asked_again; /* it was sent once more after a wait */
	size_t item;
	long status;
	char text[RESPONSE_TEXT_MAX];
};

struct ship {
	struct loop *loop;
	const struct collector *collector;
	const char *journal_dir;
	bool once;
	ship_say_fn say;
	void *say_arg;
	ship_done_fn done;
	void *done_arg;

	enum state state;
	struct filter filter;
	struct host host;
	struct http *http;
	struct gzip *gzip;
	struct backoff backoff;
	struct loop_timer *retry, *age, *tick;

	struct feed *feed;
	struct cursor cursor;
	struct early_name read; /* the last record taken from feed */
	struct tally tally;	/* of the records read so far */
	bool tally_changed;	/* since it was last saved */
	bool cursor_failed;
	unsigned others; /* how often another journal was found in its place */

	struct early *early;
	bool is_held;		   /* paused until the second lane is done */
	bool told_to_wait;	   /* WAITING because the collector said so */
	uint64_t behind_since_ns;  /* 0: not behind */
	/* A backlog: records older than this (wall time) up to that number. */
	int64_t backlog_before_ns;
	uint64_t backlog_end;	   /* 0: not known yet */
	uint64_t paced_until_ns;   /* replay_rate: send no more before this */

	struct batch *batch;
	uint64_t began_ns; /* when its first record was read */
	size_t acked;	   /* items before this are acknowledged */
	size_t bad_end;	   /* > acked: one before this is refused */
	struct batch_run run;  /* what is being sent */
	size_t max_bytes;      /* limit of a request, learnt from a 413 */
	unsigned taken_in_row; /* requests that were taken since then */
	unsigned refused_in_row;
	struct ship_suspect suspect;
	struct dead_letters *dead_letters;

	struct buf plain, packed;
	uint64_t progress_ns; /* with once: when something was last taken */
	bool failed;	      /* with once: something did not arrive */
	bool told_early_end;  /* reported: this journal's end is gone */
	struct ship_status status;
	bool status_dirty;
};

__attribute__((format(printf, 3, 4))) void ship_tell(struct ship *s,
						     enum ship_say level,
						     const char *fmt, ...);
void ship_set_state(struct ship *s, enum state state);
void ship_note_error(struct ship *s, const char *text);
int ship_stop(struct ship *s, int code);

/* If there is no journal, or it cannot be opened, try again later. */
int ship_open_journal(struct ship *s);
void ship_close_journal(struct ship *s);
/* Begin the next batch after the cursor. */
void ship_begin_batch(struct ship *s);
/* Read more; send the batch if it is due, else arm a timer. */
int ship_pump(struct ship *s);

/* For both lanes. */
uint64_t ship_random(void);
int ship_post(struct ship *s, struct http *h, const struct buf *plain,
	      struct buf *packed, char what[static 256]);
void ship_read_answer(const struct http_answer *a, struct response *ret);
/* Count records that an acknowledgement rejects (partial success). */
void ship_note_rejected(struct ship *s, const struct response *resp,
			size_t sent);

/* Called by the second lane: the collector took its alerts. */
int ship_took_early(struct ship *s);
/* Called by the second lane: nothing of it is on its way any more. */
int ship_is_free(struct ship *s);
/* The collector asked to wait (Retry-After), and it is not yet time. */
bool ship_must_wait(const struct ship *s);

/* The batch cannot hold more, or (of a backlog) need not. */
bool ship_batch_is_full(const struct ship *s);
/* What the journal holds now is to be sent at replay_rate. */
void ship_begin_backlog(struct ship *s);
/* Is the next item one of a backlog whose rate is limited? */
bool ship_is_replay(const struct ship *s);
/* So many records of a backlog were sent: the next have to wait for it. */
void ship_note_replayed(struct ship *s, size_t records);

/* Send the next part of the batch, or wait until it may be sent. */
int ship_send_next(struct ship *s);
/* Send s->run as it is. */
int ship_send_run(struct ship *s);
/* Item i is to be sent, not withheld; *ret_bytes is set in any case. */
bool ship_is_sent(const struct ship *s, size_t i, size_t *ret_bytes);
size_t ship_count_sent(const struct ship *s, size_t from, size_t to);
/*
 * Wait, and send the same again. is_setup: the collector refuses this shipper,
 * not a record. wanted_ms: as long as it asked for; 0: it did not.
 */
int ship_retry_later(struct ship *s, const char *text, bool is_setup,
		     uint64_t wanted_ms);
int ship_on_answer(const struct http_answer *a, void *arg);
