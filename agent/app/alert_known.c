// SPDX-License-Identifier: Apache-2.0
/*
 * The file: "picket-alerts 1\n", 16 bytes of the journal's id, for each
 * program its key and 8 bytes of when it was told (little-endian nanoseconds
 * since 1970), and the CRC32C of all before in 4 bytes.
 */
#include "app/alert_known.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/table.h"

#define MAGIC "picket-alerts 1\n"
#define HEAD  (sizeof(MAGIC) - 1 + 16)
#define ENTRY (KNOWN_KEY + sizeof(uint64_t))
#define CRC   sizeof(uint32_t)

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

/* Oldest first, which is the order they are to be read in. */
static void write_all(struct known *k, struct buf *out)
{
	uint8_t entry[ENTRY];
	uint64_t le;

	for (size_t n = table_count(k->told); n; n--) {
		const void *key;
		const int64_t *told = table_oldest(k->told, &key);

		memcpy(entry, key, KNOWN_KEY);
		le = htole64((uint64_t)*told);
		memcpy(entry + KNOWN_KEY, &le, sizeof(le));
		buf_add(out, entry, sizeof(entry));
		/* Touched, it is the youngest; once around, all is as it was. */
		(void)table_get(k->told, entry);
	}
}

void known_write(struct known *k, struct buf *out,
		 const uint8_t journal[static 16])
{
	size_t from = out->n;
	uint32_t crc = 0;

	buf_add(out, MAGIC, sizeof(MAGIC) - 1);
	buf_add(out, journal, 16);
	write_all(k, out);
	if (!out->failed)
		crc = htole32(crc32c(0, out->p + from, out->n - from));
	buf_add(out, &crc, CRC);
	k->is_new = false;
}

int known_read(struct known *k, struct slice file,
	       const uint8_t journal[static 16])
{
	const char *at = file.p + HEAD, *end = file.p + file.n - CRC;
	uint8_t key[KNOWN_KEY];
	uint64_t told;
	uint32_t crc;

	if (file.n < HEAD + CRC || (file.n - HEAD - CRC) % ENTRY ||
	    memcmp(file.p, MAGIC, sizeof(MAGIC) - 1))
		return -EBADMSG;
	memcpy(&crc, end, CRC);
	if (le32toh(crc) != crc32c(0, file.p, file.n - CRC))
		return -EBADMSG;
	if (memcmp(file.p + sizeof(MAGIC) - 1, journal, 16))
		return -ESTALE;
	for (; at < end; at += ENTRY) {
		memcpy(key, at, KNOWN_KEY);
		memcpy(&told, at + KNOWN_KEY, sizeof(told));
		known_add(k, key, (int64_t)le64toh(told));
	}
	k->is_new = false;
	return 0;
}
