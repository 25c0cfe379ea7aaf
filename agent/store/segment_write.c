/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The segment that is being written. The one idea: all state of the writing end
 * is (link, offset): everything behind the last seal can be written again, byte
 * for byte, as often as the disk fails.
 */
#include "store/segment_write.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"

/* Buffers of one segment_write, and the seal that goes before them. */
#define IOV_MOST 4

static int real_create(int dirfd, const char *name, mode_t mode)
{
	int fd;

	/* Left over by a writer that is gone (the lock is ours): begin anew. */
	if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dirfd, name,
		    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	/* Not through open's mode: the umask must not have a say in it. */
	if (fchmod(fd, mode) < 0) {
		int r = -errno;

		(void)close(fd);
		return r;
	}
	return fd;
}

static ssize_t real_pwritev(int fd, const struct iovec *v, int n, off_t off)
{
	ssize_t did = pwritev(fd, v, n, off);

	return did < 0 ? -errno : did;
}

static int real_fdatasync(int fd)
{
	return fdatasync(fd) < 0 ? -errno : 0;
}

static int real_rename(int dirfd, const char *from, const char *to)
{
	return renameat(dirfd, from, dirfd, to) < 0 ? -errno : 0;
}

const struct store_io store_io_real = {
	.create = real_create,
	.pwritev = real_pwritev,
	.fdatasync = real_fdatasync,
	.rename = real_rename,
	.sync_dir = fs_sync_dir,
};

int segment_init(struct segment *s, const struct store_io *io)
{
	*s = (struct segment){ .io = io ? io : &store_io_real, .fd = -1 };
	return sha_new(&s->sha);
}

void segment_done(struct segment *s)
{
	if (s->fd >= 0)
		(void)close(steal_fd(&s->fd));
	sha_free(steal_ptr(s->sha));
}

struct target {
	const struct store_io *io;
	int fd;
	uint64_t off;
};

/* All of it. The vector is used up. */
static int put(struct target t, struct iovec *v, int n)
{
	ssize_t did;

	while (n) {
		if (!v->iov_len) {
			v++;
			n--;
			continue;
		}
		did = t.io->pwritev(t.fd, v, n, (off_t)t.off);
		if (did == -EINTR)
			continue;
		if (did < 0)
			return (int)did;
		if (!did)
			return -EIO;
		t.off += (uint64_t)did;
		while (n && (size_t)did >= v->iov_len) {
			did -= (ssize_t)v->iov_len;
			v++;
			n--;
		}
		if (n) {
			v->iov_base = (char *)v->iov_base + did;
			v->iov_len -= (size_t)did;
		}
	}
	return 0;
}

static void set_link(struct segment *s, const void *p, size_t n)
{
	s->link_off = s->off;
	memmove(s->link, p, n);
	s->link_size = n;
	s->off += n;
	s->link_earliest_ns = INT64_MAX;
	sha_start(s->sha);
	sha_add(s->sha, s->link, n);
}

int segment_create(struct segment *s, int dirfd, const struct segment_plan *p,
		   const char **ret_what)
{
	struct journal_segment_header h = { 0 };
	char made[SEGMENT_NAME_MAX], name[SEGMENT_NAME_MAX];
	uint8_t area[JOURNAL_HEADER_AREA];
	struct iovec v = { area, sizeof(area) };
	cleanup_close int fd = -1;
	const char *what;
	int r;

	h.epoch = p->epoch;
	h.compatible = p->compatible;
	h.incompatible = p->incompatible;
	memcpy(h.id, p->id, sizeof(h.id));
	memcpy(h.salt, p->salt, sizeof(h.salt));
	h.number = p->number;
	h.first_seq = p->first_seq;
	h.wall_ns = p->wall_ns;
	memcpy(h.previous_sha, p->previous_sha, sizeof(h.previous_sha));
	segment_encode_header(&h, area);
	segment_name(p->number, "new", made);
	segment_name(p->number, "seg", name);

	what = "create segment";
	r = fd = s->io->create(dirfd, made, p->mode);
	if (r >= 0) {
		what = "write segment header";
		r = put((struct target){ s->io, fd, 0 }, &v, 1);
	}
	if (r >= 0) {
		what = "fdatasync";
		r = s->io->fdatasync(fd);
	}
	if (r >= 0) {
		what = "rename segment";
		r = s->io->rename(dirfd, made, name);
	}
	if (r >= 0) {
		what = "sync directory";
		r = s->io->sync_dir(dirfd);
	}
	if (r < 0) {
		(void)unlinkat(dirfd, made, 0);
		*ret_what = what;
		return r;
	}
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = steal_fd(&fd);
	s->header = h;
	s->key = frame_key_of(&h);
	s->rewound = false;
	s->times = s->sealed_times = (struct segment_times){ 0 };
	s->off = 0;
	set_link(s, area, sizeof(area));
	return 0;
}

int segment_adopt(struct segment *s, int fd, const struct segment_place *p)
{
	uint64_t at, end = segment_link_end(p->link_off, p->off);
	uint8_t buf[16384];
	size_t n = 0;
	int r;

	r = segment_read_header(fd, &s->header);
	if (r < 0)
		return r;
	sha_start(s->sha);
	for (at = p->link_off; at < end; at += n) {
		n = end - at < sizeof(buf) ? (size_t)(end - at) : sizeof(buf);
		r = segment_pread(fd, buf, n, at);
		if (r < 0)
			return r;
		if ((size_t)r < n)
			return -ENODATA;
		sha_add(s->sha, buf, n);
	}
	s->fd = fd;
	s->key = frame_key_of(&s->header);
	s->link_off = p->link_off;
	s->link_size = 0;
	if (p->off - p->link_off <= sizeof(s->link)) {
		s->link_size = n;
		memcpy(s->link, buf, n);
	}
	s->off = p->off;
	s->times = s->sealed_times = p->times;
	s->link_earliest_ns = 0;
	s->rewound = false;
	return 0;
}

/* Copy n bytes from `at` on of all that v holds; false: it ends before. */
static bool peek(const struct iovec *v, int n_v, size_t at, struct iovec to)
{
	uint8_t *p = to.iov_base;
	size_t have;
	int i;

	for (i = 0; i < n_v && to.iov_len; at = 0, i++) {
		while (i < n_v && at >= v[i].iov_len)
			at -= v[i++].iov_len;
		if (i == n_v)
			break;
		have = v[i].iov_len - at;
		if (have > to.iov_len)
			have = to.iov_len;
		memcpy(p, (const uint8_t *)v[i].iov_base + at, have);
		p += have;
		to.iov_len -= have;
	}
	return !to.iov_len;
}

static void note_times(struct segment *s, const struct iovec *v, int n)
{
	struct journal_frame_header h;
	size_t at = 0;

	while (peek(v, n, at, (struct iovec){ &h, sizeof(h) })) {
		if (h.seq)
			segment_times_add(&s->times, h.wall_ns);
		/* 0 stays so: what stands there already is not known. */
		if (h.seq && s->link_earliest_ns &&
		    h.wall_ns < s->link_earliest_ns)
			s->link_earliest_ns = h.wall_ns;
		at += sizeof(h) + h.length;
	}
}

int segment_write(struct segment *s, const struct iovec *v, int n)
{
	struct iovec w[IOV_MOST];
	int i, r, used = 0;
	size_t total = 0;

	if (n > IOV_MOST - 1)
		return -EINVAL;
	if (s->rewound)
		w[used++] = (struct iovec){ s->link, s->link_size };
	for (i = 0; i < n; i++) {
		w[used++] = v[i];
		total += v[i].iov_len;
	}
	r = put((struct target){ s->io, s->fd,
				 s->rewound ? s->link_off : s->off },
		w, used);
	if (r < 0)
		return r;
	s->rewound = false;
	for (i = 0; i < n; i++)
		sha_add(s->sha, v[i].iov_base, v[i].iov_len);
	note_times(s, v, n);
	s->off += total;
	return 0;
}

int segment_sync(struct segment *s)
{
	int r = 0;

	if (s->rewound)
		r = segment_write(s, NULL, 0);
	return r < 0 ? r : s->io->fdatasync(s->fd);
}

int segment_seal(struct segment *s, uint64_t last_seq, uint32_t flags,
		 int64_t wall_ns)
{
	struct journal_seal seal = {
		.last_seq = last_seq,
		.previous = s->link_off,
		.flags = flags,
		.earliest_ns = s->times.earliest_ns,
		.latest_ns = s->times.latest_ns,
		.link_earliest_ns = s->link_earliest_ns,
	};
	struct frame f = {
		.type = JOURNAL_SEAL,
		.wall_ns = wall_ns,
		.payload = slice_of((const char *)&seal, sizeof(seal)),
	};
	uint8_t bytes[FRAME_HEADER + sizeof(seal)];
	struct journal_frame_header h;
	struct iovec v = { bytes, sizeof(bytes) };
	int r;

	sha_end(s->sha, seal.sha);
	frame_encode(s->key, &f, &h);
	memcpy(bytes, &h, sizeof(h));
	memcpy(bytes + sizeof(h), &seal, sizeof(seal));
	r = put((struct target){ s->io, s->fd, s->off }, &v, 1);
	if (r < 0)
		return r;
	set_link(s, bytes, sizeof(bytes));
	s->sealed_times = s->times;
	return 0;
}

void segment_rewind(struct segment *s)
{
	s->off = s->link_off + s->link_size;
	s->times = s->sealed_times;
	s->link_earliest_ns = INT64_MAX;
	s->rewound = true;
	sha_start(s->sha);
	sha_add(s->sha, s->link, s->link_size);
}

void segment_final_sha(struct segment *s, uint8_t ret[static JOURNAL_SHA_SIZE])
{
	sha_end(s->sha, ret);
	/* The same bytes again, so that the segment is as it was. */
	sha_start(s->sha);
	sha_add(s->sha, s->link, s->link_size);
}
