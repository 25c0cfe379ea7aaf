/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The next reader of a ring: what the last one left is read as far back as it
 * is there, and each record is counted once, wherever the last one was killed.
 * The kernel's side of the ring is a file of the same shape, written here.
 */
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "sense/resume.h"

#define CPUS	    1
#define RING_BYTES  (64 * 1024)
#define RECORD	    128 /* with its header of 8 bytes */
#define IN_THE_RING (RING_BYTES / RECORD)
#define SEEN_MAX    (8 * IN_THE_RING)

struct kernel {
	char *map;
	struct ring *ring;
	struct account *account;
	struct sensor_journal journal;
	uint64_t made;
	uint64_t overtake_at; /* so many were seen; 0: never */
	uint64_t seen[SEEN_MAX];
	uint64_t seqs[SEEN_MAX];
	size_t count;
};

static const uint8_t id[16] = "this journal";

/* In libbpf's place, which is not linked: the file is a ring of our size. */
int bpf_obj_get_info_by_fd(int fd, void *info, uint32_t *size);
int bpf_obj_get_info_by_fd(int fd, void *info, uint32_t *size)
{
	struct bpf_map_info *map = info;

	(void)fd;
	assert_true(*size >= sizeof(*map));
	map->type = BPF_MAP_TYPE_RINGBUF;
	map->max_entries = RING_BYTES;
	return 0;
}

static uint64_t *position(const struct kernel *k, size_t page)
{
	return (uint64_t *)(void *)(k->map + page * (size_t)getpagesize());
}

/* Its number is the time at which it was made. */
static void make_record(struct kernel *k)
{
	struct wire_hdr hdr = { .type = WIRE_EXIT, .time_ns = k->made };
	size_t at = k->made * RECORD % RING_BYTES, twice;
	uint32_t len[2] = { RECORD - 8, 0 };
	char *data = k->map + 2 * (size_t)getpagesize();

	for (twice = 0; twice < 2; twice++, at += RING_BYTES) {
		memcpy(data + at, len, sizeof(len));
		memcpy(data + at + sizeof(len), &hdr, sizeof(hdr));
	}
	*position(k, 1) = ++k->made * RECORD;
}

static void note(void *kernel, const struct sensor_seen *seen)
{
	struct kernel *k = kernel;
	struct wire_hdr hdr;
	size_t i;

	memcpy(&hdr, seen->data, sizeof(hdr));
	assert_true(k->count < SEEN_MAX);
	k->seen[k->count] = hdr.time_ns;
	k->seqs[k->count++] = seen->seq;
	for (i = 0; k->count == k->overtake_at && i < IN_THE_RING / 2; i++)
		make_record(k);
}

/* Made and read: record n is event n + 1, and the journal has it. */
static void make_and_read(struct kernel *k, size_t count)
{
	for (; count; count--) {
		make_record(k);
		account_count(k->account, WIRE_FAM_EXIT, ring_at(k->ring));
		account_step(k->account,
			     (struct account_step){ .seq = k->made,
						    .at = k->made * RECORD,
						    .epoch = 1 });
		ring_skip_to(k->ring, k->made * RECORD);
	}
}

static int setup(void **state)
{
	size_t page = (size_t)getpagesize(), size = 2 * page + 2 * RING_BYTES;
	struct kernel *k = calloc(1, sizeof(*k));
	int fd = memfd_create("ring", MFD_CLOEXEC);

	assert_non_null(k);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	k->map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(k->map, MAP_FAILED);
	assert_int_equal(ring_open(fd, RING_BYTES, &k->ring), 0);
	(void)close(fd);
	k->account = calloc(1, account_bytes(CPUS));
	assert_non_null(k->account);
	account_begin(k->account, id, 0, 0);
	k->journal = (struct sensor_journal){ .seen = note, .arg = k };
	memcpy(k->journal.id, id, sizeof(id));
	*state = k;
	return 0;
}

static int teardown(void **state)
{
	struct kernel *k = *state;

	ring_close(k->ring);
	(void)munmap(k->map, 2 * (size_t)getpagesize() + 2 * RING_BYTES);
	free(k->account);
	free(k);
	return 0;
}

static uint64_t resume(struct kernel *k, uint64_t last_seq)
{
	k->journal.last_seq = last_seq;
	k->count = 0;
	return resume_ring(k->ring, k->account, CPUS, &k->journal);
}

/* One after the other, none twice, and each with its event's number. */
static void assert_seen(const struct kernel *k, uint64_t from, uint64_t until)
{
	size_t i;

	assert_int_equal(k->count, until - from);
	for (i = 0; i < k->count; i++) {
		assert_int_equal(k->seen[i], from + i);
		assert_int_equal(k->seqs[i], from + i + 1);
	}
}

static void all_that_is_there_is_seen(void **state)
{
	struct kernel *k = *state;

	make_and_read(k, IN_THE_RING);
	assert_int_equal(resume(k, IN_THE_RING), 0);
	/* Where the first begins, no step says. */
	assert_seen(k, 1, IN_THE_RING);
	/* What was written over is left out, and a little more. */
	make_and_read(k, IN_THE_RING);
	assert_int_equal(resume(k, 2 * IN_THE_RING), 0);
	assert_seen(k, IN_THE_RING + IN_THE_RING / 16, 2 * IN_THE_RING);
}

static void what_is_read_again_is_not_history(void **state)
{
	struct kernel *k = *state;

	make_and_read(k, 100);
	assert_int_equal(resume(k, 90), 0);
	assert_seen(k, 1, 90);
	assert_int_equal(ring_at(k->ring), 90 * RECORD);
	assert_int_equal(k->account->received[WIRE_FAM_EXIT], 90);
}

static void walk_that_is_overtaken_goes_on_further_ahead(void **state)
{
	struct kernel *k = *state;
	uint64_t ahead = IN_THE_RING / 2 + IN_THE_RING / 16;

	make_and_read(k, IN_THE_RING);
	k->overtake_at = 10;
	assert_int_equal(resume(k, IN_THE_RING), 0);
	assert_int_equal(k->count, 10 + IN_THE_RING - ahead);
	assert_int_equal(k->seen[9], 10);
	assert_int_equal(k->seen[10], ahead);
	assert_int_equal(k->seqs[10], ahead + 1);
	assert_int_equal(k->seen[k->count - 1], IN_THE_RING - 1);
}

static void record_whose_reader_was_killed_is_counted_once(void **state)
{
	struct kernel *k = *state;

	make_and_read(k, 10);
	make_record(k);
	account_count(k->account, WIRE_FAM_EXIT, ring_at(k->ring));
	/* Killed here: not consumed, and not in the journal. */
	(void)resume(k, 10);
	assert_int_equal(k->account->received[WIRE_FAM_EXIT], 10);
	/* Nothing was counted since. */
	(void)resume(k, 10);
	assert_int_equal(k->account->received[WIRE_FAM_EXIT], 10);
}

static void record_that_was_consumed_is_counted_once(void **state)
{
	struct kernel *k = *state;

	make_and_read(k, 11);
	(void)resume(k, 10);
	assert_int_equal(k->account->received[WIRE_FAM_EXIT], 10);
	/* Where it lies is where the next one left off, who read nothing. */
	(void)resume(k, 10);
	assert_int_equal(k->account->received[WIRE_FAM_EXIT], 10);
	account_count(k->account, WIRE_FAM_EXIT, ring_at(k->ring));
	ring_skip_to(k->ring, k->made * RECORD);
	(void)resume(k, 11);
	assert_int_equal(k->account->received[WIRE_FAM_EXIT], 11);
}

static void record_that_is_dropped_is_counted_once(void **state)
{
	struct kernel *k = *state;
	size_t i;

	for (i = 0; i < 10; i++)
		make_record(k);
	resume_drop(k->ring, k->account, 5 * RECORD);
	assert_int_equal(ring_at(k->ring), 5 * RECORD);
	assert_int_equal(k->account->received[WIRE_FAM_EXIT], 5);
	/* As if it had been killed before it moved on from the last of them. */
	*position(k, 0) = 4 * RECORD;
	(void)resume(k, 0);
	assert_int_equal(k->account->received[WIRE_FAM_EXIT], 4);
	resume_drop(k->ring, k->account, 10 * RECORD);
	assert_int_equal(k->account->received[WIRE_FAM_EXIT], 10);
}

#define WITH_RING(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RING(all_that_is_there_is_seen),
		WITH_RING(what_is_read_again_is_not_history),
		WITH_RING(walk_that_is_overtaken_goes_on_further_ahead),
		WITH_RING(record_whose_reader_was_killed_is_counted_once),
		WITH_RING(record_that_was_consumed_is_counted_once),
		WITH_RING(record_that_is_dropped_is_counted_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
