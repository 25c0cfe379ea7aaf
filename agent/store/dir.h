/* SPDX-License-Identifier: Apache-2.0 */
/* A journal's directory: which segments are there, and the state file. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "journal_format.h"

/* Of a directory (identity.h): the journal, and how far its numbers may go. */
struct identity {
	bool is_known;
	uint8_t id[JOURNAL_ID_SIZE];
	uint32_t epoch_most;
	uint64_t segment_most, seq_most;
	uint64_t state_seq; /* the next number, as the state says it; or 0 */
};

/* Do its epoch and first sequence fit those around it (order.h)? */
enum order { OUT_OF_ORDER, MAYBE, IN_ORDER };

/* What the header of a segment says, and how much of it is believed. */
struct segment_head {
	int error;    /* 0, or -errno: nothing of it could be read */
	bool is_ours; /* of that journal, and within its numbers */
	enum order order;
	uint8_t id[JOURNAL_ID_SIZE];
	uint32_t epoch;
	uint64_t number, first_seq;
};

/* Numbers of the segments present, ascending. Free it (dir_list_done_fn). */
struct dir_list {
	uint64_t *numbers;
	size_t n;
	/* Set-aside tails: how many, and their bytes. */
	size_t cuts;
	uint64_t cut_bytes;
	struct identity whose;	    /* what counts; the rest is as unreadable */
	struct segment_head *heads; /* of each number; NULL: not asked yet */
};

/* Everything in it that is not a segment's or a cut's name is passed over. */
int dir_list(int dirfd, struct dir_list *ret);

/* The highest number in it that is at most `most`, or `known` if that is. */
uint64_t dir_list_youngest(const struct dir_list *l, uint64_t known,
			   uint64_t most);

static inline void dir_list_done_fn(struct dir_list *l)
{
	__builtin_free(l->numbers);
	__builtin_free(l->heads);
}
#define cleanup_dir_list __attribute__((cleanup(dir_list_done_fn)))

/* Remove segments whose making was interrupted. The lock must be held. */
int dir_remove_unfinished(int dirfd);

/*
 * Give what has this name another, NAME-0001.cut or the first such that is free,
 * which *ret is then. Whatever it is: nothing is deleted or followed. -errno.
 */
int dir_set_aside(int dirfd, const char *name, char ret[static 64]);

struct state {
	uint8_t id[JOURNAL_ID_SIZE];
	uint32_t epoch;
	uint64_t segment;
	uint64_t seq; /* next number as of writing */
	/* The oldest segment that the bounds left; 0: not said. */
	uint64_t oldest;
	bool clean;
};

#define STATE_NAME "state"

/* -ENOENT: none; -EBADMSG: damaged, or no file (which is not waited for). */
int state_load(int dirfd, struct state *ret);
int state_save(int dirfd, const struct state *s, mode_t mode);

/* 32 lower-case digits; and back: -EINVAL if it is not exactly that. */
const char *id_print(const uint8_t id[static JOURNAL_ID_SIZE],
		     char buf[static 2 * JOURNAL_ID_SIZE + 1]);
int id_parse(const char *text, size_t n, uint8_t ret[static JOURNAL_ID_SIZE]);
