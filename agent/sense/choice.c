/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each hook begins with its first probe and moves on when that is refused.
 * Two things are asked before a program is loaded, because they are cheap and
 * spare loading in vain: whether the kernel takes this kind of program at all
 * (backend_try.c), and whether what the program attaches to exists here. What
 * they let pass the load decides.
 */
#include "sense/choice.h"

#include <assert.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sense/backend_try.h"
#include "sense/kernel_btf.h"
#include "sense/skeleton.h"
#include "sense/syscalls.h"

/* Every operation that changes a file. */
#define WRITE_OPS ((1u << WIRE_OP_COUNT) - 1 - (1u << WIRE_OP_NONE))

/* Of every probe that was passed over, as far as there is room. */
static void add_reason(struct attached *hook, const char *why)
{
	size_t n = strlen(hook->reason);

	if (strstr(hook->reason, why))
		return;
	(void)snprintf(hook->reason + n, sizeof(hook->reason) - n, "%s%s",
		       n ? "; " : "", why);
}

static const struct choice_kind *kind_of(struct choice *c,
					 enum wire_backend backend)
{
	struct choice_kind *k = &c->kinds[backend];

	if (!k->is_known) {
		k->is_known = true;
		k->error = backend_try(backend, c->kernel, k->why);
	}
	return k;
}

/* What a program attaches to; see kernel_btf_target. */
static int target_of(const struct choice *c, const char *program,
		     const char **ret_section)
{
	struct bpf_program *p =
		bpf_object__find_program_by_name(c->index->obj, program);

	assert(p);
	*ret_section = bpf_program__section_name(p);
	return kernel_btf_target(c->kernel, *ret_section);
}

const char *choice_program(const struct choice *c, const struct probe *probe,
			   size_t n)
{
	const char *const *with = probe->with, *section;

	if (n == 0)
		return probe->program;
	for (; with && *with; with++) {
		const char *name = *with + (**with == PROBE_IF_THERE);

		if (name != *with && target_of(c, name, &section) == 0)
			continue;
		if (--n == 0)
			return name;
	}
	return NULL;
}

/* What is known against this probe before it is loaded; then it is told. */
static bool is_hopeless(struct choice *c, const struct probe *probe,
			struct attached *hook)
{
	const struct choice_kind *kind = kind_of(c, probe->backend);
	const char *program, *section, *helper;
	char why[120];
	size_t n;

	if (kind->error) {
		hook->refused = true;
		add_reason(hook, kind->why);
		return true;
	}
	helper = sense_needs(probe->program);
	if (helper && !kernel_btf_has_helper(c->kernel, helper)) {
		(void)snprintf(why, sizeof(why), "%s: this kernel has no %s",
			       sense_backend_name(probe->backend), helper);
		add_reason(hook, why);
		return true;
	}
	for (n = 0; (program = choice_program(c, probe, n)); n++) {
		if (target_of(c, program, &section) != 0)
			continue;
		(void)snprintf(why, sizeof(why), "%s: this kernel has no %s",
			       sense_backend_name(probe->backend),
			       strchr(section, '/') + 1);
		add_reason(hook, why);
		return true;
	}
	return false;
}

static bool has_program(const struct hook *h, uint8_t backend)
{
	size_t i;

	for (i = 0; i < h->count; i++)
		if (h->probes[i].backend == backend)
			return true;
	return false;
}

/* Whether the events of a family can come from this backend at all. */
static bool family_has(enum wire_family family, uint8_t backend)
{
	size_t i;

	for (i = 0; i < sense_hook_count; i++)
		if (sense_hooks[i].family == family &&
		    sense_hooks[i].makes_events &&
		    has_program(&sense_hooks[i], backend))
			return true;
	return false;
}

/*
 * The backend that this hook must take; 0: any. A hook that has no program for
 * the one that was asked for is left out where its family's events come from
 * that one, and free where they cannot: then only what goes with them is meant
 * (the script's file of an exec).
 */
static uint8_t forced(const struct choice *c, const struct hook *h)
{
	uint8_t backend = c->settings->force[h->family];

	if (!backend || has_program(h, backend))
		return backend;
	return h->makes_events && family_has(h->family, backend) ? backend : 0;
}

/*
 * The programs that see system calls end, by tp_btf and by raw_tp, look at the
 * same table: with both, all that is in it would be told twice. So where one
 * family asks for raw_tp, what is free to choose goes along.
 */
static bool is_second_of_calls(const struct choice *c, const struct probe *p)
{
	enum wire_family family;

	if (p->place != PLACE_CALL_END && p->place != PLACE_CALL_BEGIN)
		return false;
	for (family = 0; family < WIRE_FAM_COUNT; family++)
		if (c->settings->force[family] == WIRE_BACKEND_RAW_TP)
			return p->backend != WIRE_BACKEND_RAW_TP;
	return false;
}

static bool is_allowed(const struct choice *c, uint8_t force,
		       const struct probe *p)
{
	return force ? p->backend == force : !is_second_of_calls(c, p);
}

/*
 * What sees calls begin serves each family that goes by calls, whatever becomes of
 * the one that it is listed with; where none does, it is unneeded.
 */
static bool is_switched_off(const struct choice *c, const struct hook *h)
{
	return c->settings->force[h->family] == SENSOR_OFF &&
	       h->probes[0].place != PLACE_CALL_BEGIN;
}

/* On to the next probe that the settings allow, from `from` on. */
static void advance(struct choice *c, size_t hook, size_t from)
{
	const struct hook *h = &sense_hooks[hook];
	struct attached *at = &c->a->hooks[hook];
	uint8_t force = forced(c, h);
	char why[40];

	if (is_switched_off(c, h)) {
		at->probe = h->count;
		add_reason(at, SENSOR_OFF_REASON);
		return;
	}
	if (h->is_unix && !c->settings->unix_sockets) {
		at->probe = h->count;
		add_reason(at, "unix_sockets = no");
		return;
	}
	for (; from < h->count; from++)
		if (is_allowed(c, force, &h->probes[from]) &&
		    !is_hopeless(c, &h->probes[from], at))
			break;
	at->probe = from;
	if (from < h->count || *at->reason)
		return;
	(void)snprintf(why, sizeof(why), "no program for %s",
		       force ? sense_backend_name(force) : "it");
	add_reason(at, why);
}

const struct probe *attach_chosen(const struct attachment *a, size_t hook)
{
	const struct hook *h = &sense_hooks[hook];

	if (a->hooks[hook].probe >= h->count || attach_is_unneeded(a, hook))
		return NULL;
	return &h->probes[a->hooks[hook].probe];
}

bool attach_sees_files(const struct attachment *a)
{
	return a->ops & WRITE_OPS;
}

bool attach_is_unneeded(const struct attachment *a, size_t hook)
{
	const struct probe *first = &sense_hooks[hook].probes[0];

	if (first->place == PLACE_URING)
		return !attach_sees_files(a);
	return first->place == PLACE_CALL_BEGIN && !syscalls_need_begin(a->ops);
}

int choice_drop(struct choice *c, const char *program, const char *why,
		bool lacks)
{
	const struct probe *probe;
	int dropped = 0;
	size_t i;

	for (i = 0; i < sense_hook_count; i++) {
		struct attached *hook = &c->a->hooks[i];

		probe = attach_chosen(c->a, i);
		if (!probe || !sense_probe_has(probe, program))
			continue;
		hook->refused = hook->refused || !lacks;
		add_reason(hook, why);
		advance(c, i, hook->probe + 1);
		dropped++;
	}
	return dropped;
}

void choice_begin(struct choice *c)
{
	size_t i;

	for (i = 0; i < sense_hook_count; i++)
		advance(c, i, 0);
}

static bool force_serves(const struct choice *c, enum wire_family family)
{
	const struct probe *probe;
	size_t i;

	for (i = 0; i < sense_hook_count; i++) {
		probe = attach_serving(c->a, i);
		if (probe && sense_hooks[i].family == family &&
		    probe->backend == c->settings->force[family])
			return true;
	}
	return false;
}

/*
 * A hook that has what was asked for, and does not run by it though nothing
 * but the kernel's refusal is in the way.
 */
static bool is_force_refused(const struct choice *c, size_t hook, uint8_t force)
{
	return force && has_program(&sense_hooks[hook], force) &&
	       c->a->hooks[hook].refused && !attach_serving(c->a, hook) &&
	       !attach_is_unneeded(c->a, hook);
}

/*
 * A backend that was asked for and cannot be attached is an error, not a gap;
 * so is a family that nothing reports and that the others are judged by.
 */
static int check_family(const struct choice *c, enum wire_family family,
			char what[static 256])
{
	uint8_t force = c->settings->force[family];
	bool wanted = false, served = false;
	const char *why = "";
	size_t i;

	if (force == SENSOR_OFF)
		return 0;
	for (i = 0; i < sense_hook_count; i++) {
		const struct attached *at = &c->a->hooks[i];

		if (sense_hooks[i].family != family)
			continue;
		if (sense_hooks[i].makes_events) {
			wanted = true;
			if (attach_serving(c->a, i))
				served = true;
			else
				why = at->reason;
		}
		if (!is_force_refused(c, i, force))
			continue;
		why = at->reason;
		(void)snprintf(what, 256, "%s = %s: '%s': %s",
			       sense_family_name(family),
			       sense_backend_name(force), sense_hooks[i].sees,
			       why);
		return -ENOTSUP;
	}
	if (force && !force_serves(c, family)) {
		(void)snprintf(what, 256, "%s = %s: %s",
			       sense_family_name(family),
			       sense_backend_name(force),
			       *why ? why : "no program for it");
		return -ENOTSUP;
	}
	if (!wanted || served || (!force && !sense_family_required(family)))
		return 0;
	(void)snprintf(what, 256, "no usable hook for %s (%s)",
		       sense_family_name(family), why);
	return -ENOTSUP;
}

int choice_check(const struct choice *c, char what[static 256])
{
	enum wire_family family;
	int r = 0;

	for (family = 0; family < WIRE_FAM_COUNT && r == 0; family++)
		r = check_family(c, family, what);
	return r;
}
