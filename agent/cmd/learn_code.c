// SPDX-License-Identifier: Apache-2.0
/* To look costs, so that what was found is kept, by name. */
#include "cmd/learn_code.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cmd/learn_names.h"
#include "cmd/learn_set.h"
#include "rules/lint.h"

/* More names than this are looked at each time. */
#define PROGRAMS_MAX 8192u

struct program {
	bool open;
	char where[256];
	size_t n;
	char path[];
};

struct codes {
	void *programs; /* tsearch: struct program */
	size_t n;
};

int codes_new(struct codes **ret)
{
	struct codes *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	*ret = c;
	return 0;
}

void codes_free(struct codes *c)
{
	learn_set_free(c);
}

static int compare_programs(const void *a, const void *b)
{
	const struct program *x = a, *y = b;

	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	return memcmp(x->path, y->path, x->n);
}

static void tell(const struct program *p, struct learn_no *ret)
{
	if (!p->open)
		return;
	ret->why = "others than root may write";
	(void)snprintf(ret->where, sizeof(ret->where), "%s", p->where);
}

/* On this host, as it is now. */
static int look_up(struct codes *c, struct slice path, struct learn_no *ret)
{
	struct program *p = calloc(1, sizeof(*p) + path.n), **at;

	if (!p)
		return -ENOMEM;
	p->n = path.n;
	memcpy(p->path, path.p, path.n);
	at = tfind(p, &c->programs, compare_programs);
	if (at) {
		tell(*at, ret);
		free(p);
		return 0;
	}
	p->open = lint_is_open("", path, p->where, sizeof(p->where));
	tell(p, ret);
	if (c->n < PROGRAMS_MAX && tsearch(p, &c->programs, compare_programs))
		c->n++;
	else
		free(p);
	return 0;
}

int codes_check(struct codes *c, const struct code *code, struct learn_no *ret)
{
	const struct file_id *file = code->file;

	if (file->known && file->memfd)
		ret->why = "its program is no file (memfd)";
	else if (!names_fit(code->path))
		ret->why = "no rule can have this name";
	else if (file->known && (file->mode & S_IWOTH))
		ret->why = "anybody may write the file";
	else if (!code->in_container)
		return look_up(c, code->path, ret);
	/* Its directories are not to be seen from here. */
	else if (lint_is_open_place(code->path))
		ret->why = "anybody may put a file there";
	return 0;
}
