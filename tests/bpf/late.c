// SPDX-License-Identifier: Apache-2.0
#include "late.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATIENCE_MS 60000

int late_open(struct late *l, size_t bytes)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	l->faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (l->faults < 0 || ioctl(l->faults, UFFDIO_API, &api) < 0)
		return -1;
	l->area = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (l->area == MAP_FAILED)
		return -1;
	l->bytes = bytes;
	reg.range.start = (uintptr_t)l->area;
	reg.range.len = bytes;
	return ioctl(l->faults, UFFDIO_REGISTER, &reg);
}

/* Each fault is told once the thread has gone to wait for its page. */
int late_await(const struct late *l, size_t n)
{
	struct pollfd p = { .fd = l->faults, .events = POLLIN };
	struct uffd_msg msg;

	while (n) {
		if (poll(&p, 1, PATIENCE_MS) != 1 ||
		    read(l->faults, &msg, sizeof(msg)) != sizeof(msg))
			return -1;
		n -= msg.event == UFFD_EVENT_PAGEFAULT;
	}
	return 0;
}

int late_provide(const struct late *l)
{
	struct uffdio_zeropage zeroes = {
		.range = { (uintptr_t)l->area, l->bytes },
	};

	return ioctl(l->faults, UFFDIO_ZEROPAGE, &zeroes);
}
