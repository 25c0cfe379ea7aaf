// SPDX-License-Identifier: Apache-2.0
/* Records of sockets, loads, scripts and interference -> events. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "sense/decode.h"
#include "wire_builder.h"

static struct wire_builder b;
static struct decode_scratch scratch;
static const char *why;

static struct event decode_ok(void)
{
	struct event ev;

	wb_end(&b);
	why = NULL;
	if (decode_record(b.bytes, b.used, &scratch, &ev, &why) < 0)
		fail_msg("refused: %s", why);
	return ev;
}

static void decode_refused(const char *want)
{
	struct event ev;

	wb_end(&b);
	assert_int_equal(decode_record(b.bytes, b.used, &scratch, &ev, &why),
			 -EBADMSG);
	assert_string_equal(why, want);
}

static void assert_slice(struct slice s, const char *want)
{
	assert_int_equal(s.n, strlen(want));
	assert_memory_equal(s.p, want, s.n);
}

static void unix_peer_has_a_path_and_no_address(void **state)
{
	struct wire_connect *w = wb_begin(&b, WIRE_CONNECT);
	struct event ev;

	(void)state;
	w->op = WIRE_CONNECT_CONNECT;
	w->family = AF_UNIX;
	w->type = SOCK_STREAM;
	w->unix_path = wb_str(&b, "/run/docker.sock");
	ev = decode_ok();
	assert_int_equal(ev.connect.peer.family, AF_UNIX);
	assert_int_equal(ev.connect.peer.addr.family, 0);
	assert_slice(ev.connect.peer.unix_path, "/run/docker.sock");
	/* An abstract name keeps its zeros, and may hold more of them. */
	w = wb_begin(&b, WIRE_CONNECT);
	w->op = WIRE_CONNECT_SEND;
	w->family = AF_UNIX;
	w->unix_path = wb_bytes(&b, "\0a\0b", 4);
	ev = decode_ok();
	assert_true(ev.connect.is_send);
	assert_int_equal(ev.connect.peer.unix_path.n, 4);
	assert_memory_equal(ev.connect.peer.unix_path.p, "\0a\0b", 4);
	w->unix_path.len = 109;
	decode_refused("string outside the record");
}

static void vsock_has_a_context_and_a_port_of_its_own(void **state)
{
	const uint32_t where[2] = { 2, 0x12345678 };
	struct wire_connect *w = wb_begin(&b, WIRE_CONNECT);
	struct wire_listen *l;
	struct event ev;

	(void)state;
	w->op = WIRE_CONNECT_CONNECT;
	w->family = AF_VSOCK;
	memcpy(w->addr, where, sizeof(where));
	ev = decode_ok();
	assert_int_equal(ev.connect.peer.addr.family, 0);
	assert_true(ev.connect.peer.vsock.known);
	assert_int_equal(ev.connect.peer.vsock.cid, 2);
	assert_int_equal(ev.connect.peer.vsock.port, 0x12345678);
	w->op = WIRE_CONNECT_SOCKET;
	assert_false(decode_ok().connect.peer.vsock.known);
	w->op = WIRE_CONNECT_CONNECT;
	w->family = AF_PACKET;
	assert_false(decode_ok().connect.peer.vsock.known);
	l = wb_begin(&b, WIRE_LISTEN);
	l->op = WIRE_LISTEN_LISTEN;
	l->family = AF_VSOCK;
	memcpy(l->addr, where, sizeof(where));
	ev = decode_ok();
	assert_int_equal(ev.listen.local.vsock.cid, 2);
	assert_int_equal(ev.listen.local.vsock.port, 0x12345678);
}

static void raw_socket_is_told_by_its_family(void **state)
{
	struct wire_connect *w = wb_begin(&b, WIRE_CONNECT);
	struct event ev;

	(void)state;
	w->op = WIRE_CONNECT_SOCKET;
	w->family = AF_PACKET;
	w->type = SOCK_RAW;
	w->protocol = 3;
	ev = decode_ok();
	assert_true(ev.connect.is_socket);
	assert_false(ev.connect.is_send);
	assert_false(ev.connect.is_claimed);
	w->flags = WIRE_CONNECT_CLAIMED;
	ev = decode_ok();
	assert_true(ev.connect.is_claimed);
	assert_false(ev.connect.is_fd_claimed);
	w->flags = WIRE_CONNECT_FD_CLAIMED;
	ev = decode_ok();
	assert_false(ev.connect.is_claimed);
	assert_true(ev.connect.is_fd_claimed);
	assert_int_equal(ev.connect.peer.family, AF_PACKET);
	assert_int_equal(ev.connect.peer.addr.family, 0);
	/* Also where addresses are known: this one has none yet. */
	w->family = AF_INET;
	ev = decode_ok();
	assert_int_equal(ev.connect.peer.family, AF_INET);
	assert_int_equal(ev.connect.peer.addr.family, 0);
}

static void listening_socket_has_its_address(void **state)
{
	static const unsigned char mapped[16] = { [10] = 0xff, [11] = 0xff, 127,
						  0,	       0,	    1 };
	struct wire_listen *w = wb_begin(&b, WIRE_LISTEN);
	struct event ev;

	(void)state;
	w->op = WIRE_LISTEN_LISTEN;
	w->family = AF_INET6;
	w->type = SOCK_STREAM;
	w->protocol = IPPROTO_TCP;
	w->port = 4444;
	w->backlog = 128;
	w->net_ns = 7;
	memcpy(w->addr, mapped, sizeof(mapped));
	ev = decode_ok();
	assert_int_equal(ev.kind, EVENT_LISTEN);
	/* Also here IPv4 in IPv6's clothes is IPv4. */
	assert_int_equal(ev.listen.local.addr.family, AF_INET);
	assert_memory_equal(ev.listen.local.addr.bytes, "\x7f\0\0\1", 4);
	assert_int_equal(ev.listen.local.port, 4444);
	assert_int_equal(ev.listen.local.net_ns, 7);
	assert_int_equal(ev.listen.backlog, 128);
	assert_false(ev.listen.is_bind);
	assert_false(ev.listen.is_fd_claimed);
	w->flags = WIRE_LISTEN_FD_CLAIMED;
	assert_true(decode_ok().listen.is_fd_claimed);
	w->op = WIRE_LISTEN_BIND;
	ev = decode_ok();
	assert_true(ev.listen.is_bind);
	w->op = WIRE_LISTEN_BIND + 1;
	decode_refused("unknown listen operation");
	w->op = WIRE_LISTEN_BIND;
	w->family = 0;
	decode_refused("no address family");
}

static void loads_have_a_file_or_a_name(void **state)
{
	struct wire_load *w = wb_begin(&b, WIRE_LOAD);
	struct event ev;

	(void)state;
	w->op = WIRE_LOAD_MMAP;
	w->flags = WIRE_LOAD_MPROTECT | WIRE_LOAD_FD_CLAIMED;
	w->file.ino = 5;
	wb_path(&b, &w->path, "/tmp/x.so");
	ev = decode_ok();
	assert_int_equal(ev.kind, EVENT_LOAD);
	assert_int_equal(ev.load.op, LOAD_MMAP);
	assert_slice(ev.load.path.path, "/tmp/x.so");
	assert_int_equal(ev.load.flags, LOAD_F_MPROTECT | LOAD_F_FD_CLAIMED);
	assert_true(ev.load.file.known);
	w = wb_begin(&b, WIRE_LOAD);
	w->op = WIRE_LOAD_BPF;
	w->name = wb_str(&b, "spy");
	w->arg = 2;
	w->id = 99;
	ev = decode_ok();
	assert_int_equal(ev.load.op, LOAD_BPF);
	assert_int_equal(ev.load.path.path.n, 0);
	assert_false(ev.load.file.known);
	assert_slice(ev.load.name, "spy");
	assert_int_equal(ev.load.arg, 2);
	assert_int_equal(ev.load.id, 99);
	w->op = WIRE_LOAD_COUNT;
	decode_refused("unknown load operation");
	w->op = 0;
	decode_refused("unknown load operation");
}

static void interference_names_its_target(void **state)
{
	struct wire_tamper *w = wb_begin(&b, WIRE_TAMPER);
	struct event ev;

	(void)state;
	w->op = WIRE_TAMPER_SIGNAL;
	w->flags = WIRE_TAMPER_SELF | WIRE_TAMPER_CLAIMED;
	w->target_start_ns = 12;
	w->target_tgid = 34;
	w->target_image = 2;
	w->arg = 9;
	ev = decode_ok();
	assert_int_equal(ev.kind, EVENT_TAMPER);
	assert_int_equal(ev.tamper.op, TAMPER_SIGNAL);
	assert_true(ev.tamper.of_picket);
	assert_true(ev.tamper.claimed);
	assert_int_equal(ev.tamper.target.start_ns, 12);
	assert_int_equal(ev.tamper.target.tgid, 34);
	assert_int_equal(ev.tamper.target_image, 2);
	assert_int_equal(ev.tamper.arg, 9);
	assert_null(ev.tamper.target_img);
	assert_false(ev.tamper.is_before_known);
	w->op = WIRE_TAMPER_LIMIT;
	w->flags = WIRE_TAMPER_SELF | WIRE_TAMPER_BEFORE;
	w->code = -5;
	w->limit = (struct wire_limit){ 1, 2 };
	w->before = (struct wire_limit){ 3, UINT64_MAX };
	ev = decode_ok();
	assert_int_equal(ev.tamper.op, TAMPER_LIMIT);
	assert_int_equal(ev.tamper.code, -5);
	assert_int_equal(ev.tamper.limit.soft, 1);
	assert_int_equal(ev.tamper.limit.hard, 2);
	assert_true(ev.tamper.is_before_known);
	assert_int_equal(ev.tamper.before.soft, 3);
	assert_int_equal(ev.tamper.before.hard, UINT64_MAX);
	assert_int_equal(ev.tamper.cgroup.n, 0);
	w->op = WIRE_TAMPER_COUNT;
	decode_refused("unknown tamper operation");
}

static void cgroups_that_picket_is_put_into_have_a_name(void **state)
{
	struct wire_tamper *w = wb_begin(&b, WIRE_TAMPER);
	struct event ev;

	(void)state;
	w->op = WIRE_TAMPER_MOVE;
	w->flags = WIRE_TAMPER_SELF;
	w->cgroup = wb_str(&b, "/a/b");
	w->hierarchy = 6;
	ev = decode_ok();
	assert_int_equal(ev.tamper.op, TAMPER_MOVE);
	assert_true(slice_eq(ev.tamper.cgroup, slice_str("/a/b")));
	assert_int_equal(ev.tamper.hierarchy, 6);
	w->op = WIRE_TAMPER_FREEZE;
	w->hierarchy = 0;
	ev = decode_ok();
	assert_int_equal(ev.tamper.op, TAMPER_FREEZE);
	assert_int_equal(ev.tamper.hierarchy, 0);
	w->cgroup.len = 5;
	decode_refused("string outside the record");
}

static void script_comes_with_its_file(void **state)
{
	struct wire_script *w = wb_begin(&b, WIRE_SCRIPT);
	struct event ev;

	(void)state;
	w->file.ino = 8;
	wb_path(&b, &w->path, "/usr/local/bin/run.sh");
	ev = decode_ok();
	assert_int_equal(ev.kind, EVENT_SCRIPT);
	assert_slice(ev.script.path.path, "/usr/local/bin/run.sh");
	assert_int_equal(ev.script.path.flags, 0);
	assert_int_equal(ev.script.file.ino, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unix_peer_has_a_path_and_no_address),
		cmocka_unit_test(vsock_has_a_context_and_a_port_of_its_own),
		cmocka_unit_test(raw_socket_is_told_by_its_family),
		cmocka_unit_test(listening_socket_has_its_address),
		cmocka_unit_test(loads_have_a_file_or_a_name),
		cmocka_unit_test(interference_names_its_target),
		cmocka_unit_test(cgroups_that_picket_is_put_into_have_a_name),
		cmocka_unit_test(script_comes_with_its_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
