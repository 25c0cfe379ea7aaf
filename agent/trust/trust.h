/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts about files: asked for by the loop's thread, found out by a thread of
 * this stage, remembered. Nothing here blocks but trust_free.
 *
 * Remembered by device and inode, with the size and times it was found with:
 * any other is another file. A write that the sensor saw forgets it at once.
 * Bounded in files, in questions under way and in bytes read per second.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "trust/packages.h"
#include "trust/trust_db.h"

struct trust;

struct trust_settings {
	struct trust_sources sources; /* borrowed descriptors */
	const char *mountinfo;
	uint64_t max_size, rate;
};

int trust_new(const struct trust_settings *s, struct trust **ret);
void trust_free(struct trust *t);

/* Readable when answers, or a database, have come: then trust_collect. */
int trust_fd(const struct trust *t);

struct trust_stats {
	uint64_t files, packages;	/* of the database; 0: none yet */
	int64_t built_wall_ns;
	uint64_t build_ns;
	uint64_t remembered, queued;
	uint64_t asked, answered_at_once;
	uint64_t hashed, hashed_bytes, changed, gone, too_large, failed;
	uint64_t refused;	/* the queue was full */
	uint64_t forgotten;	/* by a write */
};
void trust_stats(const struct trust *t, struct trust_stats *ret);

/* Of a file whose name is by the host's mounts. */
struct trust_question {
	struct slice path;
	struct file_id id;
	bool wants_trust;	/* not only hash and writable */
};

struct trust_answer {
	struct file_facts facts;
	char package[TRUST_PACKAGE_MAX];	/* "": nobody's, or not known */
};

/*
 * 1: *ret is the answer. 0: not known yet, and being found out; *ret is what
 * can be said meanwhile, for who cannot wait. -EAGAIN: as 0, but nobody has
 * begun: ask again.
 */
int trust_ask(struct trust *t, const struct trust_question *q,
	      struct trust_answer *ret);

/* The same where the answer is at hand; else false, and nothing is begun. */
bool trust_recall(struct trust *t, const struct trust_question *q,
		  struct trust_answer *ret);

/* Was written to. */
void trust_written(struct trust *t, const struct file_id *id);
/*
 * Somebody changed who may write to the file or directory of this name, by
 * the host's mounts: if it is one on the way to a remembered file, it is
 * looked at again.
 */
void trust_way_changed(struct trust *t, struct slice path);

/*
 * A database in the file fd (taken over). It replaces the one there once it
 * has been found to be sound.
 */
int trust_offer(struct trust *t, int fd);

struct trust_news {
	bool any;		/* some answer is there: ask again */
	int offered;		/* 1: the database offered is in use; -errno */
	bool is_stale;		/* a "no" was not given: packages have changed */
};
void trust_collect(struct trust *t, struct trust_news *ret);
