// SPDX-License-Identifier: Apache-2.0
#include "cmd/tar.h"

#include <errno.h>
#include <string.h>

#define BLOCK 512

/* Numbers are octal digits and a zero byte; sizes asserted below. */
struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12];
	char checksum[8], type, link[100], magic[6], version[2];
	char user[32], group[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a ustar header is a block");

static void put_octal(char *field, size_t size, uint64_t n)
{
	for (size--; size--; n >>= 3)
		field[size] = (char)('0' + (n & 7));
}

/* Of all bytes of the header, its own field taken as blanks. */
static void put_checksum(struct header *h)
{
	const unsigned char *p = (const unsigned char *)h;
	unsigned sum = 0;

	memset(h->checksum, ' ', sizeof(h->checksum));
	for (size_t i = 0; i < sizeof(*h); i++)
		sum += p[i];
	put_octal(h->checksum, sizeof(h->checksum) - 1, sum);
	h->checksum[sizeof(h->checksum) - 2] = '\0';
}

static int zeros(struct buf *out, size_t n)
{
	void *p = buf_extend(out, n);

	if (!p)
		return -EFBIG;
	memset(p, 0, n);
	return 0;
}

int tar_add(struct buf *out, const char *name, struct slice content,
	    int64_t mtime_s)
{
	struct header h = { .type = '0' };

	if (strlen(name) > TAR_NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(h.name, name, strlen(name));
	memcpy(h.magic, "ustar", 6);
	memcpy(h.version, "00", 2);
	put_octal(h.mode, sizeof(h.mode), 0600);
	put_octal(h.uid, sizeof(h.uid), 0);
	put_octal(h.gid, sizeof(h.gid), 0);
	put_octal(h.size, sizeof(h.size), content.n);
	put_octal(h.mtime, sizeof(h.mtime),
		  mtime_s > 0 ? (uint64_t)mtime_s : 0);
	put_checksum(&h);
	buf_add(out, &h, sizeof(h));
	buf_add_slice(out, content);
	if (content.n % BLOCK)
		(void)zeros(out, BLOCK - content.n % BLOCK);
	return out->failed ? -EFBIG : 0;
}

int tar_end(struct buf *out)
{
	return zeros(out, (size_t)2 * BLOCK);
}
