// SPDX-License-Identifier: Apache-2.0
#include "waiters.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PATIENCE_MS 60000
#define WORD	    8

struct waiter {
	pthread_t thread;
	const struct waiters *all;
	char *page; /* that nobody has provided yet */
	ssize_t wrote;
};

struct waiters {
	pid_t pid;
	void *there;
	int faults; /* what tells who waits */
	char *area;
	size_t bytes;
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

/* Memory whose first use waits for us. */
static int open_area(struct waiters *w, size_t bytes)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	w->faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (w->faults < 0 || ioctl(w->faults, UFFDIO_API, &api) < 0)
		return -1;
	w->area = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (w->area == MAP_FAILED)
		return -1;
	w->bytes = bytes;
	reg.range.start = (uintptr_t)w->area;
	reg.range.len = bytes;
	return ioctl(w->faults, UFFDIO_REGISTER, &reg);
}

/* Each fault is told once the thread has gone to wait for its page. */
static int await_faults(const struct waiters *w, size_t n)
{
	struct pollfd p = { .fd = w->faults, .events = POLLIN };
	struct uffd_msg msg;

	while (n) {
		if (poll(&p, 1, PATIENCE_MS) != 1 ||
		    read(w->faults, &msg, sizeof(msg)) != sizeof(msg))
			return -1;
		n -= msg.event == UFFD_EVENT_PAGEFAULT;
	}
	return 0;
}

struct waiters *waiters_begin(pid_t pid, void *there, size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct waiters *w = calloc(1, sizeof(*w));
	struct waiter *one;

	if (!w || n > WAITERS_MAX || open_area(w, n * page) < 0)
		return NULL;
	w->pid = pid;
	w->there = there;
	for (; w->count < n; w->count++) {
		one = &w->each[w->count];
		one->all = w;
		one->page = w->area + w->count * page;
		errno = pthread_create(&one->thread, NULL, wait_in_write, one);
		if (errno)
			return NULL;
	}
	return await_faults(w, n) < 0 ? NULL : w;
}

int waiters_end(struct waiters *w)
{
	struct uffdio_zeropage zeroes = {
		.range = { (uintptr_t)w->area, w->bytes },
	};
	int r = ioctl(w->faults, UFFDIO_ZEROPAGE, &zeroes);
	size_t i;

	/* Who waits for what never comes is waited for by nobody. */
	for (i = 0; r == 0 && i < w->count; i++)
		if (pthread_join(w->each[i].thread, NULL) ||
		    w->each[i].wrote != WORD)
			r = -1;
	return r;
}
