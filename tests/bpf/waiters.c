// SPDX-License-Identifier: Apache-2.0
#include "waiters.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "late.h"

#define WORD 8

struct waiter {
	pthread_t thread;
	const struct waiters *all;
	char *page; /* that nobody has provided yet */
	ssize_t wrote;
};

struct waiters {
	pid_t pid;
	void *there;
	struct late pages;
	size_t count;
	struct waiter each[WAITERS_MAX];
};

static void *wait_in_write(void *arg)
{
	struct waiter *one = arg;
	struct iovec from = { one->page, WORD };
	struct iovec to = { one->all->there, WORD };

	one->wrote = process_vm_writev(one->all->pid, &from, 1, &to, 1, 0);
	return NULL;
}

struct waiters *waiters_begin(pid_t pid, void *there, size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct waiters *w = calloc(1, sizeof(*w));
	struct waiter *one;

	if (!w || n > WAITERS_MAX || late_open(&w->pages, n * page) < 0)
		return NULL;
	w->pid = pid;
	w->there = there;
	for (; w->count < n; w->count++) {
		one = &w->each[w->count];
		one->all = w;
		one->page = w->pages.area + w->count * page;
		errno = pthread_create(&one->thread, NULL, wait_in_write, one);
		if (errno)
			return NULL;
	}
	return late_await(&w->pages, n) < 0 ? NULL : w;
}

int waiters_end(struct waiters *w)
{
	int r = late_provide(&w->pages);
	size_t i;

	/* Who waits for what never comes is waited for by nobody. */
	for (i = 0; r == 0 && i < w->count; i++)
		if (pthread_join(w->each[i].thread, NULL) ||
		    w->each[i].wrote != WORD)
			r = -1;
	return r;
}
