/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that reads files and holds the database. Between trust.c and
 * worker.c. */
#pragma once

#include "trust/examine.h"
#include "trust/trust.h"

#define WORK_MAX 1024u

struct worker;

struct work {
	struct file_id id;
	struct slice path;	/* copied by worker_send */
	struct digests digests;
	uint64_t path_hash;	/* these are handed back */
	uint32_t way_number;
};

struct done {
	struct file_id id;
	struct file_facts facts;
	struct digests digests;
	uint64_t path_hash;
	uint32_t way_number;
	uint32_t db_number;	/* 0: there was no database */
	bool is_stale;		/* not trusted, and the database is old */
	bool was_read;
	char package[TRUST_PACKAGE_MAX];
};

struct offered {
	int result;		/* -errno: it was no good */
	uint32_t number;	/* of the database now in use, from 1 on */
	struct trust_db_header header;
};

int worker_start(const struct trust_settings *s, struct worker **ret);
/* Gives up the file that is being read. */
void worker_stop(struct worker *w);

int worker_fd(const struct worker *w);
void worker_clear(struct worker *w);
uint64_t worker_queued(struct worker *w);

/* -EAGAIN: full. */
int worker_send(struct worker *w, const struct work *work);
bool worker_take(struct worker *w, struct done *ret);

/* fd is taken over. -EAGAIN: one is still being looked at. */
int worker_offer(struct worker *w, int fd);
bool worker_offered(struct worker *w, struct offered *ret);
