/* SPDX-License-Identifier: Apache-2.0 */
/* What learning has seen, by who did it and where; and the rules of it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cmd/learn.h"
#include "cmd/learn_lines.h"
#include "cmd/learn_room.h"
#include "cmd/learn_traits.h"
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

/* Of whom a rule is; in this order they are its lines. */
enum learn_key {
	LEARN_KEY_EXE,
	LEARN_KEY_UNIT,
	LEARN_KEY_IMAGE,     /* of a container, and ... */
	LEARN_KEY_NAMESPACE, /* ... its pod's, where they are known */
	LEARN_KEY_COUNT,
};

struct group_key {
	enum learn_form form;
	const char *except; /* a deny rule's name; NULL: none */
	bool in_container;
	/* Globs as a policy file has them; empty: none, or not asked. */
	struct slice of[LEARN_KEY_COUNT];
};

struct group {
	struct group_key key;
	char *bytes; /* what the key's slices are in */
	uint64_t count;
	char sample[VIEW_UID_MAX];
	struct traits traits;
	struct lines values;
	struct names *names;
	struct ends *ends;
};

struct groups {
	void *tree; /* tsearch: struct group */
	size_t n;
	struct learn_room *room; /* borrowed; of all that they hold */
};

/*
 * The group of this key, made if need be. -ENOSPC: there is no room for one
 * more. -ENOMEM.
 */
int groups_find(struct groups *g, const struct group_key *key,
		struct group **ret);
void groups_done(struct groups *g);

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
	void *names; /* tsearch: struct taken_name */
};

void learned_done(struct learned_rules *l);
/* Those that are not dropped, as a policy file. */
void learned_text(const struct learned_rules *l, struct buf *out);

/* The rules of all groups, sorted by these. -ENOMEM. */
struct group_writing {
	const struct learn_settings *s;
	struct learned_rules *to;
};
int groups_write(const struct group_writing *w, struct groups *g);
