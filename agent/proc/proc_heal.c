/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table against what runs, after records were lost: processes whose fork
 * or exec never came are entered as the snapshot at start enters them, those
 * whose exit never came are taken for ended. The idea: who is seen to live
 * becomes the youngest, so who was not stands at the old end of the list.
 */
#include "proc/proc_impl.h"

void proc_table_heal_begin(struct proc_table *t)
{
	t->heal_round++;
}

int proc_table_update(struct proc_table *t, const struct wire_task *task)
{
	const struct proc_key key = { task->start_ns, task->tgid };
	struct proc *p = proc_lookup(t, key, task->image);
	int r;

	/* Its exit has come: it is there until its parent asks. */
	if (p && p->dead)
		return 0;
	if (p && p->image->number == task->image &&
	    !(p->image->flags & IMAGE_F_UNKNOWN)) {
		p->heal_round = t->heal_round;
		proc_index_touch(t->index, p);
		return 0;
	}
	r = proc_table_snapshot(t, task);
	return r < 0 ? r : 1;
}

int proc_table_heal_task(struct proc_table *t, const struct wire_task *task)
{
	int r = proc_table_update(t, task);

	t->stats.healed += r == 1;
	return r < 0 ? r : 0;
}

size_t proc_table_end_unseen(struct proc_table *t, uint64_t began_ns)
{
	struct proc *p;
	size_t n = 0;

	t->now_ns = began_ns;
	while ((p = proc_index_oldest(t->index, false))) {
		if (p->heal_round == t->heal_round ||
		    p->key.start_ns >= began_ns)
			break;
		proc_bury(t, p);
		n++;
	}
	return n;
}

void proc_table_heal_end(struct proc_table *t, uint64_t began_ns)
{
	t->stats.healed += proc_table_end_unseen(t, began_ns);
	proc_log_renew(t);
}
