/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Choosing by trying. Each hook begins with its first probe. All chosen
 * programs are loaded together and attached; when one is refused, its hook
 * moves on to its next probe and everything is begun again, so that in the
 * end only what the kernel really took is there. Which program was refused at
 * loading is found by loading each alone.
 */
#include "sense/attach.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "sense/cgroup_root.h"
#include "sense/skeleton.h"
#include "sense/syscalls.h"

#define BTF_PATH	   "/sys/kernel/btf/vmlinux"
#define PROC_TEXT_MAX	   (16u << 20)
#define VERIFIER_LOG_BYTES (64u << 10)
/* The whole table can be refused once, and once more to find out who. */
#define ROUNDS_MAX	   64

/* What is found once and used by every round. */
struct attempt {
	const struct sensor_settings *settings;
	struct attachment *a;
	int cgroup_fd; /* -1: no root that we can see */
	uint32_t v1_subsys;
	uint32_t v1_hierarchy;
};

static int drop_print(enum libbpf_print_level level, const char *format,
		      va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

/*
 * CAP_SYS_ADMIN stands for all of them. Whether they count is another matter:
 * in a user namespace they do not.
 */
static bool has_capabilities(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = { { 0 } };
	uint64_t have, want = 1ull << CAP_BPF | 1ull << CAP_PERFMON |
			      1ull << CAP_NET_ADMIN;

	if (syscall(SYS_capget, &header, data) < 0)
		return true;
	have = data[0].effective | (uint64_t)data[1].effective << 32;
	return have & 1ull << CAP_SYS_ADMIN || (have & want) == want;
}

int attach_check(char what[static 256])
{
	int fd;

	libbpf_set_print(drop_print);
	/* A kind of map that only the privileged may make, whatever sysctl. */
	fd = !has_capabilities()
		     ? -EPERM
		     : bpf_map_create(BPF_MAP_TYPE_LRU_HASH, "picket_check", 4,
				      4, 1, NULL);
	if (fd == -EPERM || fd == -EACCES) {
		(void)snprintf(what, 256,
			       "loading eBPF programs needs root, or CAP_BPF, "
			       "CAP_PERFMON and CAP_NET_ADMIN in the host's "
			       "user namespace");
		return -EPERM;
	}
	if (fd < 0) {
		(void)snprintf(what, 256, "this kernel offers no eBPF: %s",
			       strerror(-fd));
		return -ENOTSUP;
	}
	(void)close(fd);
	if (access(BTF_PATH, R_OK) < 0) {
		(void)snprintf(what, 256,
			       "this kernel has no BTF (%s: %s); it must be "
			       "built with CONFIG_DEBUG_INFO_BTF",
			       BTF_PATH, strerror(errno));
		return -ENOTSUP;
	}
	return 0;
}

/* The index of a controller in css_set.subsys, or UINT32_MAX. */
static uint32_t subsys_index(const char *controller)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_enum *values;
	const struct btf_type *type;
	uint32_t found = UINT32_MAX;
	char name[64];
	int id, i;

	if (!btf)
		return found;
	if (strcmp(controller, "blkio") == 0)
		controller = "io";
	(void)snprintf(name, sizeof(name), "%s_cgrp_id", controller);
	id = btf__find_by_name_kind(btf, "cgroup_subsys_id", BTF_KIND_ENUM);
	type = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;
	values = type ? btf_enum(type) : NULL;
	for (i = 0; type && i < btf_vlen(type); i++)
		if (strcmp(btf__name_by_offset(btf, values[i].name_off),
			   name) == 0)
			found = (uint32_t)values[i].val;
	btf__free(btf);
	return found;
}

static void find_v1_hierarchy(struct attempt *t)
{
	cleanup_free char *mounts = NULL, *cgroups = NULL;
	const char *controller;
	size_t n;

	t->v1_subsys = UINT32_MAX;
	if (fs_read_file(AT_FDCWD, "/proc/self/mountinfo", PROC_TEXT_MAX,
			 &mounts, &n) < 0)
		return;
	controller = cgroup_root_v1(slice_of(mounts, n));
	if (!controller || fs_read_file(AT_FDCWD, "/proc/self/cgroup",
					PROC_TEXT_MAX, &cgroups, &n) < 0)
		return;
	t->v1_hierarchy =
		cgroup_root_hierarchy(slice_of(cgroups, n), controller);
	if (t->v1_hierarchy)
		t->v1_subsys = subsys_index(controller);
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

static const struct probe *chosen(const struct attachment *a, size_t hook)
{
	const struct hook *h = &sense_hooks[hook];

	if (a->hooks[hook].probe >= h->count)
		return NULL;
	return &h->probes[a->hooks[hook].probe];
}

/* On to the next probe that the settings allow, from `from` on. */
static void advance(struct attempt *t, size_t hook, size_t from)
{
	const struct hook *h = &sense_hooks[hook];
	uint8_t force = t->settings->force[h->family];

	while (from < h->count && force && h->makes_events &&
	       h->probes[from].backend != force)
		from++;
	t->a->hooks[hook].probe = from;
}

static int open_skeleton(const struct attempt *t, struct picket_bpf **ret)
{
	const struct sensor_settings *s = t->settings;
	struct bpf_program *p;
	struct picket_bpf *skel;

	skel = picket_bpf__open();
	if (!skel)
		return -errno;
	bpf_object__for_each_program(p, skel->obj)(void)
		bpf_program__set_autoload(p, false);
	skel->rodata->self_tgid = s->self_tgid;
	skel->rodata->ring_bytes = s->ring_bytes;
	skel->rodata->window_ns = s->window_ms * NS_PER_MS;
	skel->rodata->v1_subsys = t->v1_subsys;
	skel->rodata->v1_hierarchy = t->v1_hierarchy;
	syscalls_fill(skel->rodata->syscalls);
	(void)bpf_map__set_max_entries(skel->maps.ring,
				       (uint32_t)s->ring_bytes);
	*ret = skel;
	return 0;
}

static void select_program(const struct picket_bpf *skel, const char *name)
{
	struct bpf_program *p =
		bpf_object__find_program_by_name(skel->obj, name);

	assert(p);
	(void)bpf_program__set_autoload(p, true);
}

/* Whether the kernel takes this program alone; the reason if not. */
static int load_alone(const struct attempt *t, const struct probe *probe,
		      char reason[static 120])
{
	cleanup_free char *log = calloc(1, VERIFIER_LOG_BYTES);
	struct picket_bpf *skel = NULL;
	char detail[96] = "";
	struct bpf_program *p;
	int r;

	if (!log)
		return -ENOMEM;
	r = open_skeleton(t, &skel);
	if (r < 0)
		return r;
	select_program(skel, probe->program);
	p = bpf_object__find_program_by_name(skel->obj, probe->program);
	(void)bpf_program__set_log_buf(p, log, VERIFIER_LOG_BYTES);
	/* Room for the question only: the real ring may be large. */
	(void)bpf_map__set_max_entries(skel->maps.ring,
				       (uint32_t)sysconf(_SC_PAGESIZE));
	r = picket_bpf__load(skel);
	if (r < 0) {
		verifier_reason(log, detail, sizeof(detail));
		(void)snprintf(reason, 120, "%s: not loaded: %s%.60s",
			       sense_backend_name(probe->backend), strerror(-r),
			       detail);
	}
	picket_bpf__destroy(skel);
	return r;
}

/* Take the programs that the kernel refuses off the choice; how many. */
static int drop_refused(struct attempt *t)
{
	const struct probe *probe;
	int dropped = 0;
	size_t i;

	for (i = 0; i < sense_hook_count; i++) {
		struct attached *hook = &t->a->hooks[i];

		probe = chosen(t->a, i);
		if (!probe || load_alone(t, probe, hook->reason) == 0)
			continue;
		advance(t, i, hook->probe + 1);
		dropped++;
	}
	return dropped;
}

static int attach_probe(const struct attempt *t, const struct probe *probe,
			struct attached *hook)
{
	struct bpf_program *p = attach_program(t->a, probe->program);
	const char *name = sense_backend_name(probe->backend);
	struct bpf_link *link = NULL;
	int r = 0;

	switch (probe->place) {
	case PLACE_ON_DEMAND:
		return 0;
	case PLACE_CGROUP:
		if (t->cgroup_fd < 0) {
			(void)snprintf(hook->reason, sizeof(hook->reason),
				       "%s: no mount of the unified hierarchy "
				       "shows its root",
				       name);
			return -ENOENT;
		}
		link = bpf_program__attach_cgroup(p, t->cgroup_fd);
		break;
	case PLACE_KERNEL:
		link = bpf_program__attach(p);
		break;
	}
	if (!link) {
		r = -errno;
		(void)snprintf(hook->reason, sizeof(hook->reason),
			       "%s: not attached: %s", name, strerror(-r));
		return r;
	}
	hook->link = link;
	return 0;
}

void attach_stop(struct attachment *a)
{
	size_t i;

	for (i = 0; i < sense_hook_count; i++) {
		bpf_link__destroy(a->hooks[i].link);
		a->hooks[i].link = NULL;
	}
}

void attach_done(struct attachment *a)
{
	attach_stop(a);
	picket_bpf__destroy(a->skel);
	a->skel = NULL;
}

struct bpf_program *attach_program(const struct attachment *a, const char *name)
{
	struct bpf_program *p =
		bpf_object__find_program_by_name(a->skel->obj, name);

	return p && bpf_program__fd(p) >= 0 ? p : NULL;
}

/* Load and attach what is chosen. -EAGAIN: something was refused, again. */
static int try_choice(struct attempt *t, char what[static 256])
{
	const struct probe *probe;
	size_t i;
	int r;

	r = open_skeleton(t, &t->a->skel);
	if (r < 0) {
		(void)snprintf(what, 256, "eBPF object: %s", strerror(-r));
		return r;
	}
	for (i = 0; i < sense_hook_count; i++) {
		probe = chosen(t->a, i);
		if (probe)
			select_program(t->a->skel, probe->program);
	}
	r = picket_bpf__load(t->a->skel);
	if (r < 0) {
		if (drop_refused(t) > 0)
			return -EAGAIN;
		(void)snprintf(what, 256, "loading the eBPF programs: %s",
			       strerror(-r));
		return r;
	}
	for (i = 0; i < sense_hook_count; i++) {
		struct attached *hook = &t->a->hooks[i];

		probe = chosen(t->a, i);
		if (!probe || attach_probe(t, probe, hook) == 0)
			continue;
		advance(t, i, hook->probe + 1);
		return -EAGAIN;
	}
	return 0;
}

/* A family that nothing reports is a reason not to run. */
static int check_families(const struct attachment *a, char what[static 256])
{
	enum wire_family family;
	bool wanted, served;
	const char *why;
	size_t i;

	for (family = 0; family < WIRE_FAM_COUNT; family++) {
		wanted = served = false;
		why = "";
		for (i = 0; i < sense_hook_count; i++) {
			if (sense_hooks[i].family != family ||
			    !sense_hooks[i].makes_events)
				continue;
			wanted = true;
			if (chosen(a, i))
				served = true;
			else
				why = a->hooks[i].reason;
		}
		if (!wanted || served)
			continue;
		(void)snprintf(what, 256, "no usable hook for %s (%s)",
			       sense_family_name(family), why);
		return -ENOTSUP;
	}
	return 0;
}

int attach_all(const struct sensor_settings *s, struct attachment *a,
	       char what[static 256])
{
	cleanup_close int cgroup_fd = -1;
	struct attempt t = { .settings = s, .a = a };
	int round, r = -EAGAIN;
	size_t i;

	assert(sense_hook_count <= ATTACH_HOOKS_MAX);
	memset(a, 0, sizeof(*a));
	if (cgroup_root_open(&cgroup_fd) < 0)
		cgroup_fd = -1;
	t.cgroup_fd = cgroup_fd;
	find_v1_hierarchy(&t);
	for (i = 0; i < sense_hook_count; i++) {
		(void)snprintf(a->hooks[i].reason, sizeof(a->hooks[i].reason),
			       "no program for the backend that was asked for");
		advance(&t, i, 0);
	}
	for (round = 0; round < ROUNDS_MAX && r == -EAGAIN; round++) {
		attach_done(a);
		r = try_choice(&t, what);
	}
	return r < 0 ? r : check_families(a, what);
}
