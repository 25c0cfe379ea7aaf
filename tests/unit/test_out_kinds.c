// SPDX-License-Identifier: Apache-2.0
/*
 * Listening sockets, loads and interference as every reader shows them: the
 * line for people, JSON, and OTLP's attributes, from the packed record.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "out/arena.h"
#include "out/attr.h"
#include "out/json.h"
#include "out/text.h"
#include "out_samples.h"

struct fixture {
	struct sample s;
	struct arena arena;
	struct attrs attrs;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	sample_begin(&f->s);
	f->arena.max = 16u << 20;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sample_end(&f->s);
	arena_done(&f->arena);
	free(f);
	return 0;
}

static void take(struct fixture *f, const struct event *ev)
{
	assert_int_equal(sample_take(&f->s, ev, &f->s.shell, NULL), 1);
	arena_reset(&f->arena);
	attrs_init(&f->attrs, &f->arena);
	attrs_of_view(&f->attrs, f->s.images, &f->s.view);
}

/* The part of the body behind who did it. */
static void says(const struct fixture *f, const char *want)
{
	struct buf out = BUF_INIT(64 << 10);

	text_body(&out, f->s.images, &f->s.view);
	buf_add_char(&out, '\0');
	if (!strstr(out.p, want))
		fail_msg("'%s' is not in '%s'", want, out.p);
	buf_done(&out);
}

static void has_json(const struct fixture *f, const char *want)
{
	struct buf out = BUF_INIT(64 << 10);

	json_line(&out, f->s.images, &f->s.view);
	buf_add_char(&out, '\0');
	if (!strstr(out.p, want))
		fail_msg("%s is not in %s", want, out.p);
	buf_done(&out);
}

static void has_attr(const struct fixture *f, const char *key, const char *want)
{
	size_t i;

	for (i = 0; i < f->attrs.n; i++) {
		if (strcmp(f->attrs.v[i].key, key))
			continue;
		assert_int_equal(f->attrs.v[i].type, ATTR_STRING);
		assert_int_equal(f->attrs.v[i].bytes.n, strlen(want));
		assert_memory_equal(f->attrs.v[i].bytes.p, want, strlen(want));
		return;
	}
	fail_msg("no %s", key);
}

static bool has_true(const struct fixture *f, const char *key)
{
	size_t i;

	for (i = 0; i < f->attrs.n; i++)
		if (!strcmp(f->attrs.v[i].key, key))
			return f->attrs.v[i].type == ATTR_BOOL &&
			       f->attrs.v[i].number;
	return false;
}

static void listening_port(void **state)
{
	struct fixture *f = *state;
	struct event ev = sample_event(EVENT_LISTEN);

	ev.listen.local.addr = sample_ip4(0, 0, 0, 0);
	ev.listen.local.port = 4444;
	ev.listen.local.type = SOCK_STREAM;
	ev.listen.local.protocol = IPPROTO_TCP;
	ev.listen.backlog = 1;
	take(f, &ev);
	says(f, "listen tcp 0.0.0.0:4444");
	has_json(f, "\"kind\":\"listen\"");
	has_json(f, "\"listen\":{\"ip\":\"0.0.0.0\",\"port\":4444,"
		    "\"protocol\":\"tcp\",\"type\":1,\"backlog\":1,"
		    "\"net_ns\":0}");
	has_attr(f, "network.local.address", "0.0.0.0");
	has_attr(f, "network.transport", "tcp");
	assert_string_equal(attr_event_name(&f->s.view), "picket.listen");
	ev.listen.local.type = SOCK_DGRAM;
	ev.listen.local.protocol = IPPROTO_UDP;
	ev.listen.is_bind = true;
	take(f, &ev);
	says(f, "listen udp 0.0.0.0:4444 (datagrams)");
	has_json(f, "\"bind\":true");
	ev.listen.is_fd_claimed = true;
	take(f, &ev);
	says(f, "listen udp 0.0.0.0:4444 (datagrams, descriptor claimed)");
	has_json(f, "\"fd_claimed\":true");
	assert_true(has_true(f, "picket.listen.fd_claimed"));
}

static void vsock_shows_its_context_and_port(void **state)
{
	struct fixture *f = *state;
	struct event ev = sample_event(EVENT_LISTEN);

	ev.listen.local.family = AF_VSOCK;
	ev.listen.local.type = SOCK_STREAM;
	ev.listen.local.vsock.cid = UINT32_MAX;
	ev.listen.local.vsock.port = 70000;
	ev.listen.local.vsock.known = true;
	take(f, &ev);
	says(f, "listen vsock *:70000");
	has_json(f, "\"listen\":{\"family\":\"vsock\",\"cid\":4294967295,"
		    "\"port\":70000,");
	has_attr(f, "network.local.address", "4294967295");
	has_attr(f, "network.type", "vsock");
	ev = sample_event(EVENT_CONNECT);
	ev.connect.peer.family = AF_VSOCK;
	ev.connect.peer.vsock.cid = 2;
	ev.connect.peer.vsock.port = 1;
	ev.connect.peer.vsock.known = true;
	take(f, &ev);
	says(f, "connect vsock 2:1");
	has_json(f, "\"connect\":{\"family\":\"vsock\",\"cid\":2,\"port\":1,");
	has_attr(f, "network.peer.address", "2");
	/* An older journal has none. */
	ev.connect.peer.vsock.known = false;
	take(f, &ev);
	says(f, "connect vsock");
}

static void unix_sockets_show_their_name(void **state)
{
	struct fixture *f = *state;
	struct event ev = sample_event(EVENT_CONNECT);

	ev.connect.peer.family = AF_UNIX;
	ev.connect.peer.type = SOCK_STREAM;
	ev.connect.peer.unix_path = slice_str("/run/a\nb");
	take(f, &ev);
	says(f, "connect unix '/run/a\\nb'");
	has_json(f, "\"connect\":{\"family\":\"unix\","
		    "\"unix_path\":\"/run/a\\nb\"");
	has_attr(f, "network.transport", "unix");
	has_attr(f, "network.peer.address", "/run/a\nb");
	ev.connect.peer.unix_path = slice_of("\0bus", 4);
	take(f, &ev);
	says(f, "connect unix @bus");
	has_attr(f, "network.peer.address", "@bus");
	ev.connect.peer.unix_path = slice_of(NULL, 0);
	take(f, &ev);
	says(f, "connect unix");
	assert_false(has_true(f, "picket.connect.fd_claimed"));
	ev.connect.is_fd_claimed = true;
	take(f, &ev);
	says(f, "connect unix (descriptor claimed)");
	has_json(f, "\"fd_claimed\":true");
	assert_true(has_true(f, "picket.connect.fd_claimed"));
}

static void raw_sockets_say_their_family(void **state)
{
	struct fixture *f = *state;
	struct event ev = sample_event(EVENT_CONNECT);

	ev.connect.is_socket = true;
	ev.connect.peer.family = AF_PACKET;
	ev.connect.peer.type = SOCK_RAW;
	ev.connect.peer.protocol = 3;
	take(f, &ev);
	says(f, "connect raw socket packet, protocol 3");
	has_json(f, "\"family\":\"packet\"");
	has_json(f, "\"socket\":true");
	ev.connect.is_claimed = true;
	take(f, &ev);
	says(f, "connect raw socket packet, protocol 3 (claimed)");
	has_json(f, "\"claimed\":true");
	ev.connect.peer.family = 250;
	take(f, &ev);
	says(f, "raw socket address family 250");
	has_json(f, "\"family_number\":250");
}

static void loads_show_file_or_name(void **state)
{
	struct fixture *f = *state;
	struct event ev = sample_event(EVENT_LOAD);

	ev.load.op = LOAD_MMAP;
	ev.load.path = sample_path("/tmp/x.so");
	ev.load.file = sample_file();
	take(f, &ev);
	says(f, "load library /tmp/x.so");
	has_json(f, "\"load\":{\"type\":\"library\",\"path\":\"/tmp/x.so\"");
	has_attr(f, "file.path", "/tmp/x.so");
	has_attr(f, "picket.op", "library");
	ev.load = (struct load_info){
		.op = LOAD_BPF, .name = slice_str("spy"), .arg = 2, .id = 31
	};
	take(f, &ev);
	says(f, "load bpf spy id 31");
	has_json(f, "\"name\":\"spy\",\"program_type\":2,\"program_id\":31");
	ev.load = (struct load_info){ .op = LOAD_MODULE,
				      .name = slice_str("a b") };
	take(f, &ev);
	says(f, "load module 'a b'");
}

static void interference_shows_its_target(void **state)
{
	struct fixture *f = *state;
	struct event ev = sample_event(EVENT_TAMPER);

	ev.tamper.op = TAMPER_SIGNAL;
	ev.tamper.of_picket = true;
	ev.tamper.target = (struct proc_key){ 77, 4001 };
	ev.tamper.target_img = &f->s.bash;
	ev.tamper.arg = 9;
	take(f, &ev);
	says(f, "tamper SIGKILL to picket /usr/bin/bash[4001]");
	has_json(f, "\"tamper\":{\"type\":\"signal\",\"of_picket\":true,"
		    "\"target_pid\":4001,\"target_start_ns\":77,"
		    "\"target_exe\":\"/usr/bin/bash\",\"arg\":9}");
	has_attr(f, "picket.tamper.target.executable", "/usr/bin/bash");
	ev.tamper.op = TAMPER_PTRACE;
	ev.tamper.of_picket = false;
	ev.tamper.target_img = NULL;
	take(f, &ev);
	says(f, "tamper ptrace of [4001]");
	ev.tamper.op = TAMPER_VM_WRITE;
	ev.tamper.claimed = true;
	take(f, &ev);
	says(f, "tamper memory of [4001] (claimed)");
	has_json(f, "\"claimed\":true");
	ev.tamper = (struct tamper_info){
		.op = TAMPER_SIGNAL,
		.of_picket = true,
		.arg = 15,
		.code = -5,
	};
	take(f, &ev);
	has_json(f, "\"arg\":15,\"code\":-5}");
	ev.tamper = (struct tamper_info){
		.op = TAMPER_BPF, .of_picket = true, .id = 12, .arg = 34
	};
	take(f, &ev);
	says(f, "tamper bpf of picket object 12");
	has_json(f, "\"object_id\":12");
}

static void limits_are_told_with_what_they_were(void **state)
{
	struct fixture *f = *state;
	struct event ev = sample_event(EVENT_TAMPER);

	ev.tamper.op = TAMPER_LIMIT;
	ev.tamper.of_picket = true;
	ev.tamper.target = (struct proc_key){ 77, 4001 };
	ev.tamper.arg = RLIMIT_FSIZE;
	ev.tamper.limit = (struct limit){ 0, 4096 };
	take(f, &ev);
	says(f, "tamper limit of picket [4001] fsize=0:4096");
	has_json(f, "\"resource\":\"fsize\","
		    "\"limit\":{\"soft\":0,\"hard\":4096}}");
	has_attr(f, "picket.tamper.resource", "fsize");
	ev.tamper.before = (struct limit){ 4096, UINT64_MAX };
	ev.tamper.is_before_known = true;
	take(f, &ev);
	says(f, "tamper limit of picket [4001] fsize=0:4096 "
		"was 4096:unlimited");
	has_json(f, "\"before\":{\"soft\":4096}");
	ev.tamper.arg = 99;
	take(f, &ev);
	has_json(f, "\"resource\":\"unknown\"");
}

static void cgroups_are_told_with_their_hierarchy(void **state)
{
	struct fixture *f = *state;
	struct event ev = sample_event(EVENT_TAMPER);

	ev.tamper.op = TAMPER_MOVE;
	ev.tamper.of_picket = true;
	ev.tamper.target = (struct proc_key){ 77, 4001 };
	ev.tamper.cgroup = slice_str("/a/b");
	take(f, &ev);
	says(f, "tamper move of picket [4001] to /a/b");
	has_json(f, "\"arg\":0,\"cgroup\":\"/a/b\"}");
	has_attr(f, "picket.tamper.cgroup", "/a/b");
	ev.tamper.hierarchy = 6;
	take(f, &ev);
	says(f, "tamper move of picket [4001] to /a/b of hierarchy 6");
	has_json(f, "\"cgroup\":\"/a/b\",\"hierarchy\":6}");
	ev.tamper.op = TAMPER_FREEZE;
	ev.tamper.hierarchy = 0;
	take(f, &ev);
	says(f, "tamper freeze of picket [4001] in /a/b");
	has_json(f, "\"type\":\"freeze\"");
}

/* A record that names a kind and lacks what makes it one is damaged. */
static void ends_without_an_address_need_a_family(void **state)
{
	struct fixture *f = *state;
	struct event ev = sample_event(EVENT_LISTEN);

	assert_int_not_equal(sample_take(&f->s, &ev, &f->s.shell, NULL), 1);
	ev.listen.local.family = AF_UNIX;
	assert_int_equal(sample_take(&f->s, &ev, &f->s.shell, NULL), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(listening_port, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			vsock_shows_its_context_and_port, setup, teardown),
		cmocka_unit_test_setup_teardown(unix_sockets_show_their_name,
						setup, teardown),
		cmocka_unit_test_setup_teardown(raw_sockets_say_their_family,
						setup, teardown),
		cmocka_unit_test_setup_teardown(loads_show_file_or_name, setup,
						teardown),
		cmocka_unit_test_setup_teardown(interference_shows_its_target,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			cgroups_are_told_with_their_hierarchy, setup, teardown),
		cmocka_unit_test_setup_teardown(
			limits_are_told_with_what_they_were, setup, teardown),
		cmocka_unit_test_setup_teardown(
			ends_without_an_address_need_a_family, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
