/* SPDX-License-Identifier: Apache-2.0 */
/* What a container is called is asked by a thread, which may hang. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "proc/container_ask.h"
#include "proc/container_info.h"

/* The reader takes a byte from here for an id that begins with 'h'. */
static int gate[2];
static atomic_uint reads;

static int read_made_up(const char *root, struct slice id,
			struct container_info **ret)
{
	char c;

	reads++;
	assert_string_equal(root, "/root");
	if (*id.p == 'h' && read(gate[0], &c, 1) != 1)
		return -EIO;
	if (*id.p == 'n')
		return -ENOENT;
	*ret = calloc(1, sizeof(**ret) + 1);
	return *ret ? 0 : -ENOMEM;
}

static int set_up(void **state)
{
	struct container_ask *a;

	reads = 0;
	assert_int_equal(pipe(gate), 0);
	assert_int_equal(container_ask_new("/root", read_made_up, &a), 0);
	*state = a;
	return 0;
}

static int tear_down(void **state)
{
	container_ask_free(*state);
	(void)close(gate[0]);
	(void)close(gate[1]);
	return 0;
}

/* Until there is an answer, as the events of a container would ask. */
static int ask(struct container_ask *a, const char *id)
{
	uint64_t end = clock_mono_ns() + 60 * NS_PER_S;
	struct container_info *info = NULL;
	int r;

	do {
		r = container_ask(a, slice_str(id), &info);
	} while (r == -EAGAIN && clock_mono_ns() < end);
	assert_int_equal(!info, r != 0);
	container_info_free(info);
	return r;
}

static void what_is_read_is_the_answer(void **state)
{
	assert_int_equal(ask(*state, "a1"), 0);
	assert_int_equal(ask(*state, "n1"), -ENOENT);
	/* Each is asked anew: it may be written down by then. */
	assert_int_equal(ask(*state, "n1"), -ENOENT);
	assert_int_equal(reads, 3);
}

static void who_hangs_is_waited_for_once(void **state)
{
	struct container_ask *a = *state;
	struct container_info *info = NULL;
	uint64_t from = clock_mono_ns();

	for (int i = 0; i < 1000; i++)
		assert_int_equal(container_ask(a, slice_str("h1"), &info),
				 -EAGAIN);
	/* Not a thousand times: those would be twenty seconds. */
	assert_true(clock_mono_ns() - from < 10 * NS_PER_S);
	assert_int_equal(container_ask(a, slice_str("a1"), &info), -EAGAIN);
	assert_int_equal(write(gate[1], "x", 1), 1);
	assert_int_equal(ask(a, "h1"), 0);
	assert_int_equal(ask(a, "a1"), 0);
	assert_int_equal(reads, 2);
}

static void too_many_questions_are_refused(void **state)
{
	struct container_ask *a = *state;
	struct container_info *info = NULL;
	char id[16];
	int refused = 0;

	assert_int_equal(container_ask(a, slice_str("h1"), &info), -EAGAIN);
	for (int i = 0; i < 100; i++) {
		(void)snprintf(id, sizeof(id), "a%d", i);
		refused += container_ask(a, slice_str(id), &info) == -EBUSY;
	}
	assert_int_equal(refused, 100 - 63);
	assert_int_equal(write(gate[1], "x", 1), 1);
	/* Answers that nobody comes for give way. */
	assert_int_equal(ask(a, "h1"), 0);
	for (int i = 0; i < 200; i++) {
		(void)snprintf(id, sizeof(id), "b%d", i);
		while (ask(a, id) == -EBUSY)
			;
	}
}

static void its_end_does_not_wait_for_who_hangs(void **state)
{
	struct container_info *info = NULL;
	struct container_ask *a;

	(void)state;
	assert_int_equal(pipe(gate), 0);
	assert_int_equal(container_ask_new("/root", read_made_up, &a), 0);
	assert_int_equal(container_ask(a, slice_str("h1"), &info), -EAGAIN);
	container_ask_free(a);
}

static void an_id_that_is_none_is_not_asked(void **state)
{
	struct container_info *info = NULL;
	char id[200];

	memset(id, 'a', sizeof(id));
	assert_int_equal(container_ask(*state, slice_str(""), &info), -ENOENT);
	assert_int_equal(container_ask(*state, slice_of(id, sizeof(id)), &info),
			 -ENOENT);
	assert_int_equal(reads, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_read_is_the_answer),
		TEST(who_hangs_is_waited_for_once),
		TEST(too_many_questions_are_refused),
		TEST(an_id_that_is_none_is_not_asked),
		/* Last: its thread goes on hanging. */
		cmocka_unit_test(its_end_does_not_wait_for_who_hangs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
