// SPDX-License-Identifier: Apache-2.0
/*
 * When the ring is read. The kernel wakes a reader that has read everything,
 * and only such a one (kernel/bpf/ringbuf.c, bpf_ringbuf_commit); each time
 * that costs whoever made the record an interrupt to itself, 10 us and more in
 * a virtual machine, and us a turn of the loop. So what comes alone is read at
 * once, and what comes within PACE_MS of the last reading waits for the rest of
 * that, together with what follows it and then wakes nobody. In a flood nothing
 * waits: only its first PACE_MS come unseen, and those the ring can hold.
 */
#include "app/agent.h"
#include "base/clock.h"
#include "base/loop.h"
#include "conf/conf.h"
#include "sense/sensor.h"

/* Records per turn of the loop, so that signals and clients get theirs. */
#define RECORDS_PER_TURN 8192
#define PACE_MS		 10u
/*
 * A small ring waits less. Two processors make 600 records a millisecond, of
 * 1 KiB, and one process may have a quarter of the ring.
 */
#define BYTES_PER_MS	 ((uint64_t)640 << 10)
#define SHARE		 4
/* A ring that was filled to this part of it is in a flood. */
#define FLOODED		 32

static uint64_t pace_ns(const struct agent *a)
{
	uint64_t ms = a->s->conf->sensor.ring_size / SHARE / BYTES_PER_MS;

	return (ms < PACE_MS ? ms : PACE_MS) * NS_PER_MS;
}

static int read_now(struct agent *a)
{
	uint64_t begin_ns = clock_mono_ns(), used, size;
	int n;

	sensor_fill(a->sensor, &used, &size);
	n = agent_read(a, RECORDS_PER_TURN);
	a->ring_read_ns = used < size / FLOODED ? begin_ns : 0;
	return n < 0 ? n : 0;
}

static int ring_ready(int fd, uint32_t events, void *arg)
{
	struct agent *a = arg;
	uint64_t due_ns = a->ring_read_ns + pace_ns(a);
	uint64_t now_ns = clock_mono_ns();
	int r;

	(void)events;
	if (now_ns >= due_ns)
		return read_now(a);
	r = loop_modify(a->loop, fd, 0);
	if (r < 0)
		return r;
	return loop_timer_arm(a->ring_timer,
			      (due_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS);
}

static int have_waited(void *arg)
{
	struct agent *a = arg;
	int r = loop_modify(a->loop, sensor_fd(a->sensor), EPOLLIN);

	return r < 0 ? r : read_now(a);
}

int ring_watch(struct agent *a)
{
	int r = loop_timer_new(a->loop, 0, have_waited, a, &a->ring_timer);

	if (r < 0)
		return r;
	return loop_add(a->loop, sensor_fd(a->sensor), EPOLLIN, ring_ready, a);
}
