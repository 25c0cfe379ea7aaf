// SPDX-License-Identifier: Apache-2.0
/* What became known of an event later, in words. */
#include "out/text_part.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "out/names.h"

/* Told so much later than it ended, it says when it did. */
#define TOLD_LATE_NS ((int64_t)(60 * NS_PER_S))

static void add_connect_result(struct buf *out, const struct view *v)
{
	const Picket__V1__ConnectResult *c = v->amendment->connect;
	const char *outcome = name_outcome(c->error);

	text_address(out, c->peer, true);
	if (outcome)
		buf_addf(out, " %s", outcome);
	else
		buf_addf(out, " failed with errno %" PRIu32, c->error);
	if (!c->error) {
		buf_add_str(out, " from ");
		text_address(out, c->local, true);
	}
}

static void add_write_totals(struct buf *out, const struct view *v)
{
	const Picket__V1__WriteTotals *t = v->amendment->write;
	const char *join = " (";

	if (v->amended.known && v->amended.path.n) {
		if (v->amended.path_cut)
			buf_add_str(out, "…");
		text_path(out, v->amended.path);
	} else {
		buf_addf(out, "event %" PRIu64, v->amendment->seq);
	}
	buf_addf(out, ": %" PRIu64 " operations", t->count);
	for (size_t i = 0; i < t->n_operations && i < 16; i++) {
		buf_add_str(out, join);
		buf_add_str(out, name_operation(t->operations[i]));
		join = ", ";
	}
	buf_addf(out, "%s, %" PRIu64 " bytes", t->n_operations ? ")" : "",
		 t->bytes);
}

/* The words wait for a package's name, and there is none. */
static void end_without_name(struct buf *out)
{
	static const char of[] = "; of ";
	size_t n = sizeof(of) - 1;

	if (out->n > n && !memcmp(out->p + out->n - n, of, n))
		out->n -= n;
	else if (out->n && out->p[out->n - 1] == ' ')
		out->n--;
}

static void add_finding(struct buf *out, const Picket__V1__Finding *f)
{
	char hex[17];

	buf_addf(out, " %s", name_trust_said(f->trust, f->hash));
	if (*f->package)
		text_cut(out, slice_str(f->package), TEXT_SENTENCE_MAX);
	else
		end_without_name(out);
	if (f->sha256.len != 32)
		return;
	buf_addf(out, ", sha256 %s…", hex_print(f->sha256.data, 8, hex));
}

static void add_resolution(struct buf *out, const struct view *v)
{
	const Picket__V1__Resolution *r = v->amendment->resolution;
	const Picket__V1__Image *img = v->image;

	if (img && img->exe)
		text_path(out, slice_of((char *)img->exe->path.data,
					img->exe->path.len));
	else
		buf_addf(out, "event %" PRIu64, v->amendment->seq);
	if (r->exe)
		add_finding(out, r->exe);
	if (r->script && img) {
		buf_add_str(out, "; ");
		text_path(out,
			  slice_of((char *)img->script.data, img->script.len));
		add_finding(out, r->script);
	} else if (img && img->script.len && !img->script_file) {
		/* Else a packaged interpreter would stand there as unlisted. */
		buf_add_str(out, "; of its script ");
		text_path(out,
			  slice_of((char *)img->script.data, img->script.len));
		buf_add_str(out, " only the caller's word is known");
	}
	if (r->timed_out)
		buf_add_str(out, ", not all found out in time");
}

static void add_repeats(struct buf *out, const struct view *v)
{
	const Picket__V1__AlertRepeats *r = v->amendment->repeats;
	char uid[VIEW_UID_MAX];
	struct view last = *v;
	char time[32];

	last.epoch = r->last_epoch;
	last.seq = r->last_seq;
	buf_addf(out, "%" PRIu64 " matches, %" PRIu64 " told; the last is %s",
		 r->count, r->alerted, view_uid(&last, uid));
	/* Nobody was there to tell it then. */
	if (r->until_wall_ns && v->wall_ns - r->until_wall_ns > TOLD_LATE_NS)
		buf_addf(out, "; they ended by %s",
			 clock_print(r->until_wall_ns, time));
}

void text_amendment(struct buf *out, const struct view *v)
{
	buf_add_str(out, "… ");
	if (v->amendment->connect)
		add_connect_result(out, v);
	else if (v->amendment->write)
		add_write_totals(out, v);
	else if (v->amendment->resolution)
		add_resolution(out, v);
	else if (v->amendment->repeats)
		add_repeats(out, v);
	else
		buf_addf(out, "more became known of event %" PRIu64,
			 v->amendment->seq);
}
