/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key table: the one place that says which keys agent.ini may hold, of
 * which type, within which bounds and with which default. Loading, printing,
 * help and the test of the shipped file all read it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

struct conf;

enum conf_type {
	CONF_SIZE,	/* uint64_t, bytes */
	CONF_DURATION,	/* uint64_t, milliseconds */
	CONF_NUMBER,	/* uint64_t */
	CONF_BOOL,	/* bool */
	CONF_NAME,	/* char *, one of `choices` */
	CONF_ENUM,	/* int, the index in `choices` */
	CONF_PATH,	/* char *, absolute */
	CONF_TEXT,	/* char *, as it is */
	CONF_WORDS,	/* struct conf_words */
	CONF_TYPE_COUNT
};

struct conf_key {
	const char *section, *name;
	enum conf_type type;
	size_t at;			/* offset in struct conf, or … */
	bool each;			/* … in each struct conf_collector */
	const char *fallback;		/* the default, as the file would say it */
	const char *help;		/* one line */
	uint64_t min, max;		/* of a size, duration or number */
	const char *const *choices;	/* NULL-terminated; of words: of each */
	bool may_be_empty;
	const char *rule;		/* what conf_check adds to the bounds */
};

extern const struct conf_key conf_keys[];
extern const size_t conf_keys_n;

/* NULL: no such key. *ret_section (may be NULL): the section is known. */
const struct conf_key *conf_key_find(const char *section, const char *name,
				     bool *ret_section);

/*
 * Where its value is: in c, or in the collector that `which` says (0:
 * [collector], else named[which - 1]); which is 0 for all other sections.
 */
void *conf_key_place(const struct conf_key *k, struct conf *c, size_t which);

/*
 * Read `value` into the key's place, freeing what was there. 0, or -EINVAL
 * with what is wrong, unescaped and cut to fit, in `what`; -ENOMEM.
 */
int conf_key_set(const struct conf_key *k, void *place, const char *value,
		 char what[static 200]);

/* The value as the file would say it. */
void conf_key_print(const struct conf_key *k, const void *place,
		    struct buf *out);

/* "size, 256K to 1G, a power of two; default 16M" */
void conf_key_describe(const struct conf_key *k, struct buf *out);

void conf_key_free(const struct conf_key *k, void *place);

/* What no single key can see: the one to blame, and why. */
struct conf_blame {
	const struct conf_key *key;
	size_t which;			/* collector, as conf_key_place */
	char what[200];
};

/* 0 or -EINVAL with *blame filled in. */
int conf_check(const struct conf *c, struct conf_blame *blame);
