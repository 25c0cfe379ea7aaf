/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy: INI files -> a compiled, immutable rule set -> a verdict for an
 * event. DESIGN section 5 has the language, picket-policy(5) the reference.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

struct rule_set;

struct rule_error {
	char file[256];		/* as given, escaped */
	unsigned line;		/* 0: the file as a whole */
	char what[200];
};

/* What "unlisted" means, per event kind (agent.ini [rules]). */
enum unlisted { UNLISTED_RECORD, UNLISTED_ALERT, UNLISTED_DROP };

struct rule_options {
	enum unlisted unlisted[EVENT_KIND_COUNT];
	int64_t now_wall_ns;	/* for `expires`, at compile time */
};

/* All *.ini of a directory in name order; one file works too. */
int rule_set_load(const char *path, const struct rule_options *opt,
		  struct rule_set **ret, struct rule_error *err);
/* The same from text that is already there, for tests and fuzzing. */
int rule_set_load_text(const char *name, struct slice text,
		       const struct rule_options *opt, struct rule_set **ret,
		       struct rule_error *err);
void rule_set_free(struct rule_set *set);

/*
 * Judge. img: who acted (ancestors through its parent and prev links); may
 * have IMAGE_F_UNKNOWN. For an exec img is the new image. Strings in the
 * verdict live as long as the set. Not thread-safe: keeps per-set counters
 * and scratch. ev->kind must be EXEC, CONNECT or WRITE; else ANSWER_NONE.
 */
struct verdict rule_set_match(struct rule_set *set, const struct event *ev,
			      const struct image *img);

struct rule_info {
	const char *name;
	const char *file;
	unsigned line;
	const char *action;	/* allow, deny, ignore */
	enum severity severity;
	const char *tag;
	uint64_t hits;
	int64_t last_hit_wall_ns;	/* 0: never */
	bool expired;
};

size_t rule_set_count(const struct rule_set *set);
void rule_set_info(const struct rule_set *set, size_t i, struct rule_info *ret);

/* SHA-256 over all files' names and bytes in order: names this set. */
const uint8_t *rule_set_hash(const struct rule_set *set);

const char *answer_name(enum answer a);		/* allowed, denied … */
const char *severity_name(enum severity s);	/* low, medium … */
const char *write_op_name(enum write_op op);	/* open, write, truncate … */
