/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch on its way, part by part.
 *
 * `acked` items of it are done with and the cursor stands behind them. Of the
 * rest, those before `bad_end` are known to hold something that the collector
 * refuses: half of them is tried, until one record stands alone, is set aside
 * and withheld, and the others go on. A withheld record is accounted for by
 * the manifest of the request that passes it; only then the cursor does.
 */
#include "out/ship_part.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "out/early.h"
#include "out/response.h"

/*
 * Single records refused in a row before each further one costs a wait: a
 * collector that takes manifests and no record must not empty the journal
 * into the dead letters in a minute.
 */
#define REFUSED_IN_ROW 8
/* Requests taken before a limit learnt from a 413 is tried to be doubled. */
#define GROW_AFTER     64

/* ---- waiting ------------------------------------------------------------------ */

uint64_t ship_random(void)
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
		ship_tell(s, SHIP_ERROR,
			  "giving up: no progress within %" PRIu64
			  " ms, the journal keeps what is left",
			  s->collector->timeout_ms);
		return ship_stop(s, 1);
	}
	ship_set_state(s, state);
	return loop_timer_arm(s->retry, ms);
}

/* It came to nothing: the suspect is an ordinary record again. */
static void end_try(struct ship *s)
{
	if (s->suspect.is_tried)
		batch_withhold(s->batch, s->suspect.item, MANIFEST_SENT);
	s->suspect.is_tried = false;
}

static int retry_later(struct ship *s, const char *text, bool is_setup,
		       uint64_t wanted_ms)
{
	uint64_t ms = backoff_next(&s->backoff, wanted_ms, ship_random());

	end_try(s);
	s->told_to_wait = wanted_ms != 0;
	early_watch(s->early);
	ship_note_error(s, text);
	s->status.retries++;
	/* The first is news, and so is one in which the operator must act. */
	ship_tell(s, s->backoff.failures == 1 ? SHIP_WARNING : SHIP_DEBUG,
		  "%s: %s; trying again in %" PRIu64 " ms, attempt=%u",
		  is_setup ? "collector does not accept this shipper"
			   : "collector does not take records",
		  text, ms, s->backoff.failures);
	return wait_then(s, WAITING, ms);
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

int ship_post(struct ship *s, struct http *h, const struct buf *plain,
	      struct buf *packed, char what[static 256])
{
	struct http_request req = {
		.body = buf_slice(plain),
		.content_type = batch_content_type(s->batch),
	};
	int r;

	if (s->collector->gzip) {
		buf_reset(packed);
		r = gzip_pack(s->gzip, req.body, packed);
		if (r < 0) {
			(void)snprintf(what, 256, "cannot compress: %s",
				       strerror(-r));
			return r;
		}
		req.body = buf_slice(packed);
		req.is_gzip = true;
	}
	s->status.sent_bytes += req.body.n;
	return http_post(h, &req, what);
}

static int send_run(struct ship *s)
{
	struct batch_seal seal = { .tally = &s->tally };
	char what[256] = "out of memory";
	int r;

	feed_seal(s->feed, &seal.seq, seal.sha256);
	buf_reset(&s->plain);
	batch_build(s->batch, s->run, &seal, &s->plain);
	r = s->plain.failed
		    ? -ENOMEM
		    : ship_post(s, s->http, &s->plain, &s->packed, what);
	if (r < 0)
		return retry_later(s, what, true, 0);
	ship_set_state(s, SENDING);
	return 0;
}

/* ---- the pace of a backlog ------------------------------------------------------ */

/* Is what comes next one, and is its rate limited? */
static bool is_replay(const struct ship *s)
{
	struct batch_item it;

	if (!s->collector->replay_rate)
		return false;
	batch_item(s->batch, s->acked, &it);
	/* Wall time alone would take all for old once the clock is set back. */
	return it.wall_ns < s->backlog_before_ns &&
	       (!s->backlog_end || it.first <= s->backlog_end);
}

/* What was made up to now is one, until everything is read. */
void ship_begin_backlog(struct ship *s)
{
	s->backlog_before_ns = clock_wall_ns();
	s->backlog_end = 0;
}

/*
 * Of a backlog half a second's worth is enough: what is read is to wait in
 * the journal, where the second lane finds the alerts, and not in a batch.
 */
bool ship_batch_is_full(const struct ship *s)
{
	return batch_is_full(s->batch) ||
	       (batch_n(s->batch) && is_replay(s) &&
		batch_n_records(s->batch) >=
			(s->collector->replay_rate + 1) / 2);
}

static void note_replayed(struct ship *s, size_t records)
{
	uint64_t now = clock_mono_ns();

	if (!s->collector->replay_rate)
		return;
	if (s->paced_until_ns < now)
		s->paced_until_ns = now;
	s->paced_until_ns += records * NS_PER_S / s->collector->replay_rate;
}

int ship_send_next(struct ship *s)
{
	uint64_t now = clock_mono_ns();

	if (is_replay(s) && now < s->paced_until_ns) {
		ship_set_state(s, PACED);
		return loop_timer_arm(
			s->retry, (s->paced_until_ns - now) / NS_PER_MS + 1);
	}
	s->run = choose_run(s);
	return send_run(s);
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
		ship_tell(s, SHIP_ERROR, "cannot save the cursor in '%s': %s",
			  s->collector->state_dir, strerror(-r));
	else if (r == 0 && s->cursor_failed)
		ship_tell(s, SHIP_NOTICE, "the cursor can be saved again");
	s->cursor_failed = r < 0;
	if (r < 0)
		ship_note_error(s, "cannot save the cursor");
}

static void count_withheld(struct ship *s)
{
	uint64_t *const by_reason[MANIFEST_REASON_COUNT] = {
		[MANIFEST_UNREADABLE] = &s->status.unreadable,
		[MANIFEST_FILTERED] = &s->status.filtered,
	};
	struct batch_item it;
	size_t i;

	for (i = s->run.from; i < s->run.to; i++) {
		batch_item(s->batch, i, &it);
		if (by_reason[it.reason])
			*by_reason[it.reason] += it.last - it.first + 1;
	}
}

/* Before the cursor: what is met again is not counted again. */
static void save_tally(struct ship *s)
{
	int r;

	if (!s->tally_changed)
		return;
	r = tally_save(s->collector->state_dir, &s->tally);
	if (r < 0)
		ship_note_error(s, "cannot save what the journal tells");
	s->tally_changed = r < 0;
}

/* Everything up to the end of the run is done with. */
static int pass_run(struct ship *s)
{
	struct batch_item last;

	count_withheld(s);
	save_tally(s);
	batch_item(s->batch, s->run.to - 1, &last);
	s->cursor.epoch = last.epoch;
	s->cursor.seq = last.last;
	save_cursor(s);
	early_pass(s->early);
	s->acked = s->run.to;
	s->progress_ns = clock_mono_ns();
	s->status_dirty = true;
	if (s->acked < batch_n(s->batch))
		return ship_send_next(s);
	ship_begin_batch(s);
	ship_set_state(s, IDLE);
	return ship_pump(s);
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

static size_t only_sent(const struct ship *s)
{
	size_t i = s->run.from, bytes;

	while (!is_sent(s, i, &bytes))
		i++;
	return i;
}

/* The suspect is the one: what was withheld for a try is so for good. */
static int set_aside(struct ship *s)
{
	const struct ship_suspect *of = &s->suspect;
	char uid[VIEW_UID_MAX];
	struct batch_item it;
	struct dead_letter d = {
		.destination = s->collector->name,
		.url = s->collector->url,
		.uid = batch_uid(s->batch, of->item, uid),
		.format = s->collector->format == COLLECTOR_OTLP ? "otlp"
								 : "picket",
		.status = (uint32_t)of->status,
		.answer = of->text,
		.record = batch_record(s->batch, of->item),
		.wall_ns = clock_wall_ns(),
	};
	bool gone;
	int r;

	batch_item(s->batch, of->item, &it);
	memcpy(d.journal, s->cursor.journal, sizeof(d.journal));
	d.epoch = it.epoch;
	d.seq = it.first;
	r = dead_letters_add(s->dead_letters, &d, &gone);
	if (r < 0)
		return r;
	if (gone)
		ship_tell(s, SHIP_WARNING,
			  "too many dead letters: the oldest had to go");
	s->bad_end = 0;
	s->failed = true;
	s->refused_in_row++;
	s->status.dead_letters++;
	ship_note_error(s, of->text);
	ship_tell(s, SHIP_WARNING, "record %s set aside in %s: %s", uid,
		  COLLECTOR_DEAD, of->text);
	return 0;
}

/* One record stands alone and is refused. */
static int on_refused_alone(struct ship *s, long status,
			    const struct response *resp)
{
	struct ship_suspect *of = &s->suspect;

	/* An error of the server's own, or of many: perhaps not the next time. */
	if (!of->asked_again &&
	    (status >= 500 || s->refused_in_row >= REFUSED_IN_ROW)) {
		of->asked_again = true;
		return retry_later(s, resp->text, false, 0);
	}
	of->item = only_sent(s);
	of->status = status;
	memcpy(of->text, resp->text, sizeof(of->text));
	of->is_tried = true;
	batch_withhold(s->batch, of->item, MANIFEST_DEAD_LETTER);
	s->status.retries++;
	return send_run(s);
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
	/* A manifest alone, in which there is nothing to refuse. */
	if (!sent)
		return retry_later(s, resp->text, true, 0);
	if (sent == 1)
		return on_refused_alone(s, status, resp);
	s->status.retries++;
	if (resp->verdict == RESPONSE_TOO_LARGE) {
		ship_tell(s, SHIP_DEBUG, "halving a request of %zu bytes: %s",
			  total, resp->text);
		s->max_bytes = total / 2;
		s->taken_in_row = 0;
	} else {
		ship_tell(s, SHIP_DEBUG, "bisecting %zu records: %s", sent,
			  resp->text);
		s->bad_end = s->run.to;
	}
	return ship_send_next(s);
}

static void took_again(struct ship *s)
{
	if (s->backoff.failures)
		ship_tell(s, SHIP_NOTICE,
			  "collector takes records again, attempts=%u",
			  s->backoff.failures);
	if (s->backoff.failures)
		ship_begin_backlog(s);
	backoff_reset(&s->backoff);
	(void)early_wake(s->early);
}

/* No more than were sent, whatever it says: a counter is to be believed. */
void ship_note_rejected(struct ship *s, const struct response *resp,
			size_t sent)
{
	uint64_t n = resp->rejected < sent ? resp->rejected : sent;

	s->status.rejected += n;
	if (resp->rejected)
		ship_tell(s, SHIP_WARNING,
			  "collector took a batch but rejected %" PRIu64
			  " records of it: %s",
			  n, resp->text);
	else if (*resp->text)
		ship_tell(s, SHIP_DEBUG, "collector says: %s", resp->text);
}

static int on_ack(struct ship *s, const struct response *resp)
{
	size_t sent = count_sent(s, s->run.from, s->run.to);
	char what[128];
	int r;

	if (s->suspect.is_tried) {
		r = set_aside(s);
		if (r < 0) {
			/* Not lost: it is sent, and refused, again. */
			(void)snprintf(what, sizeof(what),
				       "cannot set aside a refused record: %s",
				       strerror(-r));
			return retry_later(s, what, true, 0);
		}
	} else {
		took_again(s);
	}
	s->suspect.is_tried = false;
	s->suspect.asked_again = false;
	grow_again(s);
	if (sent)
		s->refused_in_row = 0;
	s->status.acked_ns = clock_wall_ns();
	s->status.sent_batches++;
	s->status.sent_records += sent;
	if (is_replay(s))
		note_replayed(s, sent);
	ship_note_rejected(s, resp, sent);
	return pass_run(s);
}

void ship_read_answer(const struct http_answer *a, struct response *ret)
{
	struct response_in in = {
		.status = a->status,
		.error = a->error,
		.retry_after = a->retry_after,
		.content_type = a->content_type,
		.body = a->body,
		.now_s = clock_wall_ns() / (int64_t)NS_PER_S,
	};

	response_read(&in, ret);
}

int ship_on_answer(const struct http_answer *a, void *arg)
{
	struct ship *s = arg;
	struct response resp;

	ship_read_answer(a, &resp);
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
