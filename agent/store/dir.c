/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a journal's directory holds. The one idea: names are only believed
 * when they are exactly what we would have made; all else is left alone.
 */
#include "store/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/crc32c.h"
#include "base/fs.h"
#include "base/hex.h"
#include "base/text.h"
#include "store/lines.h"
#include "store/segment.h"

#define STATE_MAX 512
/* Names that one thing may be set aside under. */
#define ASIDE_MAX 9999

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int list_add(struct dir_list *l, size_t *cap, uint64_t number)
{
	uint64_t *grown;

	if (l->n == *cap) {
		*cap = *cap ? *cap * 2 : 64;
		grown = reallocarray(l->numbers, *cap, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		l->numbers = grown;
	}
	l->numbers[l->n++] = number;
	return 0;
}

static bool is_cut(const char *name)
{
	size_t n = strlen(name);

	return n > 4 && !strcmp(name + n - 4, ".cut");
}

/* Whoever put it there: we make files, and open nothing else. */
static bool may_be_file(int dirfd, const struct dirent *e)
{
	struct stat st;

	if (e->d_type != DT_UNKNOWN)
		return e->d_type == DT_REG;
	return fstatat(dirfd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	       S_ISREG(st.st_mode);
}

static int open_listing(int dirfd, DIR **ret)
{
	cleanup_close int fd = -1;
	DIR *d;

	/* Not dirfd itself: its position would be shared. */
	fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	d = fdopendir(fd);
	if (!d)
		return -errno;
	(void)steal_fd(&fd);
	*ret = d;
	return 0;
}

int dir_remove_unfinished(int dirfd)
{
	cleanup_closedir DIR *d = NULL;
	char as_segment[SEGMENT_NAME_MAX];
	struct dirent *e;
	size_t n;
	int r;

	r = open_listing(dirfd, &d);
	if (r < 0)
		return r;
	while ((e = readdir(d))) {
		n = strlen(e->d_name);
		if (n < 5 || n >= sizeof(as_segment) ||
		    strcmp(e->d_name + n - 4, ".new"))
			continue;
		memcpy(as_segment, e->d_name, n - 4);
		memcpy(as_segment + n - 4, ".seg", 5);
		/* A directory, or immutable: the writer takes another name. */
		if (segment_number(as_segment) &&
		    unlinkat(dirfd, e->d_name, 0) < 0 && errno != EISDIR &&
		    errno != EPERM)
			return -errno;
	}
	return 0;
}

int dir_set_aside(int dirfd, const char *name, char ret[static 64])
{
	struct stat st;
	unsigned i;

	for (i = 1; i <= ASIDE_MAX; i++) {
		(void)snprintf(ret, 64, "%.48s-%04u.cut", name, i);
		if (!fstatat(dirfd, ret, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		if (errno != ENOENT || renameat(dirfd, name, dirfd, ret) < 0)
			return -errno;
		return fs_sync_dir(dirfd);
	}
	return -ENOSPC;
}

int dir_list(int dirfd, struct dir_list *ret)
{
	cleanup_dir_list struct dir_list l = { 0 };
	cleanup_closedir DIR *d = NULL;
	struct dirent *e;
	struct stat st;
	size_t cap = 0;
	uint64_t number;
	int r;

	r = open_listing(dirfd, &d);
	if (r < 0)
		return r;
	for (;;) {
		errno = 0;
		e = readdir(d);
		if (!e)
			break;
		if (is_cut(e->d_name)) {
			l.cuts++;
			if (!fstatat(dirfd, e->d_name, &st, 0))
				l.cut_bytes += segment_weight(&st);
			continue;
		}
		number = segment_number(e->d_name);
		if (!number || !may_be_file(dirfd, e))
			continue;
		r = list_add(&l, &cap, number);
		if (r < 0)
			return r;
	}
	if (errno)
		return -errno;
	if (l.n)
		qsort(l.numbers, l.n, sizeof(*l.numbers), by_number);
	*ret = l;
	l.numbers = NULL;
	return 0;
}

uint64_t dir_list_youngest(const struct dir_list *l, uint64_t known,
			   uint64_t most)
{
	size_t i;

	for (i = l->n; i-- > 0 && l->numbers[i] > known;) {
		if (l->numbers[i] <= most)
			return l->numbers[i];
	}
	return known;
}

const char *id_print(const uint8_t id[static JOURNAL_ID_SIZE],
		     char buf[static 2 * JOURNAL_ID_SIZE + 1])
{
	return hex_print(id, JOURNAL_ID_SIZE, buf);
}

int id_parse(const char *text, size_t n, uint8_t ret[static JOURNAL_ID_SIZE])
{
	return hex_parse(slice_of(text, n), ret, JOURNAL_ID_SIZE);
}

int state_save(int dirfd, const struct state *s, mode_t mode)
{
	char text[STATE_MAX], id[2 * JOURNAL_ID_SIZE + 1];
	int n;

	n = snprintf(text, sizeof(text),
		     "picket-journal 1\nid %s\nepoch %" PRIu32
		     "\nsegment %" PRIu64 "\nseq %" PRIu64 "\n",
		     id_print(s->id, id), s->epoch, s->segment, s->seq);
	if (s->oldest)
		n += snprintf(text + n, sizeof(text) - (size_t)n,
			      "oldest %" PRIu64 "\n", s->oldest);
	n += snprintf(text + n, sizeof(text) - (size_t)n, "clean %s\n",
		      s->clean ? "yes" : "no");
	n += snprintf(text + n, sizeof(text) - (size_t)n, "crc %08" PRIx32 "\n",
		      crc32c(0, text, (size_t)n));
	return fs_replace(dirfd, STATE_NAME, text, (size_t)n, mode);
}

static int parse_state(struct slice text, struct state *ret)
{
	struct state s = { 0 };
	const char *begin = text.p;
	struct slice v;
	uint64_t n, crc;
	size_t covered;

	if (line_take_u64(&text, "picket-journal", &n) < 0 || n != 1)
		return -EBADMSG;
	if (line_take(&text, "id", &v) < 0 || id_parse(v.p, v.n, s.id) < 0)
		return -EBADMSG;
	if (line_take_u64(&text, "epoch", &n) < 0 || !n ||
	    n >= JOURNAL_EPOCH_MAX)
		return -EBADMSG;
	s.epoch = (uint32_t)n;
	if (line_take_u64(&text, "segment", &s.segment) < 0 ||
	    s.segment >= JOURNAL_SEGMENT_MAX ||
	    line_take_u64(&text, "seq", &s.seq) < 0 || !s.seq ||
	    s.seq > JOURNAL_SEQ_MAX)
		return -EBADMSG;
	/* Early writers of version 1 did not say. */
	(void)line_take_u64(&text, "oldest", &s.oldest);
	if (s.oldest >= JOURNAL_SEGMENT_MAX)
		return -EBADMSG;
	if (line_take(&text, "clean", &v) < 0 || text_bool(v, &s.clean) < 0)
		return -EBADMSG;
	covered = (size_t)(text.p - begin);
	if (line_take(&text, "crc", &v) < 0 || v.n != 8 ||
	    text_hex_u64(v, &crc) < 0 || crc != crc32c(0, begin, covered) ||
	    text.n)
		return -EBADMSG;
	*ret = s;
	return 0;
}

int state_load(int dirfd, struct state *ret)
{
	cleanup_free char *text = NULL;
	size_t n;
	int r;

	r = fs_read_foreign(dirfd, STATE_NAME, STATE_MAX, &text, &n);
	if (r == -EFBIG || r == -EINVAL || r == -ELOOP)
		return -EBADMSG;
	if (r < 0)
		return r;
	return parse_state(slice_of(text, n), ret);
}
