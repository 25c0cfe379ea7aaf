/* SPDX-License-Identifier: Apache-2.0 */
/* A directory that looks like /proc, made for one test. */
#pragma once

#include <assert.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "remove_tree.h"

struct fake_proc {
	char root[64];
};

static inline void fake_proc_new(struct fake_proc *f)
{
	(void)strcpy(f->root, "/tmp/picket-test-proc-XXXXXX");
	if (!mkdtemp(f->root))
		abort();
}

static inline void fake_proc_free(struct fake_proc *f)
{
	(void)remove_tree(f->root);
}

/* root/name, with the directories on the way made. */
static inline const char *fake_proc_path(const struct fake_proc *f,
					 const char *name, char buf[512])
{
	(void)snprintf(buf, 512, "%s/%s", f->root, name);
	for (char *p = buf + strlen(f->root) + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		(void)mkdir(buf, 0755);
		*p = '/';
	}
	return buf;
}

static inline void fake_proc_bytes(const struct fake_proc *f, const char *name,
				   const void *p, size_t n)
{
	char path[512];
	FILE *out = fopen(fake_proc_path(f, name, path), "we");

	if (!out || fwrite(p, 1, n, out) != n || fclose(out) != 0)
		abort();
}

static inline void fake_proc_text(const struct fake_proc *f, const char *name,
				  const char *text)
{
	fake_proc_bytes(f, name, text, strlen(text));
}

static inline void fake_proc_link(const struct fake_proc *f, const char *name,
				  const char *target)
{
	char path[512];

	(void)unlink(fake_proc_path(f, name, path));
	if (symlink(target, path) < 0)
		abort();
}
