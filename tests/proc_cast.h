/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process table fed with records as the ring has them: what the tests of
 * the table share. Time moves by a nanosecond a record; nothing comes from
 * the host's own /proc.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "proc/proc_table.h"
#include "sense/decode.h"
#include "wire_builder.h"

#define S 1000000000ull

static const char *const env_names[] = { "LD_PRELOAD", "SSH_CLIENT", NULL };

static struct wire_builder b;
static struct decode_scratch scratch;
static struct proc_table *t;
static uint64_t now = 100 * S;

struct who {
	uint32_t tgid, image;
	uint64_t start;
};

/* The cast. */
static const struct who init = { 1, 0, 1 };
static const struct who shell = { 10, 5, 10 * S };
static const struct who child = { 11, 5, 11 * S };
static const struct who child_ran = { 11, 6, 11 * S };

static inline struct wire_hdr *begin(enum wire_type type, struct who who)
{
	struct wire_hdr *hdr = wb_begin(&b, type);

	hdr->time_ns = ++now;
	hdr->tgid = hdr->tid = who.tgid;
	hdr->start_ns = who.start;
	hdr->image = who.image;
	hdr->uid = hdr->euid = 1000;
	hdr->cgroup_id = 1;
	return hdr;
}

static inline struct image *apply(void)
{
	struct image *img = NULL;
	const char *why = "";
	struct event ev;

	wb_end(&b);
	if (decode_record(b.bytes, b.used, &scratch, &ev, &why) < 0)
		fail_msg("refused: %s", why);
	assert_int_equal(proc_table_apply(t, &ev, &img), 0);
	return img;
}

static inline struct image *do_fork(struct who parent, struct who kid)
{
	struct wire_fork *w = (struct wire_fork *)begin(WIRE_FORK, kid);

	w->parent_tgid = parent.tgid;
	w->parent_start_ns = parent.start;
	w->parent_image = parent.image;
	return apply();
}

static inline struct wire_exec *begin_exec(struct who who, const char *exe)
{
	struct wire_exec *w = (struct wire_exec *)begin(WIRE_EXEC, who);

	wb_path(&b, &w->exe, exe);
	wb_path(&b, &w->cwd, "/home/user");
	w->args = wb_bytes(&b, "x\0-y", 5);
	w->argc = 2;
	w->parent_tgid = 1;
	w->parent_start_ns = 1;
	memcpy(w->comm, "comm", 5);
	return w;
}

static inline struct image *do_exec(struct who who, const char *exe)
{
	(void)begin_exec(who, exe);
	return apply();
}

static inline struct image *do_exit(struct who who)
{
	begin(WIRE_EXIT, who);
	return apply();
}

/* Anything that is not about the table itself. */
static inline struct image *do_act(struct who who)
{
	struct wire_write *w = (struct wire_write *)begin(WIRE_WRITE, who);

	w->op = WIRE_OP_OPEN;
	wb_path(&b, &w->path, "/tmp/x");
	return apply();
}

static inline void add_cgroup(uint64_t id, const char *path)
{
	struct wire_cgroup *w = (struct wire_cgroup *)begin(WIRE_CGROUP, init);

	w->id = id;
	w->path = wb_str(&b, path);
	assert_null(apply());
}

static inline struct proc_stats stats(void)
{
	struct proc_stats s;

	proc_table_stats(t, &s);
	return s;
}

static inline void assert_slice(struct slice s, const char *want)
{
	assert_int_equal(s.n, strlen(want));
	if (s.n)
		assert_memory_equal(s.p, want, s.n);
}

static inline int setup_with(size_t max, uint64_t keep_ms)
{
	const struct proc_limits limits = { .max_processes = max,
					    .keep_dead_ms = keep_ms,
					    .env_names = env_names };

	/* No /proc at all: nothing here may depend on the host. */
	return proc_table_new(&limits, "/nonexistent", &t);
}

static inline int setup(void **state)
{
	(void)state;
	return setup_with(1000, 1000);
}

static inline int teardown(void **state)
{
	(void)state;
	proc_table_free(t);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
