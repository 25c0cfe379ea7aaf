/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The open windows of alerts: subject -> window, in the order in which they
 * began. All are equally long, so the oldest is the next to end; it is also the
 * one to end early when there is no room. Kept in a file, so that windows
 * survive a restart.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/alert_subject.h"
#include "app/amend.h"
#include "base/buf.h"
#include "event.h"

struct windows;

#define ALERT_OBJECTS_MAX 32
/* The largest file, with the largest table that can be configured. */
#define WINDOWS_BYTES_MAX (64u << 20)

struct window {
	int64_t since_ns; /* boottime; negative: before this boot */
	uint64_t count;	  /* matches not told of, the alerts included */
	uint64_t alerted; /* how many of them were alerts */
	struct amend_target first, last;
	uint64_t objects[ALERT_OBJECTS_MAX]; /* up to the first 0 */
	char rule[104], tag[64]; /* copies: a reload frees the rule set's */
	enum severity severity;
	enum event_kind kind;
};

/* -ENOMEM. */
int windows_new(size_t capacity, struct windows **ret);
void windows_free(struct windows *w);

size_t windows_count(const struct windows *w);
bool windows_are_full(const struct windows *w);

/* NULL: none is open. Valid until another window begins or ends. */
struct window *windows_get(struct windows *w, const struct subject_key *key);
/* A zeroed one, behind all others. There must be room, and none of this key. */
struct window *windows_begin(struct windows *w, const struct subject_key *key);
/* The i-th to begin, of windows_count. */
struct window *windows_at(struct windows *w, size_t i);
/* The oldest; NULL: none. */
const struct window *windows_first(struct windows *w);
void windows_end_first(struct windows *w);

/* ---- the file ----------------------------------------------------------- */

struct windows_file {
	uint8_t journal[16];
	/* The windows are those of when the journal had this number. */
	uint64_t as_of;
	int64_t wall_offset_ns; /* wall clock - boottime, now */
	uint64_t now_ns;	/* reading: no window began later */
};

void windows_write(struct windows *w, struct buf *out,
		   const struct windows_file *head);
/*
 * Load what windows_write wrote, into an empty w; without room for all, the
 * oldest are left out. head->as_of must hold the journal's last number, and
 * becomes the file's. -EBADMSG: the file is not valid; -ESTALE: it belongs to
 * another journal, or to a later state of this one. Nothing was loaded then.
 */
int windows_read(struct windows *w, struct slice file,
		 struct windows_file *head);
