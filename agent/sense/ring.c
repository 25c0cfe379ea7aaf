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

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Longer than any program holds the ring's lock. */
#define RESERVE_US 1000

struct ring {
	_Atomic unsigned long *consumer;
	const _Atomic unsigned long *producer;
	const char *data;
	uint64_t size;
	size_t page;
	uint64_t next;	/* behind the record that is being read */
	uint64_t until; /* what lies behind is not read */
};

int ring_open(int map_fd, uint64_t size, struct ring **ret)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct bpf_map_info info = { 0 };
	uint32_t n = sizeof(info);
	void *own, *kernel;
	struct ring *r;
	int saved;

	if (bpf_obj_get_info_by_fd(map_fd, &info, &n) < 0)
		return -errno;
	if (info.type != BPF_MAP_TYPE_RINGBUF || info.max_entries != size)
		return -EBADMSG;
	r = calloc(1, sizeof(*r));
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
	r->until = UINT64_MAX;
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

/* A record's header, and where the one behind it begins. */
static uint32_t header_at(const struct ring *r, uint64_t at, uint64_t *ret_next)
{
	const char *record = r->data + (at & (r->size - 1));
	uint32_t len = atomic_load_explicit((const _Atomic uint32_t *)record,
					    memory_order_acquire);

	*ret_next =
		at +
		(((len & ~BPF_RINGBUF_DISCARD_BIT) + BPF_RINGBUF_HDR_SZ + 7) &
		 ~7ul);
	return len;
}

static const void *body_at(const struct ring *r, uint64_t at)
{
	return r->data + (at & (r->size - 1)) + BPF_RINGBUF_HDR_SZ;
}

/* Reserved and not yet submitted: what follows must wait. */
static bool is_there(const struct ring *r, uint64_t at)
{
	uint64_t next;

	return at != atomic_load_explicit(r->producer, memory_order_acquire) &&
	       !(header_at(r, at, &next) & BPF_RINGBUF_BUSY_BIT);
}

int ring_read(struct ring *r, ring_fn fn, void *arg, size_t max)
{
	unsigned long at =
		atomic_load_explicit(r->consumer, memory_order_relaxed);
	size_t n = 0;
	uint32_t len;
	int err = 0;

	while (n < max && !err && at < r->until) {
		/*
		 * Whoever submits what is not here yet looks at how far we are,
		 * to wake us: that has to be seen before we look.
		 */
		if (!is_there(r, at)) {
			atomic_thread_fence(memory_order_seq_cst);
			if (!is_there(r, at))
				break;
		}
		len = header_at(r, at, &r->next);
		if (!(len & BPF_RINGBUF_DISCARD_BIT)) {
			err = fn(arg, body_at(r, at), len);
			n++;
		}
		at = r->next;
		atomic_store_explicit(r->consumer, at, memory_order_release);
	}
	return err < 0 ? err : (int)n;
}

int ring_walk(const struct ring *r, uint64_t from, uint64_t to, ring_fn fn,
	      void *arg)
{
	uint64_t at, next;
	uint32_t len;
	int err, n = 0;

	for (at = from; at < to; at = next) {
		len = header_at(r, at, &next);
		if (len & BPF_RINGBUF_BUSY_BIT)
			break;
		if (len & BPF_RINGBUF_DISCARD_BIT)
			continue;
		n++;
		err = fn ? fn(arg, body_at(r, at), len) : 0;
		if (err < 0)
			return err;
	}
	return n;
}

void ring_skip_to(struct ring *r, uint64_t to)
{
	atomic_store_explicit(r->consumer, to, memory_order_release);
}

void ring_stop_at(struct ring *r, uint64_t until)
{
	r->until = until;
}

uint64_t ring_used(const struct ring *r)
{
	return atomic_load_explicit(r->producer, memory_order_acquire) -
	       atomic_load_explicit(r->consumer, memory_order_relaxed);
}

uint64_t ring_at(const struct ring *r)
{
	return atomic_load_explicit(r->consumer, memory_order_relaxed);
}

uint64_t ring_next(const struct ring *r)
{
	return r->next;
}

uint64_t ring_end(const struct ring *r)
{
	return atomic_load_explicit(r->producer, memory_order_acquire);
}

int ring_rewind(struct ring *r, uint64_t to)
{
	unsigned long at = ring_at(r);

	if (to > at || ring_end(r) - to > r->size)
		return -ERANGE;
	atomic_store_explicit(r->consumer, to, memory_order_seq_cst);
	/*
	 * The kernel makes room by the position it last looked at: whoever was
	 * reserving then is done after this, and what it took shows.
	 */
	(void)usleep(RESERVE_US);
	if (ring_end(r) - to <= r->size)
		return 0;
	atomic_store_explicit(r->consumer, at, memory_order_release);
	return -ERANGE;
}

uint64_t ring_size(const struct ring *r)
{
	return r->size;
}

static bool is_written_over(const struct ring *r, uint64_t at)
{
	return ring_end(r) - at > r->size;
}

int ring_copy(const struct ring *r, uint64_t *at, void *buf, size_t max)
{
	uint64_t next;
	uint32_t len = header_at(r, *at, &next);
	bool is_whole =
		!(len & (BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT)) &&
		len <= max && next - *at <= r->size;

	if (is_whole)
		memcpy(buf, body_at(r, *at), len);
	/* Looked at first, asked afterwards. */
	atomic_thread_fence(memory_order_acquire);
	if (is_written_over(r, *at))
		return -ERANGE;
	*at = next;
	return is_whole ? (int)len : 0;
}
