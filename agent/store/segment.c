/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A segment as a file. Reading gets past what a sick disk or a sparse file puts
 * in its way: pages that cannot be read are zeros, holes are stepped over.
 */
#include "store/segment.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/text.h"

#define NUMBER_DIGITS 16
#define NUMBER_MAX    9999999999999999ull
#define PAGE	      4096

const char *segment_name(uint64_t number, const char *suffix,
			 char buf[static SEGMENT_NAME_MAX])
{
	(void)snprintf(buf, SEGMENT_NAME_MAX, "%016" PRIu64 ".%s", number,
		       suffix);
	return buf;
}

uint64_t segment_number(const char *name)
{
	uint64_t n;

	if (strlen(name) != NUMBER_DIGITS + strlen(".seg") ||
	    strcmp(name + NUMBER_DIGITS, ".seg"))
		return 0;
	if (text_u64(slice_of(name, NUMBER_DIGITS), &n) < 0 || n > NUMBER_MAX)
		return 0;
	return n;
}

void segment_encode_header(const struct journal_segment_header *h,
			   uint8_t ret[static JOURNAL_HEADER_AREA])
{
	struct journal_segment_header copy = *h;

	memcpy(copy.magic, JOURNAL_SEGMENT_MAGIC, sizeof(copy.magic));
	copy.version = JOURNAL_VERSION;
	copy.header_size = JOURNAL_HEADER_AREA;
	memset(copy.zero, 0, sizeof(copy.zero));
	copy.crc = crc32c(0, &copy, offsetof(__typeof__(copy), crc));
	memcpy(ret, &copy, sizeof(copy));
	memcpy(ret + sizeof(copy), &copy, sizeof(copy));
}

/* One page, or zeros where the disk gives none; 0 at the end of the file. */
static ssize_t pread_page(int fd, char *p, size_t n, uint64_t off)
{
	struct stat st;
	ssize_t did;

	do {
		did = pread(fd, p, n, (off_t)off);
	} while (did < 0 && errno == EINTR);
	if (did >= 0 || errno != EIO)
		return did < 0 ? -errno : did;
	if (fstat(fd, &st) < 0)
		return -errno;
	if ((uint64_t)st.st_size <= off)
		return 0;
	if ((uint64_t)st.st_size - off < n)
		n = (size_t)((uint64_t)st.st_size - off);
	memset(p, 0, n);
	return (ssize_t)n;
}

int segment_pread(int fd, void *p, size_t n, uint64_t off)
{
	size_t used = 0, want;
	ssize_t did;

	while (used < n) {
		did = pread(fd, (char *)p + used, n - used,
			    (off_t)(off + used));
		if (did < 0 && errno == EINTR)
			continue;
		if (did < 0) {
			/* Smaller steps: lose the bad page, not the read. */
			want = PAGE - (size_t)((off + used) % PAGE);
			if (want > n - used)
				want = n - used;
			did = pread_page(fd, (char *)p + used, want,
					 off + used);
			if (did < 0)
				return (int)did;
		}
		if (!did)
			break;
		used += (size_t)did;
	}
	return (int)used;
}

uint64_t segment_past_hole(int fd, uint64_t off)
{
	off_t data = lseek(fd, (off_t)off, SEEK_DATA);

	/* ENXIO says so; where a file system has no holes, all is data. */
	if (data < 0 && errno == ENXIO)
		data = lseek(fd, 0, SEEK_END);
	return data < 0 || (uint64_t)data < off ? off : (uint64_t)data;
}

uint64_t segment_weight(const struct stat *st)
{
	uint64_t size = (uint64_t)st->st_size;
	uint64_t blocks = (uint64_t)st->st_blocks * 512;

	return blocks < size ? blocks : size;
}

/* What a right CRC does not prove: that a writer of ours made it. */
static bool is_sound(const struct journal_segment_header *h)
{
	return h->header_size >= JOURNAL_HEADER_AREA && h->epoch &&
	       h->epoch < JOURNAL_EPOCH_MAX && h->number &&
	       h->number < JOURNAL_SEGMENT_MAX && h->first_seq &&
	       h->first_seq <= JOURNAL_SEQ_MAX;
}

int segment_read_header(int fd, struct journal_segment_header *ret)
{
	struct journal_segment_header h;
	int i, r;

	for (i = 0; i < 2; i++) {
		r = segment_pread(fd, &h, sizeof(h), (uint64_t)i * sizeof(h));
		if (r < 0)
			return r;
		if (r < (int)sizeof(h))
			return -EBADMSG;
		if (memcmp(h.magic, JOURNAL_SEGMENT_MAGIC, sizeof(h.magic)) ||
		    crc32c(0, &h, offsetof(__typeof__(h), crc)) != h.crc)
			continue;
		if (h.version != JOURNAL_VERSION ||
		    h.incompatible & ~JOURNAL_INCOMPATIBLE_KNOWN)
			return -ENOTSUP;
		if (!is_sound(&h))
			return -EBADMSG;
		*ret = h;
		return 0;
	}
	return -EBADMSG;
}

uint64_t segment_link_end(uint64_t from, uint64_t to)
{
	return to - from > JOURNAL_LINK_MAX ? from + JOURNAL_LINK_MAX : to;
}

void segment_times_add(struct segment_times *t, int64_t wall_ns)
{
	if (!t->earliest_ns && !t->latest_ns) {
		t->earliest_ns = t->latest_ns = wall_ns;
		return;
	}
	if (wall_ns < t->earliest_ns)
		t->earliest_ns = wall_ns;
	if (wall_ns > t->latest_ns)
		t->latest_ns = wall_ns;
}
