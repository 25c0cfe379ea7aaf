/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines on stderr. The one idea: a line is formatted on the stack and
 * goes out in one write, so it works without memory, lines of two threads do
 * not mix, and a byte that could end the line early never gets out. A
 * terminal may take part of a line; that is then all there is of it.
 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/text.h"

#define LINE_MAX_BYTES 4096

struct level {
	const char *name;
	int priority; /* of syslog(3) */
};

static const struct level levels[] = {
	[LOG_ERROR] = { "error", 3 },	[LOG_WARNING] = { "warning", 4 },
	[LOG_NOTICE] = { "notice", 5 }, [LOG_INFO] = { "info", 6 },
	[LOG_DEBUG] = { "debug", 7 },
};

_Static_assert(sizeof(levels) / sizeof(levels[0]) == LOG_LEVEL_COUNT,
	       "each level has a name");

static const char *program = "picket";
static atomic_int max_level = LOG_INFO;
static bool to_journal;

/* How a line gets out. HASTY: through hasty_fd; SOCKET: with a flag. */
static enum { PATIENT, HASTY, SOCKET } manner;
static int hasty_fd = -1;
static atomic_ulong dropped;

/* JOURNAL_STREAM is "device:inode" of what systemd gave as stderr. */
static bool stderr_is_journal(void)
{
	const char *s = getenv("JOURNAL_STREAM");
	const char *colon = s ? strchr(s, ':') : NULL;
	uint64_t dev, ino;
	struct stat st;

	if (!colon || text_u64(slice_of(s, (size_t)(colon - s)), &dev) < 0 ||
	    text_u64(slice_str(colon + 1), &ino) < 0)
		return false;
	return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev &&
	       st.st_ino == ino;
}

void log_init(const char *name, enum log_level max)
{
	program = name;
	to_journal = stderr_is_journal();
	log_set_level(max);
}

bool log_is_journal(void)
{
	return to_journal;
}

void log_set_level(enum log_level max)
{
	atomic_store_explicit(&max_level, (int)max, memory_order_relaxed);
}

int log_level_parse(const char *name)
{
	int i;

	for (i = 0; i < LOG_LEVEL_COUNT; i++) {
		if (strcmp(levels[i].name, name) == 0)
			return i;
	}
	return -EINVAL;
}

/* Callers escape what is foreign; this is the net below them. */
static void blunt_controls(char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
			p[i] = '?';
	}
}

void log_never_wait(void)
{
	struct stat st;

	if (fstat(STDERR_FILENO, &st) < 0)
		return;
	if (S_ISSOCK(st.st_mode)) {
		manner = SOCKET;
		return;
	}
	if (S_ISREG(st.st_mode) || hasty_fd >= 0)
		return;
	hasty_fd = fs_open_hasty(STDERR_FILENO);
	if (hasty_fd >= 0)
		manner = HASTY;
}

/* At most PIPE_BUF bytes: all of them or none go into a pipe. */
static bool put(const char *p, size_t n)
{
	switch (manner) {
	case HASTY:
		return write(hasty_fd, p, n) >= 0;
	case SOCKET:
		return send(STDERR_FILENO, p, n, MSG_DONTWAIT | MSG_NOSIGNAL) >=
		       0;
	default:
		return fs_write_all(STDERR_FILENO, p, n) == 0;
	}
}

static void put_counted(const char *line, size_t n)
{
	unsigned long before = atomic_exchange(&dropped, 0);
	char told[128];
	int len;

	if (before) {
		len = to_journal
			      ? snprintf(told, sizeof(told),
					 "<4>%lu lines had no room\n", before)
			      : snprintf(told, sizeof(told),
					 "%.64s: warning: %lu lines had no "
					 "room\n",
					 program, before);
		if (!put(told, (size_t)len)) {
			atomic_fetch_add(&dropped, before + 1);
			return;
		}
	}
	if (!put(line, n))
		atomic_fetch_add(&dropped, 1);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	static const char cut[] = " ...";
	char line[LINE_MAX_BYTES];
	int saved = errno, head, body;
	size_t room, n;
	va_list ap;

	if ((int)level > atomic_load_explicit(&max_level, memory_order_relaxed))
		return;
	if (to_journal)
		head = snprintf(line, sizeof(line), "<%d>",
				levels[level].priority);
	else
		head = snprintf(line, sizeof(line), "%.64s: %s: ", program,
				levels[level].name);
	if (head < 0)
		goto out;
	n = (size_t)head;
	room = sizeof(line) - n - 1; /* the line's end */
	errno = saved;		     /* for %m */
	va_start(ap, fmt);
	body = vsnprintf(line + n, room, fmt, ap);
	va_end(ap);
	if (body < 0)
		goto out;
	if ((size_t)body >= room) {
		body = (int)room - 1;
		memcpy(line + n + room - sizeof(cut), cut, sizeof(cut) - 1);
	}
	blunt_controls(line + n, (size_t)body);
	n += (size_t)body;
	line[n++] = '\n';
	put_counted(line, n);
out:
	errno = saved;
}
