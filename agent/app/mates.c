/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shipper is started by itself, at any time, so it is looked for again and
 * again: where its state directory is locked, its status says which process it
 * is. Only what is called as the shipper is believed, as a number may be one of
 * another PID namespace, or of a process that is gone. Who lied in that file
 * would gain nothing: what its mates do the kernel side tells like anybody
 * else's acts.
 */
#include "app/mates.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "app/agent.h"
#include "app/trust_run.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "conf/conf.h"
#include "out/collector.h"
#include "out/ship_status.h"
#include "out/state_lock.h"

#define SHIPPER_COMM "picket-ship\n"
#define COMM_MAX     64

static bool is_shipper(pid_t pid)
{
	cleanup_free char *comm = NULL;
	char path[32];
	size_t n = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	return fs_read_file(AT_FDCWD, path, COMM_MAX, &comm, &n) >= 0 &&
	       n == strlen(SHIPPER_COMM) && !memcmp(comm, SHIPPER_COMM, n);
}

/* 0: none runs, or does not say yet who it is. */
static uint32_t shipper_of(const struct conf_collector *c)
{
	struct ship_status status;

	if (!state_lock_is_held(c->state_dir) ||
	    ship_status_load(c->state_dir, COLLECTOR_STATUS, &status) < 0 ||
	    status.pid <= 0 || !is_shipper(status.pid))
		return 0;
	return (uint32_t)status.pid;
}

/* One of them may serve several destinations. */
static size_t add(uint32_t tgid, size_t n, uint32_t mates[WIRE_MATES_MAX])
{
	size_t i;

	if (!tgid || n == WIRE_MATES_MAX)
		return n;
	for (i = 0; i < n; i++)
		if (mates[i] == tgid)
			return n;
	mates[n] = tgid;
	return n + 1;
}

void mates_find(const struct agent *a, uint32_t ret[static WIRE_MATES_MAX])
{
	const struct conf_collector *it;
	size_t i, n;

	memset(ret, 0, WIRE_MATES_MAX * sizeof(*ret));
	n = add(a->helper ? (uint32_t)helper_pid(a->helper) : 0, 0, ret);
	n = add((uint32_t)trust_run_helper(a), n, ret);
	for (i = 0; (it = conf_destination(a->s->conf, i)); i++)
		n = add(shipper_of(it), n, ret);
}

void mates_watch(struct agent *a)
{
	uint32_t mates[WIRE_MATES_MAX];
	int r;

	mates_find(a, mates);
	r = sensor_set_mates(a->sensor, mates);
	if (r < 0 && r != a->mates_error)
		log_warning("cannot tell picket's programs who ships the "
			    "journal; what is done to that process is not told "
			    "as done to picket: %s",
			    strerrordesc_np(-r));
	a->mates_error = r;
}
