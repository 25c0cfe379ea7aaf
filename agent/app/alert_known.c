// SPDX-License-Identifier: Apache-2.0
/*
 * The file: "picket-alerts 1\n", 16 bytes of the journal's id, for each
 * program its key and 8 bytes of when it was told (little-endian nanoseconds
 * since 1970), and the CRC32C of all before in 4 bytes.
 */
#include "app/alert_known.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/table.h"

#define MAGIC "picket-alerts 1\n"
#define HEAD  (sizeof(MAGIC) - 1 + 16)
#define ENTRY (KNOWN_KEY + 8)
#define CRC   4

struct known {
	struct table *told; /* key -> int64_t, wall clock */
	bool is_new;
};

int known_new(size_t capacity, struct known **ret)
{
	struct known *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	if (table_new(capacity, KNOWN_KEY, sizeof(int64_t), &k->told) < 0) {
		free(k);
		return -ENOMEM;
	}
	*ret = k;
	return 0;
}

void known_free(struct known *k)
{
	if (!k)
		return;
	table_free(k->told);
	free(k);
}

bool known_has(struct known *k, const uint8_t key[static KNOWN_KEY],
	       int64_t since_wall_ns)
{
	const int64_t *told = table_get(k->told, key);

	return told && *told >= since_wall_ns;
}

void known_add(struct known *k, const uint8_t key[static KNOWN_KEY],
	       int64_t wall_ns)
{
	int made;

	*(int64_t *)table_put(k->told, key, &made) = wall_ns;
	k->is_new = true;
}

bool known_is_new(const struct known *k)
{
	return k->is_new;
}

/* ---- the file ----------------------------------------------------------- */

static void put_le(uint8_t *to, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)(v >> 8 * i);
}

static uint64_t get_le(const char *from, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)(uint8_t)from[i] << 8 * i;
	return v;
}

/* Oldest first, which is the order they are to be read in. */
static void write_all(struct known *k, struct buf *out)
{
	uint8_t entry[ENTRY];

	for (size_t n = table_count(k->told); n; n--) {
		const void *key;
		const int64_t *told = table_oldest(k->told, &key);

		memcpy(entry, key, KNOWN_KEY);
		put_le(entry + KNOWN_KEY, (uint64_t)*told, 8);
		buf_add(out, entry, sizeof(entry));
		/* Touched, it is the youngest; once around, all is as it was. */
		(void)table_get(k->told, entry);
	}
}

void known_write(struct known *k, struct buf *out,
		 const uint8_t journal[static 16])
{
	size_t from = out->n;
	uint8_t crc[CRC] = { 0 };

	buf_add(out, MAGIC, sizeof(MAGIC) - 1);
	buf_add(out, journal, 16);
	write_all(k, out);
	if (!out->failed)
		put_le(crc, crc32c(0, out->p + from, out->n - from), CRC);
	buf_add(out, crc, CRC);
	k->is_new = false;
}

int known_read(struct known *k, struct slice file,
	       const uint8_t journal[static 16])
{
	const char *at = file.p + HEAD, *end = file.p + file.n - CRC;
	uint8_t key[KNOWN_KEY];

	if (file.n < HEAD + CRC || (file.n - HEAD - CRC) % ENTRY ||
	    memcmp(file.p, MAGIC, sizeof(MAGIC) - 1) ||
	    get_le(end, CRC) != crc32c(0, file.p, file.n - CRC))
		return -EBADMSG;
	if (memcmp(file.p + sizeof(MAGIC) - 1, journal, 16))
		return -ESTALE;
	for (; at < end; at += ENTRY) {
		memcpy(key, at, KNOWN_KEY);
		known_add(k, key, (int64_t)get_le(at + KNOWN_KEY, 8));
	}
	k->is_new = false;
	return 0;
}
