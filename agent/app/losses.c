// SPDX-License-Identifier: Apache-2.0
#include "app/losses.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/announce.h"
#include "base/clock.h"
#include "event.pb-c.h"
#include "sense/sensor.h"
#include "store/journal.h"

static const char *const family_names[] = {
	[WIRE_FAM_FORK] = "fork",     [WIRE_FAM_EXEC] = "exec",
	[WIRE_FAM_EXIT] = "exit",     [WIRE_FAM_CONNECT] = "connect",
	[WIRE_FAM_WRITE] = "write",   [WIRE_FAM_CGROUP] = "cgroup",
	[WIRE_FAM_LISTEN] = "listen", [WIRE_FAM_LOAD] = "load",
	[WIRE_FAM_TAMPER] = "tamper",
};

_Static_assert(sizeof(family_names) / sizeof(family_names[0]) == WIRE_FAM_COUNT,
	       "each family has a name");

struct losses {
	unsigned cpus;
};

const char *family_name(enum wire_family family)
{
	return family_names[family];
}

int losses_new(const struct sensor *s, struct losses **ret)
{
	struct losses *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->cpus = sensor_cpus(s);
	*ret = l;
	return 0;
}

void losses_free(struct losses *l)
{
	free(l);
}

/* One family on one CPU, in an interval. */
struct loss {
	enum wire_family family;
	unsigned cpu;
	uint64_t count;
	uint64_t since_ns, until_ns;
};

static uint64_t tell(struct announcer *a, const struct loss *l)
{
	char n[24], c[16], from[24], to[24];
	const struct record_fact facts[] = {
		{ "family", family_names[l->family] },
		{ "count", n },
		{ "cpu", c },
		{ "from_ns", from },
		{ "until_ns", to },
		{ NULL, NULL },
	};

	(void)snprintf(n, sizeof(n), "%" PRIu64, l->count);
	(void)snprintf(c, sizeof(c), "%u", l->cpu);
	(void)snprintf(from, sizeof(from), "%" PRIu64, l->since_ns);
	(void)snprintf(to, sizeof(to), "%" PRIu64, l->until_ns);
	return announce(a, PICKET__V1__AGENT__WHAT__LOSS, facts,
			"%" PRIu64 " %s events lost on cpu %u in %.1f s: "
			"no room in the ring",
			l->count, family_names[l->family], l->cpu,
			(double)(l->until_ns - l->since_ns) / 1e9);
}

/* What was lost and is not told; 0 while the last telling may yet be undone. */
static uint64_t untold(struct sensor *s, const struct loss *l,
		       uint64_t sealed_seq, uint64_t *ret_lost)
{
	struct wire_counters c;
	uint64_t told, seq;

	if (sensor_counters(s, l->cpu, l->family, &c) < 0)
		return 0;
	told = sensor_told(s, l->cpu, l->family, &seq);
	*ret_lost = c.lost;
	return seq > sealed_seq ? 0 : c.lost - told;
}

static void tell_missed(struct sensor *s, struct announcer *a,
			const struct loss *l, uint64_t sealed_seq)
{
	enum wire_family family = l->family;
	uint64_t seq, told = sensor_told_missed(s, family, &seq);
	uint64_t missed = sensor_missed(s, family);
	char n[24], from[24], to[24];
	const struct record_fact facts[] = {
		{ "family", family_names[family] },
		{ "missed", n },
		{ "from_ns", from },
		{ "until_ns", to },
		{ NULL, NULL },
	};

	if (missed <= told || seq > sealed_seq)
		return;
	(void)snprintf(n, sizeof(n), "%" PRIu64, missed - told);
	(void)snprintf(from, sizeof(from), "%" PRIu64, l->since_ns);
	(void)snprintf(to, sizeof(to), "%" PRIu64, l->until_ns);
	seq = announce(a, PICKET__V1__AGENT__WHAT__LOSS, facts,
		       "%" PRIu64 " runs of programs for %s were left out by "
		       "the kernel: what they would have seen is not known",
		       missed - told, family_names[family]);
	sensor_tell_missed(s, family, missed, seq);
}

static uint64_t check_cpu(struct sensor *s, struct announcer *a,
			  struct loss *loss, uint64_t sealed_seq)
{
	uint64_t sum = 0, lost, seq;

	for (int f = 0; f < WIRE_FAM_COUNT; f++) {
		loss->family = (enum wire_family)f;
		loss->count = untold(s, loss, sealed_seq, &lost);
		if (!loss->count)
			continue;
		seq = tell(a, loss);
		sensor_tell(s, loss->cpu, loss->family, lost, seq);
		sum += loss->count;
	}
	return sum;
}

uint64_t losses_check(struct losses *l, struct sensor *s, struct announcer *a)
{
	uint64_t now_ns = clock_boot_ns(), sum = 0;
	struct loss loss = { .since_ns = sensor_checked(s, now_ns),
			     .until_ns = now_ns };
	struct journal_stats j;

	journal_stats(a->journal, &j);
	for (loss.cpu = 0; loss.cpu < l->cpus; loss.cpu++)
		sum += check_cpu(s, a, &loss, j.sealed_seq);
	for (int f = 0; f < WIRE_FAM_COUNT; f++) {
		loss.family = (enum wire_family)f;
		tell_missed(s, a, &loss, j.sealed_seq);
	}
	return sum;
}

void losses_sum(const struct losses *l, const struct sensor *s,
		struct wire_counters ret[static WIRE_FAM_COUNT])
{
	for (int f = 0; f < WIRE_FAM_COUNT; f++) {
		ret[f] = (struct wire_counters){ 0 };
		for (unsigned cpu = 0; cpu < l->cpus; cpu++) {
			struct wire_counters c;

			if (sensor_counters(s, cpu, (enum wire_family)f, &c) <
			    0)
				continue;
			ret[f].made += c.made;
			ret[f].lost += c.lost;
			ret[f].skipped += c.skipped;
			ret[f].summed += c.summed;
		}
	}
}
