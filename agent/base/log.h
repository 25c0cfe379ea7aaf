/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines for the operator, on stderr. Only app/ and the two mains log; stages
 * return codes. One line per fact: lower case, no period, names in single
 * quotes, then key=value. Bytes that came from a process go through escape
 * first. errno survives every call here.
 */
#pragma once

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG,
		 LOG_LEVEL_COUNT };

/*
 * name: what stands before a line on a terminal ("picket: error: …"); kept,
 * not copied. With systemd's journal behind stderr (JOURNAL_STREAM is set)
 * lines get the "<N>" priority prefix of sd-daemon(3) instead.
 */
void log_init(const char *name, enum log_level max);

void log_set_level(enum log_level max);

/*
 * From now on a line that has no room is dropped and counted instead of waited
 * for: a log that is stuck must not hold up who writes it. The count is told
 * in a line once there is room. Call it when stderr is what it will be.
 */
void log_never_wait(void);

/* Does systemd's journal read stderr, and so the priority of a line? */
bool log_is_journal(void);

/* The level called `name` (error, warning, notice, info, debug), or -EINVAL. */
int log_level_parse(const char *name);

void log_line(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
