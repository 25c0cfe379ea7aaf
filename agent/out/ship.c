/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A state machine over one batch.
 *
 *   IDLE --batch is full, old, urgent--> SENDING --2xx--> next part, or IDLE
 *                                          |  ^
 *                              no, not now v  | the wait is over
 *                                         WAITING
 *
 * `acked` items of the batch are done with and the cursor stands behind
 * them. Of the rest, those before `bad_end` are known to hold something that
 * the collector refuses: half of them is tried, until one record stands
 * alone, is set aside and withheld, and the others go on. A withheld record is
 * accounted for by the manifest of the request that passes it; only then the
 * cursor does.
 */
#include "out/ship.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "out/backoff.h"
#include "out/batch.h"
#include "out/dead_letter.h"
#include "out/feed.h"
#include "out/gzip.h"
#include "out/http.h"
#include "out/response.h"

/* How often a journal that is not there, or fails, is looked for again. */
#define REOPEN_MS      2000
/* The status file is written this often at most. */
#define STATUS_MS      2000
/*
 * Single records refused in a row before each further one costs a wait: a
 * collector that refuses everything must not empty the journal into the dead
 * letters in a minute.
 */
#define REFUSED_IN_ROW 8
/* Requests taken before a limit learnt from a 413 is tried to be doubled. */
#define GROW_AFTER     64
/* A request never needs more: largest batch, largest record, manifest. */
#define REQUEST_MAX    (32u << 20)

enum state { NO_JOURNAL, IDLE, SENDING, WAITING, STOPPED };

static const char *const state_names[] = {
	[NO_JOURNAL] = "no-journal", [IDLE] = "idle",
	[SENDING] = "sending",	     [WAITING] = "waiting",
	[STOPPED] = "stopped",
};

struct ship {
	struct loop *loop;
	const struct collector *collector;
	const char *journal_dir;
	bool once;
	ship_say_fn say;
	void *say_arg;

	enum state state;
	struct host host;
	struct http *http;
	struct gzip *gzip;
	struct backoff backoff;
	struct loop_timer *retry, *age, *tick;

	struct feed *feed;
	struct cursor cursor;
	bool cursor_failed;

	struct batch *batch;
	uint64_t began_ns; /* when its first record was read */
	size_t acked, bad_end;
	struct batch_run run;  /* what is being sent */
	size_t max_bytes;      /* of a request, learnt from 413 */
	unsigned taken_in_row; /* requests since then */
	unsigned refused_in_row;

	struct buf plain, packed;
	uint64_t progress_ns; /* once: last time that something went on */
	bool failed;	      /* once: a record was refused */
	struct ship_status status;
	bool status_dirty;
};

static int pump(struct ship *s);
static int send_next(struct ship *s);

/* ---- telling ------------------------------------------------------------------ */

__attribute__((format(printf, 3, 4))) static void tell(struct ship *s,
						       enum ship_say level,
						       const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	s->say(s->say_arg, level, line);
}

static void set_state(struct ship *s, enum state state)
{
	s->state = state;
	s->status_dirty = true;
}

static void note_error(struct ship *s, const char *text)
{
	(void)snprintf(s->status.error, sizeof(s->status.error), "%s", text);
	s->status.error_ns = clock_wall_ns();
	s->status_dirty = true;
}

static void save_status(struct ship *s)
{
	struct ship_status *t = &s->status;
	uint8_t sha256[32];

	t->pid = getpid();
	t->written_ns = clock_wall_ns();
	(void)snprintf(t->state, sizeof(t->state), "%s", state_names[s->state]);
	t->acked_epoch = s->cursor.epoch;
	t->acked_seq = s->cursor.seq;
	if (s->feed)
		feed_seal(s->feed, &t->sealed_seq, sha256);
	t->backlog =
		t->sealed_seq > t->acked_seq ? t->sealed_seq - t->acked_seq : 0;
	t->retries_in_row = s->backoff.failures;
	/* It is for looking at; a failure shows as a status that grows old. */
	(void)ship_status_save(s->collector->state_dir, COLLECTOR_STATUS, t);
	s->status_dirty = false;
}

const struct ship_status *ship_status(const struct ship *s)
{
	return &s->status;
}

static int stop(struct ship *s, int code)
{
	set_state(s, STOPPED);
	loop_stop(s->loop, code);
	return 0;
}

/* ---- waiting ------------------------------------------------------------------ */

static uint64_t random_u64(void)
{
	uint64_t v;

	/* Jitter is not a secret: early at boot the clock has to do. */
	if (getrandom(&v, sizeof(v), GRND_NONBLOCK) != (ssize_t)sizeof(v))
		v = clock_mono_ns();
	return v;
}

/* Would waiting this long be more than --once grants without progress? */
static bool gives_up(const struct ship *s, uint64_t wait_ms)
{
	uint64_t stuck_ms = (clock_mono_ns() - s->progress_ns) / NS_PER_MS;

	return s->once && stuck_ms + wait_ms > s->collector->timeout_ms;
}

static int wait_then(struct ship *s, enum state state, uint64_t ms)
{
	if (gives_up(s, ms)) {
		tell(s, SHIP_ERROR,
		     "giving up: no progress within %" PRIu64
		     " ms, the journal keeps what is left",
		     s->collector->timeout_ms);
		return stop(s, 1);
	}
	set_state(s, state);
	return loop_timer_arm(s->retry, ms);
}

static int retry_later(struct ship *s, const char *text, bool is_setup,
		       uint64_t wanted_ms)
{
	uint64_t ms = backoff_next(&s->backoff, wanted_ms, random_u64());

	note_error(s, text);
	s->status.retries++;
	/* The first is news, and so is one in which the operator must act. */
	tell(s, s->backoff.failures == 1 ? SHIP_WARNING : SHIP_DEBUG,
	     "%s: %s; trying again in %" PRIu64 " ms, attempt=%u",
	     is_setup ? "collector does not accept this shipper"
		      : "collector does not take records",
	     text, ms, s->backoff.failures);
	return wait_then(s, WAITING, ms);
}

/* ---- journal ------------------------------------------------------------------ */

static void close_journal(struct ship *s)
{
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
	return s->state == IDLE ? pump(s) : 0;
}

static void begin_batch(struct ship *s)
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
	begin_batch(s);
	return 0;
}

static int no_journal(struct ship *s, const char *what)
{
	/* Said once per absence, not per look. */
	if (s->state != NO_JOURNAL || !s->status.error_ns)
		tell(s, s->once ? SHIP_ERROR : SHIP_WARNING, "%s%s", what,
		     s->once ? "" : "; waiting for it");
	note_error(s, what);
	close_journal(s);
	if (s->once)
		return stop(s, 1);
	set_state(s, NO_JOURNAL);
	return loop_timer_arm(s->retry, REOPEN_MS);
}

/* A journal directory in which nothing was begun yet has no name. */
static bool is_zero(const uint8_t id[static 16])
{
	static const uint8_t zero[16];

	return !memcmp(id, zero, sizeof(zero));
}

static int open_journal(struct ship *s)
{
	struct feed_opening o;
	char what[256];
	int r;

	r = feed_open(s->journal_dir, s->collector->state_dir, COLLECTOR_CURSOR,
		      &s->feed, &o, what);
	if (r < 0)
		return no_journal(s, what);
	s->cursor = o.cursor;
	if (o.other_journal && !is_zero(o.cursor.journal))
		tell(s, SHIP_NOTICE,
		     "the cursor is of another journal; starting at the "
		     "oldest record of '%s'",
		     s->journal_dir);
	r = use_journal(s);
	if (r < 0) {
		(void)snprintf(what, sizeof(what), "cannot use journal: %s",
			       strerror(-r));
		return no_journal(s, what);
	}
	tell(s, SHIP_DEBUG, "shipping from '%s' behind %" PRIu32 ".%" PRIu64,
	     s->journal_dir, s->cursor.epoch, s->cursor.seq);
	set_state(s, IDLE);
	return pump(s);
}

static void note_gap(struct ship *s, const struct view *v)
{
	uint64_t n = v->seq_end - v->seq;

	if (!v->missing)
		return;
	s->status.missing += n;
	tell(s, SHIP_WARNING,
	     "%" PRIu64 " records were trimmed or damaged before they could "
	     "be shipped, from=%" PRIu32 ".%" PRIu64,
	     n, v->epoch, v->seq);
}

/*
 * 1: the batch took what came next; 0: nothing more now, or no room; -ESTALE:
 * another journal is there.
 */
static int fill_one(struct ship *s)
{
	const struct view *v;
	int got, r;

	got = feed_peek(s->feed, &v);
	if (got <= 0)
		return got;
	if (got == FEED_OTHER)
		return -ESTALE;
	if (got == FEED_RECORD)
		r = batch_add(s->batch, feed_images(s->feed), v);
	else
		r = batch_add_unreadable(s->batch, v->epoch, v->seq,
					 v->seq_end);
	if (r != 1)
		return r;
	if (got == FEED_RECORD)
		note_gap(s, v);
	if (batch_n(s->batch) == 1)
		s->began_ns = clock_mono_ns();
	feed_taken(s->feed);
	return 1;
}

/* Read on; send if there is reason to, else say when there will be. */
static int pump(struct ship *s)
{
	char what[256];
	uint64_t age_ms;
	int r = 1;

	while (r == 1 && !batch_is_full(s->batch))
		r = fill_one(s);
	if (r == -ESTALE && !batch_n(s->batch)) {
		close_journal(s);
		return open_journal(s);
	}
	if (r < 0 && !batch_n(s->batch)) {
		(void)snprintf(what, sizeof(what), "cannot read '%.160s': %s",
			       s->journal_dir, strerror(-r));
		return no_journal(s, what);
	}
	if (!batch_n(s->batch)) {
		if (s->once)
			return stop(s, s->failed);
		return 0;
	}
	age_ms = (clock_mono_ns() - s->began_ns) / NS_PER_MS;
	if (s->once || r < 0 || batch_is_full(s->batch) ||
	    batch_has_alert(s->batch) || age_ms >= s->collector->batch_age_ms)
		return send_next(s);
	return loop_timer_arm(s->age, s->collector->batch_age_ms - age_ms);
}

/* ---- sending ------------------------------------------------------------------ */

static bool is_sent(const struct ship *s, size_t i, size_t *ret_bytes)
{
	struct batch_item it;

	batch_item(s->batch, i, &it);
	*ret_bytes = it.bytes;
	return it.reason == MANIFEST_SENT;
}

static size_t count_sent(const struct ship *s, size_t from, size_t to)
{
	size_t i, n = 0, bytes;

	for (i = from; i < to; i++)
		n += is_sent(s, i, &bytes);
	return n;
}

/*
 * From the first that is not acknowledged: all there is, or half of what is
 * known to hold a refused record; never more than the learnt limit, and
 * always one. What is withheld goes along with whatever is before it.
 */
static struct batch_run choose_run(const struct ship *s)
{
	size_t n = batch_n(s->batch), left = n, used = 0, bytes, to;

	if (s->bad_end > s->acked) {
		left = count_sent(s, s->acked, s->bad_end) / 2;
		left = left ? left : 1;
	}
	for (to = s->acked; to < n; to++) {
		if (!is_sent(s, to, &bytes))
			continue;
		if (!left || (used && used + bytes > s->max_bytes))
			break;
		left--;
		used += bytes;
	}
	return (struct batch_run){ s->acked, to };
}

static int post(struct ship *s, char what[static 256])
{
	struct http_request req = {
		.body = buf_slice(&s->plain),
		.content_type = batch_content_type(s->batch),
	};
	int r;

	if (s->collector->gzip) {
		buf_reset(&s->packed);
		r = gzip_pack(s->gzip, req.body, &s->packed);
		if (r < 0) {
			(void)snprintf(what, 256, "cannot compress: %s",
				       strerror(-r));
			return r;
		}
		req.body = buf_slice(&s->packed);
		req.is_gzip = true;
	}
	s->status.sent_bytes += req.body.n;
	return http_post(s->http, &req, what);
}

static int send_next(struct ship *s)
{
	struct batch_seal seal;
	char what[256] = "out of memory";
	int r;

	s->run = choose_run(s);
	feed_seal(s->feed, &seal.seq, seal.sha256);
	buf_reset(&s->plain);
	batch_build(s->batch, s->run, &seal, &s->plain);
	r = s->plain.failed ? -ENOMEM : post(s, what);
	if (r < 0)
		return retry_later(s, what, true, 0);
	set_state(s, SENDING);
	return 0;
}

/* ---- answers ------------------------------------------------------------------ */

static void save_cursor(struct ship *s)
{
	int r = cursor_save(s->collector->state_dir, COLLECTOR_CURSOR,
			    &s->cursor);

	/*
	 * Shipping goes on: after a restart the same records are sent again,
	 * which their uids tell.
	 */
	if (r < 0 && !s->cursor_failed)
		tell(s, SHIP_ERROR, "cannot save the cursor in '%s': %s",
		     s->collector->state_dir, strerror(-r));
	else if (r == 0 && s->cursor_failed)
		tell(s, SHIP_NOTICE, "the cursor can be saved again");
	s->cursor_failed = r < 0;
	if (r < 0)
		note_error(s, "cannot save the cursor");
}

/* Everything up to the end of the run is done with. */
static int pass_run(struct ship *s)
{
	struct batch_item last;

	batch_item(s->batch, s->run.to - 1, &last);
	s->cursor.epoch = last.epoch;
	s->cursor.seq = last.last;
	save_cursor(s);
	s->acked = s->run.to;
	s->progress_ns = clock_mono_ns();
	s->status_dirty = true;
	if (s->acked < batch_n(s->batch))
		return send_next(s);
	begin_batch(s);
	set_state(s, IDLE);
	return pump(s);
}

static void grow_again(struct ship *s)
{
	if (s->max_bytes >= s->collector->batch_bytes)
		return;
	if (++s->taken_in_row < GROW_AFTER)
		return;
	s->taken_in_row = 0;
	s->max_bytes *= 2;
}

static int on_ack(struct ship *s, const struct response *resp)
{
	size_t sent = count_sent(s, s->run.from, s->run.to);

	if (s->backoff.failures)
		tell(s, SHIP_NOTICE,
		     "collector takes records again, attempts=%u",
		     s->backoff.failures);
	backoff_reset(&s->backoff);
	grow_again(s);
	if (sent)
		s->refused_in_row = 0;
	s->status.acked_ns = clock_wall_ns();
	s->status.sent_batches++;
	s->status.sent_records += sent;
	if (resp->rejected) {
		s->status.rejected += resp->rejected;
		tell(s, SHIP_WARNING,
		     "collector took a batch but rejected %" PRIu64
		     " records of it: %s",
		     resp->rejected, resp->text);
	} else if (*resp->text) {
		tell(s, SHIP_DEBUG, "collector says: %s", resp->text);
	}
	return pass_run(s);
}

static size_t only_sent(const struct ship *s)
{
	size_t i = s->run.from, bytes;

	while (!is_sent(s, i, &bytes))
		i++;
	return i;
}

/* One record stands alone and is refused. */
static int set_aside(struct ship *s, long status, const struct response *resp)
{
	size_t i = only_sent(s);
	char uid[BATCH_UID_MAX], what[256];
	struct dead_letter d = {
		.uid = batch_uid(s->batch, i, uid),
		.format = s->collector->format == COLLECTOR_OTLP ? "otlp"
								 : "picket",
		.status = status,
		.answer = resp->text,
		.record = batch_record(s->batch, i),
		.wall_ns = clock_wall_ns(),
	};
	int r;

	r = dead_letter_append(s->collector->state_dir, COLLECTOR_DEAD, &d);
	if (r < 0) {
		/* Not lost: it is sent, and refused, again. */
		(void)snprintf(what, sizeof(what),
			       "cannot set aside a refused record: %s",
			       strerror(-r));
		return retry_later(s, what, true, 0);
	}
	batch_withhold(s->batch, i, MANIFEST_DEAD_LETTER);
	s->bad_end = 0;
	s->failed = true;
	s->status.dead_letters++;
	note_error(s, resp->text);
	tell(s, SHIP_WARNING, "record %s set aside in %s: %s", uid,
	     COLLECTOR_DEAD, resp->text);
	s->progress_ns = clock_mono_ns();
	if (++s->refused_in_row > REFUSED_IN_ROW)
		return retry_later(s, "it refuses one record after another",
				   true, 0);
	return send_next(s);
}

/* A manifest alone: there is nothing in it that could be set aside. */
static int give_up_manifest(struct ship *s, const struct response *resp)
{
	tell(s, SHIP_WARNING, "a manifest without records was refused: %s",
	     resp->text);
	note_error(s, resp->text);
	return pass_run(s);
}

static int on_refused(struct ship *s, long status, const struct response *resp)
{
	size_t i, bytes, total = 0, sent = 0;

	for (i = s->run.from; i < s->run.to; i++) {
		if (!is_sent(s, i, &bytes))
			continue;
		total += bytes;
		sent++;
	}
	if (!sent)
		return give_up_manifest(s, resp);
	if (sent == 1)
		return set_aside(s, status, resp);
	s->status.retries++;
	if (resp->verdict == RESPONSE_TOO_LARGE) {
		tell(s, SHIP_DEBUG, "halving a request of %zu bytes: %s", total,
		     resp->text);
		s->max_bytes = total / 2;
		s->taken_in_row = 0;
	} else {
		tell(s, SHIP_DEBUG, "bisecting %zu records: %s", sent,
		     resp->text);
		s->bad_end = s->run.to;
	}
	return send_next(s);
}

static int on_answer(const struct http_answer *a, void *arg)
{
	struct ship *s = arg;
	struct response_in in = {
		.status = a->status,
		.error = a->error,
		.retry_after = a->retry_after,
		.content_type = a->content_type,
		.body = a->body,
		.now_s = clock_wall_ns() / (int64_t)NS_PER_S,
	};
	struct response resp;

	response_read(&in, &resp);
	switch (resp.verdict) {
	case RESPONSE_ACK:
		return on_ack(s, &resp);
	case RESPONSE_RETRY:
		return retry_later(s, resp.text, resp.is_setup,
				   resp.retry_after_ms);
	case RESPONSE_TOO_LARGE:
	case RESPONSE_REFUSED:
		return on_refused(s, a->status, &resp);
	}
	return -EINVAL;
}

/* ---- timers ------------------------------------------------------------------- */

static int on_retry(void *arg)
{
	struct ship *s = arg;

	if (s->state == NO_JOURNAL)
		return open_journal(s);
	return s->state == WAITING ? send_next(s) : 0;
}

static int on_age(void *arg)
{
	struct ship *s = arg;

	return s->state == IDLE ? pump(s) : 0;
}

static int on_tick(void *arg)
{
	struct ship *s = arg;

	if (s->status_dirty)
		save_status(s);
	/* A directory put in the place of another makes no descriptor ready. */
	return s->state == IDLE ? pump(s) : 0;
}

/* ---- life --------------------------------------------------------------------- */

int ship_new(struct loop *l, const struct ship_settings *set, struct ship **ret)
{
	struct ship *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->loop = l;
	s->collector = set->collector;
	s->journal_dir = set->journal_dir;
	s->once = set->once;
	s->say = set->say;
	s->say_arg = set->say_arg;
	s->state = NO_JOURNAL;
	s->max_bytes = set->collector->batch_bytes;
	s->backoff.min_ms = set->collector->retry_min_ms;
	s->backoff.max_ms = set->collector->retry_max_ms;
	s->status.started_ns = clock_wall_ns();
	(void)snprintf(s->status.url, sizeof(s->status.url), "%s",
		       set->collector->url);
	buf_init(&s->plain, REQUEST_MAX);
	buf_init(&s->packed, REQUEST_MAX);
	host_read("", &s->host);
	r = http_new(l, s->collector, on_answer, s, &s->http);
	if (r >= 0)
		r = gzip_new(&s->gzip);
	if (r >= 0)
		r = loop_timer_new(l, 0, on_retry, s, &s->retry);
	if (r >= 0)
		r = loop_timer_new(l, 0, on_age, s, &s->age);
	if (r >= 0)
		r = loop_timer_new(l, STATUS_MS, on_tick, s, &s->tick);
	if (r < 0) {
		http_free(s->http);
		gzip_free(s->gzip);
		free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void ship_free(struct ship *s)
{
	if (!s)
		return;
	if (s->state != STOPPED || s->status_dirty) {
		set_state(s, STOPPED);
		save_status(s);
	}
	http_free(s->http);
	close_journal(s);
	gzip_free(s->gzip);
	buf_done(&s->plain);
	buf_done(&s->packed);
	free(s);
}

int ship_start(struct ship *s)
{
	s->progress_ns = clock_mono_ns();
	return loop_timer_arm(s->retry, 0);
}

void ship_reload(struct ship *s)
{
	http_forget(s->http);
	if (s->state == WAITING || s->state == NO_JOURNAL)
		(void)loop_timer_arm(s->retry, 0);
}
