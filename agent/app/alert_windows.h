/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The windows of alerts that are open: subject -> window, and their order by
 * beginning. All are equally long, so the first to begin is the next to end,
 * and the one to give way when there is no room. Kept in a file, so that they
 * go on with the next picket.
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
/* The file: of the most that can be configured, if many have objects. */
#define WINDOWS_BYTES_MAX (64u << 20)

struct window {
	int64_t since_ns; /* boottime; negative: before this boot */
	uint64_t count;	  /* matches, the alerts included */
	uint64_t alerted; /* of them alerts */
	struct amend_target first, last;
	uint64_t objects[ALERT_OBJECTS_MAX]; /* up to the first 0 */
	char rule[104], tag[64]; /* a reload may take the verdict's away */
	enum severity severity;
	enum event_kind kind;
};

/* -ENOMEM. */
int windows_new(size_t capacity, struct windows **ret);
void windows_free(struct windows *w);

size_t windows_count(const struct windows *w);
bool windows_are_full(const struct windows *w);

/* NULL: none is open. Good until another begins or ends. */
struct window *windows_get(struct windows *w, const struct subject_key *key);
/* Zeroed, behind all others. They are not full, and none of this key is open. */
struct window *windows_begin(struct windows *w, const struct subject_key *key);
/* The one that began first; NULL: none. */
const struct window *windows_first(struct windows *w);
void windows_end_first(struct windows *w);

/* ---- the file ----------------------------------------------------------- */

struct windows_file {
	uint8_t journal[16];
	/* The windows are as when the journal had come to this number. */
	uint64_t as_of;
	int64_t wall_offset_ns; /* wall clock - boottime, now */
	uint64_t now_ns;	/* what is read began by then */
};

void windows_write(struct windows *w, struct buf *out,
		   const struct windows_file *head);
/*
 * Take in what windows_write wrote, into none: where there is not room for all
 * the oldest stay out. head->as_of becomes what it is, at most what it was.
 * -EBADMSG: it is not that; -ESTALE: of another journal, or of more than this
 * one came to; nothing was taken in then.
 */
int windows_read(struct windows *w, struct slice file,
		 struct windows_file *head);
