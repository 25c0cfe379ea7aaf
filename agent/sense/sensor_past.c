/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A restart without a hole. The programs, their ring and the account of what
 * was read of it live in pins. A start that comes to the same generation
 * (generation.c) takes all of it over; another one attaches its own programs,
 * ends the old ones, and reads their ring to its end before its own.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "sense/generation.h"
#include "sense/own.h"
#include "sense/resume.h"
#include "sense/ring.h"
#include "sense/sensor_impl.h"

/* ---- opening -------------------------------------------------------------- */

int past_open(struct sensor *s, const struct sensor_settings *settings,
	      char what[static 256])
{
	const char *holder = settings->holder ? settings->holder : "";
	int r;

	if (!settings->pin_dir || !*settings->pin_dir)
		return 0;
	r = pins_open(settings->pin_dir, holder, &s->pins, what);
	if (r == -EWOULDBLOCK)
		return r;
	if (r >= 0)
		r = generation_name(settings, s->name);
	if (r < 0) {
		pins_close(s->pins);
		s->pins = NULL;
		(void)snprintf(s->trouble, sizeof(s->trouble), "%s",
			       *what ? what : strerror(-r));
		*what = '\0';
	}
	return 0;
}

/* Part of the ring's size, since what it holds is what there is to know. */
#define MEMORY_OF_RING 4
#define MEMORY_MIN     (1u << 20)
#define MEMORY_MAX     (16u << 20)

static int make_memory(struct sensor *s)
{
	uint64_t size = s->ring_bytes / MEMORY_OF_RING;
	int r;

	size = size < MEMORY_MIN ? MEMORY_MIN : size;
	size = size > MEMORY_MAX ? MEMORY_MAX : size;
	r = s->memory_fd = memory_make("picket_images", size);
	if (r >= 0)
		r = memory_map(s->memory_fd, &s->memory);
	if (r >= 0)
		r = pins_replace(s->pins, s->name, "map", MEMORY_PIN,
				 s->memory_fd);
	return r < 0 ? r : own_tell_map(&s->a, s->memory_fd);
}

static void drop_memory(struct sensor *s)
{
	memory_unmap(&s->memory);
	if (s->memory_fd >= 0)
		(void)close(s->memory_fd);
	s->memory_fd = -1;
}

/* Agents of an earlier version ran the same programs and had none. */
static void adopt_memory(struct sensor *s)
{
	s->memory_fd = pins_get(s->pins, s->name, "map", MEMORY_PIN);
	if (s->memory_fd >= 0 && memory_map(s->memory_fd, &s->memory) == 0)
		return;
	drop_memory(s);
	if (make_memory(s) < 0)
		drop_memory(s);
}

static int adopt(struct sensor *s)
{
	cleanup_close int fd = pins_get(s->pins, s->name, "map", "account");
	int r;

	if (fd < 0)
		return fd;
	r = account_map(fd, s->cpus, &s->account);
	if (r < 0)
		return r;
	if (!s->account->ready || s->account->end)
		return -ENOENT;
	s->account_fd = steal_fd(&fd);
	r = attach_adopt(&s->a, s->pins, s->name, s->account);
	/* Here, where there is another way: one that cannot be mapped is none. */
	return r < 0 ? r
		     : ring_open(s->a.maps[ATTACH_RING], s->ring_bytes,
				 &s->ring);
}

static void drop_account(struct sensor *s)
{
	account_unmap(s->account, s->cpus);
	s->account = NULL;
	if (s->account_fd >= 0)
		(void)close(s->account_fd);
	s->account_fd = -1;
}

/* What cannot be taken over as it is may still have a ring to be read. */
static void set_aside(struct sensor *s)
{
	char name[PINS_NAME_MAX];

	if (pins_count(s->pins, s->name, "map") == 0)
		(void)pins_drop(s->pins, s->name, NULL);
	else
		(void)pins_set_aside(s->pins, s->name, name);
}

bool past_adopt(struct sensor *s)
{
	if (!s->pins)
		return false;
	if (adopt(s) == 0) {
		adopt_memory(s);
		s->is_adopted = s->is_pinned = s->is_kept = true;
		return true;
	}
	attach_done(&s->a);
	attach_init(&s->a);
	ring_close(s->ring);
	s->ring = NULL;
	drop_account(s);
	set_aside(s);
	return false;
}

bool past_has_others(const struct sensor *s)
{
	char name[PINS_NAME_MAX];
	size_t pos = 0;

	return s->pins && pins_next(s->pins, &pos, name);
}

static int pin_all(struct sensor *s)
{
	int r;

	r = pins_make(s->pins, s->name);
	if (r < 0)
		return r;
	r = s->account_fd = account_make(s->cpus);
	if (r >= 0)
		r = account_map(s->account_fd, s->cpus, &s->account);
	if (r >= 0)
		r = pins_put(s->pins, s->name, "map", "account", s->account_fd);
	if (r >= 0)
		r = own_tell_map(&s->a, s->account_fd);
	if (r >= 0)
		r = make_memory(s);
	if (r >= 0)
		r = attach_pin(&s->a, s->pins, s->name, s->account);
	if (r < 0)
		return r;
	__atomic_store_n(&s->account->ready, 1, __ATOMIC_RELEASE);
	s->is_pinned = true;
	return 0;
}

int past_pin(struct sensor *s)
{
	int r = s->pins ? pin_all(s) : 0;

	if (s->pins && r < 0) {
		(void)snprintf(s->trouble, sizeof(s->trouble),
			       "cannot pin all programs: %s", strerror(-r));
		(void)pins_drop(s->pins, s->name, NULL);
		drop_account(s);
		drop_memory(s);
	}
	if (!s->account)
		s->account = calloc(1, account_bytes(s->cpus));
	return s->account ? 0 : -ENOMEM;
}

/* ---- what others left ------------------------------------------------------ */

static void open_formers(struct sensor *s)
{
	char name[PINS_NAME_MAX];
	size_t pos = 0;

	while (s->former_count < FORMERS_MAX &&
	       pins_next(s->pins, &pos, name)) {
		if (strcmp(name, s->name) == 0)
			continue;
		if (former_open(s->pins, name, s->cpus,
				&s->formers[s->former_count]) == 0)
			s->former_count++;
		else if (pins_drop(s->pins, name, NULL) == 0)
			pos = 0;
	}
}

/* Also of those that were too many to be read now. */
static void stop_others(const struct sensor *s)
{
	char name[PINS_NAME_MAX];
	size_t pos = 0;

	while (pins_next(s->pins, &pos, name)) {
		if (strcmp(name, s->name) == 0)
			continue;
		(void)pins_drop(s->pins, name, "link");
		(void)pins_drop(s->pins, name, "prog");
	}
}

int past_take_over(struct sensor *s)
{
	bool both = false;
	uint64_t from = 0;
	size_t i;

	if (!s->pins)
		return 0;
	open_formers(s);
	for (i = 0; i < s->former_count; i++)
		both |= s->formers[i].was_running;
	/* Ours began just now, or its agent died before it read anything. */
	if (both && ring_at(s->ring) == 0) {
		s->handover.twins =
			calloc(HANDOVER_TWINS_MAX, sizeof(*s->handover.twins));
		if (!s->handover.twins)
			return -ENOMEM;
		from = ring_end(s->ring);
		s->handover.from_ns = clock_boot_ns();
		(void)usleep(HANDOVER_US);
	}
	for (i = 0; i < s->former_count; i++)
		former_end(&s->formers[i]);
	if (s->handover.from_ns) {
		s->handover.until_ns = clock_boot_ns();
		resume_drop(s->ring, s->account, from);
	}
	stop_others(s);
	care_mark_pins(s);
	return 0;
}

void past_close(struct sensor *s)
{
	size_t i;

	for (i = 0; i < s->former_count; i++)
		former_close(&s->formers[i]);
	if (s->account_fd >= 0)
		drop_account(s);
	else
		free(s->account);
	drop_memory(s);
	free(s->handover.twins);
	if (!s->pins)
		return;
	if (!s->is_kept) {
		if (s->is_pinned)
			(void)pins_drop(s->pins, s->name, NULL);
		pins_remove(s->pins);
	}
	pins_close(s->pins);
}

/* ---- what the agent remembers ------------------------------------------------ */

void *sensor_memory(const struct sensor *s, size_t *ret_size)
{
	*ret_size = s->memory.size;
	return s->memory.p;
}

int sensor_past_memory(const struct sensor *s, sensor_memory_fn fn, void *arg)
{
	const struct memory *m;
	size_t i;
	int r = 0;

	for (i = 0; i <= s->former_count && r >= 0; i++) {
		m = i < s->former_count ? &s->formers[i].memory : &s->memory;
		if (m->p)
			r = fn(arg, m->p, m->size);
	}
	return r;
}

/* ---- the agent's questions -------------------------------------------------- */

const char *sensor_pin_trouble(const struct sensor *s)
{
	return s->is_pinned && !s->is_astray ? "" : s->trouble;
}

void sensor_resume(struct sensor *s, const struct sensor_journal *j,
		   struct sensor_past *ret)
{
	struct sensor_past past = {
		.is_adopted = s->is_adopted,
		.was_watched = s->is_adopted,
		.formers = (unsigned)s->former_count,
	};
	size_t i;

	for (i = 0; i < s->former_count; i++) {
		past.missing += former_resume(&s->formers[i], j);
		past.unreadable += s->formers[i].unreadable;
		past.was_watched |= s->formers[i].was_whole;
		past.hooks_gone += s->formers[i].links_gone;
	}
	if (s->is_adopted)
		past.missing += resume_ring(s->ring, s->account, s->cpus, j);
	else
		account_begin(s->account, j->id, j->last_seq, ring_at(s->ring));
	s->past_end = ring_end(s->ring);
	*ret = past;
}

bool sensor_has_past(const struct sensor *s)
{
	return s->former_at < s->former_count || ring_at(s->ring) < s->past_end;
}

void sensor_forget_formers(struct sensor *s)
{
	size_t i;

	for (i = 0; i < s->former_count; i++) {
		(void)pins_drop(s->pins, s->formers[i].name, NULL);
		former_close(&s->formers[i]);
	}
	s->former_count = s->former_at = 0;
}

bool sensor_keep(struct sensor *s)
{
	s->is_kept = s->is_pinned && !s->is_astray;
	return s->is_kept;
}

void sensor_kept(struct sensor *s, uint32_t epoch, uint64_t seq)
{
	if (s->reading)
		account_step(s->reading_account,
			     (struct account_step){
				     .seq = seq,
				     .at = ring_next(s->reading),
				     .epoch = epoch,
			     });
}

uint64_t sensor_received(const struct sensor *s, enum wire_family family)
{
	return s->account->received[family];
}

/* ---- losses ------------------------------------------------------------------ */

static struct account_told *told_of(struct account *a, unsigned cpu,
				    enum wire_family family)
{
	return &a->told[(size_t)cpu * WIRE_FAM_COUNT + family];
}

uint64_t sensor_told(const struct sensor *s, unsigned cpu,
		     enum wire_family family, uint64_t *ret_seq)
{
	const struct account_told *t = told_of(s->account, cpu, family);

	*ret_seq = t->seq;
	return t->lost;
}

static void tell(struct account_told *t, uint64_t lost, uint64_t seq)
{
	t->before = t->lost;
	t->seq = seq;
	t->lost = lost;
}

void sensor_tell(struct sensor *s, unsigned cpu, enum wire_family family,
		 uint64_t lost, uint64_t seq)
{
	tell(told_of(s->account, cpu, family), lost, seq);
}

uint64_t sensor_told_missed(const struct sensor *s, enum wire_family family,
			    uint64_t *ret_seq)
{
	const struct account_told *t = &s->account->missed[family];

	*ret_seq = t->seq;
	return t->lost;
}

void sensor_tell_missed(struct sensor *s, enum wire_family family,
			uint64_t missed, uint64_t seq)
{
	tell(&s->account->missed[family], missed, seq);
}

uint64_t sensor_checked(struct sensor *s, uint64_t now_ns)
{
	uint64_t before = s->account->checked_ns;

	s->account->checked_ns = now_ns;
	return before;
}

/* What a former's counters have beyond what was told, over all CPUs. */
static uint64_t untold_of(struct sensor *s, struct former *f,
			  enum wire_family family, uint64_t seq)
{
	uint32_t key = family;
	uint64_t sum = 0;
	unsigned cpu;

	if (f->counters < 0 ||
	    bpf_map_lookup_elem(f->counters, &key, s->percpu) < 0)
		return 0;
	for (cpu = 0; cpu < s->cpus; cpu++) {
		struct account_told *t = told_of(f->account, cpu, family);

		sum += s->percpu[cpu].lost - t->lost;
		if (seq)
			tell(t, s->percpu[cpu].lost, seq);
	}
	return sum;
}

uint64_t sensor_former_untold(struct sensor *s, enum wire_family family)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < s->former_count; i++)
		sum += untold_of(s, &s->formers[i], family, 0);
	return sum;
}

void sensor_former_tell(struct sensor *s, enum wire_family family, uint64_t seq)
{
	size_t i;

	for (i = 0; i < s->former_count; i++)
		(void)untold_of(s, &s->formers[i], family, seq);
}

/* ---- totals ------------------------------------------------------------------ */

static int walk_written(int fd, sensor_written_fn fn, void *arg)
{
	struct wire_written_key key, next;
	struct sensor_untold untold;
	struct wire_written value;
	bool more = bpf_map_get_next_key(fd, NULL, &next) == 0;
	size_t guard;

	/* The kernel changes the map meanwhile: bounded, whatever it does. */
	for (guard = 0; more && guard < SENSOR_WRITTEN_MAX; guard++) {
		key = next;
		more = bpf_map_get_next_key(fd, &key, &next) == 0;
		if (bpf_map_lookup_elem(fd, &key, &value) < 0)
			continue;
		/* Most have nothing to say, and give way in time. */
		untold = sensor_untold(&value);
		if ((untold.count || untold.bytes) && fn(arg, &key, &value))
			(void)bpf_map_delete_elem(fd, &key);
	}
	return 0;
}

void sensor_former_written(struct sensor *s, sensor_written_fn fn, void *arg)
{
	size_t i;

	for (i = 0; i < s->former_count; i++)
		if (s->formers[i].written >= 0)
			(void)walk_written(s->formers[i].written, fn, arg);
	if (s->is_adopted)
		(void)walk_written(s->a.maps[ATTACH_WRITTEN], fn, arg);
}
