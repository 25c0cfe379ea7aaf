/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a story of forks, execs, exits, moves and expiries among a few
 * processes, in any order and with any loss. Properties: who acted is who the
 * event says; parents are older, so lines end; lines are bounded; when all
 * are gone, no image is left.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proc/proc_table.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SEC  1000000000ull
#define HELD 8

/* One step, as the fuzzer writes it. */
struct step {
	uint8_t what, who, image, other, other_image, cgroup;
};

static struct proc_key key_of(uint8_t who)
{
	/* Sixteen pids, each used four times. */
	return (struct proc_key){
		1 + (uint64_t)(who >> 4 & 3) * 16 + (who & 15), 1u + (who & 15)
	};
}

static void check_image(const struct image *img, const struct actor *actor)
{
	unsigned n = 0;

	assert(img->id && proc_key_eq(img->proc, actor->proc));
	assert(img->number == actor->image_number);
	for (const struct image *a = img; a->parent; a = a->parent) {
		assert(a->parent->proc.start_ns < a->proc.start_ns ||
		       a->parent->proc.tgid < a->proc.tgid);
		assert(++n <= 130);
	}
	n = 0;
	for (const struct image *a = img; a->prev; a = a->prev) {
		assert(proc_key_eq(a->prev->proc, a->proc));
		assert(++n <= 16);
	}
}

static void snapshot(struct proc_table *t, const struct step *s)
{
	struct proc_key key = key_of(s->who), parent = key_of(s->other);
	const struct wire_task task = {
		.start_ns = key.start_ns,
		.tgid = key.tgid,
		.image = s->image & 7,
		.parent_start_ns = parent.start_ns,
		.parent_tgid = s->other & 0x80 ? 0 : parent.tgid,
		.parent_image = s->other_image & 7,
		.cgroup_id = s->cgroup & 3,
	};

	assert(proc_table_snapshot(t, &task) == 0);
}

static struct image *take(struct proc_table *t, const struct step *s,
			  uint64_t now)
{
	static struct wire_exec wire;
	struct event ev = { .time_ns = now };
	struct image *img = NULL;

	ev.actor = (struct actor){ .proc = key_of(s->who),
				   .image_number = s->image & 7,
				   .cgroup_id = s->cgroup & 3 };
	switch (s->what % 8) {
	case 0:
	case 1:
		ev.kind = EVENT_FORK;
		ev.fork.parent = key_of(s->other);
		ev.fork.parent_image = s->other_image & 7;
		break;
	case 2:
	case 3:
		ev.kind = EVENT_EXEC;
		ev.exec.wire = &wire;
		ev.exec.parent = key_of(s->other);
		ev.exec.parent_image = s->other_image & 7;
		ev.exec.exe.path = slice_str("/bin/x");
		ev.exec.args = slice_of("a\0b", 3);
		break;
	case 4:
		ev.kind = EVENT_EXIT;
		break;
	default:
		ev.kind = EVENT_WRITE;
	}
	assert(proc_table_apply(t, &ev, &img) == 0 && img);
	check_image(img, &ev.actor);
	return img;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct proc_limits limits = { .max_processes = 20,
					    .keep_dead_ms = 1000 };
	const struct event forget = { .kind = EVENT_CGROUP };
	struct image *held[HELD] = { 0 };
	struct image *img;
	struct proc_stats stats;
	struct proc_table *t;
	uint64_t now = 100 * SEC;
	struct step s;
	unsigned turn = 0;

	if (proc_table_new(&limits, "/nonexistent", &t) < 0)
		return 0;
	for (; size >= sizeof(s); data += sizeof(s), size -= sizeof(s)) {
		memcpy(&s, data, sizeof(s));
		now += SEC / 10;
		if (s.what == 0xff)
			proc_table_expire(t, now);
		else if (s.what == 0xfe)
			snapshot(t, &s);
		else if (s.what & 0x80) {
			image_unref(held[turn % HELD]);
			held[turn++ % HELD] = image_ref(take(t, &s, now));
		} else {
			(void)take(t, &s, now);
		}
	}
	for (unsigned i = 0; i < HELD; i++)
		image_unref(held[i]);
	/* All processes go: nothing else may hold an image. */
	for (unsigned who = 0; who < 64; who++) {
		s = (struct step){ .what = 4, .who = (uint8_t)who };
		(void)take(t, &s, now);
	}
	proc_table_expire(t, now + 10 * SEC);
	/* The one returned last is let go with the next call. */
	assert(proc_table_apply(t, &forget, &img) == 0 && !img);
	proc_table_stats(t, &stats);
	assert(stats.processes == 0 && stats.images == 0 && !stats.bytes);
	proc_table_free(t);
	return 0;
}
