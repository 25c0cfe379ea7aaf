/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Choosing by trying. What choice.c chose is loaded (load.h) and attached. A
 * program that the kernel refuses is dropped, its hooks move on to their next
 * probes, and only what is new is loaded in the next round, as further objects
 * that share the maps of the first. So in the end only what the kernel really
 * took is there, and one refusal costs the others nothing.
 */
#include "sense/attach.h"

#include <assert.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sense/cgroup_root.h"
#include "sense/choice.h"
#include "sense/core_types.h"
#include "sense/kernel_btf.h"
#include "sense/load.h"
#include "sense/parts.h"
#include "sense/self.h"
#include "sense/skeleton.h"

/* Each round but the last ends with at least one program less to choose. */
#define ROUNDS_MAX ATTACH_PROGRAMS_MAX
#define ALL_TYPES  "/sys/kernel/btf/vmlinux"

const char *const attach_map_names[ATTACH_MAP_COUNT] = {
	[ATTACH_RING] = "ring",
	[ATTACH_COUNTERS] = "counters",
	[ATTACH_WRITTEN] = "written",
	[ATTACH_SUMMED] = ".data.summed",
	[ATTACH_ENV_NAMES] = "env_names",
	[ATTACH_CONTROL] = ".data.control",
	[ATTACH_OWN_OBJECTS] = "own_objects",
};

/* What is found once and used by every round. */
struct attempt {
	struct choice choice;
	struct attachment *a;
	int cgroup_fd;	/* -1: no root that we can see */
	int types_fd;	/* -1: none, or all that the kernel has */
	char types[32]; /* where libbpf finds them */
	struct load_told told;
	attach_begun_fn begun; /* NULL: it was called, or nobody asked */
	void *begun_arg;
};

/* ---- what runs ----------------------------------------------------------- */

static const struct running *find_running(const struct attachment *a,
					  const char *program)
{
	size_t i;

	for (i = 0; i < a->program_count; i++)
		if (!a->programs[i].is_out &&
		    strcmp(a->programs[i].name, program) == 0)
			return &a->programs[i];
	return NULL;
}

static const struct probe *find_serving(const struct attachment *a, size_t hook)
{
	const struct probe *probe = attach_chosen(a, hook);
	const char *const *with;

	if (!probe || !find_running(a, probe->program))
		return NULL;
	for (with = probe->with; with && *with; with++)
		if (**with != PROBE_IF_THERE && !find_running(a, *with))
			return NULL;
	return probe;
}

/* WIRE_FAM_COUNT: no hook chose it. */
static enum wire_family find_family(const struct attachment *a,
				    const char *program)
{
	const struct probe *probe;
	size_t i;

	for (i = 0; i < sense_hook_count; i++) {
		probe = attach_chosen(a, i);
		if (probe && sense_probe_has(probe, program))
			return sense_hooks[i].family;
	}
	return WIRE_FAM_COUNT;
}

void attach_settle(struct attachment *a)
{
	size_t i;

	for (i = 0; i < sense_hook_count; i++)
		a->serving[i] = find_serving(a, i);
	for (i = 0; i < a->program_count; i++)
		a->programs[i].family = find_family(a, a->programs[i].name);
}

const struct probe *attach_serving(const struct attachment *a, size_t hook)
{
	return a->serving[hook];
}

int attach_program(const struct attachment *a, const char *name)
{
	const struct running *r = find_running(a, name);

	return r ? r->fd : -1;
}

/* Programs of system calls have their table built in: a new one, new programs.
 */
static void follow_ops(struct attachment *a)
{
	const struct probe *probe;
	uint64_t ops = 0;
	size_t i, kept = 0;

	for (i = 0; i < sense_hook_count; i++) {
		probe = attach_chosen(a, i);
		if (probe && probe->place == PLACE_CALL_END)
			ops |= sense_hooks[i].ops;
	}
	if (ops == a->ops)
		return;
	a->ops = ops;
	for (i = 0; i < a->program_count; i++) {
		struct running *r = &a->programs[i];

		if (r->place == PLACE_CALL_END ||
		    r->place == PLACE_CALL_BEGIN || r->place == PLACE_URING)
			bpf_link__destroy(r->link);
		else
			a->programs[kept++] = *r;
	}
	a->program_count = kept;
}

void attach_init(struct attachment *a)
{
	memset(a, 0, sizeof(*a));
	memset(a->maps, 0xff, sizeof(a->maps));
}

void attach_stop(struct attachment *a, void (*unpin)(void *arg, const char *),
		 void *arg)
{
	size_t i;

	for (i = a->program_count; i-- > 0;) {
		if (unpin && a->programs[i].link)
			unpin(arg, a->programs[i].name);
		bpf_link__destroy(a->programs[i].link);
		a->programs[i].link = NULL;
	}
}

void attach_done(struct attachment *a)
{
	size_t i;

	attach_stop(a, NULL, NULL);
	/* The others' programs belong to their objects. */
	for (i = 0; i < a->program_count && !a->object_count; i++)
		(void)close(a->programs[i].fd);
	a->program_count = 0;
	for (i = 0; i < ATTACH_MAP_COUNT; i++) {
		if (a->maps[i] >= 0)
			(void)close(a->maps[i]);
		a->maps[i] = -1;
	}
	while (a->object_count)
		picket_bpf__destroy(a->objects[--a->object_count]);
}

/* ---- loading ------------------------------------------------------------- */

/* Descriptors of our own, as where they come from pins. */
static int keep_maps(struct attachment *a, const struct picket_bpf *skel)
{
	size_t i;
	int fd;

	for (i = 0; i < ATTACH_MAP_COUNT; i++) {
		fd = bpf_object__find_map_fd_by_name(skel->obj,
						     attach_map_names[i]);
		a->maps[i] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (a->maps[i] < 0)
			return -errno;
	}
	return 0;
}

/*
 * The next program that is chosen and not running, from *hook and *n on (which
 * begin as 0 and then say where it stands); NULL: none.
 */
static const char *next_missing(const struct attempt *t, size_t *hook,
				size_t *n)
{
	const struct probe *probe;
	const char *name;

	for (; *hook < sense_hook_count; ++*hook, *n = 0) {
		probe = attach_chosen(t->a, *hook);
		if (!probe)
			continue;
		while ((name = choice_program(&t->choice, probe, (*n)++)))
			if (!find_running(t->a, name))
				return name;
	}
	return NULL;
}

_Static_assert(PARTS <= LOAD_PARTS_MAX, "a thread for each");

/* What is chosen and not running yet. */
struct missing {
	const char *names[ATTACH_PROGRAMS_MAX];
	unsigned costs[ATTACH_PROGRAMS_MAX];
	size_t n;
};

static void add_missing(struct missing *m, const char *name, unsigned cost)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		if (strcmp(m->names[i], name) == 0)
			return;
	assert(m->n < ATTACH_PROGRAMS_MAX);
	m->costs[m->n] = cost;
	m->names[m->n++] = name;
}

/* Programs of system calls leave out what none is asked for. */
static unsigned cost_of(const struct attempt *t, const char *name)
{
	return attach_sees_files(t->a) || strncmp(name, "sys_", 4) != 0
		       ? parts_cost(name)
		       : 1;
}

/* False: nothing. */
static bool divide(const struct attempt *t, struct load_part *parts)
{
	struct missing m = { .n = 0 };
	uint8_t part[ATTACH_PROGRAMS_MAX];
	size_t hook = 0, n = 0, i;
	const char *name;

	while ((name = next_missing(t, &hook, &n)))
		add_missing(&m, name, cost_of(t, name));
	parts_divide(m.costs, m.n, part);
	for (i = 0; i < m.n; i++) {
		struct load_part *to = &parts[part[i]];

		to->names[to->n++] = m.names[i];
	}
	return m.n > 0;
}

/* The object was not loaded. -EAGAIN: without a program or two it may be. */
static int drop_refused(struct attempt *t, const struct load_part *part,
			char what[static 256])
{
	const struct bpf_program *p = bpf_object__find_program_by_name(
		t->choice.index->obj, part->refused);
	const char *section = p ? bpf_program__section_name(p) : "";
	int kind = (int)strcspn(section, "/");
	char why[200];

	if (part->is_lacking)
		(void)snprintf(why, sizeof(why),
			       "%.*s: this kernel has not what is read there",
			       kind, section);
	else
		(void)snprintf(why, sizeof(why), "%.*s: not loaded: %s%s", kind,
			       section, strerror(-part->error), part->reason);
	if (p) {
		/*
		 * That nobody chooses it any more is as well: what it goes with
		 * was refused just before, in the other part.
		 */
		(void)choice_drop(&t->choice, part->refused, why,
				  part->is_lacking);
		return -EAGAIN;
	}
	(void)snprintf(what, 256, "loading the eBPF programs: %s%s",
		       strerror(-part->error), part->reason);
	return part->error;
}

/* ---- attaching ----------------------------------------------------------- */

int attach_one(struct running *run, int cgroup_fd)
{
	struct bpf_link *link = NULL;

	switch (run->place) {
	case PLACE_ON_DEMAND:
		run->link = NULL;
		return 0;
	case PLACE_CGROUP:
		if (cgroup_fd < 0)
			return -ENOENT;
		link = bpf_program__attach_cgroup(run->program, cgroup_fd);
		break;
	case PLACE_KERNEL:
	case PLACE_CALL_END:
	case PLACE_CALL_BEGIN:
	case PLACE_URING:
		link = bpf_program__attach(run->program);
		break;
	}
	if (!link)
		return -errno;
	attach_set_link(run, link);
	return 0;
}

static void say_unattached(const struct attempt *t, const struct running *run,
			   int error, char why[static 120])
{
	const char *section = bpf_program__section_name(run->program);

	if (run->place == PLACE_CGROUP && t->cgroup_fd < 0)
		(void)snprintf(why, 120,
			       "cgroup: no mount of the unified hierarchy "
			       "shows its root");
	else
		(void)snprintf(why, 120, "%.60s: not attached: %s", section,
			       strerror(-error));
}

/* NULL: it was not to be loaded, or not without what was refused. */
static struct bpf_program *find_loaded(const struct load_part *parts,
				       const char *name)
{
	struct bpf_program *p;
	size_t i;

	for (i = 0; i < PARTS; i++) {
		if (!parts[i].skel)
			continue;
		p = bpf_object__find_program_by_name(parts[i].skel->obj, name);
		if (p && bpf_program__fd(p) >= 0)
			return p;
	}
	return NULL;
}

/* What tells of processes made, and of where and what they run. */
static bool is_early(size_t hook)
{
	enum wire_family family = sense_hooks[hook].family;

	return family == WIRE_FAM_FORK || family == WIRE_FAM_EXEC ||
	       family == WIRE_FAM_CGROUP;
}

/* Of what was loaded, the early or the others. -EAGAIN: some was refused. */
static int attach_some(struct attempt *t, const struct load_part *parts,
		       bool early)
{
	struct attachment *a = t->a;
	struct running run = { 0 };
	size_t hook = 0, n = 0;
	char why[120];
	int e, r = 0;

	while ((run.name = next_missing(t, &hook, &n))) {
		if (is_early(hook) != early)
			continue;
		run.place =
			n == 1 ? attach_chosen(a, hook)->place : PLACE_KERNEL;
		run.program = find_loaded(parts, run.name);
		/* Chosen only now, because another was refused: next round. */
		if (!run.program) {
			r = -EAGAIN;
			continue;
		}
		run.fd = bpf_program__fd(run.program);
		e = attach_one(&run, t->cgroup_fd);
		if (e < 0) {
			say_unattached(t, &run, e, why);
			(void)choice_drop(&t->choice, run.name, why, false);
			n = 0; /* the hook has another probe now */
			r = -EAGAIN;
			continue;
		}
		assert(a->program_count < ATTACH_PROGRAMS_MAX);
		a->programs[a->program_count++] = run;
	}
	return r;
}

/*
 * Who was there before is listed between the two: one that is gone by then did
 * nothing that is told, and of one that came since it is told who made it.
 */
static int attach_parts(struct attempt *t, const struct load_part *parts)
{
	int early = attach_some(t, parts, true), others;

	if (early == 0 && t->begun) {
		t->begun(t->begun_arg);
		t->begun = NULL;
	}
	others = attach_some(t, parts, false);
	return early < 0 ? early : others;
}

/* What ran along with a program that was refused serves nobody. */
static void detach_unneeded(struct attempt *t)
{
	struct attachment *a = t->a;
	size_t i, kept = 0;

	for (i = 0; i < a->program_count; i++)
		if (find_family(a, a->programs[i].name) != WIRE_FAM_COUNT)
			a->programs[kept++] = a->programs[i];
		else
			bpf_link__destroy(a->programs[i].link);
	a->program_count = kept;
}

/* An object of no programs, whose maps are those of all others. */
static int begin_maps(struct attempt *t, char what[static 256])
{
	struct picket_bpf *skel;
	int r;

	if (t->a->object_count)
		return 0;
	r = load_maps(&t->told, &skel);
	if (r < 0) {
		(void)snprintf(what, 256, "eBPF object: %s", strerror(-r));
		return r;
	}
	t->a->objects[t->a->object_count++] = skel;
	r = keep_maps(t->a, skel);
	if (r < 0)
		(void)snprintf(what, 256, "eBPF maps: %s", strerror(-r));
	return r;
}

/* Load and attach what is chosen and not there. -EAGAIN: not done yet. */
static int try_choice(struct attempt *t, struct load_part *parts,
		      char what[static 256])
{
	int refused = 0, r;
	size_t i;

	follow_ops(t->a);
	for (i = 0; i < PARTS; i++)
		parts[i] = (struct load_part){ .told = &t->told };
	if (!divide(t, parts) ||
	    t->a->object_count + PARTS > ATTACH_OBJECTS_MAX)
		return 0;
	r = begin_maps(t, what);
	if (r < 0)
		return r;
	r = load_parts(parts, PARTS);
	if (r < 0)
		return r;
	for (i = 0; i < PARTS; i++) {
		if (parts[i].skel)
			t->a->objects[t->a->object_count++] = parts[i].skel;
		else if (parts[i].n && (!refused || refused == -EAGAIN))
			refused = drop_refused(t, &parts[i], what);
	}
	if (refused < 0 && refused != -EAGAIN)
		return refused;
	r = attach_parts(t, parts);
	return r < 0 ? r : refused;
}

/* ---- all of it ------------------------------------------------------------ */

static int choose_and_attach(struct attempt *t, char what[static 256])
{
	struct load_part *parts = calloc(PARTS, sizeof(*parts));
	const char *controller;
	int round, r;

	if (!parts) {
		(void)snprintf(what, 256, "no memory for the eBPF object");
		return -ENOMEM;
	}
	r = self_find(t->told.settings, &t->told.self);
	if (r < 0) {
		(void)snprintf(what, 256, "/proc/self/stat: %s", strerror(-r));
		free(parts);
		return r;
	}
	t->told.v1_subsys = UINT32_MAX;
	t->a->v1_hierarchy = cgroup_root_find_v1(&controller);
	if (t->a->v1_hierarchy)
		t->told.v1_subsys =
			kernel_btf_subsys(t->choice.kernel, controller);
	choice_begin(&t->choice);
	for (r = -EAGAIN, round = 0; round < ROUNDS_MAX && r == -EAGAIN;
	     round++)
		r = try_choice(t, parts, what);
	free(parts);
	detach_unneeded(t);
	attach_settle(t->a);
	return r < 0 ? r : choice_check(&t->choice, what);
}

/* Among all of them libbpf searches longer, and finds the same. */
static void find_types(struct attempt *t)
{
	t->types_fd = core_types_make(t->choice.kernel,
				      bpf_object__btf(t->choice.index->obj));
	(void)snprintf(t->types, sizeof(t->types), "/proc/self/fd/%d",
		       t->types_fd);
	/* A profile may let nobody open what has no name. */
	if (t->types_fd < 0 || access(t->types, R_OK) < 0)
		(void)snprintf(t->types, sizeof(t->types), "%s", ALL_TYPES);
	t->told.types = t->types;
}

int attach_all(const struct sensor_settings *s, struct attachment *a,
	       attach_begun_fn begun, void *arg, char what[static 256])
{
	struct attempt t = {
		.a = a,
		.cgroup_fd = -1,
		.types_fd = -1,
		.told = { .settings = s, .a = a },
		.begun = begun,
		.begun_arg = arg,
	};
	struct picket_bpf *index = picket_bpf__open();
	struct btf *kernel = kernel_btf_open();
	int r;

	assert(sense_hook_count <= ATTACH_HOOKS_MAX);
	load_listen();
	(void)cgroup_root_open(&t.cgroup_fd);
	t.choice = (struct choice){
		.settings = s,
		.a = a,
		.kernel = kernel,
		.index = index,
	};
	if (kernel && index) {
		find_types(&t);
		r = choose_and_attach(&t, what);
	} else {
		r = -ENOMEM;
		(void)snprintf(what, 256, "no memory for the eBPF object");
	}
	picket_bpf__destroy(index);
	btf__free(kernel);
	if (t.cgroup_fd >= 0)
		(void)close(t.cgroup_fd);
	if (t.types_fd >= 0)
		(void)close(t.types_fd);
	return r;
}
