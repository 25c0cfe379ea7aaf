// SPDX-License-Identifier: Apache-2.0
#include "sense/load.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <time.h>

#include "base/clock.h"
#include "sense/env_names.h"
#include "sense/skeleton.h"
#include "sense/syscalls.h"

#define VERIFIER_LOG_BYTES (64u << 10)
/*
 * The verifier's statistics and what it objects to (BPF_LOG_STATS), without a
 * line for each instruction: those fill any buffer, and then all that is told
 * is ENOSPC. As it is asked for at once nothing is verified a second time.
 */
#define LOG_WITHOUT_TRACE  4
/* How soon it is seen that loading is to be broken off, and told again. */
#define LOOK_NS		   (20 * NS_PER_MS)
#define TELL_NS		   (NS_PER_MS / 5)

/* ---- libbpf's lines ------------------------------------------------------ */

/*
 * Loading an object ends at the first program that fails, and libbpf tells
 * which only in what it prints, by the thread that loads. It has no argument
 * of ours.
 */
static _Thread_local char failed_program[64];

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

void load_listen(void)
{
	(void)libbpf_set_print(catch_program_name);
}

/* How lines of statistics and of source begin; the last two since 7.x. */
static const char *const no_reason[] = { "processed ", "verification time",
					 "stack depth", "subprog ", "; " };

static bool is_reason(const char *line)
{
	size_t i;

	for (i = 0; i < sizeof(no_reason) / sizeof(*no_reason); i++)
		if (strncmp(line, no_reason[i], strlen(no_reason[i])) == 0)
			return false;
	return true;
}

/*
 * The last line of the verifier's log that is a reason: what it did not like.
 */
static void verifier_reason(const char *log, char *out, size_t size)
{
	const char *line = log, *best = NULL, *end;
	size_t n = 0;

	for (; *line; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		if (end == line || !is_reason(line))
			continue;
		best = line;
		n = (size_t)(end - line);
	}
	if (best)
		(void)snprintf(out, size, ": %.*s", (int)(n < 80 ? n : 80),
			       best);
}

/* ---- one object ---------------------------------------------------------- */

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

/*
 * A processor takes this many free entries of an LRU map at once, and keeps them
 * (LOCAL_FREE_TARGET of kernel/bpf/bpf_lru_list.c). When they have taken all, the
 * next one has a single entry: what it puts there it loses to what it puts there
 * next, while the others hold nearly the whole map free (d4adf1c9ee77 of 6.16,
 * and of some kernels before it, leaves half of the map). So each processor
 * brings what it takes.
 */
#define LRU_BATCH 128

/* Larger are names, of which few are kept at all; see bpf/write_kept.bpf.c. */
#define LRU_VALUE_MAX 1024

static int make_room(const struct picket_bpf *skel)
{
	uint32_t more = LRU_BATCH * (uint32_t)get_nprocs_conf();
	struct bpf_map *m;
	int r = 0;

	bpf_object__for_each_map(m, skel->obj)
	{
		if (bpf_map__type(m) == BPF_MAP_TYPE_LRU_HASH &&
		    bpf_map__value_size(m) <= LRU_VALUE_MAX)
			r = bpf_map__set_max_entries(
				m, bpf_map__max_entries(m) + more);
		if (r < 0)
			return r;
	}
	return bpf_map__set_max_entries(skel->maps.ring,
					(uint32_t)skel->rodata->ring_bytes);
}

/* None of its programs is to be loaded yet. */
static int open_object(const struct load_told *t, struct picket_bpf **ret)
{
	const struct sensor_settings *s = t->settings;
	struct bpf_program *p;
	struct picket_bpf *skel;
	int r = 0;

	/*
	 * Named, these types are all that is searched. Else libbpf 1.1 lists
	 * the modules' types for what it does not find, which takes
	 * CAP_SYS_ADMIN.
	 */
	const struct bpf_object_open_opts opts = {
		.sz = sizeof(opts),
		.btf_custom_path = t->types,
	};

	skel = picket_bpf__open_opts(&opts);
	if (!skel)
		return -errno;
	bpf_object__for_each_program(p, skel->obj)(void)
		bpf_program__set_autoload(p, false);
	skel->data_control->control = t->self;
	skel->rodata->ring_bytes = s->ring_bytes;
	skel->rodata->window_ns = s->window_ms * NS_PER_MS;
	skel->rodata->v1_subsys = t->v1_subsys;
	skel->rodata->v1_hierarchy = t->a->v1_hierarchy;
	skel->rodata->socket_ops = (uint32_t)(t->a->ops >> WIRE_OP_SOCKETS);
	syscalls_fill(skel->rodata->syscalls, t->a->ops);
	skel->rodata->call_ops = (uint32_t)t->a->ops;
	env_names_bits(s->env_names, (uint64_t *)skel->rodata->env_bits);
	if (t->a->object_count)
		r = share_maps(t->a, skel);
	else
		r = make_room(skel);
	if (r < 0) {
		picket_bpf__destroy(skel);
		return r;
	}
	*ret = skel;
	return 0;
}

int load_maps(const struct load_told *told, struct picket_bpf **ret)
{
	struct picket_bpf *skel;
	int r;

	r = open_object(told, &skel);
	if (r < 0)
		return r;
	r = bpf_object__load(skel->obj);
	if (r < 0) {
		picket_bpf__destroy(skel);
		return r;
	}
	*ret = skel;
	return 0;
}

static void select_programs(const struct load_part *part,
			    const struct picket_bpf *skel, char *log)
{
	struct bpf_program *p;
	size_t i;

	for (i = 0; i < part->n; i++) {
		p = bpf_object__find_program_by_name(skel->obj, part->names[i]);
		(void)bpf_program__set_autoload(p, true);
		(void)bpf_program__set_log_buf(p, log, VERIFIER_LOG_BYTES);
		(void)bpf_program__set_log_level(p, LOG_WITHOUT_TRACE);
	}
}

/*
 * What libbpf puts in the place of a relocation that this kernel's types have
 * nothing for: a call of a function that there is not.
 */
#define RELOCATED_TO_NOTHING "unknown#195896080"

static int load_one(struct load_part *part)
{
	char *log = calloc(1, VERIFIER_LOG_BYTES);
	struct picket_bpf *skel = NULL;
	int r;

	if (!log)
		return -ENOMEM;
	*failed_program = '\0';
	r = open_object(part->told, &skel);
	if (r >= 0) {
		select_programs(part, skel, log);
		r = bpf_object__load(skel->obj);
	}
	if (r >= 0) {
		part->skel = skel;
	} else {
		(void)snprintf(part->refused, sizeof(part->refused), "%s",
			       failed_program);
		verifier_reason(log, part->reason, sizeof(part->reason));
		part->is_lacking = strstr(part->reason, RELOCATED_TO_NOTHING);
		picket_bpf__destroy(skel);
	}
	free(log);
	return r;
}

/* ---- two at once --------------------------------------------------------- */

static void *load_beside(void *arg)
{
	struct load_part *part = arg;

	part->error = load_one(part);
	return NULL;
}

/* Signals are for who began it, but for what interrupts a verifier. */
static int begin_beside(struct load_part *part, pthread_t *ret)
{
	sigset_t all, before;
	int r;

	(void)sigfillset(&all);
	(void)sigdelset(&all, SIGALRM);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(ret, NULL, load_beside, part);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

/* Where it is broken off, the other must hear of it, too: see breakable. */
static void end_beside(pthread_t thread, const struct sensor_settings *s)
{
	bool is_broken = s->breakable && s->is_broken();
	struct timespec until;
	uint64_t ns;

	for (;;) {
		(void)clock_gettime(CLOCK_REALTIME, &until);
		ns = (uint64_t)until.tv_nsec + (is_broken ? TELL_NS : LOOK_NS);
		until.tv_sec += (time_t)(ns / NS_PER_S);
		until.tv_nsec = (long)(ns % NS_PER_S);
		if (pthread_timedjoin_np(thread, NULL, &until) != ETIMEDOUT)
			return;
		is_broken = s->breakable && s->is_broken();
		if (is_broken)
			(void)pthread_kill(thread, SIGALRM);
	}
}

static void load_all(struct load_part *parts, size_t n)
{
	struct load_part *beside = NULL, *part;
	pthread_t thread;

	for (part = parts; part < parts + n; part++) {
		if (!part->n)
			continue;
		if (part + 1 < parts + n && part[1].n && !beside &&
		    begin_beside(part, &thread) == 0)
			beside = part;
		else
			part->error = load_one(part);
	}
	if (beside)
		end_beside(thread, beside->told->settings);
}

int load_parts(struct load_part *parts, size_t n)
{
	const struct sensor_settings *s = parts[0].told->settings;
	size_t i;

	if (!s->breakable) {
		load_all(parts, n);
		return 0;
	}
	s->breakable(true);
	load_all(parts, n);
	s->breakable(false);
	/* Even where it came to its end: all that follows would be undone. */
	if (!s->is_broken())
		return 0;
	for (i = 0; i < n; i++) {
		picket_bpf__destroy(parts[i].skel);
		parts[i].skel = NULL;
	}
	return -ECANCELED;
}
