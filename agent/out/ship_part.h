/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the shipper share. */
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
	bool is_tried;	  /* the manifest that withholds it is on its way */
	bool asked_again; /* it was refused, and refused again after a wait */
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
	struct early_name read; /* the last that was taken from feed */
	struct tally tally;	/* of what was read */
	bool tally_changed;	/* since it was saved */
	bool cursor_failed;
	unsigned others; /* times that another journal was met, nothing read */

	struct early *early;
	bool is_held;		   /* until it knows of an alert */
	bool told_to_wait;	   /* WAITING as the collector wants it */
	uint64_t behind_since_ns;  /* 0: everything was read a moment ago */
	int64_t backlog_before_ns; /* wall time: what is older is replayed … */
	uint64_t backlog_end;	   /* … up to this number; 0: not known yet */
	uint64_t paced_until_ns;   /* … and not before this */

	struct batch *batch;
	uint64_t began_ns; /* when its first record was read */
	size_t acked, bad_end;
	struct batch_run run;  /* what is being sent */
	size_t max_bytes;      /* of a request, learnt from 413 */
	unsigned taken_in_row; /* requests since then */
	unsigned refused_in_row;
	struct ship_suspect suspect;
	struct dead_letters *dead_letters;

	struct buf plain, packed;
	uint64_t progress_ns; /* once: last time that something went on */
	bool failed;	      /* once: not all arrived: refused, or gone */
	bool told_early_end;  /* that the end of this journal is gone */
	struct ship_status status;
	bool status_dirty;
};

__attribute__((format(printf, 3, 4))) void ship_tell(struct ship *s,
						     enum ship_say level,
						     const char *fmt, ...);
void ship_set_state(struct ship *s, enum state state);
void ship_note_error(struct ship *s, const char *text);
int ship_stop(struct ship *s, int code);

/* What is not there, or fails, is looked for again in a while. */
int ship_open_journal(struct ship *s);
void ship_close_journal(struct ship *s);
/* Make room for the next batch, behind the cursor. */
void ship_begin_batch(struct ship *s);
/* Read on; send if there is reason to, else say when there will be. */
int ship_pump(struct ship *s);

/* What both lanes need of the same destination. */
uint64_t ship_random(void);
int ship_post(struct ship *s, struct http *h, const struct buf *plain,
	      struct buf *packed, char what[static 256]);
void ship_read_answer(const struct http_answer *a, struct response *ret);
/* An acknowledgement may reject some of what was sent; that is counted. */
void ship_note_rejected(struct ship *s, const struct response *resp,
			size_t sent);

/* The second lane to the first: the collector took alerts … */
int ship_took_early(struct ship *s);
/* … and it is known what became of those that were on their way. */
int ship_is_free(struct ship *s);
/* The collector said when to ask again, and it is not yet time. */
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
