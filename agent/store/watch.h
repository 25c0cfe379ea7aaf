/* SPDX-License-Identifier: Apache-2.0 */
/* Something in a directory may have changed: a descriptor to poll for that. */
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
 * Look at this directory from now on. Where the kernel cannot (no directory,
 * no inotify left), wake once in a while instead.
 */
void watch_set(struct watch *w, const char *dir);
/* Wake once, now. */
void watch_now(struct watch *w);
void watch_clear(struct watch *w);
