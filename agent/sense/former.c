/* SPDX-License-Identifier: Apache-2.0 */
#include "sense/former.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sense/generation.h"
#include "sense/resume.h"

/* The ring's size is whatever it was made with. */
static int open_ring(int fd, struct ring **ret)
{
	struct bpf_map_info info = { 0 };
	uint32_t n = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &n) < 0)
		return -errno;
	if (info.type != BPF_MAP_TYPE_RINGBUF)
		return -EBADMSG;
	return ring_open(fd, info.max_entries, ret);
}

/* Whether somebody put out hooks while nobody looked after them. */
static void count_links(struct former *f, uint32_t links)
{
	const struct account *a = f->account;

	f->was_running = links > 0;
	f->was_whole = f->was_running;
	if (!a)
		return;
	if (a->ready && !a->end && a->link_count > links)
		f->links_gone = a->link_count - links;
	f->was_whole = a->ready && !a->end && !f->links_gone;
}

int former_open(const struct pins *p, const char *name, unsigned cpus,
		struct former *ret)
{
	struct former f = { .counters = -1, .written = -1, .cpus = cpus };
	cleanup_close int ring = -1, account = -1, memory = -1;
	int r;

	(void)snprintf(f.name, sizeof(f.name), "%s", name);
	ring = pins_get(p, name, "map", "ring");
	if (ring < 0)
		return ring;
	r = open_ring(ring, &f.ring);
	if (r < 0)
		return r;
	account = pins_get(p, name, "map", "account");
	if (generation_is_readable(name) && account >= 0 &&
	    account_map(account, cpus, &f.account) == 0) {
		f.is_readable = true;
		f.counters = attach_get_map(p, name, ATTACH_COUNTERS);
		f.written = attach_get_map(p, name, ATTACH_WRITTEN);
		memory = pins_get(p, name, "map", MEMORY_PIN);
		if (memory >= 0)
			(void)memory_map(memory, &f.memory);
	}
	count_links(&f, (uint32_t)pins_count(p, name, "link"));
	*ret = f;
	return 0;
}

void former_close(struct former *f)
{
	ring_close(f->ring);
	account_unmap(f->account, f->cpus);
	memory_unmap(&f->memory);
	if (f->counters >= 0)
		(void)close(f->counters);
	if (f->written >= 0)
		(void)close(f->written);
	f->ring = NULL;
	f->account = NULL;
	f->counters = f->written = -1;
}

void former_end(struct former *f)
{
	uint64_t end = ring_end(f->ring);

	if (f->account && f->account->end)
		end = f->account->end;
	else if (f->account)
		f->account->end = end;
	ring_stop_at(f->ring, end);
	if (!f->is_readable)
		f->unreadable = (uint64_t)ring_walk(f->ring, ring_at(f->ring),
						    end, NULL, NULL);
}

uint64_t former_resume(struct former *f, const struct sensor_journal *j)
{
	return f->is_readable ? resume_ring(f->ring, f->account, f->cpus, j)
			      : 0;
}

int former_read(struct former *f, ring_fn fn, void *arg, size_t max)
{
	return f->is_readable ? ring_read(f->ring, fn, arg, max) : 0;
}
