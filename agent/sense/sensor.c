/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sensor as the agent uses it: what attach.c attached, the ring, and the
 * maps with their counters.
 */
#include "sense/sensor.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sense/attach.h"
#include "sense/own.h"
#include "sense/ring.h"

struct sensor {
	struct attachment a;
	struct ring *ring;
	uint64_t ring_bytes;
	unsigned cpus;
	struct wire_counters *percpu; /* room for one lookup */
};

/*
 * What the kernel compares: the first eight bytes of NAME=, cut after the
 * '=', zero-padded.
 */
static int put_env_names(struct sensor *s, const char *const *names)
{
	int fd = attach_map(&s->a, "env_names");
	uint8_t one = 1;
	uint64_t key;
	size_t n;

	for (; names && *names; names++) {
		n = strlen(*names);
		key = 0;
		memcpy(&key, *names, n < sizeof(key) ? n : sizeof(key));
		if (n < sizeof(key))
			((char *)&key)[n] = '=';
		if (bpf_map_update_elem(fd, &key, &one, BPF_ANY) < 0)
			return -errno;
	}
	return 0;
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
	s->cpus = (unsigned)cpus;
	s->ring_bytes = settings->ring_bytes;
	s->percpu = calloc(s->cpus, sizeof(*s->percpu));
	r = s->percpu ? attach_all(settings, &s->a, what) : -ENOMEM;
	if (r < 0) {
		sensor_close(s);
		return r;
	}
	r = put_env_names(s, settings->env_names);
	if (r < 0)
		(void)snprintf(what, 256, "environment names: %s",
			       strerror(-r));
	if (r == 0) {
		r = own_tell(&s->a);
		if (r < 0)
			(void)snprintf(what, 256, "picket's own objects: %s",
				       strerror(-r));
	}
	if (r == 0)
		r = ring_open(attach_map(&s->a, "ring"), s->ring_bytes,
			      &s->ring);
	if (r < 0) {
		if (!*what)
			(void)snprintf(what, 256, "mapping the ring: %s",
				       strerror(-r));
		sensor_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

void sensor_stop(struct sensor *s)
{
	attach_stop(&s->a);
}

void sensor_close(struct sensor *s)
{
	if (!s)
		return;
	ring_close(s->ring);
	attach_done(&s->a);
	free(s->percpu);
	free(s);
}

int sensor_fd(const struct sensor *s)
{
	return attach_map(&s->a, "ring");
}

int sensor_read(struct sensor *s, sensor_fn fn, void *arg, size_t max)
{
	return ring_read(s->ring, fn, arg, max);
}

int sensor_check(struct sensor *s)
{
	return own_check(&s->a);
}

size_t sensor_coverage(const struct sensor *s,
		       struct sensor_row rows[static SENSOR_ROWS_MAX])
{
	size_t i, n = 0;

	for (i = 0; i < sense_hook_count && n < SENSOR_ROWS_MAX; i++) {
		const struct hook *h = &sense_hooks[i];
		const struct probe *p = attach_serving(&s->a, i);
		const char *why = p ? p->blind : s->a.hooks[i].reason;

		if (attach_is_unneeded(&s->a, i))
			continue;
		rows[n].family = sense_family_name(h->family);
		rows[n].hook = h->sees;
		rows[n].backend =
			sense_backend_name(p ? p->backend : WIRE_BACKEND_NONE);
		rows[n].active = p;
		(void)snprintf(rows[n].reason, sizeof(rows[n].reason), "%s",
			       why ? why : "");
		n++;
	}
	for (i = 0; i < sense_blind_count && n < SENSOR_ROWS_MAX; i++, n++) {
		rows[n].family = sense_family_name(sense_blind[i].family);
		rows[n].hook = sense_blind[i].what;
		rows[n].backend = sense_backend_name(WIRE_BACKEND_NONE);
		rows[n].active = false;
		(void)snprintf(rows[n].reason, sizeof(rows[n].reason), "%s",
			       sense_blind[i].reason);
	}
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
	if (bpf_map_lookup_elem(attach_map(&s->a, "counters"), &key,
				s->percpu) < 0)
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

int sensor_take_written(struct sensor *s, const struct wire_written_key *key,
			struct wire_written *ret)
{
	int fd = attach_map(&s->a, "written");
	struct wire_written value;

	if (bpf_map_lookup_and_delete_elem(fd, key, &value) == 0) {
		*ret = value;
		return 0;
	}
	if (errno == ENOENT)
		return -ENOENT;
	/* Hash maps know the combined call since 5.14. */
	if (bpf_map_lookup_elem(fd, key, &value) < 0 ||
	    bpf_map_delete_elem(fd, key) < 0)
		return -errno;
	*ret = value;
	return 0;
}
