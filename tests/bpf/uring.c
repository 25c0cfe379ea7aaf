// SPDX-License-Identifier: Apache-2.0
#include "uring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *map(int fd, size_t bytes, off_t at)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_POPULATE, fd, at);

	return p == MAP_FAILED ? NULL : p;
}

static unsigned *word(void *ring, unsigned at)
{
	return (unsigned *)(void *)((char *)ring + at);
}

static int submit(int fd, const struct io_uring_params *p,
		  const struct io_uring_sqe *request)
{
	size_t sq_bytes = p->sq_off.array + p->sq_entries * sizeof(unsigned);
	size_t cq_bytes =
		p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
	size_t sqe_bytes = p->sq_entries * sizeof(*request);
	void *sq = map(fd, sq_bytes, IORING_OFF_SQ_RING);
	void *cq = map(fd, cq_bytes, IORING_OFF_CQ_RING);
	struct io_uring_sqe *sqes = map(fd, sqe_bytes, IORING_OFF_SQES);
	struct io_uring_cqe *cqe;
	int r = -ENOMEM;

	if (sq && cq && sqes) {
		sqes[0] = *request;
		*word(sq, p->sq_off.array) = 0;
		__atomic_store_n(word(sq, p->sq_off.tail), 1, __ATOMIC_RELEASE);
		do
			r = (int)syscall(SYS_io_uring_enter, fd, 1, 1,
					 IORING_ENTER_GETEVENTS, NULL, 0);
		while (r < 0 && errno == EINTR);
		cqe = (void *)((char *)cq + p->cq_off.cqes);
		r = r < 0 ? -errno : cqe->res;
	}
	if (sqes)
		(void)munmap(sqes, sqe_bytes);
	if (cq)
		(void)munmap(cq, cq_bytes);
	if (sq)
		(void)munmap(sq, sq_bytes);
	return r;
}

int uring_do(const struct io_uring_sqe *request)
{
	struct io_uring_params p;
	int fd, r;

	memset(&p, 0, sizeof(p));
	fd = (int)syscall(SYS_io_uring_setup, 4, &p);
	if (fd < 0)
		return -errno;
	r = submit(fd, &p, request);
	(void)close(fd);
	return r;
}
