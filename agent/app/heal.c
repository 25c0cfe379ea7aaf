// SPDX-License-Identifier: Apache-2.0
/*
 * When records of processes were lost, the table of processes is wrong in a
 * way that only shows later: under a program that nobody runs any more. So it
 * is held against what runs, by the same iterator that filled it.
 */
#include "app/heal.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "app/agent.h"
#include "app/losses.h"
#include "base/clock.h"
#include "base/log.h"
#include "proc/proc_table.h"
#include "sense/sensor.h"

/*
 * Records in the ring that belong before what the iterator is about to see are
 * read first: for so long, since signals and whoever asks wait meanwhile.
 */
#define DRAIN_MS	 500
#define RECORDS_PER_TURN 2048

static const enum wire_family needed[] = {
	WIRE_FAM_FORK,
	WIRE_FAM_EXEC,
	WIRE_FAM_EXIT,
	WIRE_FAM_CGROUP,
};

static bool has_lost(struct agent *a)
{
	struct wire_counters sum[WIRE_FAM_COUNT];
	uint64_t lost = 0;

	losses_sum(a->losses, a->sensor, sum);
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		lost += sum[needed[i]].lost;
	if (lost == a->healed_lost)
		return false;
	a->healed_lost = lost;
	return true;
}

static int heal_task(void *arg, const struct wire_task *task)
{
	int r = proc_table_heal_task(arg, task);

	return r == -ENOMEM ? r : 0;
}

/* -EAGAIN: the ring does not get empty, so there is no moment to compare. */
static int drain(struct agent *a)
{
	uint64_t until_ns = clock_boot_ns() + DRAIN_MS * NS_PER_MS;
	int n;

	while (clock_boot_ns() < until_ns) {
		n = sensor_read(a->sensor, pipeline_record, &a->pipeline,
				RECORDS_PER_TURN);
		if (n < 0)
			return n;
		if (n < RECORDS_PER_TURN)
			return 0;
	}
	return -EAGAIN;
}

int heal_processes(struct agent *a)
{
	struct proc_stats before, after;
	uint64_t began_ns;
	int r;

	if (!has_lost(a))
		return 0;
	proc_table_stats(a->procs, &before);
	began_ns = clock_boot_ns();
	r = drain(a);
	if (r >= 0) {
		(void)proc_table_scan_cgroups(a->procs);
		proc_table_heal_begin(a->procs);
		r = sensor_tasks(a->sensor, heal_task, a->procs);
	}
	if (r >= 0)
		proc_table_heal_end(a->procs, began_ns);
	proc_table_stats(a->procs, &after);
	if (r == -EAGAIN)
		a->healed_lost = 0; /* at the next turn, then */
	else if (r < 0)
		log_warning("processes were lost and cannot be looked up: %s",
			    strerrordesc_np(-r));
	else
		log_notice("records of processes were lost: %" PRIu64
			   " put right by what runs",
			   after.healed - before.healed);
	return r == -ENOMEM ? r : 0;
}
