/* SPDX-License-Identifier: Apache-2.0 */
/* A descriptor to poll for changes in a directory. */
#pragma once

#include <stdbool.h>

struct watch {
	int fd; /* what to poll */
	int inotify;
	int timer;
};

#define WATCH_INIT         \
	{                  \
		-1, -1, -1 \
	}

int watch_open(struct watch *w);
void watch_close(struct watch *w);
/*
 * Watch this directory from now on. If that fails (no directory, no inotify
 * instance left), it becomes readable once in a while instead.
 */
void watch_set(struct watch *w, const char *dir);
/* Make it readable now. */
void watch_now(struct watch *w);
void watch_clear(struct watch *w);
