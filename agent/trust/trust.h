/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts about files: asked for by the loop's thread, found out by a thread of
 * this stage, and cached. Nothing here blocks except trust_free.
 *
 * The cache key is device and inode; an entry is valid only for the same size
 * and times. A write that the sensor saw drops it at once. Files, pending
 * questions and bytes read per second are bounded.
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
	uint64_t max_size; /* bytes; a larger file is not hashed */
	uint64_t rate;	   /* bytes read per second */
};

int trust_new(const struct trust_settings *s, struct trust **ret);
void trust_free(struct trust *t);

/* Readable when there are answers or a database: call trust_collect. */
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

/* About a file, named as on the host. */
struct trust_question {
	struct slice path;
	struct file_id id;
	bool wants_trust;	/* also facts->trust, not only hash */
};

struct trust_answer {
	struct file_facts facts;
	char package[TRUST_PACKAGE_MAX];	/* "": none, or not known */
};

/*
 * 1: *ret is the answer. 0: it is being found out; *ret has what is known so
 * far, for callers that cannot wait. -EAGAIN: as 0, but the queue was full:
 * ask again.
 */
int trust_ask(struct trust *t, const struct trust_question *q,
	      struct trust_answer *ret);

/* True: *ret is the answer, from the cache. False: it is not there. */
bool trust_recall(struct trust *t, const struct trust_question *q,
		  struct trust_answer *ret);

/* The file was written to: drop it from the cache. */
void trust_written(struct trust *t, const struct file_id *id);
/*
 * The permissions of the file or directory of this name (as on the host) were
 * changed: cached files at or below it are examined again.
 */
void trust_way_changed(struct trust *t, struct slice path);

/*
 * Offer a new database in the file fd, which trust owns from now on. It
 * replaces the present one after it was checked. -errno.
 */
int trust_offer(struct trust *t, int fd);

struct trust_news {
	bool any;		/* there are answers: ask again */
	int offered;		/* 1: the offered database is in use; -errno */
	bool is_stale;		/* packages changed: a new one is needed */
};
void trust_collect(struct trust *t, struct trust_news *ret);
