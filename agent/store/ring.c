/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring of bytes. The one idea: a frame may lie across the end, so that no
 * room is wasted; who takes bytes out gets at most two pieces.
 */
#include "store/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Memory is given back in pieces of so many bytes. */
#define GIVEN_BACK ((uint64_t)256 << 10)

int ring_init(struct ring *r, uint64_t size)
{
	void *mem;

	/* Pages that were never used cost nothing; calloc may touch them. */
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		return -errno;
	*r = (struct ring){ .mem = mem, .size = size };
	return 0;
}

void ring_done(struct ring *r)
{
	if (r->mem)
		(void)munmap(r->mem, r->size);
	*r = (struct ring){ 0 };
}

void ring_put(struct ring *r, const void *p, size_t n)
{
	size_t at = (size_t)(r->head % r->size);
	size_t first = r->size - at < n ? (size_t)(r->size - at) : n;

	/* An empty slice may have no address. */
	if (!n)
		return;
	memcpy(r->mem + at, p, first);
	memcpy(r->mem, (const char *)p + first, n - first);
	r->head += n;
}

int ring_pieces(const struct ring *r, uint64_t from, uint64_t to,
		struct iovec ret[static 2])
{
	size_t at = (size_t)(from % r->size), n = (size_t)(to - from);
	size_t first = r->size - at < n ? (size_t)(r->size - at) : n;

	ret[0] = (struct iovec){ r->mem + at, first };
	ret[1] = (struct iovec){ r->mem, n - first };
	return n > first ? 2 : n ? 1 : 0;
}

/*
 * A page comes back by a fault when the ring has gone round: 256 for a mebibyte
 * of frames, where otherwise the whole ring would stay.
 */
void ring_drop(struct ring *r, uint64_t to)
{
	uint64_t chunk = r->tail / GIVEN_BACK;

	r->tail = to;
	for (; r->size % GIVEN_BACK == 0 && chunk < to / GIVEN_BACK; chunk++)
		(void)madvise(r->mem + chunk * GIVEN_BACK % r->size, GIVEN_BACK,
			      MADV_DONTNEED);
}
