/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the status that tells of each destination. */
#include <inttypes.h>

#include "app/health.h"
#include "base/clock.h"
#include "base/escape.h"
#include "base/text.h"

/* The status is one screen: so many collectors are told of in full there … */
#define WHOLE_MAX 2
/* … and so many in a line each. */
#define BRIEF_MAX 4

static uint64_t age_ms(int64_t wall_ns)
{
	int64_t age_ns = clock_wall_ns() - wall_ns;

	return age_ns > 0 ? (uint64_t)age_ns / NS_PER_MS : 0;
}

static void add_age(struct buf *out, uint64_t ms)
{
	buf_addf(out, "%" PRIu64 ".%" PRIu64 " s", ms / 1000, ms / 100 % 10);
}

static const char *state_of(const struct destination *d)
{
	if (d->is_running)
		return d->has_status ? d->status.state : "starting";
	return d->has_status ? "not running" : "never started";
}

/* ---- text --------------------------------------------------------------------- */

static void text_error(struct buf *out, const struct ship_status *s)
{
	char when[32];

	if (!s->error_ns)
		return;
	buf_addf(out,
		 "          last error %s: ", clock_print(s->error_ns, when));
	escape_text(out, slice_str(s->error));
	buf_add_char(out, '\n');
}

static void text_one(struct buf *out, const struct destination *d)
{
	const struct ship_status *s = &d->status;
	char size[24];

	buf_addf(out, "collector %s%s%s  ", d->name, *d->name ? "  " : "",
		 d->url);
	/* Written by the shipper, which has met the network: to be escaped. */
	escape_text(out, slice_str(state_of(d)));
	buf_add_char(out, '\n');
	buf_addf(out, "          acknowledged to %" PRIu64,
		 d->has_cursor ? d->cursor.seq : 0);
	if (s->acked_ns) {
		buf_add_str(out, ", ");
		add_age(out, age_ms(s->acked_ns));
		buf_add_str(out, " ago");
	}
	buf_addf(out, "  backlog %" PRIu64 " records", d->behind_records);
	if (d->behind_records) {
		buf_addf(out, ", %s, oldest ",
			 text_print_about(d->behind_bytes, size));
		add_age(out, d->behind_ms);
	}
	buf_addf(out,
		 "\n          %" PRIu64 " retries  %" PRIu64
		 " dead letters  %" PRIu64 " rejected  %" PRIu64 " missed\n",
		 s->retries, s->dead_letters, s->rejected, s->missing);
	text_error(out, s);
}

static bool is_troubled(const struct destination *d)
{
	return !d->is_running || d->status.retries_in_row;
}

static void text_brief(struct buf *out, const struct destination *d)
{
	buf_addf(out, "collector %s%s", d->name, *d->name ? "  " : "");
	escape_text(out, slice_str(state_of(d)));
	buf_addf(out, "  backlog %" PRIu64 " records", d->behind_records);
	if (d->behind_records) {
		buf_add_str(out, ", oldest ");
		add_age(out, d->behind_ms);
	}
	if (is_troubled(d) && d->status.error_ns) {
		buf_add_str(out, "  ");
		escape_text(out, slice_str(d->status.error));
	}
	buf_add_char(out, '\n');
}

/* As many as a screen has room for, those in trouble first. */
static void text_briefs(struct buf *out, const struct health *h)
{
	size_t told = 0, troubled = 0, i;

	for (int pass = 0; pass < 2; pass++) {
		for (i = 0; i < h->destination_count; i++) {
			const struct destination *d = &h->destinations[i];

			if (is_troubled(d) == !!pass)
				continue;
			troubled += !pass;
			if (told == BRIEF_MAX)
				continue;
			text_brief(out, d);
			told++;
		}
	}
	if (told == h->destination_count)
		return;
	buf_addf(out, "          and %zu more, %zu of them in trouble\n",
		 h->destination_count - told,
		 troubled > told ? troubled - told : 0);
}

void health_ship_text(struct buf *out, const struct health *h)
{
	size_t i;

	if (!h->destination_count)
		buf_add_str(out, "collector none configured\n");
	if (h->destination_count > WHOLE_MAX) {
		text_briefs(out, h);
		return;
	}
	for (i = 0; i < h->destination_count; i++)
		text_one(out, &h->destinations[i]);
}

void health_ship_more(struct buf *out, const struct health *h)
{
	size_t i;

	if (h->destination_count <= WHOLE_MAX)
		return;
	buf_add_char(out, '\n');
	for (i = 0; i < h->destination_count; i++)
		text_one(out, &h->destinations[i]);
}

/* ---- JSON --------------------------------------------------------------------- */

static void json_string(struct buf *out, const char *key, const char *s)
{
	buf_addf(out, ",\"%s\":", key);
	escape_json(out, slice_str(s), NULL);
}

static void json_time(struct buf *out, const char *key, int64_t wall_ns)
{
	char when[32];

	json_string(out, key, wall_ns ? clock_print(wall_ns, when) : "");
}

static void json_one(struct buf *out, const struct destination *d)
{
	const struct ship_status *s = &d->status;
	const struct {
		const char *key;
		uint64_t value;
	} numbers[] = {
		{ "acknowledged_seq", d->has_cursor ? d->cursor.seq : 0 },
		{ "acknowledged_epoch", d->has_cursor ? d->cursor.epoch : 0 },
		{ "backlog", d->behind_records },
		{ "backlog_bytes", d->behind_bytes },
		{ "backlog_ms", d->behind_ms },
		{ "sent_records", s->sent_records },
		{ "sent_batches", s->sent_batches },
		{ "sent_bytes", s->sent_bytes },
		{ "sent_early", s->early },
		{ "filtered", s->filtered },
		{ "retries", s->retries },
		{ "retries_in_row", s->retries_in_row },
		{ "dead_letters", s->dead_letters },
		{ "rejected", s->rejected },
		{ "unreadable", s->unreadable },
		{ "missing", s->missing },
	};
	size_t i;

	buf_add_str(out, "{\"name\":");
	escape_json(out, slice_str(d->name), NULL);
	json_string(out, "url", d->url);
	json_string(out, "state", state_of(d));
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		buf_addf(out, ",\"%s\":%" PRIu64, numbers[i].key,
			 numbers[i].value);
	json_time(out, "acknowledged", s->acked_ns);
	json_string(out, "error", s->error);
	json_time(out, "error_time", s->error_ns);
	buf_add_char(out, '}');
}

void health_ship_json(struct buf *out, const struct health *h)
{
	size_t i;

	buf_add_str(out, ",\"collectors\":[");
	for (i = 0; i < h->destination_count; i++) {
		if (i)
			buf_add_char(out, ',');
		json_one(out, &h->destinations[i]);
	}
	buf_add_char(out, ']');
}
