/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/scripts.h"

#include <errno.h>
#include <stdlib.h>

#include "base/table.h"

/* Between the two records lie microseconds: as many as can be under way. */
#define SCRIPTS_MAX 1024

struct script_key {
	uint64_t start_ns;
	uint64_t time_ns;
	uint64_t tgid;
};

struct scripts {
	struct table *table;
};

static void release(void *arg, const void *key, void *value)
{
	struct script *script = value;

	(void)arg;
	(void)key;
	free((void *)(uintptr_t)script->path.p);
	script->path = (struct slice){ NULL, 0 };
}

int scripts_new(struct scripts **ret)
{
	struct scripts *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	r = table_new(SCRIPTS_MAX, sizeof(struct script_key),
		      sizeof(struct script), &s->table);
	if (r < 0) {
		free(s);
		return r;
	}
	table_on_evict(s->table, release, NULL);
	*ret = s;
	return 0;
}

void scripts_free(struct scripts *s)
{
	const void *key;
	void *value;

	if (!s)
		return;
	while ((value = table_oldest(s->table, &key))) {
		release(NULL, key, value);
		table_remove(s->table, key);
	}
	table_free(s->table);
	free(s);
}

static struct script_key key_of(struct proc_key proc, uint64_t time_ns)
{
	return (struct script_key){ proc.start_ns, time_ns, proc.tgid };
}

int scripts_put(struct scripts *s, const struct event *ev)
{
	const struct script_key key = key_of(ev->actor.proc, ev->time_ns);
	struct slice path = ev->script.path.path;
	struct script *script;
	char *copy = NULL;
	int made;

	if (path.n) {
		copy = malloc(path.n);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, path.p, path.n);
	}
	script = table_put(s->table, &key, &made);
	/* Two threads in the same nanosecond: neither is believed. */
	if (!made) {
		free(copy);
		release(NULL, &key, script);
		script->file = (struct file_id){ .known = false };
		return 0;
	}
	script->path = slice_of(copy, path.n);
	script->file = ev->script.file;
	return 0;
}

const struct script *scripts_find(struct scripts *s, struct proc_key proc,
				  uint64_t time_ns)
{
	const struct script_key key = key_of(proc, time_ns);
	const struct script *script = table_get(s->table, &key);

	return script && script->path.n ? script : NULL;
}
