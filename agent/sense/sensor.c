/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sensor as the agent uses it: what attach.c attached, the ring, and the
 * maps with their counters.
 */
#include "sense/sensor.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "sense/decode.h"
#include "sense/env_names.h"
#include "sense/kernel_btf.h"
#include "sense/own.h"
#include "sense/ring.h"
#include "sense/self.h"
#include "sense/sensor_impl.h"

static int put_env_names(struct sensor *s, const char *const *names)
{
	int fd = s->a.maps[ATTACH_ENV_NAMES];
	uint8_t one = 1;
	uint64_t key;

	for (; names && *names; names++) {
		key = env_names_key(*names);
		if (bpf_map_update_elem(fd, &key, &one, BPF_ANY) < 0)
			return -errno;
	}
	return 0;
}

/* Programs that run on from another agent still leave that one out. */
static int put_self(struct sensor *s)
{
	uint32_t key = 0;

	return bpf_map_update_elem(s->a.maps[ATTACH_CONTROL], &key, &s->self,
				   BPF_ANY) < 0
		       ? -errno
		       : 0;
}

int sensor_set_mates(struct sensor *s,
		     const uint32_t mates[static WIRE_MATES_MAX])
{
	struct wire_control found = s->self;

	self_find_mates(mates, &found);
	if (memcmp(&found, &s->self, sizeof(found)) == 0)
		return 0;
	s->self = found;
	return put_self(s);
}

struct beginning {
	struct sensor *s;
	const struct sensor_settings *settings;
};

static void begun(void *beginning)
{
	const struct beginning *b = beginning;

	b->settings->begun(b->settings->begun_arg, b->s);
}

static int load(struct sensor *s, const struct sensor_settings *settings,
		char what[static 256])
{
	struct beginning b = { s, settings };
	int r;

	r = attach_all(settings, &s->a, settings->begun ? begun : NULL, &b,
		       what);
	if (r < 0)
		return r;
	r = put_env_names(s, settings->env_names);
	if (r < 0) {
		(void)snprintf(what, 256, "environment names: %s",
			       strerror(-r));
		return r;
	}
	r = own_tell(&s->a);
	if (r < 0) {
		(void)snprintf(what, 256, "picket's own objects: %s",
			       strerror(-r));
		return r;
	}
	r = past_pin(s);
	if (r < 0)
		(void)snprintf(what, 256, "no memory");
	else
		s->account->checked_ns = clock_boot_ns();
	return r;
}

static int open_all(struct sensor *s, const struct sensor_settings *settings,
		    char what[static 256])
{
	int r;

	r = self_find(settings, &s->self);
	if (r < 0) {
		(void)snprintf(what, 256, "/proc/self/stat: %s", strerror(-r));
		return r;
	}
	r = past_open(s, settings, what);
	if (r < 0)
		return r;
	if (past_adopt(s)) {
		r = put_self(s);
	} else {
		struct sensor_settings whole = *settings;

		/* What others left in their rings is read after this. */
		if (past_has_others(s)) {
			whole.breakable = NULL;
			whole.begun = NULL;
		}
		r = load(s, &whole, what);
	}
	if (r < 0)
		return r;
	r = s->ring ? 0
		    : ring_open(s->a.maps[ATTACH_RING], s->ring_bytes,
				&s->ring);
	if (r < 0) {
		(void)snprintf(what, 256, "mapping the ring: %s", strerror(-r));
		return r;
	}
	r = memory_map(s->a.maps[ATTACH_SUMMED], &s->summed);
	if (r < 0) {
		(void)snprintf(what, 256, "mapping sums' times: %s",
			       strerror(-r));
		return r;
	}
	return past_take_over(s);
}

/* Programs that run on do not say what the kernel under them has. */
static void find_calls(struct sensor *s)
{
	struct btf *kernel = kernel_btf_open();

	if (kernel)
		kernel_btf_find_calls(kernel, &s->calls);
	btf__free(kernel);
}

int sensor_open(const struct sensor_settings *settings, struct sensor **ret,
		char what[static 256])
{
	struct sensor *s;
	int cpus, r;

	r = attach_check(what);
	if (r < 0)
		return r;
	cpus = libbpf_num_possible_cpus();
	s = calloc(1, sizeof(*s));
	if (!s || cpus <= 0) {
		free(s);
		(void)snprintf(what, 256, "no memory");
		return -ENOMEM;
	}
	attach_init(&s->a);
	s->account_fd = s->memory_fd = -1;
	s->cpus = (unsigned)cpus;
	s->ring_bytes = settings->ring_bytes;
	s->percpu = calloc(s->cpus, sizeof(*s->percpu));
	memcpy(s->force, settings->force, sizeof(s->force));
	find_calls(s);
	r = s->percpu ? open_all(s, settings, what) : -ENOMEM;
	if (r < 0) {
		sensor_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

static void take_out_link(void *sensor, const char *program)
{
	const struct sensor *s = sensor;

	pins_take_out(s->pins, s->name, "link", program);
}

void sensor_stop(struct sensor *s)
{
	attach_stop(&s->a, s->is_pinned ? take_out_link : NULL, s);
	/* Those that are not ours, too. */
	if (s->is_pinned)
		(void)pins_drop(s->pins, s->name, "link");
	s->is_kept = false;
}

void sensor_close(struct sensor *s)
{
	if (!s)
		return;
	ring_close(s->ring);
	memory_unmap(&s->summed);
	past_close(s);
	(s->is_kept ? attach_leave : attach_done)(&s->a);
	free(s->percpu);
	free(s);
}

int sensor_fd(const struct sensor *s)
{
	return s->a.maps[ATTACH_RING];
}

/* Count what is handed out; what the ring before had is not. */
static int hand_out(void *sensor, const void *data, size_t size)
{
	int family = decode_family(data, size);
	struct sensor *s = sensor;

	if (family >= 0)
		account_count(s->reading_account, (enum wire_family)family,
			      ring_at(s->reading));
	if (s->reading != s->ring) {
		handover_note(&s->handover, data, size);
	} else if (handover_is_twin(&s->handover, data, size)) {
		return 0;
	}
	return s->fn(s->arg, data, size);
}

int sensor_read(struct sensor *s, sensor_fn fn, void *arg, size_t max)
{
	int n = 0;

	s->fn = fn;
	s->arg = arg;
	for (; s->former_at < s->former_count; s->former_at++) {
		struct former *f = &s->formers[s->former_at];

		s->reading = f->ring;
		s->reading_account = f->account;
		n = former_read(f, hand_out, s, max);
		if (n)
			break;
	}
	if (!n) {
		s->reading = s->ring;
		s->reading_account = s->account;
		n = ring_read(s->ring, hand_out, s, max);
	}
	s->reading = NULL;
	return n;
}

unsigned sensor_cpus(const struct sensor *s)
{
	return s->cpus;
}

int sensor_counters(const struct sensor *s, unsigned cpu,
		    enum wire_family family, struct wire_counters *ret)
{
	uint32_t key = family;

	if (cpu >= s->cpus)
		return -ENOENT;
	if (bpf_map_lookup_elem(s->a.maps[ATTACH_COUNTERS], &key, s->percpu) <
	    0)
		return -errno;
	*ret = s->percpu[cpu];
	return 0;
}

void sensor_fill(const struct sensor *s, uint64_t *ret_used, uint64_t *ret_size)
{
	*ret_used = ring_used(s->ring);
	*ret_size = s->ring_bytes;
}

/* Read structs off an iterator, which may hand them out cut anywhere. */
static int read_tasks(int fd, sensor_task_fn fn, void *arg)
{
	struct wire_task tasks[64];
	size_t have = 0, i;
	ssize_t n;
	int r;

	for (;;) {
		n = read(fd, (char *)tasks + have, sizeof(tasks) - have);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return have ? -EIO : 0;
		have += (size_t)n;
		for (i = 0; i < have / sizeof(*tasks); i++) {
			r = fn(arg, &tasks[i]);
			if (r < 0)
				return r;
		}
		have %= sizeof(*tasks);
		memmove(tasks, &tasks[i], have);
	}
}

int sensor_tasks(struct sensor *s, sensor_task_fn fn, void *arg)
{
	int program = attach_program(&s->a, "tasks_iter");
	cleanup_close int link = -1, fd = -1;

	if (program < 0)
		return -ENOTSUP;
	link = bpf_link_create(program, 0, BPF_TRACE_ITER, NULL);
	if (link < 0)
		return -errno;
	fd = bpf_iter_create(link);
	return fd < 0 ? -errno : read_tasks(fd, fn, arg);
}

uint32_t sensor_cgroup_v1(const struct sensor *s)
{
	return s->a.v1_hierarchy;
}

static int take_written(int fd, const struct wire_written_key *key,
			struct wire_written *ret)
{
	if (bpf_map_lookup_and_delete_elem(fd, key, ret) == 0)
		return 0;
	if (errno == ENOENT)
		return -ENOENT;
	/* Hash maps know the combined call since 5.14. */
	if (bpf_map_lookup_elem(fd, key, ret) < 0 ||
	    bpf_map_delete_elem(fd, key) < 0)
		return -errno;
	return 0;
}

bool sensor_has_written(const struct sensor *s,
			const struct wire_written_key *key, uint64_t since_ns)
{
	const volatile uint32_t *summed = s->summed.p;
	uint64_t since = since_ns >> WIRE_SUMMED_SHIFT;

	/*
	 * A unit before: programs look at the clock when they begin, and what
	 * adds to a sum may have begun before the event that it follows.
	 */
	return s->former_count ||
	       summed[WIRE_SUMMED_SLOT(key)] + UINT64_C(1) >= since;
}

int sensor_take_written(struct sensor *s, const struct wire_written_key *key,
			struct wire_written *ret)
{
	struct wire_written sum = { 0 }, one;
	int r = take_written(s->a.maps[ATTACH_WRITTEN], key, &sum);
	size_t i;

	for (i = 0; i < s->former_count; i++) {
		if (s->formers[i].written < 0 ||
		    take_written(s->formers[i].written, key, &one) < 0)
			continue;
		sum.count += one.count;
		sum.bytes += one.bytes;
		sum.told_count += one.told_count;
		sum.told_bytes += one.told_bytes;
		sum.ops |= one.ops;
		sum.claimed |= one.claimed;
		r = 0;
	}
	if (r == 0)
		*ret = sum;
	return r;
}

static uint64_t missed_by(int program)
{
	struct bpf_prog_info info = { 0 };
	uint32_t n = sizeof(info);

	return bpf_obj_get_info_by_fd(program, &info, &n) < 0
		       ? 0
		       : info.recursion_misses;
}

uint64_t sensor_missed(const struct sensor *s, enum wire_family family)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < s->a.program_count; i++)
		if (s->a.programs[i].family == family)
			sum += missed_by(s->a.programs[i].fd);
	return sum;
}
