// SPDX-License-Identifier: Apache-2.0
/*
 * Which programs were told of lives on over restarts, in a file beside the
 * journal. It is written soon after there is a new one, without waiting for
 * the disk: a crash of picket costs none, one of the host an alert twice.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "app/agent.h"
#include "app/alert_known.h"
#include "app/alerts.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"

#define FILE_NAME "alerts.state"
#define SAVE_MS	  1000

void alert_state_load(struct agent *a)
{
	struct known *k = alerts_known(a->pipeline.alerts);
	cleanup_close int dirfd =
		open(a->s->journal_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_free char *text = NULL;
	size_t n = 0;
	int r;

	if (!k)
		return;
	r = dirfd < 0 ? -errno
		      : fs_read_foreign(dirfd, FILE_NAME, KNOWN_BYTES_MAX,
					&text, &n);
	if (r == 0)
		r = known_read(k, slice_of(text, n), a->opening.id);
	if (r < 0 && r != -ENOENT && r != -ESTALE)
		log_warning("cannot use '%s/" FILE_NAME "', programs that no "
			    "rule lists are told of once more: %s",
			    a->s->journal_dir, strerrordesc_np(-r));
}

static int save(struct agent *a, struct known *k, bool lasting)
{
	cleanup_buf struct buf out = BUF_INIT(KNOWN_BYTES_MAX);
	cleanup_close int dirfd =
		open(a->s->journal_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dirfd < 0)
		return -errno;
	known_write(k, &out, a->opening.id);
	if (out.failed)
		return -EFBIG;
	return lasting ? fs_replace(dirfd, FILE_NAME, out.p, out.n, 0640)
		       : fs_publish(dirfd, FILE_NAME, out.p, out.n, 0640);
}

void alert_state_save(struct agent *a, bool lasting)
{
	struct known *k = alerts_known(a->pipeline.alerts);
	int r;

	if (!k || !known_is_new(k))
		return;
	r = save(a, k, lasting);
	a->alert_state.saved_ns = clock_boot_ns();
	if (r < 0 && !a->alert_state.error)
		log_warning("cannot write '%s/" FILE_NAME "': %s",
			    a->s->journal_dir, strerrordesc_np(-r));
	else if (r >= 0 && a->alert_state.error)
		log_notice("'%s/" FILE_NAME "' is written again",
			   a->s->journal_dir);
	a->alert_state.error = r;
}

void alert_state_watch(struct agent *a)
{
	if (clock_boot_ns() - a->alert_state.saved_ns >= SAVE_MS * NS_PER_MS)
		alert_state_save(a, false);
}
