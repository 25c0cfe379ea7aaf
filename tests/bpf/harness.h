/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of the kernel side: a child does the real thing, and what the ring
 * said of the child and its descendants is kept until the next one.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sense/sensor.h"

struct seen {
	struct sensor *sensor;
	void **records; /* copies, in ring order */
	size_t count;
	size_t cap;
	struct {
		uint64_t start_ns;
		uint32_t tgid;
	} family[4096];
	size_t family_count;
	bool ended;    /* the child's exit was seen */
	bool keep_all; /* not only the child's family */
	int status;    /* of the child, as waitpid says */
	uint32_t child;
};

/* Environment names that every watch keeps. */
extern const char *const seen_env_names[];

/* cmocka group fixtures: *state is a struct seen of 8 MiB, 1 h window. */
int seen_setup(void **state);
int seen_teardown(void **state);

struct seen *seen_open(uint64_t ring_bytes, uint64_t window_ms);
/* With settings of one's own; errors and what as sensor_open. */
int seen_try(const struct sensor_settings *settings, struct seen **ret,
	     char what[static 256]);
void seen_close(struct seen *w);

/* Detach and read what is left: from then on the counters stand still. */
void seen_stop(struct seen *w);

/*
 * Fork, act(arg) in the child, and read until its exit is told. The child's
 * asserts are its exit status: what act returns.
 */
void seen_run(struct seen *w, int (*act)(void *arg), void *arg);
/* The same, but nothing is read while the child acts. */
void seen_run_unread(struct seen *w, int (*act)(void *arg), void *arg);

/* The n-th record of this type (from 0); NULL: there are fewer. */
const void *seen_nth(const struct seen *w, enum wire_type type, size_t n);
size_t seen_count(const struct seen *w, enum wire_type type);
/* The n-th write record with this op. */
const struct wire_write *seen_write(const struct seen *w,
				     enum wire_write_op op, size_t n);
size_t seen_writes(const struct seen *w, enum wire_write_op op);

const struct wire_load *seen_load(const struct seen *w, enum wire_load_op op,
				  size_t n);

/* The coverage row of this hook; fails where the table has none. */
struct sensor_row seen_row(const struct seen *w, const char *hook);

/* Sum over all CPUs. */
struct wire_counters seen_counters(const struct seen *w,
				    enum wire_family family);

/* Fail unless the bytes that s names in the record are exactly these. */
void assert_str(const void *record, struct wire_str s, const char *want);
void assert_bytes(const void *record, struct wire_str s, const void *want,
		  size_t n);
/* The record's path, and the path in the file system below its mount. */
void assert_path(const void *record, const struct wire_path *p,
		 const char *want);

/* A text into an existing file of a directory; 0 or -1. */
int write_in(const char *dir, const char *file, const char *text);

/* A directory of its own under /tmp, gone with everything in it at the end. */
const char *work_dir(void);
/* work_dir()/name, in one of a few static buffers. */
const char *work_path(const char *name);
/* Copy a file, executable; 0 or -errno. */
int copy_file(const char *from, const char *to);
int open_fds(void);
