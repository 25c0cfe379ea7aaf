// SPDX-License-Identifier: Apache-2.0
/*
 * What is counted of rules lives on over restarts, in a file beside the
 * journal: saved now and then while there is something new to say, and when
 * picket ends. A crash costs the last few minutes of it and nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "app/agent.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "rules/stats.h"

#define FILE_NAME "rules.state"
#define SAVE_MS	  60000

static uint64_t judged(const struct agent *a)
{
	uint64_t n = 0;

	for (int i = 0; i < ANSWER_COUNT; i++)
		n += a->pipeline.counts.answers[i];
	return n;
}

void rule_state_load(struct agent *a)
{
	cleanup_close int dirfd =
		open(a->s->journal_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_free char *text = NULL;
	size_t n = 0;
	int r;

	a->rule_state.saved_ns = clock_boot_ns();
	r = dirfd < 0 ? -errno
		      : fs_read_foreign(dirfd, FILE_NAME, RULE_STATS_BYTES_MAX,
					&text, &n);
	if (r == 0)
		r = rule_stats_read(a->rules, slice_of(text, n), a->opening.id);
	if (r < 0 && r != -ENOENT)
		log_warning("cannot use '%s/" FILE_NAME "', rules are counted "
			    "from now on: %s",
			    a->s->journal_dir, strerrordesc_np(-r));
}

static int save(struct agent *a, bool lasting)
{
	cleanup_buf struct buf out = BUF_INIT(RULE_STATS_BYTES_MAX);
	cleanup_close int dirfd =
		open(a->s->journal_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dirfd < 0)
		return -errno;
	rule_stats_write(&out, a->rules, a->opening.id);
	if (out.failed)
		return -EFBIG;
	/* The ring's thread does not wait for the disk, but at the end. */
	return lasting ? fs_replace(dirfd, FILE_NAME, out.p, out.n, 0640)
		       : fs_publish(dirfd, FILE_NAME, out.p, out.n, 0640);
}

void rule_state_save(struct agent *a, bool lasting)
{
	int r = save(a, lasting);

	a->rule_state.saved_ns = clock_boot_ns();
	a->rule_state.judged = judged(a);
	if (r < 0 && !a->rule_state.error)
		log_warning("cannot write '%s/" FILE_NAME "': %s",
			    a->s->journal_dir, strerrordesc_np(-r));
	else if (r >= 0 && a->rule_state.error)
		log_notice("'%s/" FILE_NAME "' is written again",
			   a->s->journal_dir);
	a->rule_state.error = r;
}

void rule_state_watch(struct agent *a)
{
	uint64_t now_ns = clock_boot_ns();

	if (now_ns - a->rule_state.saved_ns < SAVE_MS * NS_PER_MS ||
	    judged(a) == a->rule_state.judged)
		return;
	rule_state_save(a, false);
}
