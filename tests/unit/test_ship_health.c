// SPDX-License-Identifier: Apache-2.0
/* Whether a shipper is at work: its lock, and when it last said something. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "out/collector.h"
#include "out/ship_health.h"
#include "out/ship_status.h"
#include "out/state_lock.h"
#include "remove_tree.h"

#define NOW ((int64_t)1000000 * (int64_t)NS_PER_S)

struct place {
	char dir[64];
	int lock;
};

static int set_up(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/ship-health-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	p->lock = -1;
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;

	if (p->lock >= 0)
		(void)close(p->lock);
	assert_int_equal(remove_tree(p->dir), 0);
	free(p);
	return 0;
}

static void say(struct place *p, int64_t when_ns)
{
	const struct ship_status s = { .pid = 1,
				       .written_ns = when_ns,
				       .state = "waiting" };

	assert_int_equal(ship_status_save(p->dir, COLLECTOR_STATUS, &s), 0);
}

static void expect(struct place *p, const char *part)
{
	cleanup_buf struct buf why = BUF_INIT(8192);

	assert_int_equal(ship_is_well(p->dir, NOW, &why), !part);
	buf_add_char(&why, '\0');
	assert_false(why.failed);
	if (part)
		assert_non_null(strstr(why.p, part));
}

static void nobody_at_work_is_not_well(void **state)
{
	struct place *p = *state;

	say(p, NOW);
	expect(p, "no picket-ship works in state_dir");
}

static void who_never_said_anything_is_not_well(void **state)
{
	struct place *p = *state;

	assert_int_equal(state_lock_take(p->dir, &p->lock), 0);
	expect(p, "cannot read its status");
}

static void who_waits_for_a_collector_is_well(void **state)
{
	struct place *p = *state;

	assert_int_equal(state_lock_take(p->dir, &p->lock), 0);
	say(p, NOW - SHIP_SILENT_MAX_MS * (int64_t)NS_PER_MS);
	expect(p, NULL);
	/* The clock was set back. */
	say(p, NOW * 2);
	expect(p, NULL);
}

static void who_hangs_is_not_well(void **state)
{
	struct place *p = *state;

	assert_int_equal(state_lock_take(p->dir, &p->lock), 0);
	say(p, NOW - (SHIP_SILENT_MAX_MS + 1) * (int64_t)NS_PER_MS);
	expect(p, "has said nothing for 60 s");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nobody_at_work_is_not_well),
		TEST(who_never_said_anything_is_not_well),
		TEST(who_waits_for_a_collector_is_well),
		TEST(who_hangs_is_not_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
