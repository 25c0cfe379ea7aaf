/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking after what is attached and pinned. Whoever may load programs may
 * also end ours, and picket cannot forbid it: it notices, says so, and puts
 * things right again as long as it has the right to. What it gave up after the
 * start is not needed for that: a program that is loaded already may be
 * attached by who holds it and has CAP_BPF, and CAP_PERFMON for a kprobe.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "sense/cgroup_root.h"
#include "sense/own.h"
#include "sense/sensor_impl.h"
#include "sense/skeleton.h"

/* Something that is said of hooks: what befell them, and what is done. */
#define WHY_MAX 160

/* ---- links ---------------------------------------------------------------- */

/* What became of a link; NULL: it is as it was. */
static const char *link_harm(const struct running *r)
{
	struct bpf_link_info link = { .id = 0 };
	uint32_t size = sizeof(link);

	/* Before 5.15 a kprobe's is none that can be asked. */
	if (!r->link || !r->link_id)
		return NULL;
	if (bpf_obj_get_info_by_fd(bpf_link__fd(r->link), &link, &size) < 0 ||
	    link.id != r->link_id)
		return "the link is gone";
	/* A link that was detached lives on, on no cgroup. */
	if (link.type == BPF_LINK_TYPE_CGROUP && !link.cgroup.cgroup_id)
		return "detached by somebody else";
	return link.prog_id == r->program_id
		       ? NULL
		       : "another program put in its place";
}

/* The reason of every hook that stands or falls with this program. */
static void say(struct attachment *a, const struct running *r, const char *why)
{
	char later[40] = "";
	uint64_t delay_s = mending_delay_ns(&r->mending) / NS_PER_S;
	const struct probe *probe;
	size_t i;

	if (delay_s)
		(void)snprintf(later, sizeof(later), "; next try within %u s",
			       (unsigned)delay_s);
	for (i = 0; i < sense_hook_count; i++) {
		probe = attach_chosen(a, i);
		if (probe && sense_probe_has(probe, r->name))
			(void)snprintf(a->hooks[i].reason,
				       sizeof(a->hooks[i].reason), "%s: %s%s",
				       sense_backend_name(probe->backend), why,
				       later);
	}
}

/*
 * What is left of the link goes, from its pin too: it may still run somebody
 * else's program, and the next start must not take it over.
 */
static void put_out(struct sensor *s, struct running *r, const char *why)
{
	mending_put_out(&r->mending, clock_boot_ns());
	say(&s->a, r, why);
	if (s->is_pinned)
		pins_take_out(s->pins, s->name, "link", r->name);
	own_forget_link(&s->a, r->link_id);
	(void)bpf_link__destroy(r->link);
	attach_set_link(r, NULL);
	r->is_out = true;
}

static unsigned check_links(struct sensor *s)
{
	unsigned harmed = 0;
	const char *why;
	size_t i;

	for (i = 0; i < s->a.program_count; i++) {
		why = link_harm(&s->a.programs[i]);
		if (!why)
			continue;
		put_out(s, &s->a.programs[i], why);
		harmed++;
	}
	if (harmed)
		attach_settle(&s->a);
	return harmed;
}

/* ---- pins ----------------------------------------------------------------- */

struct mending_pins {
	const struct sensor *s;
	unsigned mended;
};

/* What maps, programs and links are told apart by begins the same. */
static bool is_same(int one, int other)
{
	struct {
		uint32_t type, id;
		char rest[256];
	} a = { 0 }, b = { 0 };
	uint32_t a_size = sizeof(a), b_size = sizeof(b);

	return bpf_obj_get_info_by_fd(one, &a, &a_size) == 0 &&
	       bpf_obj_get_info_by_fd(other, &b, &b_size) == 0 &&
	       a.type == b.type && a.id == b.id;
}

static int mend_pin(void *arg, const char *kind, const char *name, int fd)
{
	struct mending_pins *m = arg;
	const struct sensor *s = m->s;
	cleanup_close int pinned = pins_get(s->pins, s->name, kind, name);
	int r;

	if (pinned >= 0 && is_same(pinned, fd))
		return 0;
	r = pins_replace(s->pins, s->name, kind, name, fd);
	m->mended += r >= 0;
	return r;
}

static void go_astray(struct sensor *s, int error)
{
	s->is_astray = true;
	(void)snprintf(s->trouble, sizeof(s->trouble),
		       "somebody else took the pins away, and they cannot be "
		       "put back: %s",
		       error == -ESTALE
			       ? "the pin directory is not where it was"
			       : strerror(-error));
}

/*
 * Times of a directory are no finer than the kernel's tick: what is changed
 * within the one that it was looked at does not show, and is looked for again.
 */
void care_mark_pins(struct sensor *s)
{
	int64_t changed_ns, now_ns = clock_wall_ns();

	if (!s->is_pinned || pins_mark(s->pins, s->name, &s->mark) < 0)
		return;
	changed_ns = s->mark.changed_s * (int64_t)NS_PER_S + s->mark.changed_ns;
	s->is_racy = now_ns - changed_ns < (int64_t)(100 * NS_PER_MS);
}

static void check_pins(struct sensor *s, struct sensor_harm *harm)
{
	struct mending_pins m = { .s = s };
	struct pins_mark mark;
	int r;

	if (!s->is_pinned || s->is_astray)
		return;
	r = pins_mark(s->pins, s->name, &mark);
	if (r == 0 && !s->is_racy && memcmp(&mark, &s->mark, sizeof(mark)) == 0)
		return;
	if (r == -ENOENT)
		r = pins_make(s->pins, s->name);
	if (r >= 0)
		r = attach_each_pin(&s->a, mend_pin, &m);
	if (r >= 0)
		r = mend_pin(&m, "map", "account", s->account_fd);
	if (r >= 0 && s->memory_fd >= 0)
		r = mend_pin(&m, "map", MEMORY_PIN, s->memory_fd);
	if (r < 0)
		go_astray(s, r);
	else
		care_mark_pins(s);
	harm->pins = m.mended;
	harm->pins_astray = r < 0;
}

/* ---- whom the programs leave out ------------------------------------------ */

/* Whoever writes his own number there is seen by none of them. */
static bool check_control(const struct sensor *s)
{
	int fd = s->a.maps[ATTACH_CONTROL];
	struct wire_control is;
	uint32_t key = 0;

	if (bpf_map_lookup_elem(fd, &key, &is) < 0 ||
	    memcmp(&is, &s->self, sizeof(is)) == 0)
		return false;
	(void)bpf_map_update_elem(fd, &key, &s->self, BPF_ANY);
	return true;
}

bool sensor_check(struct sensor *s, struct sensor_harm *ret)
{
	struct sensor_harm harm = { 0 };

	/* First: what was put out we unpin ourselves. */
	check_pins(s, &harm);
	harm.hooks = check_links(s);
	if (harm.hooks)
		care_mark_pins(s);
	harm.control = check_control(s);
	*ret = harm;
	return harm.hooks || harm.pins || harm.pins_astray || harm.control;
}

/* ---- attaching again ------------------------------------------------------ */

/* What was taken over from its pin has no object of libbpf's: by hand. */
static int link_by_hand(const struct running *r, const struct bpf_program *p,
			int cgroup_fd)
{
	const char *section = bpf_program__section_name(p);
	int fd = -ENOTSUP;

	switch (bpf_program__type(p)) {
	case BPF_PROG_TYPE_TRACING:
	case BPF_PROG_TYPE_LSM:
		fd = bpf_raw_tracepoint_open(NULL, r->fd);
		break;
	case BPF_PROG_TYPE_RAW_TRACEPOINT:
		fd = bpf_raw_tracepoint_open(strchr(section, '/') + 1, r->fd);
		break;
	case BPF_PROG_TYPE_KPROBE:
		return -ENOTSUP;
	default:
		fd = bpf_link_create(r->fd, cgroup_fd,
				     bpf_program__expected_attach_type(p),
				     NULL);
	}
	return fd < 0 ? -errno : fd;
}

/* libbpf opens a link by its pin only. */
static int attach_taken_over(struct sensor *s, struct running *r, int cgroup_fd)
{
	struct picket_bpf *index = picket_bpf__open();
	const struct bpf_program *p =
		index ? bpf_object__find_program_by_name(index->obj, r->name)
		      : NULL;
	struct bpf_link *link = NULL;
	cleanup_close int fd = -1;
	char path[512];
	int e;

	e = fd = p ? link_by_hand(r, p, cgroup_fd) : -ENOMEM;
	picket_bpf__destroy(index);
	if (e >= 0)
		e = pins_replace(s->pins, s->name, "link", r->name, fd);
	if (e >= 0)
		e = pins_path(s->pins, s->name, "link", r->name, path);
	if (e >= 0 && !(link = bpf_link__open(path)))
		e = -errno;
	if (e >= 0)
		attach_set_link(r, link);
	return e;
}

static int attach_again(struct sensor *s, struct running *r)
{
	cleanup_close int cgroup_fd = -1;
	int e;

	if (r->place == PLACE_CGROUP) {
		e = cgroup_root_open(&cgroup_fd);
		if (e < 0)
			return e;
	}
	if (!r->program)
		return attach_taken_over(s, r, cgroup_fd);
	e = attach_one(r, cgroup_fd);
	if (e >= 0 && s->is_pinned && !s->is_astray)
		(void)pins_replace(s->pins, s->name, "link", r->name,
				   bpf_link__fd(r->link));
	return e;
}

static bool mend(struct sensor *s, struct running *r, uint64_t now_ns)
{
	char why[WHY_MAX];
	int e = attach_again(s, r);

	if (e < 0) {
		mending_failed(&r->mending, now_ns);
		(void)snprintf(why, sizeof(why),
			       "put out by somebody else; not attached again: "
			       "%s",
			       strerror(-e));
		say(&s->a, r, why);
		return false;
	}
	mending_done(&r->mending, now_ns);
	r->is_out = false;
	(void)own_tell_link(&s->a, r->link_id);
	return true;
}

unsigned sensor_mend(struct sensor *s)
{
	uint64_t now_ns = clock_boot_ns();
	unsigned mended = 0;
	size_t i;

	for (i = 0; i < s->a.program_count; i++) {
		struct running *r = &s->a.programs[i];

		if (r->is_out && mending_is_due(&r->mending, now_ns))
			mended += mend(s, r, now_ns);
	}
	if (mended) {
		attach_settle(&s->a);
		care_mark_pins(s);
	}
	return mended;
}
