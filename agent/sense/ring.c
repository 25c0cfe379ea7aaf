/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the kernel's ring buffer in place. Ours and not libbpf's because we
 * stop after a number of records, want to know how full the ring is, and
 * will take over a ring that another process made.
 *
 * The layout is the kernel's ABI (kernel/bpf/ringbuf.c): one page with the
 * consumer's position, which we write; one with the producer's, which the
 * kernel writes; then the data, mapped twice in a row so that a record never
 * wraps. A record is an eight-byte header (length with two flag bits) and its
 * bytes, rounded up to eight.
 */
#include "sense/ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct ring {
	_Atomic unsigned long *consumer;
	const _Atomic unsigned long *producer;
	const char *data;
	uint64_t size;
	size_t page;
};

int ring_open(int map_fd, uint64_t size, struct ring **ret)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct ring *r = calloc(1, sizeof(*r));
	void *own, *kernel;
	int saved;

	if (!r)
		return -ENOMEM;
	own = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	if (own == MAP_FAILED) {
		saved = errno;
		free(r);
		return -saved;
	}
	kernel = mmap(NULL, page + 2 * size, PROT_READ, MAP_SHARED, map_fd,
		      (off_t)page);
	if (kernel == MAP_FAILED) {
		saved = errno;
		(void)munmap(own, page);
		free(r);
		return -saved;
	}
	r->consumer = own;
	r->producer = kernel;
	r->data = (const char *)kernel + page;
	r->size = size;
	r->page = page;
	*ret = r;
	return 0;
}

void ring_close(struct ring *r)
{
	if (!r)
		return;
	(void)munmap((void *)(uintptr_t)r->consumer, r->page);
	(void)munmap((void *)(uintptr_t)r->producer, r->page + 2 * r->size);
	free(r);
}

int ring_read(struct ring *r, ring_fn fn, void *arg, size_t max)
{
	unsigned long at =
		atomic_load_explicit(r->consumer, memory_order_relaxed);
	const char *record;
	size_t n = 0;
	uint32_t len;
	int err = 0;

	while (n < max && !err) {
		if (at ==
		    atomic_load_explicit(r->producer, memory_order_acquire))
			break;
		record = r->data + (at & (r->size - 1));
		len = atomic_load_explicit((const _Atomic uint32_t *)record,
					   memory_order_acquire);
		/* Reserved and not yet submitted: what follows must wait. */
		if (len & BPF_RINGBUF_BUSY_BIT)
			break;
		if (!(len & BPF_RINGBUF_DISCARD_BIT)) {
			err = fn(arg, record + BPF_RINGBUF_HDR_SZ, len);
			n++;
		}
		len &= ~BPF_RINGBUF_DISCARD_BIT;
		at += (len + BPF_RINGBUF_HDR_SZ + 7) & ~7ul;
		atomic_store_explicit(r->consumer, at, memory_order_release);
	}
	return err < 0 ? err : (int)n;
}

uint64_t ring_used(const struct ring *r)
{
	return atomic_load_explicit(r->producer, memory_order_acquire) -
	       atomic_load_explicit(r->consumer, memory_order_relaxed);
}
