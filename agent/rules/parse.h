/* SPDX-License-Identifier: Apache-2.0 */
/* INI text -> rules and conditions, in the order of the files. */
#pragma once

#include "base/ini.h"
#include "rules/rule.h"
#include "rules/vec.h"

struct redactor;

/* One value of one condition, before its rule is whole. */
struct value {
	uint8_t subject, who, form;
	bool negated;
	uint16_t kinds;		/* of events that have such a thing */
	unsigned line;
	union {
		uint64_t range;		/* lo << 32 | hi */
		uint32_t pattern;	/* in builder.patterns */
		uint32_t bit;
		struct cidr cidr;
		uint8_t sha256[32];
	};
};

/* An `excepts` line: names can be looked up when all files are read. */
struct except_line {
	uint32_t rule;
	unsigned line;
	const char *name;
};

struct builder {
	struct vec rules;	/* struct rule */
	struct vec notes;	/* struct rule_note, one for each */
	struct vec conds;	/* struct cond */
	struct vec patterns;	/* struct pattern * */
	struct vec numbers;	/* uint64_t */
	struct vec cidrs;	/* struct cidr */
	struct vec hashes;	/* uint8_t[32] */
	struct vec excepts;	/* struct except_line */
	struct vec files;	/* char * */
	struct vec redact_sections;	/* struct redact_section */
	struct vec redact_values;	/* struct redact_value */
	struct chunk *strings;
	struct keymap names;	/* hash of name -> rule + 1 */
	struct keymap pattern_ids; /* hash of text -> pattern + 1 */
	int64_t now_wall_ns;
	/* What else the set depends on goes into its hash; NULL: nowhere. */
	int (*hash_part)(void *arg, struct slice s);
	void *hash_arg;
	/* Read when the first name is asked for; NULL: not yet. */
	char *passwd, *group;
	size_t passwd_n, group_n;

	/* The rule whose section is being read. */
	struct rule rule;
	struct rule_note note;
	bool in_rule;
	bool in_redact;		/* a [redact NAME] section instead */
	uint16_t events;		/* as its `event` lines say; 0: none */
	uint32_t given;		/* metadata keys already seen */
	struct vec values;	/* struct value */
	struct ini_error *err;
};

void builder_done(struct builder *b);

/* One file, whose name is the last of b->files. 0, -ENOMEM, or -EINVAL and
 * *err. */
int parse_rules(struct builder *b, struct slice text, struct ini_error *err);

/* The rule called so, or NULL. */
struct rule *builder_find(const struct builder *b, const char *name);

/* conds.c: the key that asks for this; in a buffer that the next call takes. */
const char *cond_key_name(enum subject subject, enum who who);
/* conds.c: one condition key. -EINVAL and b->err on a bad key or value. */
int cond_take(struct builder *b, unsigned line, const char *key,
	      const char *value);
/*
 * redact_parse.c: a [redact NAME] section's beginning, a line of it, its end;
 * and all of them as one. *ret stays as it is where there is none.
 */
int redact_begin(struct builder *b, unsigned line, const char *name);
int redact_take(struct builder *b, unsigned line, const char *key,
		const char *value);
int redact_finish(struct builder *b);
int redact_build(struct builder *b, struct redactor **ret);
void redact_values_done(struct vec *values);
/* group.c: b->values become the conditions of b->rule. */
int conds_finish(struct builder *b);
/* digests.c: 64 hexadecimal digits. */
bool digest_parse(struct slice hex, uint8_t ret[static 32]);
/*
 * digests.c: a value like this one for each line of the list. -EINVAL and
 * b->err for one that is not a list of digests.
 */
int digest_list_take(struct builder *b, const char *name, struct value *like);
