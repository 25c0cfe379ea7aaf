/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Choosing by trying. What choice.c chose is loaded together and attached. A
 * program that the kernel refuses is dropped, its hooks move on to their next
 * probes, and only what is new is loaded in the next round, as a further
 * object that shares the maps of the first. So in the end only what the kernel
 * really took is there, and one refusal costs the others nothing.
 */
#include "sense/attach.h"

#include <assert.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "sense/cgroup_root.h"
#include "sense/choice.h"
#include "sense/kernel_btf.h"
#include "sense/self.h"
#include "sense/skeleton.h"
#include "sense/syscalls.h"

#define VERIFIER_LOG_BYTES (64u << 10)
/*
 * The verifier's statistics and what it objects to (BPF_LOG_STATS), without a
 * line for each instruction: those fill any buffer, and then all that is told
 * is ENOSPC. As it is asked for at once nothing is verified a second time.
 */
#define LOG_WITHOUT_TRACE  4
/* Each round but the last ends with at least one program less to choose. */
#define ROUNDS_MAX	   ATTACH_PROGRAMS_MAX

const char *const attach_map_names[ATTACH_MAP_COUNT] = {
	[ATTACH_RING] = "ring",
	[ATTACH_COUNTERS] = "counters",
	[ATTACH_WRITTEN] = "written",
	[ATTACH_ENV_NAMES] = "env_names",
	[ATTACH_CONTROL] = ".data.control",
	[ATTACH_OWN_OBJECTS] = "own_objects",
};

/* What is found once and used by every round. */
struct attempt {
	struct choice choice;
	const struct sensor_settings *settings;
	struct attachment *a;
	int cgroup_fd; /* -1: no root that we can see */
	uint32_t v1_subsys;
	struct wire_control self;
	char *log; /* of the verifier, when it refused a program */
};

/* ---- libbpf's lines ------------------------------------------------------ */

/*
 * Loading an object ends at the first program that fails, and libbpf tells
 * which only in what it prints. It has no argument of ours.
 */
static char failed_program[64];

static int catch_program_name(enum libbpf_print_level level, const char *format,
			      va_list args)
{
	static const char about[] = "libbpf: prog '%s'";

	if (level == LIBBPF_WARN &&
	    strncmp(format, about, sizeof(about) - 1) == 0)
		(void)snprintf(failed_program, sizeof(failed_program), "%s",
			       va_arg(args, const char *));
	return 0;
}

/*
 * The last line of the verifier's log that is not statistics: what it did not
 * like.
 */
static void verifier_reason(const char *log, char *out, size_t size)
{
	const char *line = log, *best = NULL, *end;
	size_t n = 0;

	for (; *line; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		if (end == line || strncmp(line, "processed ", 10) == 0 ||
		    strncmp(line, "verification time", 17) == 0 ||
		    strncmp(line, "stack depth", 11) == 0)
			continue;
		best = line;
		n = (size_t)(end - line);
	}
	if (best)
		(void)snprintf(out, size, ": %.*s", (int)(n < 80 ? n : 80),
			       best);
}

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

const struct probe *attach_serving(const struct attachment *a, size_t hook)
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

void attach_stop(struct attachment *a)
{
	size_t i;

	for (i = 0; i < a->program_count; i++) {
		bpf_link__destroy(a->programs[i].link);
		a->programs[i].link = NULL;
	}
}

void attach_done(struct attachment *a)
{
	size_t i;

	attach_stop(a);
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

static int share_maps(const struct attachment *a, const struct picket_bpf *skel)
{
	struct bpf_map *m;
	int fd, r;

	bpf_object__for_each_map(m, skel->obj)
	{
		/* Constants are an object's own, all else is one. */
		if (strstr(bpf_map__name(m), ".rodata"))
			continue;
		fd = bpf_object__find_map_fd_by_name(a->objects[0]->obj,
						     bpf_map__name(m));
		r = fd < 0 ? -ENOENT : bpf_map__reuse_fd(m, fd);
		if (r < 0)
			return r;
	}
	return 0;
}

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

static int open_object(const struct attempt *t, struct picket_bpf **ret)
{
	const struct sensor_settings *s = t->settings;
	struct bpf_program *p;
	struct picket_bpf *skel;
	int r = 0;

	/*
	 * Named, the kernel's types are all that is searched. Else libbpf 1.1
	 * lists the modules' types for what it does not find, which takes
	 * CAP_SYS_ADMIN.
	 */
	const struct bpf_object_open_opts opts = {
		.sz = sizeof(opts),
		.btf_custom_path = "/sys/kernel/btf/vmlinux",
	};

	skel = picket_bpf__open_opts(&opts);
	if (!skel)
		return -errno;
	bpf_object__for_each_program(p, skel->obj)
	{
		(void)bpf_program__set_autoload(p, false);
		(void)bpf_program__set_log_buf(p, t->log, VERIFIER_LOG_BYTES);
		(void)bpf_program__set_log_level(p, LOG_WITHOUT_TRACE);
	}
	skel->data_control->control = t->self;
	skel->rodata->ring_bytes = s->ring_bytes;
	skel->rodata->window_ns = s->window_ms * NS_PER_MS;
	skel->rodata->v1_subsys = t->v1_subsys;
	skel->rodata->v1_hierarchy = t->a->v1_hierarchy;
	skel->rodata->socket_ops = (uint32_t)(t->a->ops >> WIRE_OP_SOCKETS);
	syscalls_fill(skel->rodata->syscalls, t->a->ops);
	skel->rodata->call_ops = (uint32_t)t->a->ops;
	if (t->a->object_count)
		r = share_maps(t->a, skel);
	else
		r = bpf_map__set_max_entries(skel->maps.ring,
					     (uint32_t)s->ring_bytes);
	if (r < 0) {
		picket_bpf__destroy(skel);
		return r;
	}
	*ret = skel;
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

/* Whether anything chosen is not running yet. */
static bool select_programs(const struct attempt *t,
			    const struct picket_bpf *skel)
{
	size_t hook = 0, n = 0;
	struct bpf_program *p;
	const char *name;
	bool any = false;

	while ((name = next_missing(t, &hook, &n))) {
		p = bpf_object__find_program_by_name(skel->obj, name);
		(void)bpf_program__set_autoload(p, true);
		any = true;
	}
	return any;
}

/* Load an object; the name of the program that failed it is caught. */
static int load_object(const struct attempt *t, const struct picket_bpf *skel)
{
	const struct sensor_settings *s = t->settings;
	int r;

	*failed_program = '\0';
	*t->log = '\0';
	if (!s->breakable)
		return bpf_object__load(skel->obj);
	s->breakable(true);
	r = bpf_object__load(skel->obj);
	s->breakable(false);
	/* Even where it came to its end: all that follows would be undone. */
	return s->is_broken() ? -ECANCELED : r;
}

/*
 * What libbpf puts in the place of a relocation that this kernel's types have
 * nothing for: a call of a function that there is not.
 */
#define RELOCATED_TO_NOTHING "unknown#195896080"

/* The object was not loaded. -EAGAIN: without a program or two it may be. */
static int drop_refused(struct attempt *t, int error, char what[static 256])
{
	const struct bpf_program *p = bpf_object__find_program_by_name(
		t->choice.index->obj, failed_program);
	const char *section = p ? bpf_program__section_name(p) : "";
	int kind = (int)strcspn(section, "/");
	char detail[96] = "", why[200];
	bool lacks;

	verifier_reason(t->log, detail, sizeof(detail));
	lacks = strstr(detail, RELOCATED_TO_NOTHING);
	if (lacks)
		(void)snprintf(why, sizeof(why),
			       "%.*s: this kernel has not what is read there",
			       kind, section);
	else
		(void)snprintf(why, sizeof(why), "%.*s: not loaded: %s%s", kind,
			       section, strerror(-error), detail);
	if (p && choice_drop(&t->choice, failed_program, why, lacks) > 0)
		return -EAGAIN;
	(void)snprintf(what, 256, "loading the eBPF programs: %s%s",
		       strerror(-error), detail);
	return error;
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

/* Attach what this object brought. -EAGAIN: something was refused. */
static int attach_object(struct attempt *t, const struct picket_bpf *skel)
{
	struct attachment *a = t->a;
	struct running run = { 0 };
	size_t hook = 0, n = 0;
	char why[120];
	int e, r = 0;

	while ((run.name = next_missing(t, &hook, &n))) {
		run.place =
			n == 1 ? attach_chosen(a, hook)->place : PLACE_KERNEL;
		run.program =
			bpf_object__find_program_by_name(skel->obj, run.name);
		run.fd = bpf_program__fd(run.program);
		/* Chosen only now, because another was refused: next round. */
		if (run.fd < 0) {
			r = -EAGAIN;
			continue;
		}
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

/* What ran along with a program that was refused serves nobody. */
static void detach_unneeded(struct attempt *t)
{
	struct attachment *a = t->a;
	size_t i, kept = 0;

	for (i = 0; i < a->program_count; i++)
		if (choice_has(&t->choice, a->programs[i].name))
			a->programs[kept++] = a->programs[i];
		else
			bpf_link__destroy(a->programs[i].link);
	a->program_count = kept;
}

/* Load and attach what is chosen and not there. -EAGAIN: not done yet. */
static int try_choice(struct attempt *t, char what[static 256])
{
	struct picket_bpf *skel = NULL;
	int r;

	follow_ops(t->a);
	r = open_object(t, &skel);
	if (r < 0) {
		(void)snprintf(what, 256, "eBPF object: %s", strerror(-r));
		return r;
	}
	if (!select_programs(t, skel) ||
	    t->a->object_count == ATTACH_OBJECTS_MAX) {
		picket_bpf__destroy(skel);
		return 0;
	}
	r = load_object(t, skel);
	if (r < 0) {
		picket_bpf__destroy(skel);
		return r == -ECANCELED ? r : drop_refused(t, r, what);
	}
	t->a->objects[t->a->object_count++] = skel;
	r = t->a->object_count > 1 ? 0 : keep_maps(t->a, skel);
	if (r < 0) {
		(void)snprintf(what, 256, "eBPF maps: %s", strerror(-r));
		return r;
	}
	return attach_object(t, skel);
}

/* ---- all of it ------------------------------------------------------------ */

static int choose_and_attach(struct attempt *t, char what[static 256])
{
	const char *controller;
	int round, r;

	r = self_find(t->settings, &t->self);
	if (r < 0) {
		(void)snprintf(what, 256, "/proc/self/stat: %s", strerror(-r));
		return r;
	}
	t->v1_subsys = UINT32_MAX;
	t->a->v1_hierarchy = cgroup_root_find_v1(&controller);
	if (t->a->v1_hierarchy)
		t->v1_subsys = kernel_btf_subsys(t->choice.kernel, controller);
	choice_begin(&t->choice);
	for (r = -EAGAIN, round = 0; round < ROUNDS_MAX && r == -EAGAIN;
	     round++)
		r = try_choice(t, what);
	detach_unneeded(t);
	return r < 0 ? r : choice_check(&t->choice, what);
}

int attach_all(const struct sensor_settings *s, struct attachment *a,
	       char what[static 256])
{
	struct attempt t = { .settings = s, .a = a, .cgroup_fd = -1 };
	struct picket_bpf *index = picket_bpf__open();
	struct btf *kernel = kernel_btf_open();
	int r;

	assert(sense_hook_count <= ATTACH_HOOKS_MAX);
	(void)libbpf_set_print(catch_program_name);
	(void)cgroup_root_open(&t.cgroup_fd);
	t.log = calloc(1, VERIFIER_LOG_BYTES);
	t.choice = (struct choice){
		.settings = s,
		.a = a,
		.kernel = kernel,
		.index = index,
	};
	if (kernel && index && t.log) {
		r = choose_and_attach(&t, what);
	} else {
		r = -ENOMEM;
		(void)snprintf(what, 256, "no memory for the eBPF object");
	}
	free(t.log);
	picket_bpf__destroy(index);
	btf__free(kernel);
	if (t.cgroup_fd >= 0)
		(void)close(t.cgroup_fd);
	return r;
}
