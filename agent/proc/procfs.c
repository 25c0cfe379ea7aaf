/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading /proc. Its text is made by the kernel, but with names in it that
 * processes choose, so every line is parsed from where no chosen byte can
 * mislead: stat after the last ')', mountinfo by fields whose blanks the
 * kernel escapes.
 */
#include "proc/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

const char *procfs_name(char buf[static PROCFS_NAME_MAX], const char *procfs,
			pid_t tgid, const char *what)
{
	int n;

	if (tgid)
		n = snprintf(buf, PROCFS_NAME_MAX, "%s/%d/%s", procfs, tgid,
			     what);
	else
		n = snprintf(buf, PROCFS_NAME_MAX, "%s/self/%s", procfs, what);
	/* Too long to be one: a name that opens nothing. */
	if (n < 0 || n >= PROCFS_NAME_MAX)
		buf[0] = 0;
	return buf;
}

int procfs_read_at(int dirfd, const char *name, size_t max, char **ret_p,
		   size_t *ret_n)
{
	cleanup_close int fd = -1;
	cleanup_free char *p = NULL;
	size_t cap = max < 4096 ? max : 4096, n = 0;

	fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	p = malloc(cap + 1);
	if (!p)
		return -ENOMEM;
	while (n < max) {
		ssize_t did;

		if (n == cap) {
			size_t more = cap * 2 < max ? cap * 2 : max;
			char *grown = realloc(p, more + 1);

			if (!grown)
				return -ENOMEM;
			p = grown;
			cap = more;
		}
		did = read(fd, p + n, cap - n);
		if (did < 0 && errno == EINTR)
			continue;
		if (did < 0)
			return -errno;
		if (!did)
			break;
		n += (size_t)did;
	}
	p[n] = 0;
	*ret_p = steal_ptr(p);
	*ret_n = n;
	return 0;
}

int procfs_read(const char *name, size_t max, char **ret_p, size_t *ret_n)
{
	return procfs_read_at(AT_FDCWD, name, max, ret_p, ret_n);
}

static bool cut_at(struct slice *rest, char at, struct slice *ret_part)
{
	const char *stop = rest->n ? memchr(rest->p, at, rest->n) : NULL;
	size_t n = stop ? (size_t)(stop - rest->p) : rest->n;

	if (!rest->n)
		return false;
	*ret_part = slice_of(rest->p, n);
	n += stop ? 1 : 0;
	*rest = slice_of(rest->p + n, rest->n - n);
	return true;
}

bool procfs_next_line(struct slice *rest, struct slice *ret_line)
{
	return cut_at(rest, '\n', ret_line);
}

bool procfs_field(struct slice line, const char *key, struct slice *ret_value)
{
	struct slice name = slice_str(key);

	if (!slice_starts(line, name) || line.n <= name.n ||
	    line.p[name.n] != ':')
		return false;
	*ret_value =
		text_trim(slice_of(line.p + name.n + 1, line.n - name.n - 1));
	return true;
}

uint32_t procfs_kernel_dev(dev_t dev)
{
	return (uint32_t)major(dev) << 20 | (minor(dev) & 0xfffff);
}

/* tty_nr is the kernel's old encoding: minor in bits 0-7 and 20-31. */
static uint32_t tty_dev(uint32_t nr)
{
	uint32_t maj = nr >> 8 & 0xfff;
	uint32_t min = (nr & 0xff) | (nr >> 12 & 0xfff00);

	return maj << 20 | min;
}

int procfs_parse_stat(struct slice text, struct procfs_stat *ret)
{
	enum { PPID = 4, PGID = 5, SID = 6, TTY = 7, FLAGS = 9, START = 22 };
	const char *open = text.n ? memchr(text.p, '(', text.n) : NULL;
	const char *shut = text.n ? memrchr(text.p, ')', text.n) : NULL;
	uint64_t field[START + 1] = { 0 };
	struct slice rest, word;

	if (!open || !shut || shut < open)
		return -EINVAL;
	rest = slice_of(shut + 1, (size_t)(text.p + text.n - shut - 1));
	/* After comm: the state, a letter, is field 3. */
	if (!text_word(&rest, &word) || word.n != 1)
		return -EINVAL;
	for (int i = PPID; i <= START; i++) {
		if (!text_word(&rest, &word))
			return -EINVAL;
		/* Some fields may be negative; none that is asked for. */
		if (text_u64(word, &field[i]) < 0 &&
		    (i <= TTY || i == FLAGS || i == START))
			return -EINVAL;
	}
	*ret = (struct procfs_stat){
		.comm = slice_of(open + 1, (size_t)(shut - open - 1)),
		.ppid = (uint32_t)field[PPID],
		.pgid = (uint32_t)field[PGID],
		.sid = (uint32_t)field[SID],
		.tty = tty_dev((uint32_t)field[TTY]),
		.flags = field[FLAGS],
		.start_ticks = field[START],
	};
	return 0;
}

int procfs_parse_cgroup_line(struct slice line, struct procfs_cgroup_line *ret)
{
	struct procfs_cgroup_line l;
	struct slice number;

	if (!cut_at(&line, ':', &number) ||
	    text_u32(number, &l.hierarchy) < 0 ||
	    !cut_at(&line, ':', &l.controllers) || !line.n || line.p[0] != '/')
		return -EINVAL;
	l.path = line;
	*ret = l;
	return 0;
}

static int parse_dev(struct slice word, uint32_t *ret)
{
	struct slice maj;
	uint32_t a, b;

	if (!cut_at(&word, ':', &maj) || text_u32(maj, &a) < 0 ||
	    text_u32(word, &b) < 0 || a > 0xfff || b > 0xfffff)
		return -EINVAL;
	*ret = a << 20 | b;
	return 0;
}

/* 36 35 98:0 /root /point rw,noatime shared:1 - ext4 /dev/root rw */
int procfs_parse_mount(struct slice line, struct procfs_mount *ret)
{
	struct procfs_mount m;
	struct slice word, source;

	if (!text_word(&line, &word) || text_u32(word, &m.id) < 0 ||
	    !text_word(&line, &word))
		return -EINVAL;
	if (!text_word(&line, &word) || parse_dev(word, &m.dev) < 0 ||
	    !text_word(&line, &m.root) || !text_word(&line, &m.point))
		return -EINVAL;
	do {
		if (!text_word(&line, &word))
			return -EINVAL;
	} while (!slice_eq(word, slice_str("-")));
	if (!text_word(&line, &m.type) || !text_word(&line, &source))
		return -EINVAL;
	/* A source may be empty text: then the options stand in its place. */
	m.super = text_word(&line, &word) ? word : source;
	if (m.point.p[0] != '/')
		return -EINVAL;
	*ret = m;
	return 0;
}

static bool is_octal(const char *p)
{
	return p[0] >= '0' && p[0] <= '3' && p[1] >= '0' && p[1] <= '7' &&
	       p[2] >= '0' && p[2] <= '7';
}

size_t procfs_unescape(char *p, size_t n)
{
	size_t to = 0;

	for (size_t i = 0; i < n; to++) {
		if (p[i] == '\\' && n - i >= 4 && is_octal(p + i + 1)) {
			p[to] = (char)((p[i + 1] - '0') << 6 |
				       (p[i + 2] - '0') << 3 |
				       (p[i + 3] - '0'));
			i += 4;
		} else {
			p[to] = p[i++];
		}
	}
	return to;
}

uint32_t procfs_namespace(int dirfd, const char *name)
{
	char link[64];
	ssize_t n = readlinkat(dirfd, name, link, sizeof(link));
	const char *open;
	uint32_t inode;

	if (n <= 0 || link[n - 1] != ']')
		return 0;
	open = memchr(link, '[', (size_t)n);
	if (!open)
		return 0;
	open++;
	if (text_u32(slice_of(open, (size_t)(link + n - 1 - open)), &inode) < 0)
		return 0;
	return inode;
}
