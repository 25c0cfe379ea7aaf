/* SPDX-License-Identifier: Apache-2.0 */
#include "uring_ring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ENTRIES 8

static void *ring_area(int fd, size_t bytes, uint64_t offset)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_POPULATE, fd, (off_t)offset);
}

int uring_open(struct uring *u, uint32_t setup)
{
	struct io_uring_params p = { .flags = setup, .sq_thread_idle = 50 };
	char *sq, *cq;

	memset(u, 0, sizeof(*u));
	u->fd = (int)syscall(SYS_io_uring_setup, ENTRIES, &p);
	if (u->fd < 0)
		return -errno;
	sq = ring_area(u->fd, p.sq_off.array + p.sq_entries * sizeof(uint32_t),
		       IORING_OFF_SQ_RING);
	cq = ring_area(u->fd,
		       p.cq_off.cqes +
			       p.cq_entries * sizeof(struct io_uring_cqe),
		       IORING_OFF_CQ_RING);
	u->sqes = ring_area(u->fd, p.sq_entries * sizeof(*u->sqes),
			    IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED ||
	    (void *)u->sqes == MAP_FAILED)
		return -ENOMEM;
	u->sq_tail = (void *)(sq + p.sq_off.tail);
	u->sq_mask = (void *)(sq + p.sq_off.ring_mask);
	u->sq_array = (void *)(sq + p.sq_off.array);
	u->sq_flags = (void *)(sq + p.sq_off.flags);
	u->cq_head = (void *)(cq + p.cq_off.head);
	u->cq_tail = (void *)(cq + p.cq_off.tail);
	u->cq_mask = (void *)(cq + p.cq_off.ring_mask);
	u->cqes = (void *)(cq + p.cq_off.cqes);
	u->polled = setup & IORING_SETUP_SQPOLL;
	return 0;
}

static int enter(struct uring *u, uint32_t submit, uint32_t wait,
		 uint32_t flags)
{
	long r = syscall(SYS_io_uring_enter, u->fd, submit, wait, flags, NULL,
			 0);

	return r < 0 ? -errno : 0;
}

int uring_submit(struct uring *u, const struct io_uring_sqe *sqe)
{
	uint32_t tail = *u->sq_tail, slot = tail & *u->sq_mask;

	u->sqes[slot] = *sqe;
	u->sq_array[slot] = slot;
	__atomic_store_n(u->sq_tail, tail + 1, __ATOMIC_SEQ_CST);
	if (!u->polled)
		return enter(u, 1, 0, 0);
	if (__atomic_load_n(u->sq_flags, __ATOMIC_SEQ_CST) &
	    IORING_SQ_NEED_WAKEUP)
		return enter(u, 0, 0, IORING_ENTER_SQ_WAKEUP);
	return 0;
}

int uring_on(struct uring *u, const struct io_uring_sqe *sqe)
{
	uint32_t head = *u->cq_head;
	int r = uring_submit(u, sqe);

	while (r == 0 && head == __atomic_load_n(u->cq_tail, __ATOMIC_ACQUIRE))
		r = enter(u, 0, 1, IORING_ENTER_GETEVENTS);
	if (r < 0)
		return r;
	r = u->cqes[head & *u->cq_mask].res;
	__atomic_store_n(u->cq_head, head + 1, __ATOMIC_RELEASE);
	return r;
}
