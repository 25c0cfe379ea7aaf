/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shipper's life: ship_journal.c gathers records into a batch and hands it
 * to ship_batch.c when it is full, old or urgent.
 *
 *   IDLE --batch is full, old, urgent--> SENDING --2xx--> next part, or IDLE
 *                                          |  ^
 *                              no, not now v  | the wait is over
 *                                         WAITING, PACED
 */
#include "out/ship_part.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "out/early.h"
#include "out/ship_health.h"

/* The status file is written this often at most. */
#define STATUS_MS   2000
/* A request never needs more: largest batch, largest record, manifest. */
#define REQUEST_MAX (32u << 20)
/* Behind for this long, and fresh alerts are looked for ahead. */
#define LAG_NS	    NS_PER_S

static const char *const state_names[] = {
	[NO_JOURNAL] = "no-journal", [IDLE] = "idle",	[SENDING] = "sending",
	[WAITING] = "waiting",	     [PACED] = "paced", [STOPPED] = "stopped",
};

/* ---- telling ------------------------------------------------------------------ */

__attribute__((format(printf, 3, 4))) void ship_tell(struct ship *s,
						     enum ship_say level,
						     const char *fmt, ...)
{
	const char *name = s->collector->name;
	char line[512];
	va_list ap;
	int n;

	n = snprintf(line, sizeof(line), "%s%s", name, *name ? ": " : "");
	va_start(ap, fmt);
	(void)vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	va_end(ap);
	s->say(s->say_arg, level, line);
}

void ship_set_state(struct ship *s, enum state state)
{
	s->state = state;
	s->status_dirty = true;
}

void ship_note_error(struct ship *s, const char *text)
{
	(void)snprintf(s->status.error, sizeof(s->status.error), "%s", text);
	s->status.error_ns = clock_wall_ns();
	s->status_dirty = true;
}

static int64_t oldest_unsent_ns(const struct ship *s)
{
	struct batch_item it;

	if (!s->batch || s->acked >= batch_n(s->batch))
		return 0;
	batch_item(s->batch, s->acked, &it);
	return it.wall_ns;
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
	t->waiting_since_ns = oldest_unsent_ns(s);
	t->retries_in_row = s->backoff.failures;
	/* It is for looking at; a failure shows as a status that grows old. */
	(void)ship_status_save(s->collector->state_dir, COLLECTOR_STATUS, t);
	s->status_dirty = false;
}

const struct ship_status *ship_status(const struct ship *s)
{
	return &s->status;
}

int ship_stop(struct ship *s, int code)
{
	ship_set_state(s, STOPPED);
	s->done(s->done_arg, code);
	return 0;
}

/* ---- timers ------------------------------------------------------------------- */

static int on_retry(void *arg)
{
	struct ship *s = arg;

	if (s->state == NO_JOURNAL)
		return ship_open_journal(s);
	if (s->state != WAITING && s->state != PACED)
		return 0;
	if (s->told_to_wait)
		(void)early_wake(s->early);
	s->told_to_wait = false;
	return ship_send_next(s);
}

static int on_age(void *arg)
{
	struct ship *s = arg;

	return s->state == IDLE ? ship_pump(s) : 0;
}

static int on_tick(void *arg)
{
	struct ship *s = arg;

	if (s->status_dirty || clock_wall_ns() - s->status.written_ns >=
				       SHIP_SAYS_MS * (int64_t)NS_PER_MS)
		save_status(s);
	if (s->behind_since_ns && clock_mono_ns() - s->behind_since_ns > LAG_NS)
		early_watch(s->early);
	/* A directory put in the place of another makes no descriptor ready. */
	return s->state == IDLE ? ship_pump(s) : 0;
}

/* ---- the second lane ----------------------------------------------------------- */

int ship_took_early(struct ship *s)
{
	s->progress_ns = clock_mono_ns();
	if (s->state != WAITING || s->told_to_wait)
		return 0;
	return loop_timer_arm(s->retry, 0);
}

int ship_is_free(struct ship *s)
{
	return s->is_held && s->state == IDLE ? ship_pump(s) : 0;
}

bool ship_must_wait(const struct ship *s)
{
	return s->state == WAITING && s->told_to_wait;
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
	s->done = set->done;
	s->done_arg = set->done_arg;
	filter_init(&s->filter, s->collector->kinds, s->collector->alerts_only);
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
	r = http_new(l, s->collector, ship_on_answer, s, &s->http);
	if (r >= 0)
		r = gzip_new(&s->gzip);
	if (r >= 0)
		r = dead_letters_new(s->collector->state_dir, s->journal_dir,
				     &s->dead_letters);
	if (r >= 0)
		r = early_new(s, &s->early);
	if (r >= 0)
		r = loop_timer_new(l, 0, on_retry, s, &s->retry);
	if (r >= 0)
		r = loop_timer_new(l, 0, on_age, s, &s->age);
	if (r >= 0)
		r = loop_timer_new(l, STATUS_MS, on_tick, s, &s->tick);
	if (r < 0) {
		early_free(s->early);
		dead_letters_free(s->dead_letters);
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
		ship_set_state(s, STOPPED);
		save_status(s);
	}
	http_free(s->http);
	ship_close_journal(s);
	early_free(s->early);
	dead_letters_free(s->dead_letters);
	gzip_free(s->gzip);
	buf_done(&s->plain);
	buf_done(&s->packed);
	free(s);
}

int ship_start(struct ship *s)
{
	s->progress_ns = clock_mono_ns();
	save_status(s);
	return loop_timer_arm(s->retry, 0);
}

void ship_reload(struct ship *s)
{
	http_forget(s->http);
	s->told_to_wait = false;
	early_reload(s->early);
	if (s->state == WAITING || s->state == NO_JOURNAL)
		(void)loop_timer_arm(s->retry, 0);
}
