// SPDX-License-Identifier: Apache-2.0
/*
 * What is known of alerts lives on over restarts, in two files beside the
 * journal, written without waiting for the disk: a crash of picket costs
 * nothing, one of the host an alert twice. An end in order waits for it.
 *
 * Programs that were told of are written soon after there is a new one.
 * Windows are written now and then, and only once the journal has all that
 * they count: what came after that is found in the journal itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "app/agent.h"
#include "app/alert_known.h"
#include "app/alert_recall.h"
#include "app/alerts.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"

#define KNOWN_NAME	"alerts.state"
#define WINDOWS_NAME	"windows.state"
#define KNOWN_MS	1000
#define WINDOWS_MS	3000
/* How soon it is looked again whether the journal is sealed that far. */
#define SEALED_MS	1000
/* So many numbers after the last file there is another, in any case. */
#define WINDOWS_NUMBERS 16384u

/* ---- from the files ------------------------------------------------------ */

static int load_known(struct agent *a, int dirfd, struct known *k)
{
	cleanup_free char *text = NULL;
	size_t n = 0;
	int r;

	r = fs_read_foreign(dirfd, KNOWN_NAME, KNOWN_BYTES_MAX, &text, &n);
	return r < 0 ? r : known_read(k, slice_of(text, n), a->opening.id);
}

static int load_windows(struct agent *a, int dirfd, uint64_t *ret_as_of)
{
	struct windows_file head = {
		.as_of = a->opening.next_seq - 1,
		.wall_offset_ns = a->pipeline.wall_offset_ns,
		.now_ns = clock_boot_ns(),
	};
	cleanup_free char *text = NULL;
	size_t n = 0;
	int r;

	memcpy(head.journal, a->opening.id, sizeof(head.journal));
	r = fs_read_foreign(dirfd, WINDOWS_NAME, WINDOWS_BYTES_MAX, &text, &n);
	if (r >= 0)
		r = alerts_read(a->pipeline.alerts, slice_of(text, n), &head);
	if (r >= 0)
		*ret_as_of = head.as_of;
	return r;
}

/* Nothing was written yet, or for a journal that is not this one. */
static bool is_trouble(int r)
{
	return r < 0 && r != -ENOENT && r != -ESTALE;
}

static void go_on_with_known(struct agent *a, int dirfd)
{
	struct known *k = alerts_known(a->pipeline.alerts);
	int r = k ? load_known(a, dirfd, k) : 0;

	if (is_trouble(r))
		log_warning("cannot use '%s/" KNOWN_NAME "', programs that no "
			    "rule lists are told of once more: %s",
			    a->s->journal_dir, strerrordesc_np(-r));
}

static void go_on_with_windows(struct agent *a, int dirfd)
{
	uint64_t as_of = 0;
	int r = load_windows(a, dirfd, &as_of);

	if (is_trouble(r))
		log_warning("cannot use '%s/" WINDOWS_NAME "', sums of alerts "
			    "may be short: %s",
			    a->s->journal_dir, strerrordesc_np(-r));
	/* Another file is due at once if this one is far behind, or none. */
	a->alert_state.as_of = as_of;
	/* Who ended in order left nothing to the journal alone. */
	if (as_of + 1 == a->opening.next_seq)
		return;
	r = alert_recall(a, as_of);
	if (r < 0)
		log_warning("cannot read how alerts repeated before picket "
			    "was killed: %s",
			    strerrordesc_np(-r));
}

void alert_state_load(struct agent *a)
{
	cleanup_close int dirfd =
		open(a->s->journal_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	a->alert_state.as_of = a->opening.next_seq - 1;
	go_on_with_known(a, dirfd);
	if (!a->opening.created)
		go_on_with_windows(a, dirfd);
}

/* ---- to the files -------------------------------------------------------- */

static int put(const struct agent *a, const char *name, const struct buf *out,
	       bool lasting)
{
	cleanup_close int dirfd =
		open(a->s->journal_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dirfd < 0)
		return -errno;
	if (out->failed)
		return -EFBIG;
	return lasting ? fs_replace(dirfd, name, out->p, out->n, 0640)
		       : fs_publish(dirfd, name, out->p, out->n, 0640);
}

/* Once each way. */
static void tell(const struct agent *a, const char *name, int r, int *error)
{
	if (r < 0 && !*error)
		log_warning("cannot write '%s/%s': %s", a->s->journal_dir, name,
			    strerrordesc_np(-r));
	else if (r >= 0 && *error)
		log_notice("'%s/%s' is written again", a->s->journal_dir, name);
	*error = r < 0 ? r : 0;
}

static void save_known(struct agent *a, struct known *k, bool lasting)
{
	cleanup_buf struct buf out = BUF_INIT(KNOWN_BYTES_MAX);

	known_write(k, &out, a->opening.id);
	a->alert_state.known_ns = clock_boot_ns();
	tell(a, KNOWN_NAME, put(a, KNOWN_NAME, &out, lasting),
	     &a->alert_state.known_error);
}

static void take_windows(struct agent *a, uint64_t as_of)
{
	struct windows_file head = {
		.as_of = as_of,
		.wall_offset_ns = a->pipeline.wall_offset_ns,
	};

	memcpy(head.journal, a->opening.id, sizeof(head.journal));
	buf_init(&a->alert_state.windows, WINDOWS_BYTES_MAX);
	alerts_write(a->pipeline.alerts, &a->alert_state.windows, &head);
	a->alert_state.waits = true;
	a->alert_state.as_of = as_of;
	a->alert_state.windows_ns = clock_boot_ns();
}

static void save_windows(struct agent *a, bool lasting)
{
	tell(a, WINDOWS_NAME,
	     put(a, WINDOWS_NAME, &a->alert_state.windows, lasting),
	     &a->alert_state.windows_error);
	buf_done(&a->alert_state.windows);
	a->alert_state.waits = false;
}

static bool are_windows_due(const struct agent *a, uint64_t as_of)
{
	return as_of - a->alert_state.as_of >= WINDOWS_NUMBERS ||
	       (alerts_have_changed(a->pipeline.alerts) &&
		clock_boot_ns() - a->alert_state.windows_ns >=
			WINDOWS_MS * NS_PER_MS);
}

/* What is not in the files is brought there, though nothing happens any more. */
static uint64_t due(const struct agent *a, const struct known *k)
{
	uint64_t due_ns = 0;

	if (k && known_is_new(k))
		due_ns = a->alert_state.known_ns + KNOWN_MS * NS_PER_MS;
	if (a->alert_state.waits)
		return clock_sooner(due_ns,
				    clock_boot_ns() + SEALED_MS * NS_PER_MS);
	if (alerts_have_changed(a->pipeline.alerts))
		return clock_sooner(due_ns, a->alert_state.windows_ns +
						    WINDOWS_MS * NS_PER_MS);
	return due_ns;
}

uint64_t alert_state_watch(struct agent *a)
{
	struct known *k = alerts_known(a->pipeline.alerts);
	struct journal_stats now;

	if (k && known_is_new(k) &&
	    clock_boot_ns() - a->alert_state.known_ns >= KNOWN_MS * NS_PER_MS)
		save_known(a, k, false);
	journal_stats(a->journal, &now);
	/* What the journal loses by a kill is read, and counted, again. */
	if (a->alert_state.waits && now.sealed_seq >= a->alert_state.as_of)
		save_windows(a, false);
	if (!a->alert_state.waits && are_windows_due(a, now.next_seq - 1))
		take_windows(a, now.next_seq - 1);
	return due(a, k);
}

void alert_state_end(struct agent *a)
{
	struct known *k = alerts_known(a->pipeline.alerts);
	struct journal_stats now;

	if (k && known_is_new(k))
		save_known(a, k, true);
	buf_done(&a->alert_state.windows);
	journal_stats(a->journal, &now);
	/* Else the file before this one, and what the journal has since. */
	if (now.sealed_seq + 1 < now.next_seq)
		return;
	take_windows(a, now.next_seq - 1);
	save_windows(a, true);
}
