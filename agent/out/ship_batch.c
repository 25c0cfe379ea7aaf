/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch on its way, part by part: what goes into the next request, when it
 * may be sent, and how long to wait after one that failed. What an answer means
 * for the batch is in ship_answer.c.
 *
 * Items before `acked` are done with, and the cursor is behind them. Items
 * before `bad_end` are known to hold one that the collector refuses, so only
 * half of them is sent.
 */
#include "out/ship_part.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "out/early.h"

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

int ship_retry_later(struct ship *s, const char *text, bool is_setup,
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

bool ship_is_sent(const struct ship *s, size_t i, size_t *ret_bytes)
{
	struct batch_item it;

	batch_item(s->batch, i, &it);
	*ret_bytes = it.bytes;
	return it.reason == MANIFEST_SENT;
}

size_t ship_count_sent(const struct ship *s, size_t from, size_t to)
{
	size_t i, n = 0, bytes;

	for (i = from; i < to; i++)
		n += ship_is_sent(s, i, &bytes);
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
		left = ship_count_sent(s, s->acked, s->bad_end) / 2;
		left = left ? left : 1;
	}
	for (to = s->acked; to < n; to++) {
		if (!ship_is_sent(s, to, &bytes))
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

int ship_send_run(struct ship *s)
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
		return ship_retry_later(s, what, true, 0);
	ship_set_state(s, SENDING);
	return 0;
}

/* ---- the pace of a backlog ------------------------------------------------------ */

/* Is what comes next one, and is its rate limited? */
bool ship_is_replay(const struct ship *s)
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
	       (batch_n(s->batch) && ship_is_replay(s) &&
		batch_n_records(s->batch) >=
			(s->collector->replay_rate + 1) / 2);
}

void ship_note_replayed(struct ship *s, size_t records)
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

	if (ship_is_replay(s) && now < s->paced_until_ns) {
		ship_set_state(s, PACED);
		return loop_timer_arm(
			s->retry, (s->paced_until_ns - now) / NS_PER_MS + 1);
	}
	s->run = choose_run(s);
	return ship_send_run(s);
}
