/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proof that picket sees: every while the helper makes an exec, a connection
 * and a write that are known by its identity and a nonce, and they are
 * followed through ring, rules and journal to the seal and, by the shipper's
 * cursors, to the collectors. What should have come and did not is an alert:
 * a program that silently does not fire is found no other way.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/helper.h"
#include "event.h"

/* Where the canary connects to (discard), and what its file is called. */
#define CANARY_PORT	9
#define CANARY_PREFIX	"picket-canary-"
#define CANARY_NAME_MAX 64

/* What a round goes through, in order. */
enum canary_stage {
	CANARY_EXEC,
	CANARY_CONNECT,
	CANARY_WRITE,
	CANARY_SEALED,
	CANARY_ACKNOWLEDGED, /* by every destination; none: not asked */
	CANARY_STAGES,
};

const char *canary_stage_name(enum canary_stage s);

struct canary {
	pid_t helper; /* whose children are canaries */
	char nonce[HELPER_NONCE_MAX];
	bool flies; /* a round is under way */
	uint64_t sent_ns;
	struct proc_key proc; /* who runs it; tgid 0: not seen yet */
	uint64_t last_seq;    /* of its records */
	uint64_t reached_ns[CANARY_STAGES]; /* 0: not yet */

	/* Of rounds before: */
	uint64_t rounds, misses;
	uint64_t complete_ns; /* when the last one was sealed; 0: never */
	uint64_t latency_ns;  /* of that one, from sending to the seal */
	uint64_t acknowledged_ns;
	bool is_missing, is_unacknowledged; /* as told last */
	bool is_told; /* that one came through, ever */
};

/* A new round; one that is still under way is over. */
void canary_begin(struct canary *c, uint64_t now_ns);

/* Whether this event is one of the canary's three acts, or its end. */
bool canary_is(struct canary *c, const struct event *ev,
	       const struct image *img);
/* It was kept under this number. */
void canary_kept(struct canary *c, const struct event *ev, uint64_t seq);

/*
 * How far the journal is on the disk, and at the collectors; has_done: there
 * are any.
 */
struct canary_progress {
	uint64_t sealed_seq, done_seq;
	bool has_done;
};
void canary_progress(struct canary *c, const struct canary_progress *p,
		     uint64_t now_ns);

/* The first stage that this round has not come to; CANARY_STAGES: it is through. */
enum canary_stage canary_lacks(const struct canary *c, bool has_done);
