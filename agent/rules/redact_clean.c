/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/redact_clean.h"

#include <stdlib.h>
#include <string.h>

#include "rules/hash.h"

#define SLOTS	  128
/* What is longer is looked at each time. */
#define BYTES_MAX 480

enum part { PART_EXE, PART_SCRIPT, PART_ARGS, PART_ENV, PART_COUNT };

/* What redact_args and redact_env are given. */
struct looked_at {
	struct slice part[PART_COUNT];
	uint32_t flags;
};

struct slot {
	uint32_t n[PART_COUNT];
	uint32_t flags;
	bool used;
	char bytes[BYTES_MAX];
};

struct redact_clean {
	struct slot slots[SLOTS];
};

struct redact_clean *redact_clean_new(void)
{
	return calloc(1, sizeof(struct redact_clean));
}

void redact_clean_free(struct redact_clean *c)
{
	free(c);
}

static struct looked_at looked_at(const struct image *img)
{
	return (struct looked_at){
		.part = { [PART_EXE] = img->exe.path,
			  [PART_SCRIPT] = img->script,
			  [PART_ARGS] = img->args,
			  [PART_ENV] = img->env },
		.flags = img->flags &
			 (IMAGE_F_ARGS_TRUNCATED | IMAGE_F_ENV_TRUNCATED),
	};
}

/* A double shares a slot, and no more. */
static size_t slot_of(const struct looked_at *l)
{
	uint64_t h = 0;
	size_t i;

	for (i = 0; i < PART_COUNT; i++)
		h = hash_bytes(h, l->part[i]);
	return h % SLOTS;
}

static bool is_short(const struct looked_at *l)
{
	size_t i, n = 0;

	for (i = 0; i < PART_COUNT; i++) {
		if (l->part[i].n > BYTES_MAX)
			return false;
		n += l->part[i].n;
	}
	return n <= BYTES_MAX;
}

bool redact_clean_has(const struct redact_clean *c, const struct image *img)
{
	const struct looked_at l = looked_at(img);
	const struct slot *s;
	const char *at;
	size_t i;

	if (!c || !is_short(&l))
		return false;
	s = &c->slots[slot_of(&l)];
	if (!s->used || s->flags != l.flags)
		return false;
	at = s->bytes;
	for (i = 0; i < PART_COUNT; i++) {
		if (s->n[i] != l.part[i].n ||
		    (s->n[i] && memcmp(at, l.part[i].p, s->n[i]) != 0))
			return false;
		at += s->n[i];
	}
	return true;
}

void redact_clean_add(struct redact_clean *c, const struct image *img)
{
	const struct looked_at l = looked_at(img);
	struct slot *s;
	char *at;
	size_t i;

	if (!c || !is_short(&l))
		return;
	s = &c->slots[slot_of(&l)];
	s->used = true;
	s->flags = l.flags;
	at = s->bytes;
	for (i = 0; i < PART_COUNT; i++) {
		s->n[i] = (uint32_t)l.part[i].n;
		if (s->n[i])
			memcpy(at, l.part[i].p, s->n[i]);
		at += s->n[i];
	}
}
