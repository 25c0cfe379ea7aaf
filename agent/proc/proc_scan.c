/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What already runs, from /proc alone, where the kernel's iterator is not to
 * be had. /proc tells a start only by its clock tick and nothing of how often
 * a process has executed, so an entry made here is rough until the first
 * record of its process says both (proc_lookup).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "proc/proc_impl.h"
#include "proc/procfs.h"

#define STAT_MAX   4096
#define PF_KTHREAD 0x00200000

uint64_t proc_tick_ns(void)
{
	static uint64_t tick;
	long hz;

	if (!tick) {
		hz = sysconf(_SC_CLK_TCK);
		tick = NS_PER_S / (hz > 0 ? (uint64_t)hz : 100);
	}
	return tick;
}

/* -ESRCH: gone, or not what it should be. */
static int read_task(const struct proc_table *t, uint32_t tgid,
		     struct wire_task *ret, uint32_t *ret_ppid)
{
	cleanup_free char *text = NULL;
	char name[PROCFS_NAME_MAX];
	struct procfs_stat st;
	size_t n;

	if (procfs_read(procfs_name(name, t->procfs, (pid_t)tgid, "stat"),
			STAT_MAX, &text, &n) < 0 ||
	    procfs_parse_stat(slice_of(text, n), &st) < 0)
		return -ESRCH;
	*ret = (struct wire_task){
		.tgid = tgid,
		.start_ns = st.start_ticks * proc_tick_ns(),
		.flags = st.flags & PF_KTHREAD ? WIRE_F_KTHREAD : 0,
	};
	*ret_ppid = st.ppid;
	return 0;
}

/* Those who came first are entered first, as far as pids tell. */
static int enter_one(struct proc_table *t, uint32_t tgid)
{
	struct wire_task task;
	struct proc *parent, *p;
	uint32_t ppid;
	int r;

	if (read_task(t, tgid, &task, &ppid) < 0)
		return 0;
	/* Any living process of that pid: there is only one. */
	parent = ppid ? proc_index_rival(t->index,
					 (struct proc_key){ UINT64_MAX, ppid })
		      : NULL;
	if (parent) {
		task.parent_tgid = parent->key.tgid;
		task.parent_start_ns = parent->key.start_ns;
		task.parent_image = parent->image->number;
	}
	r = proc_table_snapshot(t, &task);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	p = proc_index_find(t->index, (struct proc_key){ task.start_ns, tgid });
	if (p && !p->rough) {
		p->rough = true;
		t->rough++;
	}
	return 0;
}

static int compare_pids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

int proc_table_scan(struct proc_table *t)
{
	cleanup_closedir DIR *d = opendir(t->procfs);
	cleanup_free uint32_t *pids = NULL;
	size_t n = 0, cap = 0, i;
	struct dirent *e;
	uint32_t pid;
	int r = 0;

	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		if (text_u32(slice_str(e->d_name), &pid) < 0 || !pid)
			continue;
		if (n == cap) {
			uint32_t *more;

			cap = cap ? 2 * cap : 1024;
			more = reallocarray(pids, cap, sizeof(*pids));
			if (!more)
				return -ENOMEM;
			pids = more;
		}
		pids[n++] = pid;
	}
	if (n)
		qsort(pids, n, sizeof(*pids), compare_pids);
	for (i = 0; i < n && r == 0; i++)
		r = enter_one(t, pids[i]);
	return r;
}
