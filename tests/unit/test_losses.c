/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel side's counters say is told once: each difference, by CPU
 * and family, and no more while its event may yet be lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "app/announce.h"
#include "app/losses.h"
#include "event.pb-c.h"
#include "sense/sensor.h"
#include "store/journal.h"

#define CPUS 2

/* ---- the kernel's side and the journal, played by tables ------------------ */

static struct wire_counters counters[CPUS][WIRE_FAM_COUNT];
static uint64_t missed[WIRE_FAM_COUNT];

struct told {
	uint64_t count, seq;
};
static struct told told[CPUS][WIRE_FAM_COUNT], told_missed[WIRE_FAM_COUNT];

static uint64_t last_seq, sealed_seq;
static struct {
	char family[16], cpu[8], count[24], missed[24];
} said[16];

unsigned sensor_cpus(const struct sensor *s)
{
	(void)s;
	return CPUS;
}

int sensor_counters(const struct sensor *s, unsigned cpu,
		    enum wire_family family, struct wire_counters *ret)
{
	(void)s;
	if (cpu >= CPUS)
		return -ENOENT;
	*ret = counters[cpu][family];
	return 0;
}

uint64_t sensor_missed(const struct sensor *s, enum wire_family family)
{
	(void)s;
	return missed[family];
}

uint64_t sensor_told(const struct sensor *s, unsigned cpu,
		     enum wire_family family, uint64_t *ret_seq)
{
	(void)s;
	*ret_seq = told[cpu][family].seq;
	return told[cpu][family].count;
}

void sensor_tell(struct sensor *s, unsigned cpu, enum wire_family family,
		 uint64_t lost, uint64_t seq)
{
	(void)s;
	told[cpu][family] = (struct told){ lost, seq };
}

uint64_t sensor_told_missed(const struct sensor *s, enum wire_family family,
			    uint64_t *ret_seq)
{
	(void)s;
	*ret_seq = told_missed[family].seq;
	return told_missed[family].count;
}

void sensor_tell_missed(struct sensor *s, enum wire_family family, uint64_t n,
			uint64_t seq)
{
	(void)s;
	told_missed[family] = (struct told){ n, seq };
}

uint64_t sensor_checked(struct sensor *s, uint64_t now_ns)
{
	(void)s;
	return now_ns;
}

void journal_stats(struct journal *j, struct journal_stats *ret)
{
	(void)j;
	*ret = (struct journal_stats){ .sealed_seq = sealed_seq };
}

static void keep(const struct record_fact *f)
{
	const struct {
		const char *key;
		char *to;
		size_t size;
	} wanted[] = {
		{ "family", said[last_seq].family, sizeof(said[0].family) },
		{ "cpu", said[last_seq].cpu, sizeof(said[0].cpu) },
		{ "count", said[last_seq].count, sizeof(said[0].count) },
		{ "missed", said[last_seq].missed, sizeof(said[0].missed) },
	};
	size_t i;

	for (; f->key; f++)
		for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
			if (strcmp(f->key, wanted[i].key) == 0)
				(void)snprintf(wanted[i].to, wanted[i].size,
					       "%s", f->value);
}

uint64_t announce(struct announcer *a, int what,
		  const struct record_fact *facts, const char *fmt, ...)
{
	(void)a;
	(void)fmt;
	assert_int_equal(what, PICKET__V1__AGENT__WHAT__LOSS);
	assert_true(++last_seq < sizeof(said) / sizeof(said[0]));
	keep(facts);
	return last_seq;
}

/* ---- tests ------------------------------------------------------------------ */

static struct losses *losses;
static struct announcer announcer;

static int setup(void **state)
{
	(void)state;
	memset(counters, 0, sizeof(counters));
	memset(missed, 0, sizeof(missed));
	memset(told, 0, sizeof(told));
	memset(told_missed, 0, sizeof(told_missed));
	memset(said, 0, sizeof(said));
	last_seq = sealed_seq = 0;
	return losses_new(NULL, &losses);
}

static int teardown(void **state)
{
	(void)state;
	losses_free(losses);
	return 0;
}

static uint64_t check(void)
{
	return losses_check(losses, NULL, &announcer);
}

static void each_family_and_cpu_is_told_what_it_lost(void **state)
{
	(void)state;
	assert_int_equal(check(), 0);
	counters[0][WIRE_FAM_EXEC].lost = 3;
	counters[1][WIRE_FAM_WRITE].lost = 40;
	assert_int_equal(check(), 43);
	assert_int_equal(last_seq, 2);
	assert_string_equal(said[1].family, "exec");
	assert_string_equal(said[1].cpu, "0");
	assert_string_equal(said[1].count, "3");
	assert_string_equal(said[2].family, "write");
	assert_string_equal(said[2].cpu, "1");
	assert_string_equal(said[2].count, "40");
	assert_int_equal(check(), 0);
}

static void more_is_told_when_what_was_told_is_durable(void **state)
{
	(void)state;
	counters[0][WIRE_FAM_EXEC].lost = 3;
	assert_int_equal(check(), 3);
	counters[0][WIRE_FAM_EXEC].lost = 5;
	/* Were it told now and died, nobody knew which of both is there. */
	assert_int_equal(check(), 0);
	sealed_seq = last_seq;
	assert_int_equal(check(), 2);
	assert_string_equal(said[2].count, "2");
}

static void runs_that_were_left_out_are_told_and_are_no_records(void **state)
{
	(void)state;
	missed[WIRE_FAM_WRITE] = 7;
	assert_int_equal(check(), 0);
	assert_int_equal(last_seq, 1);
	assert_string_equal(said[1].family, "write");
	assert_string_equal(said[1].missed, "7");
	assert_string_equal(said[1].count, "");
	sealed_seq = last_seq;
	assert_int_equal(check(), 0);
	assert_int_equal(last_seq, 1);
	missed[WIRE_FAM_WRITE] = 9;
	(void)check();
	assert_string_equal(said[2].missed, "2");
	/* Other programs, loaded anew, count from zero. */
	sealed_seq = last_seq;
	missed[WIRE_FAM_WRITE] = 0;
	(void)check();
	assert_int_equal(last_seq, 2);
}

#define WITH_LOSSES(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LOSSES(each_family_and_cpu_is_told_what_it_lost),
		WITH_LOSSES(more_is_told_when_what_was_told_is_durable),
		WITH_LOSSES(
			runs_that_were_left_out_are_told_and_are_no_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
