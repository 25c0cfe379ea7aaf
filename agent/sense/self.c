/* SPDX-License-Identifier: Apache-2.0 */
#include "sense/self.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"
#include "sense/sensor.h"

#define STAT_MAX   4096
/* proc(5): starttime is field 22, counted from 1; the name is field 2. */
#define START_WORD (22 - 2)

/* The name is ours, and may hold anything: words count from its last ')'. */
static int start_ticks(struct slice stat, uint64_t *ret)
{
	const char *end = memrchr(stat.p, ')', stat.n);
	struct slice rest, word;
	int i;

	if (!end)
		return -EBADMSG;
	rest = slice_of(end + 1, (size_t)(stat.p + stat.n - end - 1));
	for (i = 0; i < START_WORD; i++)
		if (!text_word(&rest, &word))
			return -EBADMSG;
	return text_u64(word, ret);
}

static int find_process(uint32_t tgid, const char *path,
			struct wire_process *ret)
{
	cleanup_free char *stat = NULL;
	uint64_t ticks = 0;
	size_t n;
	int r;

	r = fs_read_file(AT_FDCWD, path, STAT_MAX, &stat, &n);
	if (r >= 0)
		r = start_ticks(slice_of(stat, n), &ticks);
	if (r < 0)
		return r;
	*ret = (struct wire_process){ .start_ticks = ticks, .tgid = tgid };
	return 0;
}

void self_find_mates(const uint32_t tgids[static WIRE_MATES_MAX],
		     struct wire_control *ret)
{
	char path[32];
	size_t i, n = 0;

	memset(ret->mates, 0, sizeof(ret->mates));
	for (i = 0; i < WIRE_MATES_MAX; i++) {
		if (!tgids[i])
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%u/stat", tgids[i]);
		/* One that is gone already is for whoever started it. */
		if (find_process(tgids[i], path, &ret->mates[n]) >= 0)
			n++;
	}
}

int self_find(const struct sensor_settings *s, struct wire_control *ret)
{
	struct wire_control found = { .self.tgid = 0 };
	int r;

	r = find_process(s->self_tgid, "/proc/self/stat", &found.self);
	if (r < 0)
		return r;
	self_find_mates(s->mates, &found);
	*ret = found;
	return 0;
}
