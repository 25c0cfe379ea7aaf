/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the shipper is doing, for `picket status`: a small text file of
 * "key=value" lines in its state directory, replaced whole. Readers skip keys
 * they do not know.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/slice.h"

struct ship_status {
	pid_t pid;
	int64_t written_ns; /* wall clock, all times here */
	int64_t started_ns;
	char state[16]; /* idle, sending, waiting, stopped, no-journal */
	char url[256];
	uint32_t acked_epoch; /* last number done with */
	uint64_t acked_seq;
	int64_t acked_ns;	/* when; 0: never since the start */
	int64_t waiting_since_ns; /* time of the oldest not done with; 0: none */
	uint64_t sealed_seq;	/* newest that could be shipped, as seen */
	uint64_t backlog;	/* records not yet done with, as seen */
	uint64_t sent_records, sent_batches, sent_bytes;
	uint64_t retries; /* requests made again, since the start */
	uint64_t retries_in_row;
	uint64_t dead_letters;
	uint64_t rejected; /* partial success: not taken */
	uint64_t unreadable;
	uint64_t filtered; /* not wanted there */
	uint64_t early;	   /* alerts sent before their turn */
	uint64_t missing; /* trimmed or damaged before they were shipped */
	int64_t error_ns; /* of the last error; 0: none */
	char error[320];  /* escaped */
};

void ship_status_print(struct buf *out, const struct ship_status *s);
/* -EBADMSG: not a status file. */
int ship_status_parse(struct slice text, struct ship_status *ret);

int ship_status_save(const char *dir, const char *name,
		     const struct ship_status *s);
/* -ENOENT: none. */
int ship_status_load(const char *dir, const char *name,
		     struct ship_status *ret);
