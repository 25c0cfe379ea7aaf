/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cursors. The one idea: a file that is not exactly what we write is no
 * cursor; a wrong place would be worse than none.
 */
#include "store/cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "store/dir.h"
#include "store/identity.h"
#include "store/lines.h"
#include "store/locate.h"

#define CURSOR_MAX  CURSOR_TEXT_MAX
#define CURSOR_MODE 0640

int cursor_parse(struct slice text, struct cursor *ret)
{
	struct cursor c = { 0 };
	struct slice v;
	uint64_t n;

	if (line_take_u64(&text, "picket-cursor", &n) < 0 || n != 1)
		return -EBADMSG;
	if (line_take(&text, "journal", &v) < 0 ||
	    id_parse(v.p, v.n, c.journal) < 0)
		return -EBADMSG;
	if (line_take_u64(&text, "epoch", &n) < 0 || n >= JOURNAL_EPOCH_MAX)
		return -EBADMSG;
	c.epoch = (uint32_t)n;
	if (line_take_u64(&text, "seq", &c.seq) < 0 || text.n ||
	    c.seq >= JOURNAL_SEQ_MAX)
		return -EBADMSG;
	*ret = c;
	return 0;
}

size_t cursor_print(const struct cursor *c, char buf[static CURSOR_TEXT_MAX])
{
	char id[2 * JOURNAL_ID_SIZE + 1];
	int n;

	n = snprintf(buf, CURSOR_TEXT_MAX,
		     "picket-cursor 1\njournal %s\nepoch %" PRIu32
		     "\nseq %" PRIu64 "\n",
		     id_print(c->journal, id), c->epoch, c->seq);
	return (size_t)n;
}

static int open_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int cursor_load(const char *dir, const char *name, struct cursor *ret)
{
	cleanup_close int dirfd = open_dir(dir);
	cleanup_free char *text = NULL;
	size_t n;
	int r;

	if (dirfd < 0)
		return dirfd;
	r = fs_read_foreign(dirfd, name, CURSOR_MAX, &text, &n);
	if (r == -EFBIG || r == -EINVAL || r == -ELOOP)
		return -EBADMSG;
	if (r < 0)
		return r;
	return cursor_parse(slice_of(text, n), ret);
}

int cursor_save(const char *dir, const char *name, const struct cursor *c)
{
	cleanup_close int dirfd = open_dir(dir);
	char text[CURSOR_TEXT_MAX];
	size_t n;

	if (dirfd < 0)
		return dirfd;
	n = cursor_print(c, text);
	return fs_replace(dirfd, name, text, n, CURSOR_MODE);
}

/*
 * The highest epoch that any segment says, in order or not: a cursor may have
 * been given under it. -EBADMSG: the newest cannot be read, and without it
 * nobody knows how far the journal goes.
 */
static int newest_epoch(const struct dir_list *l, uint32_t *ret)
{
	uint32_t epoch = 0;
	size_t i;

	for (i = l->n; i-- > 0;) {
		if (l->heads[i].error < 0 && !epoch)
			return -EBADMSG;
		if (l->heads[i].is_ours && l->heads[i].epoch > epoch)
			epoch = l->heads[i].epoch;
	}
	*ret = epoch;
	return 0;
}

int cursor_is_ahead(const char *dir, const struct cursor *c)
{
	cleanup_dir_list struct dir_list l = { 0 };
	cleanup_close int dirfd = open_dir(dir);
	uint64_t next;
	uint32_t epoch;
	int r;

	if (dirfd < 0)
		return dirfd;
	r = dir_list(dirfd, &l);
	if (r < 0 || !l.n)
		return r;
	r = identity_find(dirfd, &l);
	if (r < 0 || !identity_has(&l.whose, c->journal))
		return r;
	if (newest_epoch(&l, &epoch) < 0 || epoch > c->epoch)
		return 0;
	/* What was shipped was durable: it is there, sealed still or not. */
	r = locate_next(dirfd, &l, &next);
	return r < 0 ? r : epoch < c->epoch || c->seq >= next;
}
