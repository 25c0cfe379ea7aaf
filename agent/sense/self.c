/* SPDX-License-Identifier: Apache-2.0 */
#include "sense/self.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"

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

int self_find(uint32_t tgid, struct wire_control *ret)
{
	struct wire_control self = { .self_tgid = tgid };
	cleanup_free char *stat = NULL;
	uint64_t ticks = 0;
	size_t n;
	int r;

	r = fs_read_file(AT_FDCWD, "/proc/self/stat", STAT_MAX, &stat, &n);
	if (r >= 0)
		r = start_ticks(slice_of(stat, n), &ticks);
	if (r < 0)
		return r;
	self.self_start_ticks = ticks;
	*ret = self;
	return 0;
}
