/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a collector's answer means for the batch.
 *
 * A part that was taken is done with: the cursor moves behind it. A part that
 * was refused for good is bisected until one record stands alone. That record
 * is withheld from the next request, whose manifest names it; only once that
 * request was taken is the record set aside as a dead letter and passed, for
 * if the manifest is refused too it was not the record's fault.
 */
#include "out/ship_part.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

	while (!ship_is_sent(s, i, &bytes))
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
		return ship_retry_later(s, resp->text, false, 0);
	}
	of->item = only_sent(s);
	of->status = status;
	memcpy(of->text, resp->text, sizeof(of->text));
	of->is_tried = true;
	batch_withhold(s->batch, of->item, MANIFEST_DEAD_LETTER);
	s->status.retries++;
	return ship_send_run(s);
}

static int on_refused(struct ship *s, long status, const struct response *resp)
{
	size_t i, bytes, total = 0, sent = 0;

	for (i = s->run.from; i < s->run.to; i++) {
		if (!ship_is_sent(s, i, &bytes))
			continue;
		total += bytes;
		sent++;
	}
	/* A manifest alone, in which there is nothing to refuse. */
	if (!sent)
		return ship_retry_later(s, resp->text, true, 0);
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
	size_t sent = ship_count_sent(s, s->run.from, s->run.to);
	char what[128];
	int r;

	if (s->suspect.is_tried) {
		r = set_aside(s);
		if (r < 0) {
			/* Not lost: it is sent, and refused, again. */
			(void)snprintf(what, sizeof(what),
				       "cannot set aside a refused record: %s",
				       strerror(-r));
			return ship_retry_later(s, what, true, 0);
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
	if (ship_is_replay(s))
		ship_note_replayed(s, sent);
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
		return ship_retry_later(s, resp.text, resp.is_setup,
					resp.retry_after_ms);
	case RESPONSE_TOO_LARGE:
	case RESPONSE_REFUSED:
		return on_refused(s, a->status, &resp);
	}
	return -EINVAL;
}
