/* SPDX-License-Identifier: Apache-2.0 */
/* The status file: one table says how it is written and how it is read. */
#include "out/ship_status.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"

#define HEAD	   "picket-ship-status 1"
#define STATUS_MAX (16u << 10)

enum type { TEXT, U32, U64, TIME };

static const struct {
	const char *key;
	enum type type;
	size_t at, size;
} keys[] = {
#define KEY(type, name)                                          \
	{                                                        \
#name, type, offsetof(struct ship_status, name), \
			sizeof(((struct ship_status *)0)->name)  \
	}
	KEY(U32, pid),
	KEY(TIME, written_ns),
	KEY(TIME, started_ns),
	KEY(TEXT, state),
	KEY(TEXT, url),
	KEY(U32, acked_epoch),
	KEY(U64, acked_seq),
	KEY(TIME, acked_ns),
	KEY(TIME, waiting_since_ns),
	KEY(U64, sealed_seq),
	KEY(U64, backlog),
	KEY(U64, sent_records),
	KEY(U64, sent_batches),
	KEY(U64, sent_bytes),
	KEY(U64, retries),
	KEY(U64, retries_in_row),
	KEY(U64, dead_letters),
	KEY(U64, rejected),
	KEY(U64, unreadable),
	KEY(U64, filtered),
	KEY(U64, early),
	KEY(U64, missing),
	KEY(TIME, error_ns),
	KEY(TEXT, error),
#undef KEY
};

#define KEYS_N (sizeof(keys) / sizeof(keys[0]))

/* Escaped by whoever made it; that it is one line is seen to here. */
static void add_line(struct buf *out, const char *p)
{
	for (; *p; p++)
		buf_add_char(out, (unsigned char)*p < ' ' ? ' ' : *p);
}

void ship_status_print(struct buf *out, const struct ship_status *s)
{
	size_t i;

	buf_add_str(out, HEAD "\n");
	for (i = 0; i < KEYS_N; i++) {
		const char *p = (const char *)s + keys[i].at;

		buf_addf(out, "%s=", keys[i].key);
		switch (keys[i].type) {
		case TEXT:
			add_line(out, p);
			break;
		case U32:
			buf_addf(out, "%" PRIu32, *(const uint32_t *)p);
			break;
		case U64:
		case TIME:
			buf_addf(out, "%" PRIu64, *(const uint64_t *)p);
			break;
		}
		buf_add_char(out, '\n');
	}
}

static int set(struct ship_status *s, size_t i, struct slice v)
{
	char *p = (char *)s + keys[i].at;
	uint64_t n;
	uint32_t n32;
	int r;

	switch (keys[i].type) {
	case TEXT:
		if (v.n >= keys[i].size)
			v.n = keys[i].size - 1;
		if (v.n)
			memcpy(p, v.p, v.n);
		p[v.n] = '\0';
		return 0;
	case U32:
		r = text_u32(v, &n32);
		if (r >= 0)
			memcpy(p, &n32, sizeof(n32));
		return r;
	case U64:
	case TIME:
		r = text_u64(v, &n);
		/* Signed where it is read. */
		if (r >= 0 && keys[i].type == TIME && n > INT64_MAX)
			r = -ERANGE;
		if (r >= 0)
			memcpy(p, &n, sizeof(n));
		return r;
	}
	return -EINVAL;
}

static bool next_line(struct slice *text, struct slice *ret)
{
	const char *end;

	if (!text->n)
		return false;
	end = memchr(text->p, '\n', text->n);
	*ret = slice_of(text->p, end ? (size_t)(end - text->p) : text->n);
	text->p += ret->n + (end != NULL);
	text->n -= ret->n + (end != NULL);
	return true;
}

int ship_status_parse(struct slice text, struct ship_status *ret)
{
	struct ship_status s = { 0 };
	struct slice line;
	size_t i;

	if (!next_line(&text, &line) || !slice_eq(line, slice_str(HEAD)))
		return -EBADMSG;
	while (next_line(&text, &line)) {
		const char *eq = line.n ? memchr(line.p, '=', line.n) : NULL;
		struct slice key, value;

		if (!eq)
			return -EBADMSG;
		key = slice_of(line.p, (size_t)(eq - line.p));
		value = slice_of(eq + 1, line.n - key.n - 1);
		for (i = 0; i < KEYS_N; i++) {
			if (slice_eq(key, slice_str(keys[i].key)) &&
			    set(&s, i, value) < 0)
				return -EBADMSG;
		}
	}
	*ret = s;
	return 0;
}

int ship_status_save(const char *dir, const char *name,
		     const struct ship_status *s)
{
	cleanup_buf struct buf text = BUF_INIT(STATUS_MAX);
	cleanup_close int dirfd = -1;

	ship_status_print(&text, s);
	if (text.failed)
		return -ENOMEM;
	dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return -errno;
	return fs_replace(dirfd, name, text.p, text.n, 0640);
}

int ship_status_load(const char *dir, const char *name, struct ship_status *ret)
{
	cleanup_close int dirfd = -1;
	cleanup_free char *text = NULL;
	size_t n;
	int r;

	dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return -errno;
	r = fs_read_foreign(dirfd, name, STATUS_MAX, &text, &n);
	if (r < 0)
		return r;
	return ship_status_parse(slice_of(text, n), ret);
}
