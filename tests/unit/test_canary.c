// SPDX-License-Identifier: Apache-2.0
/* Which events are the canary's, and what a round still lacks. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "app/canary.h"

#define HELPER 500

static struct canary c;
static struct image helper = { .id = 1, .proc = { 5, HELPER } };
static struct image img = { .id = 2, .proc = { 9, 600 }, .parent = &helper };
static char args[128];
static char path[128];

static struct event exec_with(const char *nonce)
{
	int n = snprintf(args, sizeof(args), "picket%ccanary%c%s", 0, 0, nonce);

	img.args = slice_of(args, (size_t)n + 1);
	return (struct event){ .kind = EVENT_EXEC,
			       .actor.proc = img.proc,
			       .time_ns = 10 };
}

static struct event connect_to(const char *addr, uint16_t port)
{
	struct event ev = { .kind = EVENT_CONNECT,
			    .actor.proc = img.proc,
			    .time_ns = 11 };

	ev.connect.peer.addr.family = AF_INET;
	memcpy(ev.connect.peer.addr.bytes, addr, 4);
	ev.connect.peer.port = port;
	return ev;
}

static struct event write_of(const char *nonce)
{
	struct event ev = { .kind = EVENT_WRITE,
			    .actor.proc = img.proc,
			    .time_ns = 12 };

	(void)snprintf(path, sizeof(path), "/memfd:picket-canary-%s", nonce);
	ev.write.path.path = slice_str(path);
	ev.write.file.memfd = true;
	return ev;
}

static int begin(void **state)
{
	(void)state;
	c = (struct canary){ .helper = HELPER };
	canary_begin(&c, 1);
	img.parent = &helper;
	return 0;
}

static void nonces_differ(void **state)
{
	char first[HELPER_NONCE_MAX];

	(void)state;
	memcpy(first, c.nonce, sizeof(first));
	assert_int_equal(strlen(first), HELPER_NONCE_MAX - 1);
	canary_begin(&c, 2);
	assert_string_not_equal(first, c.nonce);
}

static void a_round_ends_at_the_collector(void **state)
{
	struct canary_progress p = { .sealed_seq = 2, .has_done = true };
	struct event ev = exec_with(c.nonce);

	(void)state;
	assert_int_equal(canary_lacks(&c, true), CANARY_EXEC);
	assert_true(canary_is(&c, &ev, &img));
	canary_kept(&c, &ev, 1);
	ev = connect_to("\x7f\0\0\1", CANARY_PORT);
	assert_true(canary_is(&c, &ev, &img));
	canary_kept(&c, &ev, 2);
	assert_int_equal(canary_lacks(&c, true), CANARY_WRITE);
	ev = write_of(c.nonce);
	assert_true(canary_is(&c, &ev, &img));
	canary_kept(&c, &ev, 3);
	/* What is sealed ends before its last record. */
	canary_progress(&c, &p, 20);
	assert_int_equal(canary_lacks(&c, true), CANARY_SEALED);
	assert_int_equal(c.rounds, 0);
	p.sealed_seq = 3;
	canary_progress(&c, &p, 21);
	assert_int_equal(canary_lacks(&c, true), CANARY_ACKNOWLEDGED);
	assert_int_equal(canary_lacks(&c, false), CANARY_STAGES);
	assert_int_equal(c.rounds, 1);
	assert_int_equal(c.latency_ns, 20);
	p.done_seq = 3;
	canary_progress(&c, &p, 22);
	assert_int_equal(canary_lacks(&c, true), CANARY_STAGES);
	assert_int_equal(c.acknowledged_ns, 22);
	canary_progress(&c, &p, 23);
	assert_int_equal(c.rounds, 1);
}

static void only_children_of_the_helper_with_the_nonce_are_it(void **state)
{
	struct image other = { .id = 3, .proc = { 5, HELPER + 1 } };
	struct event ev = exec_with("00112233445566778899aabbccddeeff");

	(void)state;
	assert_false(canary_is(&c, &ev, &img));
	ev = exec_with(c.nonce + 1);
	assert_false(canary_is(&c, &ev, &img));
	ev = exec_with(c.nonce);
	img.parent = &other;
	assert_false(canary_is(&c, &ev, &img));
	img.parent = NULL;
	assert_false(canary_is(&c, &ev, &img));
	assert_false(canary_is(&c, &ev, NULL));
	/* Without its exec nothing is the canary's. */
	ev = connect_to("\x7f\0\0\1", CANARY_PORT);
	assert_false(canary_is(&c, &ev, &img));
}

static void what_else_that_process_does_is_not_it(void **state)
{
	struct event ev = exec_with(c.nonce);
	char almost[HELPER_NONCE_MAX];

	(void)state;
	assert_true(canary_is(&c, &ev, &img));
	ev = connect_to("\x7f\0\0\1", 443);
	assert_false(canary_is(&c, &ev, &img));
	ev = connect_to("\x0a\0\0\1", CANARY_PORT);
	assert_false(canary_is(&c, &ev, &img));
	ev = connect_to("\x7f\0\0\1", CANARY_PORT);
	ev.connect.is_send = true;
	assert_false(canary_is(&c, &ev, &img));
	memcpy(almost, c.nonce, sizeof(almost));
	almost[5] ^= 1;
	ev = write_of(almost);
	assert_false(canary_is(&c, &ev, &img));
	ev = write_of(c.nonce);
	ev.write.file.memfd = false;
	assert_false(canary_is(&c, &ev, &img));
	ev = write_of(c.nonce);
	ev.actor.proc.start_ns++;
	assert_false(canary_is(&c, &ev, &img));
	ev = (struct event){ .kind = EVENT_LISTEN, .actor.proc = img.proc };
	assert_false(canary_is(&c, &ev, &img));
	/* Root's libraries are loaded by every program; others are news. */
	ev = (struct event){ .kind = EVENT_LOAD, .actor.proc = img.proc };
	ev.load = (struct load_info){
		.op = LOAD_MMAP, .file = { .known = true, .mode = 0100755 }
	};
	assert_true(canary_is(&c, &ev, &img));
	ev.load.file.mode = 0100777;
	assert_false(canary_is(&c, &ev, &img));
	ev.load.file.mode = 0100755;
	ev.load.file.uid = 1000;
	assert_false(canary_is(&c, &ev, &img));
}

static void nothing_is_it_before_the_first_round(void **state)
{
	struct event ev;

	(void)state;
	c = (struct canary){ .helper = HELPER };
	memset(c.nonce, 'a', sizeof(c.nonce) - 1);
	ev = exec_with(c.nonce);
	assert_false(canary_is(&c, &ev, &img));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nonces_differ, begin),
		cmocka_unit_test_setup(a_round_ends_at_the_collector, begin),
		cmocka_unit_test_setup(
			only_children_of_the_helper_with_the_nonce_are_it,
			begin),
		cmocka_unit_test_setup(what_else_that_process_does_is_not_it,
				       begin),
		cmocka_unit_test_setup(nothing_is_it_before_the_first_round,
				       begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
