// SPDX-License-Identifier: Apache-2.0
/* out/record: what goes in comes out, what says nothing takes no room. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/escape.h"
#include "out_samples.h"

static const struct verdict denied = { .answer = ANSWER_DENIED,
				       .alert = true,
				       .severity = SEVERITY_HIGH,
				       .rule = "cron-files",
				       .tag = "T1053.003" };

static void assert_bytes(ProtobufCBinaryData got, const char *want)
{
	assert_int_equal(got.len, strlen(want));
	assert_memory_equal(got.data, want, got.len);
}

static void write_comes_out_as_it_went_in(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_write("/etc/cron.d/x", OP_RENAME);
	const Picket__V1__Event *e;

	ev.cpu = 7;
	ev.write.path.fs_path = slice_str("/cron.d/x");
	ev.write.path.host_path = slice_str("/srv/c/etc/cron.d/x");
	ev.write.path.flags = PATH_F_CLAIMED | PATH_F_DELETED | PATH_F_FOREIGN;
	ev.write.new_path = sample_path("/etc/cron.d/y");
	ev.write.flags =
		WRITE_F_EXCHANGE | WRITE_F_FD_CHANGED | WRITE_F_SUBMITTED;
	ev.write.bytes = 99;
	ev.write.arg = 1;
	ev.write.arg2 = 2;
	assert_int_equal(sample_take(s, &ev, &s->shell, &denied), 1);
	e = s->view.event;
	assert_int_equal(e->kind, PICKET__V1__KIND__KIND_WRITE);
	assert_int_equal(e->boot_ns, SAMPLE_BOOT_NS);
	assert_int_equal(e->wall_ns, SAMPLE_WALL_NS);
	assert_int_equal(e->backend, 4);
	assert_int_equal(e->cpu, 7);
	assert_int_equal(e->image, s->shell.id);
	assert_int_equal(e->verdict->answer, PICKET__V1__ANSWER__ANSWER_DENIED);
	assert_true(e->verdict->alert);
	assert_int_equal(e->verdict->severity,
			 PICKET__V1__SEVERITY__SEVERITY_HIGH);
	assert_string_equal(e->verdict->rule, "cron-files");
	assert_string_equal(e->verdict->tag, "T1053.003");
	assert_int_equal(e->write->operation,
			 PICKET__V1__OPERATION__OPERATION_RENAME);
	assert_bytes(e->write->path->path, "/etc/cron.d/x");
	assert_bytes(e->write->path->fs_path, "/cron.d/x");
	assert_bytes(e->write->path->host_path, "/srv/c/etc/cron.d/x");
	assert_true(e->write->path->claimed);
	assert_true(e->write->path->deleted);
	assert_true(e->write->path->foreign);
	assert_false(e->write->path->truncated);
	assert_false(e->write->path->fs_path_unknown);
	assert_bytes(e->write->new_path->path, "/etc/cron.d/y");
	assert_int_equal(e->write->file->inode, 1234567);
	assert_int_equal(e->write->file->device, 8 << 20 | 1);
	assert_int_equal(e->write->file->generation, 3456789012u);
	assert_true(e->write->exchange);
	assert_true(e->write->fd_changed);
	assert_true(e->write->submitted);
	assert_false(e->write->created);
	assert_int_equal(e->write->bytes, 99);
	assert_int_equal(e->write->arg, 1);
	assert_int_equal(e->write->arg2, 2);
}

static void image_comes_out_as_it_went_in(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_event(EVENT_EXEC);
	const Picket__V1__Image *i;

	s->shell.env = slice_of("LD_PRELOAD=/tmp/x.so\0A=\0", 24);
	s->shell.login_uid = 1000;
	s->shell.session_id = 3;
	s->shell.filename = slice_str("./curl");
	s->shell.script = slice_str("/root/run.sh");
	s->shell.flags = IMAGE_F_SECURE | IMAGE_F_ENV_TRUNCATED;
	s->shell.container = slice_str("0123");
	s->shell.container_name = slice_str("front");
	s->shell.image_digest = slice_str("sha256:00");
	s->shell.pod_uid = slice_str("u-1");
	assert_int_equal(sample_describe(s, &s->shell), 0);
	assert_int_equal(sample_take(s, &ev, &s->shell, NULL), 1);
	i = s->view.image;
	assert_non_null(i);
	assert_null(s->view.event->verdict);
	assert_int_equal(i->id, 5);
	assert_int_equal(i->pid, 4711);
	assert_int_equal(i->start_ns, 4711000);
	assert_int_equal(i->number, 2);
	assert_int_equal(i->parent_id, s->bash.id);
	assert_int_equal(i->prev_id, s->bash.id);
	assert_bytes(i->exe->path, "/usr/bin/curl");
	assert_int_equal(i->exe->fs_path.len, 0);
	assert_int_equal(i->exe_file->mtime_ns, SAMPLE_WALL_NS - 1000);
	assert_int_equal(i->n_args, 3);
	assert_bytes(i->args[0], "curl");
	assert_bytes(i->args[2], "https://x.test/a b");
	assert_int_equal(i->n_env, 2);
	assert_bytes(i->env[0], "LD_PRELOAD=/tmp/x.so");
	assert_bytes(i->env[1], "A=");
	assert_bytes(i->filename, "./curl");
	assert_bytes(i->script, "/root/run.sh");
	assert_bytes(i->unit, "ssh.service");
	assert_bytes(i->container, "0123");
	assert_bytes(i->container_name, "front");
	assert_bytes(i->image_digest, "sha256:00");
	assert_bytes(i->pod_uid, "u-1");
	assert_int_equal(i->login->uid, 1000);
	assert_int_equal(i->login->session, 3);
	assert_int_equal(i->capabilities->effective, 0x1ffffffffff);
	assert_int_equal(i->namespaces->mnt, 4026531841u);
	assert_int_equal(i->n_stdio, 3);
	assert_int_equal(i->stdio[1]->type, PICKET__V1__STDIO__TYPE__PIPE);
	assert_int_equal(i->stdio[1]->inode, 77);
	assert_true(i->secure);
	assert_true(i->env_truncated);
	assert_false(i->args_truncated);
	assert_false(i->snapshot);
}

static void area_full_of_empty_strings_is_kept(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_event(EVENT_EXEC);
	static const char zeros[4097];

	s->shell.args = slice_of(zeros, 4096);
	s->shell.env = slice_of(zeros, 4096);
	assert_int_equal(sample_describe(s, &s->shell), 0);
	assert_int_equal(sample_take(s, &ev, &s->shell, NULL), 1);
	assert_int_equal(s->view.image->n_args, 4096);
	assert_int_equal(s->view.image->n_env, 4096);
	assert_false(s->view.image->args_truncated);
	s->shell.args = slice_of(zeros, 4097);
	assert_int_equal(sample_describe(s, &s->shell), 0);
	assert_int_equal(sample_take(s, &ev, &s->shell, NULL), 1);
	assert_int_equal(s->view.image->n_args, 4096);
	assert_true(s->view.image->args_truncated);
}

static void actor_is_there_only_where_it_differs(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_write("/a", OP_WRITE);

	assert_int_equal(sample_take(s, &ev, &s->shell, NULL), 1);
	assert_null(s->view.event->actor);
	assert_int_equal(s->view.event->tid, 0);
	ev.actor.euid = 33;
	ev.actor.tid = 4720;
	assert_int_equal(sample_take(s, &ev, &s->shell, NULL), 1);
	assert_non_null(s->view.event->actor);
	assert_int_equal(s->view.event->actor->uid, 0);
	assert_int_equal(s->view.event->actor->euid, 33);
	assert_int_equal(s->view.event->actor->mnt_ns, 4026531841u);
	assert_int_equal(s->view.event->tid, 4720);
	ev.actor.none = true;
	assert_int_equal(sample_take(s, &ev, NULL, NULL), 1);
	assert_null(s->view.event->actor);
	assert_null(s->view.image);
}

static void connect_keeps_both_families(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_connect(sample_ip4(10, 0, 0, 7), 443);
	const Picket__V1__Connect *c;

	ev.connect.peer.net_ns = 5;
	assert_int_equal(sample_take(s, &ev, &s->shell, NULL), 1);
	c = s->view.event->connect;
	assert_int_equal(c->peer->ip.len, 4);
	assert_memory_equal(c->peer->ip.data, ev.connect.peer.addr.bytes, 4);
	assert_int_equal(c->peer->port, 443);
	assert_int_equal(c->type, SOCK_STREAM);
	assert_int_equal(c->protocol, IPPROTO_TCP);
	assert_int_equal(c->net_ns, 5);
	assert_false(c->send);
	ev = sample_connect(sample_ip6(), 53);
	ev.connect.is_send = true;
	assert_int_equal(sample_take(s, &ev, &s->shell, NULL), 1);
	c = s->view.event->connect;
	assert_int_equal(c->peer->ip.len, 16);
	assert_memory_equal(c->peer->ip.data, ev.connect.peer.addr.bytes, 16);
	assert_true(c->send);
}

static void strings_are_utf8_whatever_they_were(void **state)
{
	static const struct record_fact facts[] = {
		{ "file\xff", "/tmp/\xc3\x28" }, { "none", NULL }, { 0 }
	};
	const struct verdict v = { .answer = ANSWER_DENIED,
				   .rule = "r\xe2\x82gr\xc3\xbc",
				   .tag = "\xff" };
	struct sample *s = *state;
	struct event ev = sample_write("/tmp/\xff", OP_WRITE);

	assert_int_equal(sample_take(s, &ev, &s->shell, &v), 1);
	assert_string_equal(s->view.event->verdict->rule, "r??gr\xc3\xbc");
	assert_string_equal(s->view.event->verdict->tag, "?");
	/* Names are bytes, and stay what they are. */
	assert_bytes(s->view.event->write->path->path, "/tmp/\xff");
	buf_reset(&s->payload);
	record_pack_agent(&s->payload,
			  &(struct record_agent){ PICKET__V1__AGENT__WHAT__CUT,
						  "cut \xff here", facts },
			  (struct record_time){ 1, 2 });
	assert_int_equal(sample_frame(s, JOURNAL_EVENT), 1);
	assert_string_equal(s->view.event->agent->text, "cut ? here");
	assert_int_equal(s->view.event->agent->n_facts, 2);
	assert_string_equal(s->view.event->agent->facts[0]->key, "file?");
	assert_string_equal(s->view.event->agent->facts[0]->value, "/tmp/?(");
	assert_string_equal(s->view.event->agent->facts[1]->value, "");
}

static void amendments_come_out_as_they_went_in(void **state)
{
	const struct write_totals t = { .count = 3,
					.bytes = 1ull << 40,
					.until_ns = 77,
					.ops = 1u << OP_OPEN | 1u << OP_RMDIR };
	struct sample *s = *state;
	struct event ev = { .kind = EVENT_CONNECT_RESULT, .time_ns = 9 };
	const Picket__V1__Amendment *a;

	ev.result.local = sample_ip4(1, 2, 3, 4);
	ev.result.local_port = 65535;
	ev.result.peer = sample_ip4(5, 6, 7, 8);
	ev.result.peer_port = 1;
	ev.result.error = ECONNREFUSED;
	buf_reset(&s->payload);
	record_pack_connect_result(
		&s->payload,
		&(struct record_amends){ 3, 1ull << 33, ev.time_ns, 10 },
		&ev.result);
	assert_int_equal(sample_frame(s, JOURNAL_AMENDMENT), 1);
	a = s->view.amendment;
	assert_int_equal(a->epoch, 3);
	assert_int_equal(a->seq, 1ull << 33);
	assert_int_equal(a->boot_ns, 9);
	assert_int_equal(a->wall_ns, 10);
	assert_null(a->write);
	assert_int_equal(a->connect->error, ECONNREFUSED);
	assert_int_equal(a->connect->local->port, 65535);
	assert_memory_equal(a->connect->peer->ip.data, "\5\6\7\10", 4);
	buf_reset(&s->payload);
	record_pack_write_totals(&s->payload,
				 &(struct record_amends){ 3, 4, 11, 12 }, &t);
	assert_int_equal(sample_frame(s, JOURNAL_AMENDMENT), 1);
	a = s->view.amendment;
	assert_null(a->connect);
	assert_int_equal(a->write->count, 3);
	assert_int_equal(a->write->bytes, 1ull << 40);
	assert_int_equal(a->write->until_ns, 77);
	assert_int_equal(a->write->n_operations, 2);
	assert_int_equal(a->write->operations[1],
			 PICKET__V1__OPERATION__OPERATION_RMDIR);
}

/* An event is written millions of times: this is its price. */
static void typical_events_are_small(void **state)
{
	static const struct verdict v = { .answer = ANSWER_ALLOWED,
					  .rule = "packages-write" };
	struct sample *s = *state;
	struct event ev =
		sample_write("/var/lib/dpkg/info/libc6.list", OP_OPEN);

	assert_int_equal(sample_take(s, &ev, &s->shell, &v), 1);
	print_message("# write event: %zu bytes\n", s->payload.n);
	assert_true(s->payload.n <= 125);
	ev = sample_connect(sample_ip4(10, 0, 0, 7), 443);
	assert_int_equal(sample_take(s, &ev, &s->shell, &v), 1);
	print_message("# connect event: %zu bytes\n", s->payload.n);
	assert_true(s->payload.n <= 75);
	ev = sample_event(EVENT_EXEC);
	assert_int_equal(sample_take(s, &ev, &s->shell, &v), 1);
	print_message("# exec event: %zu bytes\n", s->payload.n);
	assert_true(s->payload.n <= 55);
}

static void output_over_its_bound_fails_and_leaves_nothing(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_write("/a/rather/long/name", OP_OPEN);
	struct buf out = BUF_INIT(50);

	record_pack_event(&out, &ev, &s->shell, NULL, 1);
	assert_true(out.failed);
	assert_int_equal(out.n, 0);
	buf_done(&out);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) \
	cmocka_unit_test_setup_teardown(name, sample_setup, sample_teardown)
		T(write_comes_out_as_it_went_in),
		T(image_comes_out_as_it_went_in),
		T(area_full_of_empty_strings_is_kept),
		T(actor_is_there_only_where_it_differs),
		T(connect_keeps_both_families),
		T(strings_are_utf8_whatever_they_were),
		T(amendments_come_out_as_they_went_in),
		T(typical_events_are_small),
		T(output_over_its_bound_fails_and_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
