/* SPDX-License-Identifier: Apache-2.0 */
/* What learning has seen, by who did it and where; and the rules of it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cmd/learn.h"
#include "out/view.h"

struct ends;
struct names;

/* In this order they are told. */
enum learn_form {
	LEARN_EXEC,	 /* values: programs */
	LEARN_SCRIPT,	 /* values: scripts, of one interpreter */
	LEARN_LISTEN,	 /* ends */
	LEARN_CONNECT,	 /* ends */
	LEARN_SOCKET,	 /* values: unix sockets connected to */
	LEARN_BOUND,	 /* values: unix sockets listened on */
	LEARN_WRITE,	 /* names */
	LEARN_LOAD,	 /* values: files */
	LEARN_LOAD_NAME, /* values: modules and BPF programs */
	LEARN_TAMPER,	 /* values: targets */
	LEARN_FORM_COUNT,
};

/* Slices are globs as a policy file has them. */
struct group_key {
	enum learn_form form;
	const char *except; /* a deny rule's name; NULL: none */
	bool in_container;
	struct slice unit; /* empty: none */
	struct slice exe;  /* empty: not asked */
};

struct group {
	struct group_key key;
	char *bytes; /* what the key's slices are in */
	uint64_t count;
	char sample[VIEW_UID_MAX];
	void *values; /* tsearch: struct line */
	struct names *names;
	struct ends *ends;
};

/* A line of text, and how often. */
struct line {
	uint64_t count;
	char sample[VIEW_UID_MAX];
	char text[];
};

/* The line in this tree, made if need be. -ENOMEM. */
int line_add(void **tree, struct slice text, const char *sample);
int line_compare(const void *a, const void *b);

/* The group of this key, made if need be. -ENOMEM. */
int group_find(void **tree, const struct group_key *key, struct group **ret);
void group_free(void *group);

struct learned_rule {
	char name[104];
	char *body; /* below the section's line; owned */
	uint64_t count;
	const char *sample;
	bool dropped;
};

struct learned_rules {
	struct learned_rule *list;
	size_t n, cap;
};

/* Rules of one group behind those that are there. -ENOMEM. */
struct group_writing {
	const struct learn_settings *s;
	struct learned_rules *to;
};
int group_write(const struct group_writing *w, struct group *g);
