/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk over a segment. The one idea: a place that holds no valid frame is
 * damage only if a valid frame follows it; until one does, it may be a write
 * under way, and the caller, who knows whether the segment is finished, says
 * which.
 */
#include "store/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/segment.h"

#define WINDOW	      (64u << 10)
/* While resynchronising a frame may begin anywhere in the window's front. */
#define WINDOW_RESYNC (2 * FRAME_MAX)

int scan_open(struct scan *s, int dirfd, uint64_t number)
{
	struct journal_segment_header h;
	char name[SEGMENT_NAME_MAX];
	cleanup_close int fd = -1;
	int r;

	fd = openat(dirfd, segment_name(number, "seg", name),
		    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	r = segment_read_header(fd, &h);
	if (r < 0)
		return r;
	/* The name orders segments; one under another's name is out of order. */
	if (h.number != number)
		return -EBADMSG;
	scan_close(s);
	s->fd = steal_fd(&fd);
	s->header = h;
	s->key = frame_key_of(&h);
	s->off = h.header_size;
	return 0;
}

int scan_open_of(struct scan *s, int dirfd, uint64_t number, const uint8_t *id)
{
	int r = scan_open(s, dirfd, number);

	if (r >= 0 && memcmp(s->header.id, id, sizeof(s->header.id))) {
		scan_close(s);
		return -EBADMSG;
	}
	return r;
}

void scan_close(struct scan *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	free(s->buf);
	*s = (struct scan)SCAN_INIT;
}

/* The file's size, or -errno. A directory or fifo was refused by its header. */
static int64_t file_size(const struct scan *s)
{
	struct stat st;

	return fstat(s->fd, &st) < 0 ? -errno : (int64_t)st.st_size;
}

int scan_rest(struct scan *s, uint64_t *ret)
{
	int64_t size = file_size(s);

	if (size < 0)
		return (int)size;
	*ret = (uint64_t)size > s->off ? (uint64_t)size - s->off : 0;
	return 0;
}

/*
 * Have `want` bytes at `off` in the buffer, fewer at the end of the file.
 * The number that is there, or -errno.
 */
static int64_t fill(struct scan *s, uint64_t off, size_t want)
{
	size_t keep = 0;
	uint8_t *grown;
	int did;

	if (off >= s->buf_off && off - s->buf_off <= s->buf_n) {
		keep = s->buf_n - (size_t)(off - s->buf_off);
		if (keep >= want)
			return (int64_t)keep;
	}
	if (s->buf_size < want || !s->buf) {
		size_t size = want < WINDOW ? WINDOW : want;

		grown = realloc(s->buf, size);
		if (!grown)
			return -ENOMEM;
		s->buf = grown;
		s->buf_size = size;
	}
	if (keep)
		memmove(s->buf, s->buf + (off - s->buf_off), keep);
	s->buf_off = off;
	s->buf_n = keep;
	did = segment_pread(s->fd, s->buf + keep, s->buf_size - keep,
			    off + keep);
	if (did < 0)
		return did;
	s->buf_n += (size_t)did;
	return (int64_t)s->buf_n;
}

/* Forget what was read: it may have been written over since. */
static void drop_window(struct scan *s)
{
	s->buf_n = 0;
}

/* The size of the frame at off, 0, -EBADMSG as frame_decode; -errno. */
static long decode_at(struct scan *s, uint64_t off, struct frame *ret)
{
	struct journal_frame_header h;
	int64_t have = fill(s, off, sizeof(h));
	const uint8_t *p;

	if (have < (int64_t)sizeof(h))
		return have < 0 ? (long)have : 0;
	memcpy(&h, s->buf + (off - s->buf_off), sizeof(h));
	if (h.length <= JOURNAL_PAYLOAD_MAX) {
		have = fill(s, off, sizeof(h) + h.length);
		if (have < 0)
			return (long)have;
	}
	p = s->buf + (off - s->buf_off);
	return frame_decode(s->key, p, (size_t)have, ret);
}

/* The offset of the next valid frame behind s->off, or 0; -errno. */
static int64_t resync(struct scan *s)
{
	uint64_t off = s->off + 1;
	int64_t have;
	size_t at, n;

	for (;;) {
		have = fill(s, off, WINDOW_RESYNC);
		if (have < 0)
			return have;
		n = (size_t)have;
		at = frame_find(s->key, s->buf + (off - s->buf_off), n, 0);
		if (at < n)
			return (int64_t)(off + at);
		if (n < WINDOW_RESYNC)
			return 0;
		/* All that began in front and could end in here was tried. */
		off = segment_past_hole(s->fd, off + n - FRAME_MAX);
	}
}

int scan_next(struct scan *s, struct scan_hit *ret)
{
	uint64_t from = s->off;
	struct frame f;
	int64_t at, size;
	long n;

	n = decode_at(s, s->off, &f);
	if (n == 0 || n == -EBADMSG) {
		drop_window(s);
		n = decode_at(s, s->off, &f);
	}
	if (n == 0 || n == -EBADMSG) {
		size = file_size(s);
		if (size < 0)
			return (int)size;
		/* Nothing new since nothing was found: no need to look. */
		if ((uint64_t)size <= from || (uint64_t)size == s->tried)
			return 0;
		at = resync(s);
		if (at < 0)
			return (int)at;
		if (!at) {
			s->tried = (uint64_t)size;
			return 0;
		}
		/*
		 * A write that was under way when we looked here may be over
		 * now, this frame with the one behind it: only what is still
		 * none is damage.
		 */
		drop_window(s);
		n = decode_at(s, from, &f);
		if (n == 0 || n == -EBADMSG) {
			s->off = (uint64_t)at;
			n = decode_at(s, s->off, &f);
		}
		if (n == 0 || n == -EBADMSG) {
			/* Changed while we looked: the next call sees. */
			s->off = from;
			return 0;
		}
	}
	if (n < 0)
		return (int)n;
	*ret = (struct scan_hit){
		.frame = f,
		.off = s->off,
		.size = (uint64_t)n,
		.skipped = s->off - from,
	};
	s->off += (uint64_t)n;
	s->tried = 0;
	return 1;
}
