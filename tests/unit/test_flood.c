/* SPDX-License-Identifier: Apache-2.0 */
/*
 * More than the disk can take: appending never waits for it, what waits is
 * written in one call, and a flood of alerts is sealed in groups. Counted
 * below the file layer.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "store_dir.h"

static atomic_uint writes, syncs;
static atomic_ullong written, largest;
static atomic_int gate_closed;
static atomic_uint waiting; /* calls at the gate */
static atomic_int slow_us, slow_write_us;

static ssize_t counted_pwritev(int fd, const struct iovec *v, int n, off_t off)
{
	unsigned long long size = 0;
	int i;

	for (i = 0; i < n; i++)
		size += v[i].iov_len;
	writes++;
	written += size;
	if (size > largest)
		largest = size;
	if (slow_write_us)
		(void)usleep((useconds_t)slow_write_us);
	return store_io_real.pwritev(fd, v, n, off);
}

static int counted_fdatasync(int fd)
{
	syncs++;
	waiting++;
	while (gate_closed)
		(void)usleep(500);
	waiting--;
	if (slow_us)
		(void)usleep((useconds_t)slow_us);
	return store_io_real.fdatasync(fd);
}

static struct store_io io;

static void begin(struct store_dir *d)
{
	io = store_io_real;
	io.pwritev = counted_pwritev;
	io.fdatasync = counted_fdatasync;
	gate_closed = 0;
	slow_us = slow_write_us = 0;
	store_begin(d);
	d->settings.io = &io;
	d->settings.segment_size = 16u << 20;
	store_open(d);
	store_events(d, 1);
	store_flush(d);
	writes = syncs = 0;
	written = largest = 0;
}

static void what_waited_for_the_disk_is_written_in_one_call(void **state)
{
	struct store_dir d;
	uint64_t bytes = 0, i;
	char payload[128];

	(void)state;
	begin(&d);
	/* The disk is stuck in a sync; everything below comes meanwhile. */
	gate_closed = 1;
	(void)store_event(&d, JOURNAL_URGENT);
	STORE_WAIT(waiting);
	for (i = 0; i < 5000; i++)
		bytes += FRAME_HEADER +
			 store_payload(store_event(&d, 0), payload);
	gate_closed = 0;
	store_flush(&d);
	assert_int_equal(store_stats(&d).dropped, 0);
	/* The first and its seal; all of the rest, and a seal. */
	assert_int_equal(writes, 4);
	assert_int_equal(syncs, 2);
	assert_int_equal(largest, bytes);
	store_close(&d);
	assert_int_equal(store_read(&d).events, 5002);
	store_end(&d);
}

static void call_goes_round_the_end_of_the_buffer(void **state)
{
	struct store_dir d;
	unsigned i, k;

	(void)state;
	store_begin(&d);
	store_end(&d);
	begin(&d);
	store_close(&d);
	d.settings.buffer_size = 600 << 10;
	store_open(&d);
	/* Two thirds of the ring each time: most batches wrap. */
	for (k = 0; k < 9; k++) {
		gate_closed = 1;
		(void)store_event(&d, JOURNAL_URGENT);
		STORE_WAIT(waiting);
		writes = 0;
		for (i = 0; i < 3000; i++)
			(void)store_event(&d, 0);
		gate_closed = 0;
		store_flush(&d);
		/* The seal of the first; the rest, and its seal. */
		assert_int_equal(writes, 3);
	}
	assert_int_equal(store_stats(&d).dropped, 0);
	store_close(&d);
	assert_int_equal(store_read(&d).events, 9 * 3001 + 1);
	assert_int_equal(store_check(d.journal, "events"), 9 * 3001 + 1);
	store_end(&d);
}

static void alert_flood_on_a_stuck_disk_costs_latency_alone(void **state)
{
	struct store_dir d;
	unsigned i;

	(void)state;
	begin(&d);
	gate_closed = 1;
	(void)store_event(&d, JOURNAL_URGENT);
	STORE_WAIT(waiting);
	/* None of these waits: the gate is closed until all have returned. */
	for (i = 0; i < 20000; i++)
		(void)store_event(&d, JOURNAL_URGENT);
	assert_true(waiting);
	assert_int_equal(store_stats(&d).dropped, 0);
	assert_int_equal(store_stats(&d).waiting, 20001);
	assert_int_equal(store_stats(&d).sealed_seq, 1);
	gate_closed = 0;
	store_flush(&d);
	/* Not one sync per alert: two groups. */
	assert_int_equal(syncs, 2);
	store_close(&d);
	assert_int_equal(
		store_read_from(&d, READER_OLDEST, 0, READER_SEALED_ONLY)
			.events,
		20002);
	store_end(&d);
}

static void slow_syncs_group_what_comes_meanwhile(void **state)
{
	struct store_dir d;
	unsigned i, n = 0;

	(void)state;
	begin(&d);
	slow_us = 30000;
	/* Alerts come steadily for as long as ten syncs take. */
	while (syncs < 10) {
		for (i = 0; i < 20; i++, n++)
			(void)store_event(&d, JOURNAL_URGENT);
		(void)usleep(1000);
	}
	slow_us = 0;
	store_flush(&d);
	assert_int_equal(store_stats(&d).dropped, 0);
	/* Two calls for each group, whatever its size. */
	assert_true(writes <= 2 * (syncs + 1));
	assert_true(n > syncs);
	store_close(&d);
	assert_int_equal(store_read(&d).events, n + 1);
	store_end(&d);
}

/* What is appended while a write is under way does not put off the seal. */
static void slow_writes_are_sealed_one_by_one(void **state)
{
	struct store_dir d;
	unsigned n = 0;

	(void)state;
	begin(&d);
	slow_write_us = 5000;
	/* Ten groups, in far less than fills the buffer. */
	while (syncs < 10 && n < 10000) {
		(void)store_event(&d, JOURNAL_URGENT);
		n++;
		(void)usleep(200);
	}
	slow_write_us = 0;
	assert_true(syncs >= 10);
	store_flush(&d);
	assert_int_equal(store_stats(&d).dropped, 0);
	assert_true(writes <= 2 * (syncs + 1));
	store_close(&d);
	assert_int_equal(store_read(&d).events, n + 1);
	store_end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_waited_for_the_disk_is_written_in_one_call),
		cmocka_unit_test(call_goes_round_the_end_of_the_buffer),
		cmocka_unit_test(
			alert_flood_on_a_stuck_disk_costs_latency_alone),
		cmocka_unit_test(slow_syncs_group_what_comes_meanwhile),
		cmocka_unit_test(slow_writes_are_sealed_one_by_one),
	};

	return cmocka_run_group_tests_name("flood", tests, NULL, NULL);
}
