/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "picket-early 1 JOURNAL\n", then a line for each: "EPOCH SEQ CRC\n", the
 * CRC32C of JOURNAL and "EPOCH SEQ" in eight hexadecimal digits. Appended and
 * synced; replaced as a whole once most of it has passed.
 *
 * In memory they are sorted: they come in the journal's order, and leave in
 * it.
 */
#include "out/early_set.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/crc32c.h"
#include "base/fs.h"
#include "base/hex.h"
#include "base/slice.h"
#include "base/text.h"

#define NAME	     "early"
#define FILE_MODE    0640
#define LINE_MAX_LEN 64
/* Twice as many lines as names can be, before it is written anew. */
#define FILE_MAX     (2 * EARLY_SET_MAX * LINE_MAX_LEN)
#define STALE_MAX    4096

struct early_set {
	int dirfd;
	uint8_t journal[16];
	char head[64];
	struct early_name *names; /* EARLY_SET_MAX of them, from first on */
	size_t first, n;
	size_t lines; /* in the file */
	bool is_new;  /* the file has to be written as a whole */
};

int early_name_order(struct early_name a, struct early_name b)
{
	if (a.epoch != b.epoch)
		return a.epoch < b.epoch ? -1 : 1;
	return a.seq < b.seq ? -1 : a.seq > b.seq;
}

/* ---- lines -------------------------------------------------------------------- */

static uint32_t checksum(const struct early_set *s, struct slice text)
{
	return crc32c(crc32c(0, s->journal, sizeof(s->journal)), text.p,
		      text.n);
}

static void add_line(struct buf *out, const struct early_set *s,
		     struct early_name name)
{
	char text[LINE_MAX_LEN];
	int n;

	n = snprintf(text, sizeof(text), "%" PRIu32 " %" PRIu64, name.epoch,
		     name.seq);
	buf_addf(out, "%s %08" PRIx32 "\n", text,
		 checksum(s, slice_of(text, (size_t)n)));
}

static bool is_sum(struct slice word, uint32_t sum)
{
	char want[9];

	(void)snprintf(want, sizeof(want), "%08" PRIx32, sum);
	return slice_eq(word, slice_str(want));
}

static bool parse_line(const struct early_set *s, struct slice line,
		       struct early_name *ret)
{
	struct slice rest = line, epoch, seq, sum;

	if (!text_word(&rest, &epoch) || !text_word(&rest, &seq) ||
	    !text_word(&rest, &sum) || rest.n)
		return false;
	return text_u32(epoch, &ret->epoch) >= 0 &&
	       text_u64(seq, &ret->seq) >= 0 &&
	       is_sum(sum, checksum(s, slice_of(line.p, (size_t)(seq.p + seq.n -
								 line.p))));
}

/* ---- in memory ---------------------------------------------------------------- */

/* The index of the first that is not before name. */
static size_t find(const struct early_set *s, struct early_name name)
{
	size_t low = s->first, high = s->first + s->n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (early_name_order(s->names[mid], name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool early_set_has(const struct early_set *s, struct early_name name)
{
	size_t i = find(s, name);

	return i < s->first + s->n && !early_name_order(s->names[i], name);
}

size_t early_set_room(const struct early_set *s)
{
	return EARLY_SET_MAX - s->n;
}

static void remember(struct early_set *s, struct early_name name)
{
	size_t i;

	if (early_set_has(s, name))
		return;
	if (s->first + s->n == EARLY_SET_MAX) {
		memmove(s->names, s->names + s->first,
			s->n * sizeof(*s->names));
		s->first = 0;
	}
	i = find(s, name);
	memmove(s->names + i + 1, s->names + i,
		(s->first + s->n - i) * sizeof(*s->names));
	s->names[i] = name;
	s->n++;
}

/* ---- the file ----------------------------------------------------------------- */

static bool next_line(struct slice *text, struct slice *ret)
{
	const char *end = text->n ? memchr(text->p, '\n', text->n) : NULL;

	/* What has no end was being written when the shipper ended. */
	if (!end)
		return false;
	*ret = slice_of(text->p, (size_t)(end - text->p));
	text->n -= ret->n + 1;
	text->p = end + 1;
	return true;
}

static void parse(struct early_set *s, struct slice text)
{
	struct early_name name;
	struct slice line;

	if (!next_line(&text, &line) || !slice_eq(line, slice_str(s->head)))
		return;
	s->is_new = false;
	while (next_line(&text, &line)) {
		s->lines++;
		if (!parse_line(s, line, &name)) {
			s->is_new = true;
			continue;
		}
		/* The file also has those whose turn has passed: the oldest. */
		if (!early_set_room(s)) {
			s->first++;
			s->n--;
		}
		remember(s, name);
	}
	if (text.n)
		s->is_new = true;
}

static int load(struct early_set *s)
{
	cleanup_free char *text = NULL;
	size_t n;
	int r;

	r = fs_read_foreign(s->dirfd, NAME, FILE_MAX, &text, &n);
	/* What is no file is not waited for: it is replaced. */
	if (r == -ENOENT || r == -EFBIG || r == -EINVAL || r == -ELOOP)
		return 0;
	if (r >= 0)
		parse(s, slice_of(text, n));
	return r;
}

int early_set_open(const char *dir, const uint8_t journal[static 16],
		   struct early_set **ret)
{
	struct early_set *s = calloc(1, sizeof(*s));
	size_t at;
	int r;

	if (!s)
		return -ENOMEM;
	memcpy(s->journal, journal, sizeof(s->journal));
	at = (size_t)snprintf(s->head, sizeof(s->head), "picket-early 1 ");
	(void)hex_print(journal, sizeof(s->journal), s->head + at);
	s->is_new = true;
	s->names = calloc(EARLY_SET_MAX, sizeof(*s->names));
	s->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = s->dirfd < 0 ? -errno : s->names ? load(s) : -ENOMEM;
	if (r < 0) {
		early_set_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

void early_set_close(struct early_set *s)
{
	if (!s)
		return;
	if (s->dirfd >= 0)
		(void)close(s->dirfd);
	free(s->names);
	free(s);
}

static int write_anew(struct early_set *s)
{
	cleanup_buf struct buf text = BUF_INIT(FILE_MAX);
	size_t i;
	int r;

	buf_addf(&text, "%s\n", s->head);
	for (i = 0; i < s->n; i++)
		add_line(&text, s, s->names[s->first + i]);
	if (text.failed)
		return -ENOMEM;
	r = fs_replace(s->dirfd, NAME, text.p, text.n, FILE_MODE);
	if (r >= 0) {
		s->is_new = false;
		s->lines = s->n;
	}
	return r;
}

static int append(struct early_set *s, const struct early_name *names, size_t n)
{
	cleanup_buf struct buf text = BUF_INIT(FILE_MAX);
	cleanup_close int fd = -1;
	size_t i;
	int r;

	for (i = 0; i < n; i++)
		add_line(&text, s, names[i]);
	if (text.failed)
		return -ENOMEM;
	fd = openat(s->dirfd, NAME,
		    O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	r = fs_write_all(fd, text.p, text.n);
	if (r >= 0 && fdatasync(fd) < 0)
		r = -errno;
	s->lines += n;
	/* A part of it may be there: not to be built upon. */
	if (r < 0)
		s->is_new = true;
	return r;
}

int early_set_add(struct early_set *s, const struct early_name *names, size_t n)
{
	size_t i;

	if (n > early_set_room(s))
		return -ENOBUFS;
	for (i = 0; i < n; i++)
		remember(s, names[i]);
	if (s->is_new || s->lines + n > 2 * EARLY_SET_MAX)
		return write_anew(s);
	return append(s, names, n);
}

void early_set_pass(struct early_set *s, struct early_name name)
{
	while (s->n && early_name_order(s->names[s->first], name) <= 0) {
		s->first++;
		s->n--;
	}
	if (!s->n) {
		s->first = 0;
		if (!s->is_new && unlinkat(s->dirfd, NAME, 0) == 0)
			s->is_new = true;
		return;
	}
	if (s->lines > s->n + STALE_MAX)
		(void)write_anew(s);
}
