/* SPDX-License-Identifier: Apache-2.0 */
/* Processes in a made-up /proc; `fake` is the test's own struct fake_proc. */
#pragma once

#include "fake_proc.h"
#include "wire.h"

#define TICK 10000000ull /* of stat's start time, at 100 Hz */

static struct fake_proc fake;

/* PROCFS/tgid/what */
static inline const char *of(unsigned tgid, const char *what)
{
	static char name[128];

	(void)snprintf(name, sizeof(name), "%u/%s", tgid, what);
	return name;
}

static inline void make_stat(unsigned tgid, const char *comm, unsigned start_ticks)
{
	char text[256];

	(void)snprintf(text, sizeof(text),
		       "%u (%s) S 1 20 30 34817 -1 4194560 1 2 3 4 5 6 7 8 20 "
		       "0 1 0 %u 99 100\n",
		       tgid, comm, start_ticks);
	fake_proc_text(&fake, of(tgid, "stat"), text);
}

static const char status[] = "Name:\tx\n"
			     "Uid:\t1\t2\t3\t4\n"
			     "Gid:\t5\t6\t7\t8\n"
			     "NSpid:\t42\t7\n"
			     "CapInh:\t0000000000000001\n"
			     "CapPrm:\t000001ffffffffff\n"
			     "CapEff:\t000001fffffffffe\n"
			     "CapBnd:\t000001fffffffffd\n"
			     "CapAmb:\t0000000000000004\n"
			     "NoNewPrivs:\t1\n";

/* A process whose executable is a real file of the tree. */
static inline void make_process(unsigned tgid, unsigned start_ticks)
{
	char path[512];

	make_stat(tgid, "we) S (b", start_ticks);
	fake_proc_text(&fake, of(tgid, "status"), status);
	fake_proc_text(&fake, "bin/web", "\177ELF");
	fake_proc_link(&fake, of(tgid, "exe"),
		       fake_proc_path(&fake, "bin/web", path));
	fake_proc_bytes(&fake, of(tgid, "cmdline"), "web\0-a b\0", 9);
	fake_proc_bytes(&fake, of(tgid, "environ"),
			"A=1\0SSH_CLIENT=x\0LD_PRELOADED=1\0", 32);
	fake_proc_link(&fake, of(tgid, "cwd"), "/srv");
	fake_proc_text(&fake, of(tgid, "loginuid"), "1000");
	fake_proc_text(&fake, of(tgid, "sessionid"), "3\n");
	fake_proc_link(&fake, of(tgid, "ns/pid"), "pid:[4026531836]");
	fake_proc_link(&fake, of(tgid, "ns/net"), "net:[4026531840]");
	fake_proc_link(&fake, of(tgid, "fd/0"), "/dev/null");
	fake_proc_link(&fake, of(tgid, "fd/1"),
		       fake_proc_path(&fake, "bin/web", path));
}

static inline struct wire_task task_of(unsigned tgid, unsigned start_ticks)
{
	return (struct wire_task){
		/* The kernel's is finer than stat's. */
		.start_ns = start_ticks * TICK + 1234567,
		.tgid = tgid,
		.image = 3,
		.parent_tgid = 1,
		.parent_start_ns = 5,
		.parent_image = 2,
		.mnt_ns = 4026531841u,
		.cgroup_id = 9,
	};
}
