/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is attached, into pins and out of them. A link that is pinned keeps its
 * program, a program its maps; those that user space reads are pinned too, and
 * programs, because they can tell of themselves.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "sense/account.h"
#include "sense/attach.h"
#include "sense/pins.h"

/* As in bpf/maps.h. The ring is mapped, and its size known by who made it. */
static const struct pins_shape shapes[ATTACH_MAP_COUNT] = {
	[ATTACH_RING] = { BPF_MAP_TYPE_RINGBUF, 0, 0, 0 },
	[ATTACH_COUNTERS] = { BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(uint32_t),
			      sizeof(struct wire_counters), WIRE_FAM_COUNT },
	[ATTACH_WRITTEN] = { BPF_MAP_TYPE_LRU_HASH,
			     sizeof(struct wire_written_key),
			     sizeof(struct wire_written), 0 },
	[ATTACH_SUMMED] = { BPF_MAP_TYPE_ARRAY, sizeof(uint32_t),
			    WIRE_SUMMED_SLOTS * sizeof(uint32_t), 1 },
	[ATTACH_ENV_NAMES] = { BPF_MAP_TYPE_HASH, sizeof(uint64_t),
			       sizeof(uint8_t), 0 },
	[ATTACH_CONTROL] = { BPF_MAP_TYPE_ARRAY, sizeof(uint32_t),
			     sizeof(struct wire_control), 1 },
	[ATTACH_OWN_OBJECTS] = { BPF_MAP_TYPE_HASH, sizeof(struct wire_own),
				 sizeof(uint8_t), 0 },
};

/* bpffs knows no dots. */
static const char *pin_name(enum attach_map map)
{
	const char *name = attach_map_names[map];

	return *name == '.' ? strrchr(name, '.') + 1 : name;
}

int attach_each_pin(const struct attachment *a, attach_pin_fn fn, void *arg)
{
	enum attach_map map;
	size_t i;
	int r;

	for (map = 0; map < ATTACH_MAP_COUNT; map++) {
		r = fn(arg, "map", pin_name(map), a->maps[map]);
		if (r < 0)
			return r;
	}
	for (i = 0; i < a->program_count; i++) {
		const struct running *run = &a->programs[i];

		r = fn(arg, "prog", run->name, run->fd);
		/* Before 5.15 a kprobe's link is none that can be pinned. */
		if (r >= 0 && run->link)
			r = fn(arg, "link", run->name, bpf_link__fd(run->link));
		if (r < 0)
			return r;
	}
	return 0;
}

/* Where pins go. */
struct place {
	const struct pins *pins;
	const char *generation;
};

static int put_pin(void *arg, const char *kind, const char *name, int fd)
{
	const struct place *at = arg;

	return pins_put(at->pins, at->generation, kind, name, fd);
}

int attach_pin(const struct attachment *a, const struct pins *p,
	       const char *generation, struct account *account)
{
	struct place at = { p, generation };
	int r = attach_each_pin(a, put_pin, &at);

	if (r < 0)
		return r;
	memcpy(account->hooks, a->hooks, sizeof(account->hooks));
	account->ops = a->ops;
	account->v1_hierarchy = a->v1_hierarchy;
	account->program_count = (uint32_t)a->program_count;
	account->link_count = 0;
	for (size_t i = 0; i < a->program_count; i++)
		account->link_count += a->programs[i].link != NULL;
	return 0;
}

void attach_set_link(struct running *run, struct bpf_link *link)
{
	struct bpf_link_info info = { .id = 0 };
	struct bpf_prog_info program = { .id = 0 };
	uint32_t size = sizeof(info), program_size = sizeof(program);

	run->link = link;
	run->link_id = run->program_id = 0;
	/* Not by the link: one that was taken over may run another. */
	if (bpf_obj_get_info_by_fd(run->fd, &program, &program_size) == 0)
		run->program_id = program.id;
	if (link &&
	    bpf_obj_get_info_by_fd(bpf_link__fd(link), &info, &size) == 0)
		run->link_id = info.id;
}

/*
 * Closing a kprobe's link by libbpf would disable the event behind it, pinned
 * or not. What stays open is closed with the process.
 */
void attach_leave(struct attachment *a)
{
	size_t i;

	for (i = 0; i < a->program_count; i++)
		if (a->programs[i].link)
			bpf_link__disconnect(a->programs[i].link);
	attach_done(a);
}

static int adopt_program(struct attachment *a, const struct pins *p,
			 const char *generation, struct running run)
{
	char path[512];
	int r;

	if (a->program_count == ATTACH_PROGRAMS_MAX)
		return -EBADMSG;
	r = pins_path(p, generation, "link", run.name, path);
	if (r < 0)
		return r;
	run.fd = pins_get(p, generation, "prog", run.name);
	if (run.fd < 0)
		return run.fd;
	if (run.place != PLACE_ON_DEMAND)
		attach_set_link(&run, bpf_link__open(path));
	if (!run.link && run.place != PLACE_ON_DEMAND)
		r = -errno;
	a->programs[a->program_count++] = run;
	return r;
}

/* A probe's own program, and those that run along with it. */
static int adopt_probe(struct attachment *a, const struct pins *p,
		       const char *generation, const struct probe *probe)
{
	struct running run = { .name = probe->program, .place = probe->place };
	const char *const *with = probe->with;
	bool may_lack = false;
	int r;

	for (;;) {
		r = attach_program(a, run.name) >= 0
			    ? 0
			    : adopt_program(a, p, generation, run);
		if (r < 0 && !(may_lack && r == -ENOENT))
			return r;
		if (!with || !*with)
			return 0;
		may_lack = **with == PROBE_IF_THERE;
		run.name = *with++ + may_lack;
		run.place = PLACE_KERNEL;
	}
}

int attach_get_map(const struct pins *p, const char *generation,
		   enum attach_map map)
{
	return pins_get_map(p, generation, pin_name(map), &shapes[map]);
}

int attach_adopt(struct attachment *a, const struct pins *p,
		 const char *generation, const struct account *account)
{
	const struct probe *probe;
	enum attach_map map;
	size_t i;
	int r;

	for (map = 0; map < ATTACH_MAP_COUNT; map++) {
		r = attach_get_map(p, generation, map);
		if (r < 0)
			return r;
		a->maps[map] = r;
	}
	memcpy(a->hooks, account->hooks, sizeof(a->hooks));
	a->ops = account->ops;
	a->v1_hierarchy = account->v1_hierarchy;
	for (i = 0; i < sense_hook_count; i++) {
		probe = attach_chosen(a, i);
		if (!probe)
			continue;
		r = adopt_probe(a, p, generation, probe);
		if (r < 0)
			return r;
	}
	attach_settle(a);
	return a->program_count == account->program_count ? 0 : -ENOENT;
}
