// SPDX-License-Identifier: Apache-2.0
#include "cmd/learn_traits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "rules/rules.h"

#define BIT(op) (1u << (op))

/* Whoever does one of these does the others of its line the next day. */
static const uint32_t alike[] = {
	BIT(OP_OPEN) | BIT(OP_WRITE) | BIT(OP_TRUNCATE) | BIT(OP_MMAP),
	BIT(OP_RENAME) | BIT(OP_UNLINK) | BIT(OP_LINK) | BIT(OP_SYMLINK) |
		BIT(OP_MKDIR) | BIT(OP_RMDIR),
	BIT(OP_CHMOD) | BIT(OP_CHOWN) | BIT(OP_XATTR) | BIT(OP_UTIME),
	BIT(OP_MKNOD),
	BIT(OP_CHATTR),
};

/* Sessions come and go with whoever logs in; a service stays what it is. */
bool traits_is_service(struct slice unit)
{
	static const char end[] = ".service";
	const size_t n = sizeof(end) - 1;

	return unit.n > n && !memcmp(unit.p + unit.n - n, end, n) &&
	       !slice_starts(unit, slice_str("user@"));
}

static void add_user(struct traits *t, const struct actor *actor)
{
	size_t i = 0;

	while (i < t->n_users && t->users[i] != actor->euid)
		i++;
	if (actor->none || i == TRAITS_FEW)
		t->any_user = true;
	else if (i == t->n_users)
		t->users[t->n_users++] = actor->euid;
}

static int add_parent(struct traits *t, struct slice parent)
{
	size_t i;

	for (i = 0; i < t->n_parents; i++)
		if (slice_eq(slice_str(t->parents[i]), parent))
			return 0;
	if (!parent.n || i == TRAITS_FEW) {
		t->any_parent = true;
		return 0;
	}
	t->parents[i] = strndup(parent.p, parent.n);
	if (!t->parents[i])
		return -ENOMEM;
	t->n_parents++;
	return 0;
}

int traits_add(struct traits *t, const struct trait_event *e)
{
	if (e->ev->kind == EVENT_WRITE)
		t->ops |= BIT(e->ev->write.op);
	/* At a terminal whoever logs in runs what the others ran. */
	if (!e->is_steady)
		t->any_user = t->any_parent = true;
	if (!t->any_user)
		add_user(t, &e->ev->actor);
	/* What a process does is its own; who started it told the exec. */
	if (e->ev->kind != EVENT_EXEC)
		t->any_parent = true;
	return t->any_parent ? 0 : add_parent(t, e->parent);
}

void traits_done(struct traits *t)
{
	for (size_t i = 0; i < t->n_parents; i++)
		free(t->parents[i]);
	*t = (struct traits){ 0 };
}

static void write_ops(const struct traits *t, struct buf *out)
{
	uint32_t ops = 0, all = 0;

	for (size_t i = 0; i < sizeof(alike) / sizeof(*alike); i++) {
		ops |= t->ops & alike[i] ? alike[i] : 0;
		all |= alike[i];
	}
	/* An operation that no line has would never be allowed. */
	if (!ops || ops == all || (t->ops & ~all))
		return;
	for (unsigned op = OP_NONE + 1; op < OP_COUNT; op++)
		if (ops & BIT(op))
			buf_addf(out, "op = %s\n",
				 write_op_name((enum write_op)op));
}

static int compare_users(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int compare_parents(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* By number: names are another host's affair. */
static void write_users(const struct traits *t, struct buf *out)
{
	uint32_t users[TRAITS_FEW];

	memcpy(users, t->users, sizeof(users));
	qsort(users, t->n_users, sizeof(*users), compare_users);
	for (size_t i = 0; i < t->n_users; i++)
		if (users[i])
			buf_addf(out, "user = %" PRIu32 "\n", users[i]);
		else
			buf_add_str(out, "user = root\n");
}

void traits_write(const struct traits *t, struct buf *out)
{
	char *parents[TRAITS_FEW];

	write_ops(t, out);
	if (!t->any_user)
		write_users(t, out);
	if (t->any_parent)
		return;
	memcpy(parents, t->parents, sizeof(parents));
	qsort(parents, t->n_parents, sizeof(*parents), compare_parents);
	for (size_t i = 0; i < t->n_parents; i++)
		buf_addf(out, "parent = %s\n", parents[i]);
}
