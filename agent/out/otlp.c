/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes -> protobuf of OTLP. protobuf-c wants a tree of structs; it is
 * built in an arena that is thrown away after each record, so encoding costs
 * no malloc of its own. Only the two lengths round a request are written by
 * hand: with them, a batch that is split is not encoded again.
 */
#include "out/otlp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "limits.h"
#include "otlp_logs.pb-c.h"
#include "out/attr.h"
#include "out/pbwire.h"
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

/* protobuf-c has no const; packing does not write. */
static char *unconst(const char *s)
{
	return (char *)(uintptr_t)s;
}

static void set_bytes(Otlp__AnyValue *v, struct slice s)
{
	v->value_case = OTLP__ANY_VALUE__VALUE_BYTES_VALUE;
	v->bytes_value.data = (uint8_t *)unconst(s.p);
	v->bytes_value.len = s.n;
}

static void set_string(Otlp__AnyValue *v, struct arena *arena, struct slice s)
{
	v->value_case = OTLP__ANY_VALUE__VALUE_STRING_VALUE;
	v->string_value = arena_str(arena, s);
}

static void set_list(Otlp__AnyValue *v, struct arena *arena,
		     const struct attr *a)
{
	Otlp__ArrayValue *list = arena_take(arena, sizeof(*list));
	Otlp__AnyValue *items = arena_take(arena, a->n_items * sizeof(*items));
	Otlp__AnyValue **at = arena_take(arena, a->n_items * sizeof(*at));
	size_t i;

	if (!list || !items || !at)
		return;
	otlp__array_value__init(list);
	for (i = 0; i < a->n_items; i++) {
		otlp__any_value__init(&items[i]);
		if (a->type == ATTR_STRINGS)
			set_string(&items[i], arena, a->items[i]);
		else
			set_bytes(&items[i], a->items[i]);
		at[i] = &items[i];
	}
	list->values = at;
	list->n_values = a->n_items;
	v->value_case = OTLP__ANY_VALUE__VALUE_ARRAY_VALUE;
	v->array_value = list;
}

static void set_value(Otlp__AnyValue *v, struct arena *arena,
		      const struct attr *a)
{
	otlp__any_value__init(v);
	switch (a->type) {
	case ATTR_STRING:
		set_string(v, arena, a->bytes);
		break;
	case ATTR_INT:
		v->value_case = OTLP__ANY_VALUE__VALUE_INT_VALUE;
		v->int_value = a->number;
		break;
	case ATTR_BOOL:
		v->value_case = OTLP__ANY_VALUE__VALUE_BOOL_VALUE;
		v->bool_value = a->number != 0;
		break;
	case ATTR_BYTES:
		set_bytes(v, a->bytes);
		break;
	case ATTR_STRINGS:
	case ATTR_BYTES_LIST:
		set_list(v, arena, a);
		break;
	}
}

static Otlp__KeyValue **key_values(const struct attrs *a)
{
	Otlp__KeyValue *kv = arena_take(a->arena, a->n * sizeof(*kv));
	Otlp__AnyValue *v = arena_take(a->arena, a->n * sizeof(*v));
	Otlp__KeyValue **list = arena_take(a->arena, a->n * sizeof(*list));
	size_t i;

	if (!kv || !v || !list)
		return NULL;
	for (i = 0; i < a->n; i++) {
		otlp__key_value__init(&kv[i]);
		kv[i].key = unconst(a->v[i].key);
		set_value(&v[i], a->arena, &a->v[i]);
		kv[i].value = &v[i];
		list[i] = &kv[i];
	}
	return list;
}

/* Numbers as the data model of OpenTelemetry gives them to levels. */
static const struct {
	Otlp__SeverityNumber number;
	const char *text;
} levels[ATTR_LEVEL_COUNT] = {
	[ATTR_INFO] = { OTLP__SEVERITY_NUMBER__SEVERITY_NUMBER_INFO, "info" },
	[ATTR_LOW] = { OTLP__SEVERITY_NUMBER__SEVERITY_NUMBER_WARN, "low" },
	[ATTR_MEDIUM] = { OTLP__SEVERITY_NUMBER__SEVERITY_NUMBER_WARN3,
			  "medium" },
	[ATTR_HIGH] = { OTLP__SEVERITY_NUMBER__SEVERITY_NUMBER_ERROR, "high" },
	[ATTR_CRITICAL] = { OTLP__SEVERITY_NUMBER__SEVERITY_NUMBER_FATAL,
			    "critical" },
};

struct record_head {
	enum attr_level level;
	const char *event_name;
	int64_t time_ns, observed_ns;
};

static void pack_record(struct otlp *o, struct buf *out,
			const struct record_head *head)
{
	Otlp__LogRecord r;
	Otlp__AnyValue body = OTLP__ANY_VALUE__INIT;
	void *at;

	otlp__log_record__init(&r);
	set_string(&body, &o->arena, buf_slice(&o->body));
	r.time_unix_nano = (uint64_t)head->time_ns;
	r.observed_time_unix_nano = (uint64_t)head->observed_ns;
	r.severity_number = levels[head->level].number;
	r.severity_text = unconst(levels[head->level].text);
	r.event_name = unconst(head->event_name);
	r.body = &body;
	r.attributes = key_values(&o->attrs);
	r.n_attributes = o->attrs.n;
	r.dropped_attributes_count = o->attrs.dropped;
	if (o->arena.failed || o->body.failed) {
		out->failed = true;
		return;
	}
	at = buf_extend(out, otlp__log_record__get_packed_size(&r));
	if (at)
		otlp__log_record__pack(&r, at);
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
	manifest_hex(m->journal, sizeof(m->journal), journal);
	manifest_hex(m->seal_sha256, sizeof(m->seal_sha256), seal);
	attr_string(a, EVENT_NAME, slice_str(head.event_name));
	attr_string(a, "log.record.uid", slice_str(manifest_uid(m, uid)));
	attr_string(a, "picket.manifest.journal", slice_str(journal));
	attr_int(a, "picket.manifest.epoch", m->epoch);
	attr_int(a, "picket.manifest.first", (int64_t)m->first_seq);
	attr_int(a, "picket.manifest.last", (int64_t)m->last_seq);
	attr_int(a, "picket.manifest.count", (int64_t)m->count);
	attr_int(a, "picket.manifest.sealed", (int64_t)m->sealed_seq);
	if (m->sealed_seq)
		attr_string(a, "picket.manifest.seal_sha256", slice_str(seal));
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
	Otlp__Resource r = OTLP__RESOURCE__INIT;
	size_t i;
	void *at;

	manifest_hex(journal_id, 16, journal);
	manifest_hex(host->id, sizeof(host->id), id);
	(void)snprintf(os, sizeof(os), "%s%sLinux %s", host->os,
		       *host->os ? ", " : "", host->kernel);
	begin(o);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (*rows[i].value)
			attr_string(&o->attrs, rows[i].key,
				    slice_str(rows[i].value));
	}
	r.attributes = key_values(&o->attrs);
	r.n_attributes = o->attrs.n;
	if (o->arena.failed)
		return -ENOMEM;
	at = buf_extend(out, otlp__resource__get_packed_size(&r));
	if (!at)
		return -ENOMEM;
	otlp__resource__pack(&r, at);
	return 0;
}

static void cleanup_otlp_fn(struct otlp **o)
{
	otlp_free(*o);
}

int otlp_head_init(struct otlp_head *h, const struct host *host,
		   const uint8_t journal_id[static 16])
{
	__attribute__((cleanup(cleanup_otlp_fn))) struct otlp *o = NULL;
	Otlp__InstrumentationScope scope;
	void *at;
	int r;

	buf_init(&h->resource, 4096);
	buf_init(&h->scope, 256);
	r = otlp_new(&o);
	if (r < 0)
		return r;
	r = pack_resource(o, host, journal_id, &h->resource);
	if (r < 0)
		return r;
	otlp__instrumentation_scope__init(&scope);
	scope.name = unconst("picket");
	scope.version = unconst(PICKET_VERSION);
	at = buf_extend(&h->scope,
			otlp__instrumentation_scope__get_packed_size(&scope));
	if (!at)
		return -ENOMEM;
	otlp__instrumentation_scope__pack(&scope, at);
	return 0;
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
