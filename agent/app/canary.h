/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proof that picket sees: in each round the helper makes an exec, a connection
 * and a write that are recognised by its identity and a nonce. They are
 * followed through ring, rules and journal to the seal and, by the shipper's
 * cursors, to the collectors. One that does not arrive is an alert: nothing
 * else shows that an eBPF program has silently stopped firing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/helper.h"
#include "event.h"

/* The canary connects to this port (discard); its file has this prefix. */
#define CANARY_PORT	9
#define CANARY_PREFIX	"picket-canary-"
#define CANARY_NAME_MAX 64

/* The stages of a round, in order. */
enum canary_stage {
	CANARY_EXEC,
	CANARY_CONNECT,
	CANARY_WRITE,
	CANARY_SEALED,
	CANARY_ACKNOWLEDGED, /* by every destination, if there is one */
	CANARY_STAGES,
};

const char *canary_stage_name(enum canary_stage s);

struct canary {
	pid_t helper; /* its children are canaries */
	char nonce[HELPER_NONCE_MAX];
	bool flies; /* a round is in progress */
	uint64_t sent_ns;
	struct proc_key proc; /* its process; tgid 0: not seen yet */
	uint64_t last_seq;    /* number of its newest record */
	uint64_t reached_ns[CANARY_STAGES]; /* 0: not yet */

	/* Earlier rounds: */
	uint64_t rounds, misses;
	uint64_t complete_ns; /* when the last one was sealed; 0: never */
	uint64_t latency_ns;  /* from sending to the seal, of that one */
	uint64_t acknowledged_ns;
	bool is_missing, is_unacknowledged; /* as reported last */
	bool is_told; /* a first success was reported */
};

/* Begin a round; one that is in progress is abandoned. */
void canary_begin(struct canary *c, uint64_t now_ns);

/* Is this event one of the canary's three acts, or its exit? */
bool canary_is(struct canary *c, const struct event *ev,
	       const struct image *img);
/* Such an event was journaled under this number. */
void canary_kept(struct canary *c, const struct event *ev, uint64_t seq);

/* How far the journal has come. */
struct canary_progress {
	uint64_t sealed_seq; /* durable up to here */
	uint64_t done_seq;   /* acknowledged by all collectors up to here */
	bool has_done;	     /* there are collectors */
};
void canary_progress(struct canary *c, const struct canary_progress *p,
		     uint64_t now_ns);

/* The first stage that this round has not reached; CANARY_STAGES: complete. */
enum canary_stage canary_lacks(const struct canary *c, bool has_done);
