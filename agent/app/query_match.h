/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which records are asked for. Several values of one option are a choice;
 * options must all hold. Globs and ranges are those of policy files, and any
 * name of a file will do: its process's, its file system's or the host's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "out/view.h"
#include "rules/cidr.h"

#define QUERY_CHOICES_MAX 32

struct pattern;

struct query_dest {
	struct cidr range;
	uint32_t port; /* 0: any */
};

struct query_globs {
	struct pattern *list[QUERY_CHOICES_MAX];
	size_t n;
};

struct query_match {
	unsigned kinds;	   /* TAIL_*; 0: not asked */
	unsigned verdicts; /* bits of its own; 0: not asked */
	uint32_t pids[QUERY_CHOICES_MAX];
	size_t n_pids;
	struct query_globs exes, paths;
	struct query_globs units, containers;
	struct query_dest dests[QUERY_CHOICES_MAX];
	size_t n_dests;
};

/*
 * One more value, as typed; -EINVAL: it is none; -E2BIG: too many.
 * A glob that does not begin with '/' may begin behind any slash.
 */
int query_match_pid(struct query_match *m, const char *value);
int query_match_exe(struct query_match *m, const char *value);
int query_match_path(struct query_match *m, const char *value);
int query_match_unit(struct query_match *m, const char *value);
/* The beginning of an id will do: people are shown twelve digits of it. */
int query_match_container(struct query_match *m, const char *value);
int query_match_dest(struct query_match *m, const char *value);
int query_match_verdict(struct query_match *m, const char *value);

#define QUERY_VERDICTS 5
extern const char *const query_verdict_names[QUERY_VERDICTS];
#define QUERY_DEST_EXPECTED \
	"an address or range such as 10.0.0.0/8, 10.0.0.7:443, [::1]:80"
#define QUERY_GLOB_EXPECTED "a glob as in policy files"

void query_match_done(struct query_match *m);

/*
 * Of an event. IF_SETTLED: its verdict is pending, that is not what was asked
 * for, and all else matches: what becomes known later decides.
 */
enum query_answer { QUERY_NO, QUERY_IF_SETTLED, QUERY_YES };
enum query_answer query_matches(const struct query_match *m,
				const struct view *v);

/* Does this amendment settle a pending verdict as one that was asked for? */
bool query_settles(const struct query_match *m, const struct view *v);

/*
 * Of an amendment, as far as it shows what it is about: who acted, the path,
 * the destination. Its event's kind and verdict are not asked.
 */
bool query_matches_amendment(const struct query_match *m, const struct view *v);

/*
 * A look at an event's packed bytes: false says that it surely does not
 * match, at a tenth of the cost. What picket says of itself always may.
 */
bool query_may_match(const struct query_match *m,
		     const struct view_images *images, struct slice payload);

/* The same look, for who acted; NULL: none, or unknown. */
const Picket__V1__Image *query_actor(const struct view_images *images,
				     struct slice payload);

/* And at an amendment's: the event that it names. -EBADMSG. */
int query_amended(struct slice payload, uint32_t *ret_epoch, uint64_t *ret_seq);
