/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records are encoded once, when they are read, each behind its tag and
 * length. A request is then a copy of the bytes of a run with a few bytes
 * before and a manifest behind it, so halving and bisecting cost no encoding.
 *
 * One record always fits: the largest that the journal holds is far below the
 * least that batch_bytes may be, but a batch takes its first record whatever
 * its size.
 */
#include "out/batch.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "event.pb-c.h"
#include "out/filter.h"
#include "out/image_set.h"
#include "out/otlp.h"
#include "out/pbwire.h"

/* Encoded, a record may be larger than in the journal, never by this much. */
#define RECORD_MAX     (8u << 20)
/* Manifest, resource, lengths: what a request has besides its records. */
#define ENVELOPE_BYTES 2048

/* Tags of picket.v1.Batch: field << 3 | 2. */
#define TAG_JOURNAL  0x0a
#define TAG_HOST     0x12
#define TAG_IMAGE    0x1a
#define TAG_RECORD   0x22
#define TAG_MANIFEST 0x2a

struct item {
	uint64_t first, last;
	int64_t wall_ns;
	size_t at, n; /* in records, tag and length included */
	size_t head;  /* bytes of tag and length */
	struct image_refs refs;
	enum manifest_reason reason;
	bool missing; /* a gap of the reader's */
};

struct batch {
	struct batch_settings settings;
	size_t max_bytes;
	uint64_t first_seq;
	uint32_t epoch;
	bool has_alert, is_full;

	struct item *items;
	struct manifest_range *withheld;
	size_t n, n_records;
	struct buf records;
	struct buf scratch;

	struct otlp *otlp;
	struct otlp_head head;
	struct image_set *images;
	struct buf host; /* packed picket.v1.Host */
};

/* ---- the host, once --------------------------------------------------------- */

/* protobuf-c has no const; packing does not write. */
static char *unconst(const void *s)
{
	return (char *)(uintptr_t)s;
}

static int pack_host(const struct host *h, struct buf *out)
{
	Picket__V1__Host pb;
	void *at;

	picket__v1__host__init(&pb);
	if (h->has_id)
		pb.id = (ProtobufCBinaryData){ sizeof(h->id),
					       (uint8_t *)unconst(h->id) };
	if (h->has_boot_id)
		pb.boot_id =
			(ProtobufCBinaryData){ sizeof(h->boot_id),
					       (uint8_t *)unconst(h->boot_id) };
	pb.name = unconst(h->name);
	pb.os = unconst(h->os);
	pb.kernel = unconst(h->kernel);
	pb.arch = unconst(h->arch);
	pb.agent_version = unconst(PICKET_VERSION);
	at = buf_extend(out, picket__v1__host__get_packed_size(&pb));
	if (!at)
		return -ENOMEM;
	picket__v1__host__pack(&pb, at);
	return 0;
}

int batch_new(const struct batch_settings *s, struct batch **ret)
{
	struct batch *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return -ENOMEM;
	b->settings = *s;
	b->settings.host = NULL;
	buf_init(&b->records, s->max_bytes + 2 * RECORD_MAX);
	buf_init(&b->scratch, RECORD_MAX);
	buf_init(&b->host, 4096);
	b->items = calloc(s->max_records, sizeof(*b->items));
	b->withheld = calloc(s->max_records, sizeof(*b->withheld));
	r = b->items && b->withheld ? 0 : -ENOMEM;
	if (r >= 0)
		r = otlp_new(&b->otlp);
	if (r >= 0)
		r = otlp_head_init(&b->head, s->host, s->journal);
	if (r >= 0)
		r = image_set_new(&b->images);
	if (r >= 0)
		r = pack_host(s->host, &b->host);
	if (r < 0) {
		batch_free(b);
		return r;
	}
	batch_begin(b, 0, s->max_bytes);
	*ret = b;
	return 0;
}

void batch_free(struct batch *b)
{
	if (!b)
		return;
	otlp_free(b->otlp);
	otlp_head_done(&b->head);
	image_set_free(b->images);
	buf_done(&b->records);
	buf_done(&b->scratch);
	buf_done(&b->host);
	free(b->items);
	free(b->withheld);
	free(b);
}

void batch_begin(struct batch *b, uint64_t first_seq, size_t max_bytes)
{
	b->first_seq = first_seq;
	b->max_bytes = max_bytes < b->settings.max_bytes
			       ? max_bytes
			       : b->settings.max_bytes;
	b->n = 0;
	b->n_records = 0;
	b->has_alert = false;
	b->is_full = false;
	buf_reset(&b->records);
	image_set_reset(b->images);
}

/* ---- encoding one record ------------------------------------------------------ */

static void encode_picket(struct batch *b, const struct view *v)
{
	Picket__V1__Record rec;
	void *at;

	picket__v1__record__init(&rec);
	rec.epoch = v->epoch;
	rec.seq = v->seq;
	rec.event = v->event;
	rec.amendment = v->amendment;
	rec.gap = v->gap;
	at = buf_extend(&b->scratch, picket__v1__record__get_packed_size(&rec));
	if (at)
		picket__v1__record__pack(&rec, at);
}

static int encode(struct batch *b, const struct view_images *images,
		  const struct view *v, struct image_refs *ret_refs)
{
	buf_reset(&b->scratch);
	switch (b->settings.format) {
	case COLLECTOR_OTLP:
		otlp_record(b->otlp, &b->scratch, images, v);
		return 1;
	case COLLECTOR_PICKET:
		encode_picket(b, v);
		/* An amendment's image is that of its event: told there. */
		if (!v->event)
			return 1;
		return image_set_add(b->images, images, v->image, ret_refs);
	}
	return -EINVAL;
}

/* ---- filling ------------------------------------------------------------------ */

static struct item *next_item(struct batch *b, const struct view *v)
{
	struct item *it = &b->items[b->n];

	*it = (struct item){
		.first = v->seq,
		.last = v->seq_end > v->seq ? v->seq_end - 1 : v->seq,
		.wall_ns = v->wall_ns,
		.at = b->records.n,
	};
	return it;
}

static bool takes(struct batch *b, uint32_t epoch)
{
	/* A manifest names one epoch. */
	if (b->n && (b->n == b->settings.max_records || b->epoch != epoch)) {
		b->is_full = true;
		return false;
	}
	b->epoch = epoch;
	return true;
}

static bool fits(const struct batch *b, size_t n)
{
	return b->records.n + image_set_bytes(b->images) + n + ENVELOPE_BYTES <=
	       b->max_bytes;
}

int batch_add(struct batch *b, const struct view_images *images,
	      const struct view *v)
{
	uint8_t tag = b->settings.format == COLLECTOR_OTLP ? OTLP_RECORD_TAG
							   : TAG_RECORD;
	struct image_refs refs = { 0, 0 };
	struct item *it;
	size_t n;
	int r;

	if (!takes(b, v->epoch))
		return 0;
	r = encode(b, images, v, &refs);
	n = wire_field_size(b->scratch.n);
	if (b->n && (r == 0 || (!b->scratch.failed && !fits(b, n)))) {
		b->is_full = true;
		return 0;
	}
	if (r <= 0 || b->scratch.failed)
		return batch_add_withheld(b, v, MANIFEST_UNREADABLE);

	it = next_item(b, v);
	it->refs = refs;
	it->missing = v->missing;
	wire_tag(&b->records, tag, b->scratch.n);
	it->head = b->records.n - it->at;
	buf_add_slice(&b->records, buf_slice(&b->scratch));
	if (b->records.failed) {
		b->records.failed = false;
		b->records.n = it->at;
		return batch_add_withheld(b, v, MANIFEST_UNREADABLE);
	}
	it->n = b->records.n - it->at;
	b->n++;
	b->n_records++;
	if (filter_is_alert(v))
		b->has_alert = true;
	if (b->n == b->settings.max_records || !fits(b, 0))
		b->is_full = true;
	return 1;
}

/* The item before, if it can be that of one more number. */
static struct item *to_widen(struct batch *b, const struct view *v,
			     enum manifest_reason why)
{
	struct item *it = b->n ? &b->items[b->n - 1] : NULL;

	if (!it || it->reason != why || b->epoch != v->epoch ||
	    it->last + 1 != v->seq)
		return NULL;
	return it;
}

int batch_add_withheld(struct batch *b, const struct view *v,
		       enum manifest_reason why)
{
	struct item *it = to_widen(b, v, why);

	if (it) {
		it->last = v->seq_end > v->seq ? v->seq_end - 1 : v->seq;
		it->wall_ns = v->wall_ns;
		return 1;
	}
	if (!takes(b, v->epoch))
		return 0;
	next_item(b, v)->reason = why;
	b->n++;
	return 1;
}

size_t batch_n_records(const struct batch *b)
{
	return b->n_records;
}

size_t batch_n(const struct batch *b)
{
	return b->n;
}

bool batch_is_full(const struct batch *b)
{
	return b->is_full;
}

bool batch_has_alert(const struct batch *b)
{
	return b->has_alert;
}

/* ---- items -------------------------------------------------------------------- */

void batch_item(const struct batch *b, size_t i, struct batch_item *ret)
{
	const struct item *it = &b->items[i];

	*ret = (struct batch_item){ it->first,	it->last, b->epoch,
				    it->reason, it->n,	  it->wall_ns };
}

void batch_withhold(struct batch *b, size_t i, enum manifest_reason why)
{
	b->items[i].reason = why;
}

const char *batch_uid(const struct batch *b, size_t i,
		      char buf[static VIEW_UID_MAX])
{
	const struct item *it = &b->items[i];
	struct view v = {
		.epoch = b->epoch,
		.seq = it->first,
		.seq_end = it->last + 1,
		.missing = it->missing,
	};

	memcpy(v.journal, b->settings.journal, sizeof(v.journal));
	return view_uid(&v, buf);
}

struct slice batch_record(const struct batch *b, size_t i)
{
	const struct item *it = &b->items[i];

	return slice_of(b->records.p + it->at + it->head, it->n - it->head);
}

/* ---- requests ----------------------------------------------------------------- */

static void add_withheld(struct batch *b, struct manifest *m,
			 const struct item *it)
{
	struct manifest_range *last =
		m->n_withheld ? &b->withheld[m->n_withheld - 1] : NULL;

	if (last && last->reason == it->reason && last->last + 1 == it->first) {
		last->last = it->last;
		return;
	}
	b->withheld[m->n_withheld++] =
		(struct manifest_range){ it->first, it->last, it->reason };
}

/* What is between two items was never a record: still accounted for. */
static uint64_t first_covered(const struct batch *b, struct batch_run run)
{
	uint64_t first = b->items[run.from].first;

	if (run.from)
		return b->items[run.from - 1].last + 1;
	return b->first_seq && b->first_seq < first ? b->first_seq : first;
}

static void make_manifest(struct batch *b, struct batch_run run,
			  const struct batch_seal *seal, struct manifest *m)
{
	size_t i;

	*m = (struct manifest){
		.is_early = b->settings.is_early,
		.epoch = b->epoch,
		.first_seq = b->items[run.from].first,
		.last_seq = b->items[run.to - 1].last,
		.withheld = b->withheld,
		.sealed_seq = seal->seq,
	};
	if (!m->is_early)
		m->first_seq = first_covered(b, run);
	memcpy(m->journal, b->settings.journal, sizeof(m->journal));
	memcpy(m->seal_sha256, seal->sha256, sizeof(m->seal_sha256));
	m->tally = seal->tally;
	for (i = run.from; i < run.to; i++) {
		const struct item *it = &b->items[i];

		/* Of its newest record, so that a retry is the same bytes. */
		if (it->wall_ns > m->time_ns)
			m->time_ns = it->wall_ns;
		if (it->reason == MANIFEST_SENT)
			m->count++;
		else
			add_withheld(b, m, it);
	}
	if (!m->time_ns)
		m->time_ns = clock_wall_ns();
}

static void add_records(struct batch *b, struct batch_run run, struct buf *out)
{
	size_t i;

	for (i = run.from; i < run.to; i++) {
		const struct item *it = &b->items[i];

		if (it->reason == MANIFEST_SENT)
			buf_add(out, b->records.p + it->at, it->n);
	}
}

static void build_otlp(struct batch *b, struct batch_run run,
		       const struct manifest *m, struct buf *out)
{
	cleanup_buf struct buf records = BUF_INIT(b->records.max);

	add_records(b, run, &records);
	buf_reset(&b->scratch);
	otlp_manifest(b->otlp, &b->scratch, m);
	wire_tag(&records, OTLP_RECORD_TAG, b->scratch.n);
	buf_add_slice(&records, buf_slice(&b->scratch));
	if (records.failed || b->scratch.failed) {
		out->failed = true;
		return;
	}
	otlp_request(out, &b->head, buf_slice(&records));
}

static void build_picket(struct batch *b, struct batch_run run,
			 const struct manifest *m, struct buf *out)
{
	size_t i;

	wire_tag(out, TAG_JOURNAL, sizeof(m->journal));
	buf_add(out, m->journal, sizeof(m->journal));
	wire_tag(out, TAG_HOST, b->host.n);
	buf_add_slice(out, buf_slice(&b->host));
	image_set_begin(b->images);
	for (i = run.from; i < run.to; i++) {
		if (b->items[i].reason == MANIFEST_SENT)
			image_set_put(b->images, b->items[i].refs, TAG_IMAGE,
				      out);
	}
	add_records(b, run, out);
	buf_reset(&b->scratch);
	manifest_pack(&b->scratch, m);
	wire_tag(out, TAG_MANIFEST, b->scratch.n);
	buf_add_slice(out, buf_slice(&b->scratch));
	if (b->scratch.failed)
		out->failed = true;
}

void batch_build(struct batch *b, struct batch_run run,
		 const struct batch_seal *seal, struct buf *out)
{
	struct manifest m;

	make_manifest(b, run, seal, &m);
	switch (b->settings.format) {
	case COLLECTOR_OTLP:
		build_otlp(b, run, &m, out);
		break;
	case COLLECTOR_PICKET:
		build_picket(b, run, &m, out);
		break;
	}
}

const char *batch_content_type(const struct batch *b)
{
	(void)b;
	return "application/x-protobuf";
}
