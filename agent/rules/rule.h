/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a rule is, between the files that read, compile and match it. Not for
 * other stages: those use rules.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rules/cidr.h"
#include "rules/keymap.h"
#include "rules/pattern.h"
#include "rules/rules.h"
#include "rules/str_index.h"
#include "rules/trie.h"

/* Far beyond what anyone writes; keeps ids in 32 bits and memory bounded. */
#define RULES_MAX 1000000u
#define RULE_FILES_MAX 4096u
#define RULE_NAME_MAX 100u
#define RULE_VALUES_MAX 1000000u

/* In the order of their strength. */
enum action { ACTION_DENY, ACTION_IGNORE, ACTION_ALLOW, ACTION_COUNT };

/* Whose property a condition asks for. */
enum who { WHO_SELF, WHO_PARENT, WHO_ANCESTOR, WHO_COUNT };

/*
 * The property. The order is the order in which a rule's conditions are
 * tried: cheap ones first.
 */
enum subject {
	SUBJECT_OP,
	SUBJECT_LOAD,
	SUBJECT_TAMPER,
	SUBJECT_OF_PICKET,
	SUBJECT_PROTO,
	SUBJECT_PORT,
	SUBJECT_USER,
	SUBJECT_GROUP,
	SUBJECT_TTY,
	SUBJECT_STDIN,
	SUBJECT_STDOUT,
	SUBJECT_STDERR,
	SUBJECT_STDIO,
	SUBJECT_DEST,
	SUBJECT_ADDRESS,
	SUBJECT_PATH,
	SUBJECT_OLD_PATH,
	SUBJECT_LOADED,
	SUBJECT_SOCKET,
	SUBJECT_NAME,
	SUBJECT_TARGET,
	SUBJECT_EXE,
	SUBJECT_SCRIPT,
	SUBJECT_UNIT,
	SUBJECT_CONTAINER,
	SUBJECT_IMAGE,
	SUBJECT_POD,
	SUBJECT_NAMESPACE,
	SUBJECT_CGROUP,
	SUBJECT_ARGS,
	SUBJECT_ENV,
	/* These may have to be waited for. */
	SUBJECT_ORIGIN,
	SUBJECT_WRITABLE,
	SUBJECT_SHA256,
	SUBJECT_TRUST,
	SUBJECT_COUNT,
};

/* How the values of a condition are kept. */
enum value_form {
	FORM_MASK,	/* one bit per word of a short list */
	FORM_NUMBERS,	/* sorted ranges lo << 32 | hi in set->numbers */
	FORM_CIDRS,	/* in set->cidrs */
	FORM_PATTERNS,	/* in set->patterns */
	FORM_HASHES,	/* sorted, in set->hashes */
};

/* Values of `origin`. */
enum origin { ORIGIN_PACKAGE, ORIGIN_IMAGE, ORIGIN_DRIFT, ORIGIN_MEMFD,
	      ORIGIN_DELETED, ORIGIN_COUNT };

struct cond {
	uint8_t subject;	/* enum subject */
	uint8_t who;		/* enum who */
	uint8_t form;		/* enum value_form */
	bool negated;
	uint32_t line;		/* of the first value */
	uint32_t n;		/* values */
	union {
		uint32_t first;	/* of the values, in the form's array */
		uint32_t mask;
	};
	/* The values at hand: the only pattern, or an index of many values. */
	union {
		const struct pattern *pattern;	/* n is 1 */
		struct str_index *patterns;	/* n > COND_FEW */
		struct cidr_set *cidrs;		/* n > COND_FEW */
	};
};

/* More values than this are not compared one by one. */
#define COND_FEW 8u

struct cidr_set {
	struct trie v4, v6;
};

/* What matching needs of a rule: one cache line, and they are aligned so. */
struct rule {
	uint32_t first_cond;
	uint16_t n_conds;
	/* Positive conditions on ancestors come last: one must fit them all. */
	uint16_t n_plain_conds;
	uint16_t kinds;		/* 1 << enum event_kind */
	uint8_t action;		/* enum action */
	uint8_t severity;	/* enum severity */
	bool final : 1;
	bool in_container : 1;	/* has a positive condition on the container */
	bool has_excepts : 1;	/* allow: silences denies */
	bool is_excepted : 1;	/* deny: some allow silences it */
	bool expired : 1;	/* when the set was compiled */
	uint32_t n_excepts : 24; /* RULE_VALUES_MAX at most */
	uint32_t first_except;	/* deny rules, in set->excepts */
	uint32_t seen;		/* generation in which it was tried */
	int64_t expires_ns;	/* wall clock; INT64_MAX: never */
	uint64_t hits;
	uint64_t last_hit_ns;	/* boottime */
	const char *name, *tag;
};
_Static_assert(sizeof(struct rule) == 64, "one cache line");
_Static_assert(RULE_VALUES_MAX < 1u << 24, "n_excepts has 24 bits");
_Static_assert(EVENT_KIND_COUNT <= 16, "kinds are bits of 16");

/* What rules speak of, each a bit of struct rule.kinds. */
#define RULE_KINDS                                             \
	(1u << EVENT_EXEC | 1u << EVENT_CONNECT |              \
	 1u << EVENT_WRITE | 1u << EVENT_LISTEN |              \
	 1u << EVENT_LOAD | 1u << EVENT_TAMPER)

/* And what it does not need. */
struct rule_note {
	const char *owner, *ticket, *reason;
	uint32_t file;
	uint32_t line;
	uint64_t text_hash;	/* of its section, keys and values, in order */
};

/* What was counted before this set was there (rules/stats.h), and a sample. */
struct rule_stat {
	uint64_t hits;
	int64_t last_wall_ns;	/* 0: none */
	int64_t since_wall_ns;	/* when counting began */
	uint64_t seq;		/* of an event that it decided; 0: none */
	uint32_t epoch;
};

/*
 * By what an event finds a rule: of those that select equally well the first
 * is taken.
 */
enum dim {
	DIM_PATH,
	DIM_DEST,
	DIM_SOCKET,
	DIM_EXE,
	DIM_SCRIPT,
	DIM_CONTAINER,
	DIM_POD,
	DIM_IMAGE,
	DIM_NAMESPACE,
	DIM_UNIT,
	DIM_PARENT,
	DIM_CGROUP,
	DIM_ARGS,
	DIM_PORT,
	DIM_ANCESTOR,
	DIM_USER,
	DIM_COUNT,
};

/*
 * What the index brought up for an image: the rules whose conditions on the
 * program and its ancestors hold. An image is asked about many times, and
 * these never change; its place (unit, container, cgroup) and its line may, so
 * those are compared.
 */
#define MEMO_RULES 8u
#define MEMO_IMAGES 512u

struct image_memo {
	uint64_t image;		/* id; 0: free */
	uint64_t line;		/* the ids of those before it, in one number */
	uint64_t cgroup_id;
	const char *unit, *container, *cgroup, *host_path, *pod, *of_image;
	uint32_t n;
	uint32_t rules[MEMO_RULES];
};

/*
 * What one index brings up for the name of an ancestor's program alone. One
 * ancestor stands in many lines: a shell in that of all it starts. An id has
 * another place for each index, so which it is need not be said.
 */
#define FOUND_RULES 7u
#define FOUND_IMAGES 512u

struct found_memo {
	uint64_t image;		/* id; 0: free */
	uint32_t n;
	uint32_t rules[FOUND_RULES];
};

/*
 * And whether the conditions of a rule on ancestors that never change (see
 * is_lasting in holds.c) fit it.
 */
#define FITS_MEMOS 2048u

struct fits_memo {
	uint64_t image;		/* id; 0: free */
	uint32_t cond;		/* the first of them, in set->conds */
	bool fits;
};

/* What one kind of event goes through. */
struct kind_index {
	uint32_t dims;		/* 1 << enum dim in use */
	struct str_index *strings[DIM_COUNT];
	struct cidr_set dest;
	struct trie port;
	struct user_entry {
		uint32_t id;
		uint32_t rule;
	} *users;	/* sorted */
	uint32_t n_users;
	struct image_memo *memos;	/* MEMO_IMAGES, by image id */
	struct found_memo *found;	/* FOUND_IMAGES, likewise */
	/* Rules that nothing finds: tried for each event. */
	uint32_t *always;
	uint32_t n_always;
};

struct rule_set {
	/* By strength: the first that matches decides. */
	struct rule *rules;
	uint32_t n_rules;
	/* In the order of the files: which of them, and what else is known. */
	uint32_t *by_place;
	struct rule_note *notes;
	struct rule_stat *stats;	/* one for each in rules */
	struct cond *conds;
	uint32_t n_conds;
	struct pattern **patterns;
	uint32_t n_patterns;
	void *pattern_block;	/* where they are; NULL: each by itself */
	uint64_t *numbers;
	struct cidr *cidrs;
	uint8_t (*hashes)[32];
	uint32_t *excepts;
	char **files;
	uint32_t n_files;
	struct chunk *strings;	/* what names and metadata point into */
	struct redactor *redactor;	/* NULL: no [redact NAME] section */
	struct rule_options opt;
	struct rule_needs needs;
	int64_t offset_ns;	/* wall clock - boottime */
	uint8_t hash[32];
	struct kind_index kind[EVENT_KIND_COUNT];

	struct fits_memo *fits;	/* FITS_MEMOS */

	/* Scratch of match.c, sized by n_rules. */
	uint32_t *silenced;	/* generation in which an exception fit */
	uint32_t *denies;	/* that match, exceptions not yet looked at */
	uint32_t *maybes;	/* that hold if what is not known yet is so */
	struct rule_wants wants; /* of the last event judged */
	uint32_t generation;
};

/* pack.c: patterns are there, and nothing points at them yet. -ENOMEM. */
int rule_set_pack(struct rule_set *set);
/* compile.c: rules and conditions are there; make everything else. */
int rule_set_compile(struct rule_set *set);
void cond_done(struct cond *c);
void kind_index_done(struct kind_index *ix);
void cidr_set_done(struct cidr_set *s);
int cidr_set_add(struct cidr_set *s, const struct cidr *c, uint32_t owner);
