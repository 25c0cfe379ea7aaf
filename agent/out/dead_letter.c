/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Appended and synced before the cursor may pass the record. A line torn by
 * a crash is ended by the next append, so that it costs only itself.
 */
#include "out/dead_letter.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/escape.h"
#include "base/fs.h"

#define LINE_MAX_BYTES (16u << 20)

static void add_base64(struct buf *out, struct slice in)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789+/";
	size_t i, k;

	for (i = 0; i < in.n; i += 3) {
		size_t n = in.n - i < 3 ? in.n - i : 3;
		uint32_t v = 0;

		for (k = 0; k < 3; k++)
			v = v << 8 | (k < n ? (uint8_t)in.p[i + k] : 0);
		for (k = 0; k < 4; k++)
			buf_add_char(out,
				     k <= n ? digits[v >> (18 - 6 * k) & 63]
					    : '=');
	}
}

static void add_text(struct buf *out, const char *key, const char *value)
{
	buf_addf(out, "\"%s\":", key);
	escape_json(out, slice_str(value), NULL);
	buf_add_char(out, ',');
}

static void make_line(struct buf *out, const struct dead_letter *d)
{
	char time[32];

	buf_add_char(out, '{');
	add_text(out, "time", clock_print(d->wall_ns, time));
	add_text(out, "uid", d->uid);
	buf_addf(out, "\"status\":%ld,", d->status);
	add_text(out, "answer", d->answer);
	add_text(out, "format", d->format);
	buf_add_str(out, "\"record_b64\":\"");
	add_base64(out, d->record);
	buf_add_str(out, "\"}\n");
}

static int end_torn_line(int fd, off_t size)
{
	char last;
	int r;

	if (!size)
		return 0;
	r = fs_pread_all(fd, &last, 1, size - 1);
	if (r < 0)
		return r;
	return last == '\n' ? 0 : fs_write_all(fd, "\n", 1);
}

static int open_file(int dirfd, const char *name, off_t *ret_size)
{
	cleanup_close int fd = -1;
	struct stat st;

	fd = openat(dirfd, name,
		    O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	*ret_size = st.st_size;
	return steal_fd(&fd);
}

static int begin_another(int dirfd, const char *name, bool *ret_gone)
{
	char old[NAME_MAX + 1];

	(void)snprintf(old, sizeof(old), "%s.1", name);
	*ret_gone = faccessat(dirfd, old, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	return renameat(dirfd, name, dirfd, old) < 0 ? -errno : 0;
}

int dead_letter_append(const char *dir, const char *name,
		       const struct dead_letter *d, bool *ret_gone)
{
	cleanup_buf struct buf line = BUF_INIT(LINE_MAX_BYTES);
	cleanup_close int dirfd = -1, fd = -1;
	bool gone = false;
	off_t size;
	int r;

	make_line(&line, d);
	if (line.failed)
		return -ENOMEM;
	dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return -errno;
	fd = open_file(dirfd, name, &size);
	if (fd >= 0 && size && (uint64_t)size + line.n > DEAD_LETTER_FILE_MAX) {
		(void)close(steal_fd(&fd));
		r = begin_another(dirfd, name, &gone);
		fd = r < 0 ? r : open_file(dirfd, name, &size);
	}
	if (fd < 0)
		return fd;
	r = end_torn_line(fd, size);
	if (r >= 0)
		r = fs_write_all(fd, line.p, line.n);
	if (r >= 0 && fdatasync(fd) < 0)
		r = -errno;
	if (r >= 0 && !size)
		r = fs_sync_dir(dirfd);
	if (r >= 0)
		*ret_gone = gone;
	return r;
}
