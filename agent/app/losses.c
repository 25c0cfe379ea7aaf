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
	uint64_t since_ns; /* of the last check */
	uint64_t *told; /* [cpu * WIRE_FAM_COUNT + family]: already journaled */
};

const char *family_name(enum wire_family family)
{
	return family_names[family];
}

int losses_new(const struct sensor *s, struct losses **ret)
{
	unsigned cpus = sensor_cpus(s);
	size_t n = (size_t)cpus * WIRE_FAM_COUNT;
	struct losses *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->cpus = cpus;
	l->since_ns = clock_boot_ns();
	l->told = calloc(n, sizeof(*l->told));
	if (!l->told) {
		losses_free(l);
		return -ENOMEM;
	}
	*ret = l;
	return 0;
}

void losses_free(struct losses *l)
{
	if (!l)
		return;
	free(l->told);
	free(l);
}

static void tell(struct announcer *a, enum wire_family family, unsigned cpu,
		 uint64_t count, uint64_t since_ns, uint64_t until_ns)
{
	char n[24], c[16], from[24], to[24];
	const struct record_fact facts[] = {
		{ "family", family_names[family] },
		{ "count", n },
		{ "cpu", c },
		{ "from_ns", from },
		{ "until_ns", to },
		{ NULL, NULL },
	};

	(void)snprintf(n, sizeof(n), "%" PRIu64, count);
	(void)snprintf(c, sizeof(c), "%u", cpu);
	(void)snprintf(from, sizeof(from), "%" PRIu64, since_ns);
	(void)snprintf(to, sizeof(to), "%" PRIu64, until_ns);
	announce(a, PICKET__V1__AGENT__WHAT__LOSS, facts,
		 "%" PRIu64 " %s events lost on cpu %u in %.1f s: "
		 "no room in the ring",
		 count, family_names[family], cpu,
		 (double)(until_ns - since_ns) / 1e9);
}

uint64_t losses_check(struct losses *l, const struct sensor *s,
		      struct announcer *a)
{
	uint64_t now_ns = clock_boot_ns();
	uint64_t sum = 0;

	for (unsigned cpu = 0; cpu < l->cpus; cpu++) {
		for (int f = 0; f < WIRE_FAM_COUNT; f++) {
			uint64_t *told = &l->told[cpu * WIRE_FAM_COUNT + f];
			struct wire_counters c;

			if (sensor_counters(s, cpu, (enum wire_family)f, &c) <
				    0 ||
			    c.lost == *told)
				continue;
			tell(a, (enum wire_family)f, cpu, c.lost - *told,
			     l->since_ns, now_ns);
			sum += c.lost - *told;
			*told = c.lost;
		}
	}
	l->since_ns = now_ns;
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
