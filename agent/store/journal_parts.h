/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a journal, for its four files alone: journal.c (the
 * appending side), writer.c (the thread), trim.c (bounds), reopen.c (a
 * directory that went away).
 *
 * Two sides share it. Appenders put frames into the ring and never touch a
 * file; the writer thread takes them out. `lock` guards what is marked so and
 * is never held over a call that may wait for the disk.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/journal.h"
#include "store/recover.h"
#include "store/ring.h"
#include "store/segment_write.h"

/* A frame waits at most this long for others before it is written. */
#define WRITE_DELAY_NS	  (10 * 1000000ull)
/* Is the directory still the one we write to? Asked this often. */
#define CHECK_INTERVAL_NS (1000 * 1000000ull)
/* Between attempts while the disk refuses. */
#define RETRY_FIRST_NS	  (100 * 1000000ull)
#define RETRY_MOST_NS	  (1000 * 1000000ull)
/* How long closing tries to get rid of what is buffered. */
#define CLOSE_PATIENCE_NS (2000 * 1000000ull)
/* Segments that may be begun in memory before the disk follows. */
#define TURNS_MAX	  16

/* In the ring at pos, a new segment begins. */
struct turn {
	uint64_t pos;
	uint64_t number;
	uint64_t first_seq;
	int64_t wall_ns;
	uint8_t salt[16];
};

/* Numbers that did not fit into the ring. */
struct overflow {
	uint64_t first, count;
	int64_t wall_ns;
};

struct journal {
	/* Fixed at open. */
	struct journal_settings settings;
	char *dir;
	uint8_t id[JOURNAL_ID_SIZE];
	uint32_t epoch;
	pthread_t thread;

	pthread_mutex_t lock;
	pthread_cond_t work; /* the writer has something to do */
	pthread_cond_t done; /* something was sealed */

	/* Appending side, under lock. */
	struct ring ring; /* [tail, head): not yet sealed */
	uint64_t next_seq;
	uint64_t segment; /* what journal_segment returned */
	uint64_t segment_bytes;
	/* In large segments images are described again every so many bytes. */
	bool has_sections;
	uint64_t section, section_bytes;
	struct frame_key key; /* of that segment */
	bool turn_wanted;
	struct turn turns[TURNS_MAX];
	unsigned n_turns;
	struct overflow overflow;
	uint64_t urgent_pos;   /* up to here: seal at once */
	uint64_t unwritten_ns; /* when the oldest unwritten came; 0: none */
	bool has_news;	       /* the writer is to be told, once it can go on */
	uint64_t wrote_ns;     /* when it last wrote */
	bool is_watching;      /* it will look by itself what came, soon */
	uint64_t unsealed_ns;  /* when the oldest unsealed came; 0: none */
	bool stop;
	uint64_t stop_ns;

	/* Written by the writer thread under lock, read by it without. */
	uint64_t written;	/* ring position */
	uint64_t written_seq;	/* last number before it */
	bool seal_first;	/* before more is written: see writer.c */
	uint64_t sealed_seq;	/* at ring.tail */
	struct seg_info *infos; /* the last is being written */
	size_t n_infos;
	uint64_t cut_bytes;
	uint64_t cursor;
	bool has_cursor;
	struct journal_stats stats;

	/* The writer thread's own. */
	int dirfd, lockfd;
	struct state saved; /* the state as it was saved last */
	struct segment seg;
	uint64_t number; /* what journal_segment calls seg */
	uint64_t shift;	 /* seg's number on disk - number */
	bool ended;	 /* the segment has its last seal */
	bool adrift;	 /* directory or segment is gone */
	uint64_t checked_ns;
	uint64_t retry_ns; /* no attempt before; 0: all is well */
	uint64_t pause_ns;
	int failed_step;
	const char *what; /* the call under way, for stats */
};

/* Under lock: put the gap frame for what overflowed, if it fits by now. */
void journal_put_overflow(struct journal *j, uint64_t now_ns);
/* Under lock: the first number that is not in the ring or sealed. */
uint64_t journal_next_unput(const struct journal *j);

void *writer_main(void *arg);
/* The first segment of this run, before the thread is there. */
int writer_begin(struct journal *j, uint64_t number,
		 const uint8_t previous_sha[JOURNAL_SHA_SIZE],
		 const uint8_t salt[16]);
/* Or the last one of the run before, which ended cleanly. */
int writer_go_on(struct journal *j, uint64_t number,
		 const struct segment_place *at);
/*
 * What is there now is the oldest, and nobody said so before. Where that cannot
 * be written the next state says it.
 */
void writer_note_oldest(struct journal *j);
/* Create it, make it the one that is written, note it in infos. */
int writer_create(struct journal *j, const struct segment_plan *plan);

/* Make room for `more` bytes and drop what is too old. */
int trim(struct journal *j, uint64_t more);
uint64_t trim_total(const struct journal *j);

/* 0, or -errno: what we write to is not what DIR shows any more. */
int reopen_check(struct journal *j);
/* Find or make the directory again and go on in a new segment there. */
int reopen(struct journal *j);
