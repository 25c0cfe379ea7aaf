/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a journal's only segment, read, verified and recovered.
 *
 * First byte: bit 0, put a valid header before the rest; bit 1, give what
 * looks like frames there the checksums that they lack, so that more than the
 * checksum is tried; bit 2, a finished segment follows.
 *
 * Properties: a reader ends, hands out numbers without a hole and never more
 * frames than fit; what recovery leaves is read again, and a second recovery
 * finds nothing to cut.
 */
#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/dir.h"
#include "store/frame.h"
#include "store/reader.h"
#include "store/recover.h"
#include "store/segment.h"
#include "store/spans.h"
#include "store/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FIRST "0000000000000001.seg"

static char dir[64];
static int dirfd_ = -1;

static void remove_files(void)
{
	const struct dirent *e;
	DIR *d = opendir(dir);

	while (d && (e = readdir(d))) {
		if (e->d_name[0] != '.')
			(void)unlinkat(dirfd_, e->d_name, 0);
	}
	if (d)
		(void)closedir(d);
}

static void remove_dir(void)
{
	remove_files();
	(void)close(dirfd_);
	(void)rmdir(dir);
}

/* In memory where that is possible: recovery syncs a lot. */
static void make_dir(void)
{
	(void)snprintf(dir, sizeof(dir), "%s/picket-fuzz-XXXXXX",
		       access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	assert(mkdtemp(dir));
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert(dirfd_ >= 0);
	(void)atexit(remove_dir);
}

static void save(const char *name, const void *p, size_t n)
{
	int fd = openat(dirfd_, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			0600);

	assert(fd >= 0);
	assert(write(fd, p, n) == (ssize_t)n);
	(void)close(fd);
}

static struct journal_segment_header header(uint64_t number, uint64_t first)
{
	return (struct journal_segment_header){ .epoch = 1,
						.number = number,
						.first_seq = first };
}

/* What looks like frames, one after the other, made valid by its CRC. */
static void repair(uint8_t *p, size_t n)
{
	struct journal_segment_header seg = header(1, 1);
	struct frame_key key = frame_key_of(&seg);
	struct journal_frame_header h;
	size_t off = JOURNAL_HEADER_AREA, left;
	struct frame f;

	for (; off + sizeof(h) <= n; off += sizeof(h) + h.length) {
		memcpy(&h, p + off, sizeof(h));
		left = n - off - sizeof(h);
		/* An unlikely type byte: leave it damaged, go on behind. */
		h.length =
			h.length % 256 < left ? h.length % 256 : (uint32_t)left;
		f = (struct frame){
			.type = h.type % 8,
			.flags = h.flags,
			.seq = h.seq,
			.wall_ns = h.wall_ns,
			.payload =
				slice_of((char *)p + off + sizeof(h), h.length),
		};
		if (h.type >= 0xf0)
			continue;
		frame_encode(key, &f, &h);
		memcpy(p + off, &h, sizeof(h));
	}
}

static uint64_t read_all(unsigned flags, size_t size)
{
	struct reader *r = NULL;
	struct reader_frame f;
	uint64_t next = 0, frames = 0;
	uint32_t epoch = 0;

	assert(reader_open(dir, READER_OLDEST, 0, flags, &r) == 0);
	while (reader_next(r, &f) == 1) {
		frames++;
		assert(frames <= 2 * (size / FRAME_HEADER + 4));
		if (!f.seq)
			continue;
		assert(f.seq_end > f.seq);
		assert(f.epoch != epoch || f.seq == next);
		epoch = f.epoch;
		next = f.seq_end;
	}
	reader_close(r);
	return frames;
}

static void recover_twice(size_t size)
{
	struct journal_settings s = { .file_mode = 0600, .max_size = 1u << 20 };
	struct recovery rec;
	char what[256];

	if (recover(dirfd_, &s, &rec, what) < 0) {
		free(rec.infos);
		return;
	}
	free(rec.infos);
	(void)read_all(READER_SEALED_ONLY, size + 4096);
	assert(recover(dirfd_, &s, &rec, what) == 0);
	assert(rec.opening.cut_bytes == 0);
	free(rec.infos);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span span = { -(int64_t)size, (int64_t)size };
	struct verify_result v;
	struct spans spans;
	struct journal_segment_header h;
	uint8_t area[JOURNAL_HEADER_AREA];
	uint8_t mode, *p;
	size_t n, at;

	if (size < 1 || size > 65536)
		return 0;
	if (dirfd_ < 0)
		make_dir();
	mode = data[0];
	at = mode & 1 ? JOURNAL_HEADER_AREA : 0;
	n = at + size - 1;
	p = malloc(n + 1);
	if (!p)
		return 0;
	h = header(1, 1);
	if (at)
		segment_encode_header(&h, p);
	memcpy(p + at, data + 1, size - 1);
	if (at && mode & 2)
		repair(p, n);
	save(FIRST, p, n);
	free(p);
	if (mode & 4) {
		h = header(2, 1 + size % 50);
		segment_encode_header(&h, area);
		save("0000000000000002.seg", area, sizeof(area));
	}
	(void)read_all(0, n);
	(void)read_all(READER_SEALED_ONLY, n);
	assert(verify(dir, NULL, &v) == 0);
	assert(spans_find(dir, &span, &spans) == 0);
	assert(spans.chosen <= spans.segments && spans.n <= spans.chosen);
	spans_done(&spans);
	recover_twice(n);
	remove_files();
	return 0;
}
