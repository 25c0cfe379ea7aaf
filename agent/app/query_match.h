/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter of `picket query` and `picket tail`. A record matches if every
 * option that was given matches; several values of one option are
 * alternatives. Globs and ranges are those of policy files. A file matches by
 * any of its names: the process's, the file system's or the host's.
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
	unsigned kinds;	   /* bits: TAIL_*; 0: any */
	unsigned verdicts; /* bits: 1 << place in the names; 0: any */
	uint32_t pids[QUERY_CHOICES_MAX];
	size_t n_pids;
	struct query_globs exes, paths;
	struct query_globs units, containers;
	struct query_dest dests[QUERY_CHOICES_MAX];
	size_t n_dests;
};

/*
 * Add one value, as typed. -EINVAL: it is not valid; -E2BIG: too many.
 * A glob that does not begin with '/' may begin after any slash.
 */
int query_match_pid(struct query_match *m, const char *value);
int query_match_exe(struct query_match *m, const char *value);
int query_match_path(struct query_match *m, const char *value);
int query_match_unit(struct query_match *m, const char *value);
/* The beginning of an id is enough: people are shown twelve digits. */
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
 * Does an event match? QUERY_IF_SETTLED: all but the verdict, which is pending;
 * the amendment that settles it decides.
 */
enum query_answer { QUERY_NO, QUERY_IF_SETTLED, QUERY_YES };
enum query_answer query_matches(const struct query_match *m,
				const struct view *v);

/* Does this amendment turn a pending verdict into one that matches? */
bool query_settles(const struct query_match *m, const struct view *v);

/*
 * Does an amendment match by what it shows of its event: process, path,
 * destination? The kind and the verdict are not compared.
 */
bool query_matches_amendment(const struct query_match *m, const struct view *v);

/*
 * A quick test on an event's packed bytes, at a tenth of the cost: false means
 * that it cannot match. Always true for events about picket itself.
 */
bool query_may_match(const struct query_match *m,
		     const struct view_images *images, struct slice payload);

/* The process that acted, from the packed bytes; NULL: none, or unknown. */
const Picket__V1__Image *query_actor(const struct view_images *images,
				     struct slice payload);

/* The event that an amendment names, from its packed bytes. -EBADMSG. */
int query_amended(struct slice payload, uint32_t *ret_epoch, uint64_t *ret_seq);
