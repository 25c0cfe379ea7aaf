// SPDX-License-Identifier: Apache-2.0
/* out/otlp and out/attr: names, values and bytes of shipped records. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/escape.h"
#include "otlp_logs.pb-c.h"
#include "out/attr.h"
#include "out/otlp.h"
#include "out_samples.h"

struct fixture {
	struct sample s;
	struct arena arena;
	struct attrs attrs;
	struct otlp *otlp;
	struct buf out;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	sample_begin(&f->s);
	f->arena.max = 16u << 20;
	buf_init(&f->out, 8u << 20);
	assert_int_equal(otlp_new(&f->otlp), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sample_end(&f->s);
	arena_done(&f->arena);
	otlp_free(f->otlp);
	buf_done(&f->out);
	free(f);
	return 0;
}

static void take(struct fixture *f, const struct event *ev,
		 const struct image *img, const struct verdict *v)
{
	assert_int_equal(sample_take(&f->s, ev, img, v), 1);
	arena_reset(&f->arena);
	attrs_init(&f->attrs, &f->arena);
	attrs_of_view(&f->attrs, f->s.images, &f->s.view);
	assert_false(f->arena.failed);
}

static const struct attr *find(const struct fixture *f, const char *key)
{
	size_t i;

	for (i = 0; i < f->attrs.n; i++) {
		if (!strcmp(f->attrs.v[i].key, key))
			return &f->attrs.v[i];
	}
	return NULL;
}

static void has_text(const struct fixture *f, const char *key, const char *v)
{
	const struct attr *a = find(f, key);

	if (!a)
		fail_msg("no %s", key);
	assert_int_equal(a->type, ATTR_STRING);
	assert_int_equal(a->bytes.n, strlen(v));
	assert_memory_equal(a->bytes.p, v, a->bytes.n);
}

static void has_number(const struct fixture *f, const char *key, int64_t v)
{
	const struct attr *a = find(f, key);

	if (!a)
		fail_msg("no %s", key);
	assert_int_equal(a->type, ATTR_INT);
	assert_int_equal(a->number, v);
}

static void keys_are_unique(const struct fixture *f)
{
	size_t i, k;

	for (i = 0; i < f->attrs.n; i++) {
		for (k = i + 1; k < f->attrs.n; k++)
			assert_string_not_equal(f->attrs.v[i].key,
						f->attrs.v[k].key);
	}
}

/* ---- attributes ----------------------------------------------------------- */

static void exec_has_the_names_that_opentelemetry_gives(void **state)
{
	struct fixture *f = *state;
	struct event ev = sample_event(EVENT_EXEC);
	struct verdict v = { .answer = ANSWER_DENIED,
			     .severity = SEVERITY_HIGH,
			     .alert = true,
			     .rule = "no-curl",
			     .tag = "T1105" };

	take(f, &ev, &f->s.shell, &v);
	has_text(f, "log.record.uid", "a00102030405060708090a0b0c0d0e0f.1.1");
	has_number(f, "process.pid", 4711);
	has_number(f, "process.parent_pid", 4001);
	has_text(f, "process.executable.path", "/usr/bin/curl");
	has_text(f, "process.working_directory", "/root");
	has_number(f, "process.user.id", 0);
	has_number(f, "process.real_user.id", 0);
	has_number(f, "process.args_count", 3);
	/* 0.2 ms of boottime after the epoch of the clock: wall - boot + start */
	has_text(f, "process.creation.time", "2026-11-23T21:04:00.682Z");
	has_text(f, "security_rule.name", "no-curl");
	has_text(f, "picket.verdict", "denied");
	has_text(f, "picket.severity", "high");
	has_text(f, "picket.tag", "T1105");
	has_text(f, "picket.systemd.unit", "ssh.service");
	has_text(f, "picket.exe.dev", "8:1");
	assert_string_equal(attr_event_name(&f->s.view), "picket.exec");
	assert_int_equal(attr_level(&f->s.view), ATTR_HIGH);
	keys_are_unique(f);
}

static void a_container_has_the_names_that_opentelemetry_gives(void **state)
{
	struct fixture *f = *state;
	struct event ev = sample_event(EVENT_EXEC);

	f->s.shell.container = slice_str("0123");
	f->s.shell.container_image = slice_str("nginx:1");
	f->s.shell.image_digest = slice_str("sha256:00");
	f->s.shell.container_name = slice_str("front");
	f->s.shell.pod = slice_str("web-1");
	f->s.shell.pod_namespace = slice_str("prod");
	f->s.shell.pod_uid = slice_str("u-1");
	assert_int_equal(sample_describe(&f->s, &f->s.shell), 0);
	take(f, &ev, &f->s.shell, NULL);
	has_text(f, "container.id", "0123");
	has_text(f, "container.image.name", "nginx:1");
	has_text(f, "oci.manifest.digest", "sha256:00");
	has_text(f, "k8s.pod.name", "web-1");
	has_text(f, "k8s.pod.uid", "u-1");
	has_text(f, "k8s.namespace.name", "prod");
	has_text(f, "k8s.container.name", "front");
	keys_are_unique(f);
}

static void a_digest_is_told_with_its_repository(void **state)
{
	static const struct {
		const char *image, *told;
	} cases[] = {
		{ "nginx:1", "nginx@sha256:00" },
		{ "nginx", "nginx@sha256:00" },
		{ "reg.example:5000/a/b", "reg.example:5000/a/b@sha256:00" },
		{ "reg.example:5000/b:1.2", "reg.example:5000/b@sha256:00" },
		{ "b@sha256:00", "b@sha256:00" },
		{ "b:7@sha256:00", "b@sha256:00" },
	};
	struct fixture *f = *state;
	struct event ev = sample_event(EVENT_EXEC);

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct attr *a;

		f->s.shell.container_image = slice_str(cases[i].image);
		f->s.shell.image_digest = slice_str("sha256:00");
		f->s.shell.described_in = 0;
		assert_int_equal(sample_describe(&f->s, &f->s.shell), 0);
		take(f, &ev, &f->s.shell, NULL);
		a = find(f, "container.image.repo_digests");
		assert_non_null(a);
		assert_int_equal(a->type, ATTR_STRINGS);
		assert_int_equal(a->n_items, 1);
		assert_true(slice_eq(a->items[0], slice_str(cases[i].told)));
	}
}

static void a_container_of_no_pod_is_called_as_its_runtime_does(void **state)
{
	struct fixture *f = *state;
	struct event ev = sample_event(EVENT_EXEC);

	f->s.shell.container = slice_str("0123");
	f->s.shell.container_name = slice_str("front");
	assert_int_equal(sample_describe(&f->s, &f->s.shell), 0);
	take(f, &ev, &f->s.shell, NULL);
	has_text(f, "container.name", "front");
}

static void arguments_and_ancestry_are_lists(void **state)
{
	struct fixture *f = *state;
	struct event ev = sample_event(EVENT_EXEC);
	const struct attr *a;

	take(f, &ev, &f->s.shell, NULL);
	a = find(f, "process.command_args");
	assert_int_equal(a->type, ATTR_STRINGS);
	assert_int_equal(a->n_items, 3);
	assert_true(slice_eq(a->items[2], slice_str("https://x.test/a b")));
	a = find(f, "picket.ancestry");
	assert_int_equal(a->n_items, 4);
	assert_true(slice_eq(a->items[0], slice_str("/usr/bin/bash[4001]")));
	assert_true(slice_eq(a->items[3],
			     slice_str("/usr/lib/systemd/systemd[1]")));
}

static void write_has_its_file(void **state)
{
	struct fixture *f = *state;
	struct event ev = sample_write("/etc/passwd", OP_OPEN);

	ev.write.flags = WRITE_F_CREATED;
	take(f, &ev, &f->s.shell, NULL);
	has_text(f, "file.path", "/etc/passwd");
	has_text(f, "file.inode", "1234567");
	has_text(f, "file.mode", "0644");
	has_text(f, "file.owner.id", "0");
	has_number(f, "file.size", 1024);
	has_text(f, "picket.op", "open");
	assert_int_equal(find(f, "picket.write.created")->number, 1);
	assert_null(find(f, "picket.write.append"));
	keys_are_unique(f);
}

static void connect_has_its_peer(void **state)
{
	struct fixture *f = *state;
	struct event ev = sample_connect(sample_ip6(), 443);

	take(f, &ev, &f->s.shell, NULL);
	has_text(f, "network.peer.address", "2001:db8::1");
	has_number(f, "network.peer.port", 443);
	has_text(f, "network.transport", "tcp");
	has_text(f, "network.type", "ipv6");
	keys_are_unique(f);
}

static void amendment_names_its_event(void **state)
{
	struct fixture *f = *state;
	struct event ev = { .kind = EVENT_CONNECT_RESULT };

	ev.result.local = sample_ip4(10, 0, 0, 1);
	ev.result.peer = sample_ip4(10, 0, 0, 2);
	ev.result.error = ECONNREFUSED;
	buf_reset(&f->s.payload);
	record_pack_connect_result(
		&f->s.payload,
		&(struct record_amends){ 3, 77, ev.time_ns, SAMPLE_WALL_NS },
		&ev.result);
	assert_int_equal(sample_frame(&f->s, JOURNAL_AMENDMENT), 1);
	attrs_init(&f->attrs, &f->arena);
	attrs_of_view(&f->attrs, f->s.images, &f->s.view);
	has_text(f, "log.record.uid", "a00102030405060708090a0b0c0d0e0f.1.1");
	has_text(f, "picket.amends", "a00102030405060708090a0b0c0d0e0f.3.77");
	has_text(f, "error.type", "ECONNREFUSED");
	has_number(f, "picket.connect.errno", ECONNREFUSED);
	assert_string_equal(attr_event_name(&f->s.view),
			    "picket.connect.result");
}

static void bytes_that_are_not_utf8_are_escaped_and_exact(void **state)
{
	struct fixture *f = *state;
	struct event ev = sample_write("/tmp/\xff\n", OP_OPEN);
	const struct attr *a;

	take(f, &ev, &f->s.shell, NULL);
	has_text(f, "file.path", "/tmp/\\xff\\n");
	a = find(f, "file.path.bytes");
	assert_int_equal(a->type, ATTR_BYTES);
	assert_true(slice_eq(a->bytes, slice_str("/tmp/\xff\n")));

	/* A newline alone is no reason: it is valid UTF-8. */
	ev = sample_write("/tmp/a\nb", OP_OPEN);
	take(f, &ev, &f->s.shell, NULL);
	has_text(f, "file.path", "/tmp/a\nb");
	assert_null(find(f, "file.path.bytes"));
}

static void nul_inside_a_string_is_not_lost(void **state)
{
	struct fixture *f = *state;
	const struct attr *a;

	arena_reset(&f->arena);
	attrs_init(&f->attrs, &f->arena);
	attr_string(&f->attrs, "k", slice_of("a\0b", 3));
	has_text(f, "k", "a\\x00b");
	a = find(f, "k.bytes");
	assert_int_equal(a->bytes.n, 3);
}

static void names_from_outside_stay_unique(void **state)
{
	struct fixture *f = *state;
	struct image img = f->s.shell;
	struct event ev = sample_event(EVENT_EXEC);
	static const char env[] = "LD_PRELOAD=/a\0LD_PRELOAD=/b\0A\xff=1\0A\0";

	img.id = 99;
	img.env = slice_of(env, sizeof(env) - 1);
	assert_int_equal(sample_describe(&f->s, &img), 0);
	take(f, &ev, &img, NULL);
	has_text(f, "process.environment_variable.LD_PRELOAD", "/a");
	has_text(f, "process.environment_variable.A\\xff", "1");
	has_text(f, "process.environment_variable.A", "");
	assert_int_equal(f->attrs.dropped, 1);
	keys_are_unique(f);
}

static void more_attributes_than_fit_are_counted(void **state)
{
	struct fixture *f = *state;
	size_t i;

	arena_reset(&f->arena);
	attrs_init(&f->attrs, &f->arena);
	for (i = 0; i < ATTRS_MAX + 5; i++)
		attr_int(&f->attrs, "k", 1);
	assert_int_equal(f->attrs.n, ATTRS_MAX);
	assert_int_equal(f->attrs.dropped, 5);
}

/* An image that is its own ancestor, as only a forged journal has it. */
static void line_that_loops_ends(void **state)
{
	struct fixture *f = *state;
	struct image img = f->s.shell;
	struct event ev = sample_event(EVENT_EXEC);

	img.id = 50;
	img.parent = &img;
	assert_int_equal(sample_describe(&f->s, &img), 0);
	take(f, &ev, &img, NULL);
	assert_true(find(f, "picket.ancestry")->n_items <= 64);
}

/* ---- bytes ---------------------------------------------------------------- */

static Otlp__LogRecord *unpack(const struct buf *b)
{
	Otlp__LogRecord *r =
		otlp__log_record__unpack(NULL, b->n, (const uint8_t *)b->p);

	assert_non_null(r);
	return r;
}

static void record_has_time_level_body_and_name(void **state)
{
	struct fixture *f = *state;
	struct event ev = sample_event(EVENT_EXEC);
	struct verdict v = { .answer = ANSWER_DENIED,
			     .severity = SEVERITY_CRITICAL,
			     .alert = true,
			     .rule = "r" };
	Otlp__LogRecord *r;

	take(f, &ev, &f->s.shell, &v);
	otlp_record(f->otlp, &f->out, f->s.images, &f->s.view);
	assert_false(f->out.failed);
	r = unpack(&f->out);
	assert_int_equal(r->time_unix_nano, SAMPLE_WALL_NS);
	assert_int_equal(r->observed_time_unix_nano, SAMPLE_WALL_NS);
	assert_int_equal(r->severity_number, 21);
	assert_string_equal(r->severity_text, "critical");
	assert_string_equal(r->event_name, "picket.exec");
	assert_non_null(strstr(r->body->string_value, "/usr/bin/curl"));
	/* All that the list has, and event.name. */
	assert_int_equal(r->n_attributes, f->attrs.n + 1);
	otlp__log_record__free_unpacked(r, NULL);
}

/*
 * A gap: the smallest record there is. Wire form as the protobuf
 * specification gives it, field numbers as opentelemetry/proto/logs/v1 does.
 */
static void gap_is_exactly_these_bytes(void **state)
{
	static const char golden[] =
		"\x09"
		"\x80\xe7\x45\x2b\x7e\xc8\xea\x18" /* time */
		"\x10\x0f"			   /* WARN3 */
		"\x1a\x06"
		"medium"
		"\x2a\x2f"
		"\x0a\x2d"
		"261 records, 40 to 300, are missing: overflow"
		"\x32\x1a"
		"\x0a\x0a"
		"event.name"
		"\x12\x0c"
		"\x0a\x0a"
		"picket.gap"
		"\x32\x39"
		"\x0a\x0e"
		"log.record.uid"
		"\x12\x27"
		"\x0a\x25"
		"a00102030405060708090a0b0c0d0e0f.2.40"
		"\x32\x12"
		"\x0a\x0c"
		"picket.epoch"
		"\x12\x02"
		"\x18\x02"
		"\x32\x10"
		"\x0a\x0a"
		"picket.seq"
		"\x12\x02"
		"\x18\x28"
		"\x32\x16"
		"\x0a\x10"
		"picket.gap.first"
		"\x12\x02"
		"\x18\x28"
		"\x32\x16"
		"\x0a\x0f"
		"picket.gap.last"
		"\x12\x03"
		"\x18\xac\x02"
		"\x32\x1f"
		"\x0a\x11"
		"picket.gap.reason"
		"\x12\x0a"
		"\x0a\x08"
		"overflow"
		"\x59"
		"\x80\xe7\x45\x2b\x7e\xc8\xea\x18" /* observed */
		"\x62\x0a"
		"picket.gap";
	struct fixture *f = *state;
	char reason[] = "overflow";
	Picket__V1__Gap gap;
	struct view v = {
		.epoch = 2,
		.seq = 40,
		.seq_end = 301,
		.wall_ns = SAMPLE_WALL_NS,
		.gap = &gap,
	};

	picket__v1__gap__init(&gap);
	gap.first_seq = 40;
	gap.count = 261;
	gap.reason = reason;
	memcpy(v.journal, sample_journal, sizeof(v.journal));
	otlp_record(f->otlp, &f->out, f->s.images, &v);
	assert_int_equal(f->out.n, sizeof(golden) - 1);
	assert_memory_equal(f->out.p, golden, sizeof(golden) - 1);
}

static void request_wraps_records_that_are_packed_already(void **state)
{
	struct fixture *f = *state;
	struct host host = { .name = "h", .arch = "amd64", .kernel = "6" };
	struct otlp_head head;
	struct event ev = sample_event(EVENT_EXEC);
	Otlp__ExportLogsServiceRequest *req;
	Otlp__ResourceLogs *rl;
	struct buf records = BUF_INIT(1u << 20), out = BUF_INIT(1u << 20);
	int i;

	take(f, &ev, &f->s.shell, NULL);
	otlp_record(f->otlp, &f->out, f->s.images, &f->s.view);
	for (i = 0; i < 3; i++) {
		buf_add_char(&records, OTLP_RECORD_TAG);
		/* Its length as a varint of two bytes. */
		assert_in_range(f->out.n, 128, 16383);
		buf_add_char(&records, (char)(f->out.n | 0x80));
		buf_add_char(&records, (char)(f->out.n >> 7));
		buf_add(&records, f->out.p, f->out.n);
	}
	assert_int_equal(otlp_head_init(&head, &host, sample_journal), 0);
	otlp_request(&out, &head, buf_slice(&records));
	req = otlp__export_logs_service_request__unpack(NULL, out.n,
							(const uint8_t *)out.p);
	assert_non_null(req);
	assert_int_equal(req->n_resource_logs, 1);
	rl = req->resource_logs[0];
	assert_int_equal(rl->n_scope_logs, 1);
	assert_int_equal(rl->scope_logs[0]->n_log_records, 3);
	assert_string_equal(rl->scope_logs[0]->scope->name, "picket");
	assert_string_equal(rl->resource->attributes[0]->key, "service.name");
	otlp__export_logs_service_request__free_unpacked(req, NULL);
	otlp_head_done(&head);
	buf_done(&records);
	buf_done(&out);
}

static void manifest_tells_what_is_withheld(void **state)
{
	static const struct manifest_range held[] = {
		{ 12, 12, MANIFEST_DEAD_LETTER },
		{ 14, 19, MANIFEST_UNREADABLE },
	};
	struct manifest m = {
		.epoch = 3,
		.first_seq = 11,
		.last_seq = 20,
		.count = 3,
		.withheld = held,
		.n_withheld = 2,
		.time_ns = SAMPLE_WALL_NS,
		.sealed_seq = 33,
	};
	struct fixture *f = *state;
	Otlp__LogRecord *r;
	Otlp__KeyValue *last;

	otlp_manifest(f->otlp, &f->out, &m);
	r = unpack(&f->out);
	assert_string_equal(r->event_name, "picket.manifest");
	assert_string_equal(r->body->string_value,
			    "manifest of 11-20: 3 records, 2 ranges withheld");
	assert_string_equal(
		r->attributes[1]->value->string_value,
		"00000000000000000000000000000000.3.11-20.manifest");
	last = r->attributes[r->n_attributes - 1];
	assert_string_equal(last->key, "picket.manifest.withheld");
	assert_int_equal(last->value->array_value->n_values, 2);
	assert_string_equal(last->value->array_value->values[1]->string_value,
			    "14-19 unreadable");
	otlp__log_record__free_unpacked(r, NULL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(exec_has_the_names_that_opentelemetry_gives),
		T(a_container_has_the_names_that_opentelemetry_gives),
		T(a_digest_is_told_with_its_repository),
		T(a_container_of_no_pod_is_called_as_its_runtime_does),
		T(arguments_and_ancestry_are_lists),
		T(write_has_its_file),
		T(connect_has_its_peer),
		T(amendment_names_its_event),
		T(bytes_that_are_not_utf8_are_escaped_and_exact),
		T(nul_inside_a_string_is_not_lost),
		T(names_from_outside_stay_unique),
		T(more_attributes_than_fit_are_counted),
		T(line_that_loops_ends),
		T(record_has_time_level_body_and_name),
		T(gap_is_exactly_these_bytes),
		T(request_wraps_records_that_are_packed_already),
		T(manifest_tells_what_is_withheld),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
