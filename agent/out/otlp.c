/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes -> protobuf of OTLP, written straight from the list: protobuf-c
 * would want a tree of structs and walk it twice, which cost a third of all
 * that shipping a record does (tried). proto/otlp_logs.proto is what this
 * writes; the tests read it with the code that protoc-c makes of that, and
 * end to end with OpenTelemetry's own decoder.
 */
#include "out/otlp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/hex.h"
#include "limits.h"
#include "out/attr.h"
#include "out/pbwire.h"
#include "out/tally.h"
#include "out/text.h"

/* A record at its largest has some thousand arguments of a byte or two. */
#define RECORD_MEMORY (16u << 20)
#define EVENT_NAME    "event.name"
#define BODY_MAX      (4 * PICKET_RECORD_MAX)

struct otlp {
	struct arena arena;
	struct attrs attrs;
	struct buf body;
};

int otlp_new(struct otlp **ret)
{
	struct otlp *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->arena.max = RECORD_MEMORY;
	buf_init(&o->body, BODY_MAX);
	*ret = o;
	return 0;
}

void otlp_free(struct otlp *o)
{
	if (!o)
		return;
	arena_done(&o->arena);
	buf_done(&o->body);
	free(o);
}

/* ---- values ----------------------------------------------------------------- */

/*
 * Tags, field << 3 | type, as proto/otlp_logs.proto numbers the fields. What
 * they mean depends on the message that they are in.
 */
#define ANY_STRING    0x0a
#define ANY_BOOL      0x10
#define ANY_INT	      0x18
#define ANY_ARRAY     0x2a
#define ANY_BYTES     0x3a
#define ARRAY_VALUES  0x0a
#define KV_KEY	      0x0a
#define KV_VALUE      0x12
#define LOG_TIME      0x09
#define LOG_SEVERITY  0x10
#define LOG_SEV_TEXT  0x1a
#define LOG_BODY      0x2a
#define LOG_ATTRIBUTE 0x32
#define LOG_DROPPED   0x38
#define LOG_OBSERVED  0x59
#define LOG_EVENT     0x62
#define RES_ATTRIBUTE 0x0a
#define SCOPE_NAME    0x0a
#define SCOPE_VERSION 0x12

/* The content of an ArrayValue. */
static size_t items_size(const struct attr *a)
{
	size_t i, n = 0;

	for (i = 0; i < a->n_items; i++)
		n += wire_field_size(wire_field_size(a->items[i].n));
	return n;
}

/* The content of an AnyValue. */
static size_t value_size(const struct attr *a)
{
	switch (a->type) {
	case ATTR_STRING:
	case ATTR_BYTES:
		return wire_field_size(a->bytes.n);
	case ATTR_INT:
		return 1 + wire_varint_size((uint64_t)a->number);
	case ATTR_BOOL:
		return 2;
	case ATTR_STRINGS:
	case ATTR_BYTES_LIST:
		return wire_field_size(items_size(a));
	}
	return 0;
}

static void put_slice(struct buf *out, uint8_t tag, struct slice s)
{
	wire_tag(out, tag, s.n);
	buf_add_slice(out, s);
}

static void put_items(struct buf *out, const struct attr *a)
{
	uint8_t tag = a->type == ATTR_STRINGS ? ANY_STRING : ANY_BYTES;
	size_t i;

	wire_tag(out, ANY_ARRAY, items_size(a));
	for (i = 0; i < a->n_items; i++) {
		wire_tag(out, ARRAY_VALUES, wire_field_size(a->items[i].n));
		put_slice(out, tag, a->items[i]);
	}
}

static void put_value(struct buf *out, const struct attr *a)
{
	switch (a->type) {
	case ATTR_STRING:
		put_slice(out, ANY_STRING, a->bytes);
		break;
	case ATTR_BYTES:
		put_slice(out, ANY_BYTES, a->bytes);
		break;
	case ATTR_INT:
		/* As wire_tag writes a length: tag and varint. */
		wire_tag(out, ANY_INT, (uint64_t)a->number);
		break;
	case ATTR_BOOL:
		wire_tag(out, ANY_BOOL, a->number != 0);
		break;
	case ATTR_STRINGS:
	case ATTR_BYTES_LIST:
		put_items(out, a);
		break;
	}
}

static void put_attrs(struct buf *out, uint8_t tag, const struct attrs *list)
{
	size_t i;

	for (i = 0; i < list->n; i++) {
		const struct attr *a = &list->v[i];
		struct slice key = slice_str(a->key);
		size_t value = value_size(a);

		wire_tag(out, tag,
			 wire_field_size(key.n) + wire_field_size(value));
		put_slice(out, KV_KEY, key);
		wire_tag(out, KV_VALUE, value);
		put_value(out, a);
	}
}

/* ---- records ---------------------------------------------------------------- */

/* Numbers as the data model of OpenTelemetry gives them to levels. */
static const struct {
	uint8_t number;
	const char *text;
} levels[ATTR_LEVEL_COUNT] = {
	[ATTR_INFO] = { 9, "info" },	      [ATTR_LOW] = { 13, "low" },
	[ATTR_MEDIUM] = { 15, "medium" },     [ATTR_HIGH] = { 17, "high" },
	[ATTR_CRITICAL] = { 21, "critical" },
};

struct record_head {
	enum attr_level level;
	const char *event_name;
	int64_t time_ns, observed_ns;
};

static void pack_record(struct otlp *o, struct buf *out,
			const struct record_head *head)
{
	struct slice body = buf_slice(&o->body);

	if (o->arena.failed || o->body.failed) {
		out->failed = true;
		return;
	}
	wire_fixed64(out, LOG_TIME, (uint64_t)head->time_ns);
	wire_tag(out, LOG_SEVERITY, levels[head->level].number);
	put_slice(out, LOG_SEV_TEXT, slice_str(levels[head->level].text));
	wire_tag(out, LOG_BODY, wire_field_size(body.n));
	put_slice(out, ANY_STRING, body);
	put_attrs(out, LOG_ATTRIBUTE, &o->attrs);
	if (o->attrs.dropped)
		wire_tag(out, LOG_DROPPED, o->attrs.dropped);
	wire_fixed64(out, LOG_OBSERVED, (uint64_t)head->observed_ns);
	put_slice(out, LOG_EVENT, slice_str(head->event_name));
}

static void begin(struct otlp *o)
{
	arena_reset(&o->arena);
	attrs_init(&o->attrs, &o->arena);
	buf_reset(&o->body);
}

void otlp_record(struct otlp *o, struct buf *out,
		 const struct view_images *images, const struct view *v)
{
	struct record_head head = {
		.level = attr_level(v),
		.event_name = attr_event_name(v),
		.time_ns = v->wall_ns,
		/*
		 * When the journal took it in, not when it is sent: a record
		 * that is sent twice is then the same byte for byte.
		 */
		.observed_ns = v->wall_ns,
	};

	if (v->event && v->event->wall_ns)
		head.time_ns = v->event->wall_ns;
	else if (v->amendment && v->amendment->wall_ns)
		head.time_ns = v->amendment->wall_ns;
	begin(o);
	text_body(&o->body, images, v);
	/* The field is young: what knows only the attribute needs it too. */
	attr_string(&o->attrs, EVENT_NAME, slice_str(head.event_name));
	attrs_of_view(&o->attrs, images, v);
	pack_record(o, out, &head);
}

static void add_tally(struct attrs *a, const struct tally *t)
{
	char policy[2 * sizeof(t->policy) + 1];

	if (!t)
		return;
	(void)hex_print(t->policy, sizeof(t->policy), policy);
	if (t->has_policy)
		attr_string(a, "picket.manifest.policy_sha256",
			    slice_str(policy));
	attr_int(a, "picket.manifest.lost_kernel", (int64_t)t->lost_kernel);
	attr_int(a, "picket.manifest.lost_journal", (int64_t)t->lost_journal);
}

static void add_withheld(struct otlp *o, const struct manifest *m)
{
	struct slice *items;
	size_t i;

	if (!m->n_withheld)
		return;
	items = arena_take(&o->arena, m->n_withheld * sizeof(*items));
	if (!items)
		return;
	for (i = 0; i < m->n_withheld; i++) {
		char *text = arena_take(&o->arena, MANIFEST_RANGE_MAX);

		if (!text)
			return;
		items[i] =
			slice_str(manifest_range_text(&m->withheld[i], text));
	}
	attr_strings(&o->attrs, "picket.manifest.withheld", items,
		     m->n_withheld);
}

void otlp_manifest(struct otlp *o, struct buf *out, const struct manifest *m)
{
	struct record_head head = {
		.level = m->n_withheld ? ATTR_LOW : ATTR_INFO,
		.event_name = "picket.manifest",
		.time_ns = m->time_ns,
		.observed_ns = m->time_ns,
	};
	char uid[MANIFEST_UID_MAX], journal[2 * sizeof(m->journal) + 1];
	char seal[2 * sizeof(m->seal_sha256) + 1];
	struct attrs *a = &o->attrs;

	begin(o);
	manifest_body(&o->body, m);
	(void)hex_print(m->journal, sizeof(m->journal), journal);
	(void)hex_print(m->seal_sha256, sizeof(m->seal_sha256), seal);
	attr_string(a, EVENT_NAME, slice_str(head.event_name));
	attr_string(a, "log.record.uid", slice_str(manifest_uid(m, uid)));
	attr_string(a, "picket.manifest.journal", slice_str(journal));
	attr_int(a, "picket.manifest.epoch", m->epoch);
	attr_int(a, "picket.manifest.first", (int64_t)m->first_seq);
	attr_int(a, "picket.manifest.last", (int64_t)m->last_seq);
	attr_int(a, "picket.manifest.count", (int64_t)m->count);
	if (m->is_early)
		attr_bool(a, "picket.manifest.early", true);
	attr_int(a, "picket.manifest.sealed", (int64_t)m->sealed_seq);
	if (m->sealed_seq)
		attr_string(a, "picket.manifest.seal_sha256", slice_str(seal));
	add_tally(a, m->tally);
	add_withheld(o, m);
	pack_record(o, out, &head);
}

/* ---- the request round the records ---------------------------------------- */

static int pack_resource(struct otlp *o, const struct host *host,
			 const uint8_t *journal_id, struct buf *out)
{
	char journal[33], id[65],
		os[sizeof(host->os) + sizeof(host->kernel) + 16];
	const struct {
		const char *key, *value;
	} rows[] = {
		{ "service.name", "picket" },
		{ "service.version", PICKET_VERSION },
		{ "service.instance.id", journal },
		{ "host.name", host->name },
		{ "host.id", host->has_id ? id : "" },
		{ "host.arch", host->arch },
		{ "os.type", "linux" },
		{ "os.description", os },
	};
	size_t i;

	(void)hex_print(journal_id, 16, journal);
	(void)hex_print(host->id, sizeof(host->id), id);
	(void)snprintf(os, sizeof(os), "%s%sLinux %s", host->os,
		       *host->os ? ", " : "", host->kernel);
	begin(o);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (*rows[i].value)
			attr_string(&o->attrs, rows[i].key,
				    slice_str(rows[i].value));
	}
	put_attrs(out, RES_ATTRIBUTE, &o->attrs);
	return o->arena.failed || out->failed ? -ENOMEM : 0;
}

static void cleanup_otlp_fn(struct otlp **o)
{
	otlp_free(*o);
}

int otlp_head_init(struct otlp_head *h, const struct host *host,
		   const uint8_t journal_id[static 16])
{
	__attribute__((cleanup(cleanup_otlp_fn))) struct otlp *o = NULL;
	int r;

	buf_init(&h->resource, 4096);
	buf_init(&h->scope, 256);
	r = otlp_new(&o);
	if (r < 0)
		return r;
	r = pack_resource(o, host, journal_id, &h->resource);
	if (r < 0)
		return r;
	put_slice(&h->scope, SCOPE_NAME, slice_str("picket"));
	put_slice(&h->scope, SCOPE_VERSION, slice_str(PICKET_VERSION));
	return h->scope.failed ? -ENOMEM : 0;
}

void otlp_head_done(struct otlp_head *h)
{
	buf_done(&h->resource);
	buf_done(&h->scope);
}

void otlp_request(struct buf *out, const struct otlp_head *h,
		  struct slice records)
{
	/*
	 * 0x0a: field 1, bytes; 0x12: field 2, bytes. Request.resource_logs is
	 * 1, ResourceLogs.resource 1 and .scope_logs 2, ScopeLogs.scope 1.
	 */
	size_t scope_logs = wire_field_size(h->scope.n) + records.n;
	size_t resource_logs =
		wire_field_size(h->resource.n) + wire_field_size(scope_logs);

	wire_tag(out, 0x0a, resource_logs);
	wire_tag(out, 0x0a, h->resource.n);
	buf_add(out, h->resource.p, h->resource.n);
	wire_tag(out, 0x12, scope_logs);
	wire_tag(out, 0x0a, h->scope.n);
	buf_add(out, h->scope.p, h->scope.n);
	buf_add_slice(out, records);
}
