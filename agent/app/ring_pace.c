// SPDX-License-Identifier: Apache-2.0
/*
 * When the ring is read. The kernel wakes a reader that has read everything,
 * and only such a one (kernel/bpf/ringbuf.c, bpf_ringbuf_commit); each time
 * that costs whoever made the record an interrupt to itself, 10 us and more in
 * a virtual machine, and us a turn of the loop. So what comes alone is read at
 * once, and what comes within PACE_MS of the last reading waits for the rest of
 * that, together with what follows it and then wakes nobody, but for a record
 * now and then: `submit` in bpf/emit.h wakes us for each 32nd part of the ring,
 * so a flood is not left waiting.
 *
 * That is why the watch is for edges: it stays while we wait, and says when
 * something woke us, not that there is something.
 */
#include "app/agent.h"
#include "base/clock.h"
#include "base/loop.h"
#include "sense/sensor.h"

/* Records per turn of the loop, so that signals and clients get theirs. */
#define RECORDS_PER_TURN 8192
#define PACE_MS		 10u

/* All there is: no edge tells of what is left, nor of rings replaced. */
static int read_now(struct agent *a)
{
	size_t read = 0;
	int n;

	a->ring_waits = false;
	a->ring_read_ns = clock_mono_ns();
	do {
		n = agent_read(a, RECORDS_PER_TURN - read);
		if (n < 0)
			return n;
		read += (size_t)n;
	} while (n > 0 && read < RECORDS_PER_TURN);
	if (n == 0)
		return 0;
	a->ring_waits = true;
	return loop_timer_arm(a->ring_timer, 0);
}

static int ring_ready(int fd, uint32_t events, void *arg)
{
	struct agent *a = arg;
	uint64_t due_ns = a->ring_read_ns + PACE_MS * NS_PER_MS;
	uint64_t now_ns = clock_mono_ns();

	(void)fd;
	(void)events;
	/* Waiting, and woken all the same: it fills. */
	if (a->ring_waits || now_ns >= due_ns)
		return read_now(a);
	a->ring_waits = true;
	return loop_timer_arm(a->ring_timer,
			      (due_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS);
}

static int have_waited(void *arg)
{
	struct agent *a = arg;

	return a->ring_waits ? read_now(a) : 0;
}

int ring_watch(struct agent *a)
{
	int r = loop_timer_new(a->loop, 0, have_waited, a, &a->ring_timer);

	if (r >= 0)
		r = loop_add(a->loop, sensor_fd(a->sensor), EPOLLIN | EPOLLET,
			     ring_ready, a);
	return r < 0 ? r : read_now(a);
}
