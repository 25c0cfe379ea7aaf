/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of one line, replaced whole: "picket-tally 1 JOURNAL EPOCH SEQ POLICY
 * LOST_KERNEL LOST_JOURNAL", POLICY being 64 hexadecimal digits or "-".
 */
#include "out/tally.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hex.h"
#include "base/text.h"
#include "out/manifest.h"

#define NAME	       "tally"
#define LINE_MAX_BYTES 256
#define WORDS	       8
#define NONE	       "-"

/* ---- what records tell ---------------------------------------------------------- */

static const char *fact(const Picket__V1__Agent *a, const char *key)
{
	size_t i;

	for (i = 0; i < a->n_facts; i++) {
		if (!strcmp(a->facts[i]->key, key))
			return a->facts[i]->value;
	}
	return NULL;
}

static bool take_policy(struct tally *t, const Picket__V1__Agent *a)
{
	const char *text = fact(a, "sha256");

	if (!text ||
	    hex_parse(slice_str(text), t->policy, sizeof(t->policy)) < 0)
		return false;
	t->has_policy = true;
	return true;
}

static bool take_loss(struct tally *t, const Picket__V1__Agent *a)
{
	const char *text = fact(a, "count");
	uint64_t n;

	if (!text || text_u64(slice_str(text), &n) < 0)
		return false;
	t->lost_kernel += n;
	return true;
}

static bool take_agent(struct tally *t, const Picket__V1__Agent *a)
{
	if (a->what == PICKET__V1__AGENT__WHAT__POLICY)
		return take_policy(t, a);
	if (a->what == PICKET__V1__AGENT__WHAT__LOSS)
		return take_loss(t, a);
	return false;
}

/* After a crash it may be that it was saved and the cursor was not. */
static bool is_counted(const struct tally *t, const struct view *v)
{
	return v->epoch < t->epoch ||
	       (v->epoch == t->epoch && v->seq <= t->seq);
}

bool tally_take(struct tally *t, const struct view *v)
{
	bool changed = false;

	if (is_counted(t, v))
		return false;
	if (v->gap) {
		t->lost_journal += v->gap->count;
		changed = true;
	} else if (v->event && v->event->agent) {
		changed = take_agent(t, v->event->agent);
	}
	if (changed) {
		t->epoch = v->epoch;
		t->seq = v->seq_end > v->seq ? v->seq_end - 1 : v->seq;
	}
	return changed;
}

/* ---- the file -------------------------------------------------------------------- */

static bool parse(struct slice text, struct tally *ret)
{
	struct slice w[WORDS], more;
	size_t i;

	if (!text.n || text.p[text.n - 1] != '\n')
		return false;
	text.n--;
	for (i = 0; i < WORDS; i++) {
		if (!text_word(&text, &w[i]))
			return false;
	}
	if (text_word(&text, &more) ||
	    !slice_eq(w[0], slice_str("picket-tally")) ||
	    !slice_eq(w[1], slice_str("1")))
		return false;
	ret->has_policy = !slice_eq(w[5], slice_str(NONE));
	return hex_parse(w[2], ret->journal, sizeof(ret->journal)) >= 0 &&
	       text_u32(w[3], &ret->epoch) >= 0 &&
	       text_u64(w[4], &ret->seq) >= 0 &&
	       (!ret->has_policy ||
		hex_parse(w[5], ret->policy, sizeof(ret->policy)) >= 0) &&
	       text_u64(w[6], &ret->lost_kernel) >= 0 &&
	       text_u64(w[7], &ret->lost_journal) >= 0;
}

int tally_load(const char *dir, const uint8_t journal[static 16],
	       struct tally *ret)
{
	cleanup_close int dirfd = -1;
	cleanup_free char *text = NULL;
	struct tally t = { 0 };
	size_t n;
	int r;

	dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return -errno;
	r = fs_read_foreign(dirfd, NAME, LINE_MAX_BYTES, &text, &n);
	/* What is no file is not waited for: it is replaced. */
	if (r < 0 && r != -ENOENT && r != -EFBIG && r != -EINVAL && r != -ELOOP)
		return r;
	if (r < 0 || !parse(slice_of(text, n), &t) ||
	    memcmp(t.journal, journal, sizeof(t.journal)) != 0) {
		t = (struct tally){ 0 };
		memcpy(t.journal, journal, sizeof(t.journal));
	}
	*ret = t;
	return 0;
}

int tally_save(const char *dir, const struct tally *t)
{
	char journal[2 * sizeof(t->journal) + 1];
	char policy[2 * sizeof(t->policy) + 1] = NONE;
	char line[LINE_MAX_BYTES];
	cleanup_close int dirfd = -1;
	int n;

	(void)hex_print(t->journal, sizeof(t->journal), journal);
	if (t->has_policy)
		(void)hex_print(t->policy, sizeof(t->policy), policy);
	n = snprintf(line, sizeof(line),
		     "picket-tally 1 %s %" PRIu32 " %" PRIu64 " %s %" PRIu64
		     " %" PRIu64 "\n",
		     journal, t->epoch, t->seq, policy, t->lost_kernel,
		     t->lost_journal);
	dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return -errno;
	return fs_replace(dirfd, NAME, line, (size_t)n, 0640);
}
