/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an agent knows of its ring, kept in a pinned map that it writes like
 * memory: it survives the agent, whatever ended it, and tells the next one
 * where to go on. The hash of this file is part of the name of the pins, so a
 * reader that has another idea of it never gets to see it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "sense/attach.h"
#include "wire.h"

/* Records behind the journal's last frame that can be found again. */
#define ACCOUNT_TRAIL 32768

/* Losses of one family and CPU that were told. */
struct account_told {
	uint64_t lost;	 /* told up to here */
	uint64_t before; /* and up to here by the event before */
	uint64_t seq;	 /* number of the event that told; 0: none did */
};

/* Behind the record that made this frame of the journal the ring was here. */
struct account_step {
	uint64_t seq;
	uint64_t at;
	uint64_t epoch; /* seq is of it */
};

/*
 * The record that is being counted: its reader may be killed before it has
 * moved on, and then the next one reads and counts it again.
 */
struct account_counting {
	uint64_t at; /* in the ring */
	uint64_t was; /* received of its family before it */
	uint64_t family;
};

struct account {
	uint64_t bytes; /* of the whole, as whoever made it thought */
	uint32_t ready; /* everything is pinned */
	uint32_t program_count;
	/* Given up for another: what lies behind it, another reports. 0: no. */
	uint64_t end;
	uint64_t ops;
	uint32_t v1_hierarchy;
	uint32_t link_count; /* that are pinned, and keep hooks attached */
	uint64_t received[WIRE_FAM_COUNT];
	struct account_counting counting;
	struct account_told missed[WIRE_FAM_COUNT]; /* runs of programs */
	uint64_t checked_ns; /* boottime when losses were last looked for */
	struct attached hooks[ATTACH_HOOKS_MAX];
	/* The journal that `trail` and `told` speak of. */
	uint8_t journal[16];
	uint64_t low;	/* number of the oldest step that is there */
	uint64_t first; /* where the ring was when its first step was made */
	uint64_t steps; /* made so far */
	struct account_step trail[ACCOUNT_TRAIL];
	struct account_told told[]; /* CPU * WIRE_FAM_COUNT + family */
};

/* Bytes for this many CPUs, in whole pages. */
size_t account_bytes(unsigned cpus);

/* A map for it, zeroed; a descriptor or -errno. */
int account_make(unsigned cpus);
/* -EBADMSG: it is not of this shape. */
int account_map(int fd, unsigned cpus, struct account **ret);
void account_unmap(struct account *a, unsigned cpus);

/* A record at this place of the ring, before its reader moves behind it. */
void account_count(struct account *a, enum wire_family family, uint64_t at);

/* What was counted and not consumed was not counted. */
void account_settle(struct account *a, uint64_t consumed);

void account_step(struct account *a, struct account_step made);

/* Where to read on, so that the journal gets what it does not have. */
struct account_resume {
	uint64_t at;
	uint64_t missing; /* frames that cannot be made again */
};

/*
 * last_seq: the last frame that the journal has. consumed: where reading
 * ended; oldest: what lies before it is overwritten.
 */
struct account_resume account_resume(const struct account *a, uint64_t last_seq,
				     uint64_t consumed, uint64_t oldest);

/* What was told by events that the journal does not have was not told. */
void account_untell(struct account *a, unsigned cpus, uint64_t last_seq);

/* Another journal, or the same from its last frame on: later steps go. */
void account_begin(struct account *a, const uint8_t journal[static 16],
		   uint64_t last_seq, uint64_t at);

/*
 * The first step from number *n on that was made at `at` or behind it; NULL:
 * there is none. account_oldest_step: the oldest number there is.
 */
uint64_t account_oldest_step(const struct account *a);
const struct account_step *account_step_at(const struct account *a, uint64_t at,
					   uint64_t *n);
