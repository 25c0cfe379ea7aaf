// SPDX-License-Identifier: Apache-2.0
/* app/destinations, app/refusals: what the agent reads of its shippers. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/announce.h"
#include "app/destinations.h"
#include "app/refusals.h"
#include "base/clock.h"
#include "base/fs.h"
#include "out/collector.h"
#include "out/state_lock.h"
#include "remove_tree.h"
#include "store/journal.h"

static char dir[64];
static struct conf conf;
static const uint8_t id[16] = { 7 };

static int setup(void **state)
{
	struct conf_error err;
	char text[512];

	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/picket-destinations-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	(void)snprintf(text, sizeof(text),
		       "[journal]\ndir = %s/journal\n"
		       "[collector]\nurl = http://a/\nstate_dir = %s/ship\n"
		       "[collector b]\nurl = http://b/\n",
		       dir, dir);
	if (conf_load_text("x", slice_str(text), &conf, &err) < 0)
		return -1;
	return fs_mkdir_all(conf.named[0].state_dir, 0755);
}

static int teardown(void **state)
{
	(void)state;
	conf_done(&conf);
	return remove_tree(dir);
}

static void put_cursor(size_t which, const uint8_t *journal, uint64_t seq)
{
	struct cursor c = { .epoch = 1, .seq = seq };

	memcpy(c.journal, journal, sizeof(c.journal));
	assert_int_equal(cursor_save(conf_destination(&conf, which)->state_dir,
				     COLLECTOR_CURSOR, &c),
			 0);
}

static uint64_t done(void)
{
	uint64_t seq;

	assert_true(destinations_done(&conf, id, &seq));
	return seq;
}

static void the_journal_waits_for_the_last_of_all(void **state)
{
	static const uint8_t other[16] = { 8 };

	(void)state;
	assert_int_equal(done(), 0);
	put_cursor(0, id, 100);
	/* One that has nothing yet counts. */
	assert_int_equal(done(), 0);
	put_cursor(1, id, 40);
	assert_int_equal(done(), 40);
	put_cursor(1, id, 200);
	assert_int_equal(done(), 100);
	/* A cursor of another journal says nothing of this one. */
	put_cursor(0, other, 5000);
	assert_int_equal(done(), 0);
}

static void without_a_destination_there_is_nothing_to_wait_for(void **state)
{
	struct conf none;
	uint64_t seq;

	(void)state;
	assert_int_equal(conf_init(&none), 0);
	assert_false(destinations_done(&none, id, &seq));
	conf_done(&none);
}

/* A journal of n records in several segments. */
static uint64_t fill(size_t n, uint8_t *ret_id)
{
	const struct journal_settings s = {
		.dir = conf.journal.dir,
		.max_size = 64u << 20,
		.segment_size = 1u << 20,
		.buffer_size = 16u << 20,
		.sync_interval_ms = 10,
		.file_mode = 0640,
	};
	static char payload[4096];
	struct journal_opening o;
	struct journal_stats stats;
	struct journal *j;
	char what[256];
	uint64_t seq;
	int holder;

	assert_int_equal(journal_open(&s, &j, &o, &holder, what), 0);
	while (n--) {
		(void)journal_segment(j);
		assert_int_equal(
			journal_append(j, JOURNAL_EVENT, 0, clock_wall_ns(),
				       slice_of(payload, sizeof(payload)),
				       &seq),
			0);
		if (n % 500 == 0)
			assert_int_equal(journal_flush(j, 10000), 0);
	}
	journal_stats(j, &stats);
	memcpy(ret_id, o.id, sizeof(o.id));
	journal_close(j);
	return stats.next_seq;
}

static void backlog_is_told_in_records_bytes_and_time(void **state)
{
	struct destination list[DESTINATIONS_MAX];
	struct ship_status status = { .dead_letters = 3 };
	uint8_t journal[16];
	struct destinations_ask ask = {
		.conf = &conf,
		.journal_dir = conf.journal.dir,
		.journal = journal,
		.next_seq = fill(2000, journal),
	};
	uint64_t all, half;
	int fd;

	(void)state;
	put_cursor(1, journal, ask.next_seq / 2);
	status.written_ns = clock_wall_ns();
	status.waiting_since_ns = status.written_ns - 90 * (int64_t)NS_PER_S;
	assert_int_equal(ship_status_save(conf.named[0].state_dir,
					  COLLECTOR_STATUS, &status),
			 0);
	assert_int_equal(state_lock_take(conf.named[0].state_dir, &fd), 0);

	assert_int_equal(destinations_read(&ask, list), 2);
	assert_string_equal(list[0].name, "");
	assert_string_equal(list[1].name, "b");
	assert_false(list[0].has_cursor);
	assert_false(list[0].is_running);
	assert_true(list[1].is_running);
	assert_int_equal(list[1].status.dead_letters, 3);
	assert_int_equal(list[0].behind_records, ask.next_seq - 1);
	assert_int_equal(list[1].behind_records,
			 ask.next_seq - 1 - ask.next_seq / 2);
	all = list[0].behind_bytes;
	half = list[1].behind_bytes;
	assert_in_range(all, 2000u * 4096, 2000u * 4096 + (1u << 20));
	assert_in_range(half, all / 2 - all / 20, all / 2 + all / 20);
	assert_in_range(list[1].behind_ms, 90000, 200000);

	/* What was trimmed waits for nobody any more. */
	ask.first_seq = ask.next_seq - 100;
	assert_int_equal(destinations_read(&ask, list), 2);
	assert_int_equal(list[0].behind_records, 100);
	assert_int_equal(list[1].behind_records, 100);

	put_cursor(1, journal, ask.next_seq - 1);
	assert_int_equal(close(fd), 0);
	assert_int_equal(destinations_read(&ask, list), 2);
	assert_int_equal(list[1].behind_records, 0);
	assert_int_equal(list[1].behind_bytes, 0);
	assert_int_equal(list[1].behind_ms, 0);
	assert_false(list[1].is_running);
}

/* ---- refusals ------------------------------------------------------------------- */

struct told {
	struct journal *journal;
	struct announcer announcer;
	struct refusals refusals;
};

static void begin(struct told *t, int64_t since_ns)
{
	const struct journal_settings s = {
		.dir = conf.journal.dir,
		.max_size = 8u << 20,
		.segment_size = 1u << 20,
		.buffer_size = 1u << 20,
		.sync_interval_ms = 10,
		.file_mode = 0640,
	};
	struct journal_opening o;
	char what[256];
	int holder;

	*t = (struct told){ .refusals = { .since_ns = since_ns } };
	assert_int_equal(journal_open(&s, &t->journal, &o, &holder, what), 0);
	t->announcer.journal = t->journal;
}

/* How many events so far, after a look at that time. */
static uint64_t look(struct told *t, uint64_t dead, int64_t started_ns,
		     uint64_t now_s)
{
	struct ship_status s = { .dead_letters = dead,
				 .started_ns = started_ns };
	struct journal_stats stats;

	assert_int_equal(ship_status_save(conf.collector.state_dir,
					  COLLECTOR_STATUS, &s),
			 0);
	refusals_check(&t->refusals, &conf, &t->announcer, now_s * NS_PER_S);
	journal_stats(t->journal, &stats);
	return stats.appended;
}

static void dead_letters_are_told_once_and_not_too_often(void **state)
{
	struct told t;

	(void)state;
	begin(&t, 1000);
	/* Of before the agent's time. */
	assert_int_equal(look(&t, 5, 900, 100), 0);
	assert_int_equal(look(&t, 5, 900, 101), 0);
	assert_int_equal(look(&t, 6, 900, 102), 1);
	assert_int_equal(look(&t, 7, 900, 103), 1);
	assert_int_equal(look(&t, 8, 900, 161), 1);
	assert_int_equal(look(&t, 9, 900, 162), 2);
	assert_int_equal(look(&t, 9, 900, 900), 2);
	/* Another shipper begins at nothing. */
	assert_int_equal(look(&t, 1, 2000, 1000), 3);
	assert_int_equal(look(&t, 1, 2000, 2000), 3);
	journal_close(t.journal);
}

static void what_a_new_shipper_refused_first_is_told(void **state)
{
	struct told t;

	(void)state;
	begin(&t, 1000);
	assert_int_equal(look(&t, 2, 1500, 100), 1);
	journal_close(t.journal);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(the_journal_waits_for_the_last_of_all),
		T(without_a_destination_there_is_nothing_to_wait_for),
		T(backlog_is_told_in_records_bytes_and_time),
		T(dead_letters_are_told_once_and_not_too_often),
		T(what_a_new_shipper_refused_first_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
