/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   CLOSED --the first lane is behind--> LOOKING --an alert--> SENDING
 *      ^                                  |   ^                  | |
 *      +------it has caught up------------+   +---2xx, refused---+ |
 *                                         +<------- WAITING <--no--+
 *
 * One batch at a time, of alerts alone; while it is on its way nobody reads
 * on, so a flood of alerts is held back in the journal and not in memory.
 */
#include "out/early.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "out/early_set.h"
#include "out/response.h"

#define RECORDS_MAX 500u
/* Frames looked at before others of the loop get their turn. */
#define TURN_FRAMES 2000
/* Requests taken before a limit learnt from a 413 is tried to be doubled. */
#define GROW_AFTER  64
#define REQUEST_MAX (32u << 20)

struct early {
	struct ship *ship;
	struct http *http;
	struct backoff backoff;
	struct loop_timer *timer;
	struct early_set *set; /* NULL: no journal */
	struct feed *scout;    /* NULL: not looking */
	struct batch *batch;   /* of alerts, in the journal's order */
	size_t done;	       /* items of it that are */
	size_t at_most;	       /* records in a request, learnt from 413 */
	unsigned taken_in_row; /* requests since then */
	struct batch_run run;
	bool in_flight, is_waiting;
	bool set_failed;
	struct buf plain, packed;
};

static int look(struct early *e);

/* ---- the batch ---------------------------------------------------------------- */

static size_t queued(const struct early *e)
{
	return batch_n(e->batch) - e->done;
}

/* What is in it is left to the first lane, or is done. */
static void begin_batch(struct early *e)
{
	batch_begin(e->batch, 0, e->ship->max_bytes);
	e->done = 0;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static int retry_later(struct early *e, const char *text, uint64_t wanted_ms)
{
	struct ship *s = e->ship;
	uint64_t ms = backoff_next(&e->backoff, wanted_ms, ship_random());

	ship_note_error(s, text);
	s->status.retries++;
	ship_tell(s, SHIP_DEBUG,
		  "fresh alerts: %s; trying again in %" PRIu64 " ms", text, ms);
	e->is_waiting = true;
	return loop_timer_arm(e->timer, ms);
}

static int send_alerts(struct early *e)
{
	struct batch_seal seal = { .tally = &e->ship->tally };
	char what[256] = "out of memory";
	int r;

	e->run.from = e->done;
	e->run.to = e->done + least(queued(e), e->at_most);
	feed_seal(e->scout, &seal.seq, seal.sha256);
	buf_reset(&e->plain);
	batch_build(e->batch, e->run, &seal, &e->plain);
	r = e->plain.failed
		    ? -ENOMEM
		    : ship_post(e->ship, e->http, &e->plain, &e->packed, what);
	if (r < 0)
		return retry_later(e, what, 0);
	e->in_flight = true;
	return 0;
}

/* Unless the collector has said when it may be asked again. */
static int send_or_wait(struct early *e)
{
	if (!ship_must_wait(e->ship))
		return send_alerts(e);
	e->is_waiting = true;
	return 0;
}

/* ---- answers ------------------------------------------------------------------ */

static void note_sent(struct early *e)
{
	struct early_name names[RECORDS_MAX];
	struct ship *s = e->ship;
	struct batch_item it;
	size_t i, n = 0;
	int r;

	for (i = e->run.from; i < e->run.to; i++) {
		batch_item(e->batch, i, &it);
		/* What could not be encoded was not sent. */
		if (it.reason == MANIFEST_SENT)
			names[n++] = (struct early_name){ it.epoch, it.first };
	}
	r = early_set_add(e->set, names, n);
	if (r < 0 && !e->set_failed)
		ship_tell(
			s, SHIP_WARNING,
			"cannot save which alerts were sent early: %s; they "
			"are sent twice if the shipper ends before their turn",
			strerror(-r));
	e->set_failed = r < 0;
	s->status.early += n;
	s->status.sent_records += n;
	s->status.sent_batches++;
	s->status.acked_ns = clock_wall_ns();
	s->status_dirty = true;
}

static int on_ack(struct early *e, const struct response *resp)
{
	struct ship *s = e->ship;

	if (e->backoff.failures || s->backoff.failures)
		ship_tell(s, SHIP_NOTICE, "collector takes fresh alerts");
	backoff_reset(&e->backoff);
	ship_note_rejected(s, resp, e->run.to - e->run.from);
	if (e->at_most < RECORDS_MAX && ++e->taken_in_row >= GROW_AFTER) {
		e->taken_in_row = 0;
		e->at_most = least(e->at_most * 2, RECORDS_MAX);
	}
	note_sent(e);
	e->done = e->run.to;
	if (!queued(e))
		begin_batch(e);
	return ship_took_early(s);
}

/* Halved once or twice; what is refused, the first lane finds out about. */
static int on_refused(struct early *e, const struct response *resp)
{
	size_t n = e->run.to - e->run.from;

	ship_tell(e->ship, SHIP_DEBUG, "%zu fresh alerts refused: %s", n,
		  resp->text);
	e->taken_in_row = 0;
	if (resp->verdict == RESPONSE_TOO_LARGE && n > 1)
		e->at_most = n / 2;
	else
		begin_batch(e);
	return ship_is_free(e->ship);
}

static int on_verdict(struct early *e, const struct response *resp)
{
	switch (resp->verdict) {
	case RESPONSE_ACK:
		return on_ack(e, resp);
	case RESPONSE_RETRY:
		return retry_later(e, resp->text, resp->retry_after_ms);
	case RESPONSE_TOO_LARGE:
	case RESPONSE_REFUSED:
		return on_refused(e, resp);
	}
	return -EINVAL;
}

static int on_answer(const struct http_answer *a, void *arg)
{
	struct early *e = arg;
	struct response resp;
	int r;

	e->in_flight = false;
	ship_read_answer(a, &resp);
	r = on_verdict(e, &resp);
	/* It may have waited to know what becomes of these. */
	if (r >= 0)
		r = ship_is_free(e->ship);
	return r < 0 ? r : look(e);
}

/* ---- looking ------------------------------------------------------------------ */

static void stop_looking(struct early *e)
{
	if (e->scout)
		loop_remove(e->ship->loop, feed_fd(e->scout));
	feed_close(e->scout);
	e->scout = NULL;
}

static bool is_ahead(const struct early *e, const struct view *v)
{
	struct early_name name = { v->epoch, v->seq };

	return early_name_order(name, e->ship->read) > 0 &&
	       !early_set_has(e->set, name);
}

/* 1: it is dealt with; 0: there is no room for it now. */
static int take(struct early *e, const struct view *v)
{
	if (!filter_is_alert(v) || !filter_passes(&e->ship->filter, v) ||
	    !is_ahead(e, v))
		return 1;
	if (queued(e) >= early_set_room(e->set))
		return 0;
	return batch_add(e->batch, feed_images(e->scout), v);
}

/* As FEED_*, or 0 or -errno: what became of the next frame. */
static int look_at_one(struct early *e)
{
	const struct view *v;
	int got = feed_peek(e->scout, &v), r;

	if (got <= 0)
		return got;
	if (got == FEED_RECORD) {
		r = take(e, v);
		if (r <= 0)
			return r;
	}
	feed_taken(e->scout);
	return got;
}

static int look(struct early *e)
{
	unsigned left = TURN_FRAMES;
	int got = FEED_RECORD;

	if (!e->scout || e->in_flight || e->is_waiting)
		return 0;
	/* What came meanwhile goes along with what waits. */
	while (got > 0 && got != FEED_OTHER && left-- &&
	       !batch_is_full(e->batch))
		got = look_at_one(e);
	if (queued(e))
		return send_or_wait(e);
	/* The first lane meets the same, and deals with it. */
	if (got < 0 || got == FEED_OTHER) {
		stop_looking(e);
		return 0;
	}
	return got ? loop_timer_arm(e->timer, 0) : 0;
}

static int on_journal(int fd, uint32_t events, void *arg)
{
	struct early *e = arg;

	(void)fd;
	(void)events;
	feed_clear(e->scout);
	return look(e);
}

static int on_timer(void *arg)
{
	struct early *e = arg;

	e->is_waiting = false;
	return look(e);
}

/* at: look behind it; NULL: from now on. */
static int start_looking(struct early *e, const struct cursor *at)
{
	struct ship *s = e->ship;
	int r;

	r = feed_open_second(s->journal_dir, at, &e->scout);
	if (r < 0)
		return r;
	r = loop_add(s->loop, feed_fd(e->scout), EPOLLIN, on_journal, e);
	if (r < 0) {
		feed_close(e->scout);
		e->scout = NULL;
	}
	return r;
}

/* ---- what the first lane says -------------------------------------------------- */

void early_watch(struct early *e)
{
	struct cursor at;

	if (!e->set || e->scout || e->ship->once)
		return;
	at = e->ship->cursor;
	at.epoch = e->ship->read.epoch;
	at.seq = e->ship->read.seq;
	if (start_looking(e, &at) >= 0)
		(void)look(e);
}

void early_caught_up(struct early *e)
{
	if (e->scout && !e->in_flight && !queued(e))
		stop_looking(e);
}

int early_wake(struct early *e)
{
	if (!e->is_waiting)
		return 0;
	return loop_timer_arm(e->timer, 0);
}

void early_reload(struct early *e)
{
	http_forget(e->http);
	(void)early_wake(e);
}

static bool is_queued(const struct early *e, struct early_name name)
{
	struct batch_item it;
	size_t i;

	for (i = e->done; i < batch_n(e->batch); i++) {
		batch_item(e->batch, i, &it);
		if (it.epoch == name.epoch && it.first == name.seq)
			return true;
	}
	return false;
}

enum early_claim early_claim(struct early *e, const struct view *v)
{
	struct early_name name = { v->epoch, v->seq };

	if (!e->set || !filter_is_alert(v))
		return EARLY_FREE;
	if (early_set_has(e->set, name))
		return EARLY_SENT;
	if (!is_queued(e, name))
		return EARLY_FREE;
	if (e->in_flight)
		return EARLY_BUSY;
	/* The first lane has come this far: it takes them all. */
	begin_batch(e);
	return EARLY_FREE;
}

void early_pass(struct early *e)
{
	const struct cursor *c = &e->ship->cursor;

	if (e->set)
		early_set_pass(e->set, (struct early_name){ c->epoch, c->seq });
}

/* ---- life --------------------------------------------------------------------- */

int early_open(struct early *e)
{
	struct ship *s = e->ship;
	struct batch_settings b = {
		.format = s->collector->format,
		.max_records = least(s->collector->batch_records, RECORDS_MAX),
		.max_bytes = s->collector->batch_bytes,
		.host = &s->host,
		.is_early = true,
	};
	int r;

	memcpy(b.journal, s->cursor.journal, sizeof(b.journal));
	r = early_set_open(s->collector->state_dir, b.journal, &e->set);
	if (r >= 0)
		r = batch_new(&b, &e->batch);
	e->done = 0;
	e->at_most = RECORDS_MAX;
	if (r >= 0 && !s->once)
		r = start_looking(e, NULL);
	if (r < 0)
		early_close(e);
	return r;
}

void early_close(struct early *e)
{
	if (!e)
		return;
	stop_looking(e);
	if (e->http)
		http_cancel(e->http);
	e->in_flight = false;
	e->is_waiting = false;
	batch_free(e->batch);
	e->batch = NULL;
	early_set_close(e->set);
	e->set = NULL;
}

int early_new(struct ship *s, struct early **ret)
{
	struct early *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	e->ship = s;
	e->backoff.min_ms = s->collector->retry_min_ms;
	e->backoff.max_ms = s->collector->retry_max_ms;
	buf_init(&e->plain, REQUEST_MAX);
	buf_init(&e->packed, REQUEST_MAX);
	r = http_new(s->loop, s->collector, on_answer, e, &e->http);
	if (r >= 0)
		r = loop_timer_new(s->loop, 0, on_timer, e, &e->timer);
	if (r < 0) {
		early_free(e);
		return r;
	}
	*ret = e;
	return 0;
}

void early_free(struct early *e)
{
	if (!e)
		return;
	early_close(e);
	http_free(e->http);
	buf_done(&e->plain);
	buf_done(&e->packed);
	free(e);
}
