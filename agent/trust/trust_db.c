// SPDX-License-Identifier: Apache-2.0
/* The format is specified in trust_db.h. */
#include "trust/trust_db.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/crc32c.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "the mapped file is read as it lies there");

struct trust_db {
	const struct trust_db_header *header;
	const struct trust_db_file *files;
	const uint32_t *packages;
	const char *names;
	size_t size;
};

int trust_db_key(struct slice path, uint8_t ret[static TRUST_KEY_SIZE])
{
	uint8_t sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (EVP_Digest(path.p, path.n, sum, &n, EVP_sha256(), NULL) != 1 ||
	    n < TRUST_KEY_SIZE)
		return -ENOTSUP;
	memcpy(ret, sum, TRUST_KEY_SIZE);
	return 0;
}

static uint32_t header_sum(const struct trust_db_header *h)
{
	struct trust_db_header copy = *h;

	copy.header_crc = 0;
	return crc32c(0, &copy, sizeof(copy));
}

/* Bounded numbers first: their sum cannot overflow. */
static bool counts_fit(const struct trust_db_header *h)
{
	return h->n_files <= TRUST_DB_FILES_MAX &&
	       h->n_packages <= TRUST_DB_PACKAGES_MAX &&
	       h->names_size <= TRUST_DB_NAMES_MAX &&
	       h->size ==
		       sizeof(*h) + h->n_files * sizeof(struct trust_db_file) +
			       h->n_packages * sizeof(uint32_t) + h->names_size;
}

static bool entries_are_sound(const struct trust_db *db)
{
	const struct trust_db_header *h = db->header;
	uint64_t i;

	if (h->names_size && db->names[h->names_size - 1])
		return false;
	for (i = 0; i < h->n_packages; i++)
		if (db->packages[i] >= h->names_size)
			return false;
	for (i = 0; i < h->n_files; i++) {
		const struct trust_db_file *f = &db->files[i];

		if (f->package >= h->n_packages || f->algo >= TRUST_ALGO_COUNT)
			return false;
		if (i && memcmp(f[-1].key, f->key, TRUST_KEY_SIZE) > 0)
			return false;
	}
	return true;
}

static int check(struct trust_db *db)
{
	const struct trust_db_header *h = db->header;
	const char *body = (const char *)(h + 1);

	if (memcmp(h->magic, TRUST_DB_MAGIC, sizeof(h->magic)) != 0)
		return -EBADMSG;
	if (h->version != TRUST_DB_VERSION)
		return -ESTALE;
	if (h->header_crc != header_sum(h) || h->size != db->size ||
	    !counts_fit(h))
		return -EBADMSG;
	if (crc32c(0, body, db->size - sizeof(*h)) != h->body_crc)
		return -EBADMSG;
	db->files = (const void *)body;
	db->packages = (const void *)(db->files + h->n_files);
	db->names = (const char *)(db->packages + h->n_packages);
	return entries_are_sound(db) ? 0 : -EBADMSG;
}

int trust_db_open(int fd, struct trust_db **ret)
{
	struct trust_db *db;
	struct stat st;
	void *p;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) ||
	    (size_t)st.st_size < sizeof(struct trust_db_header) ||
	    (uint64_t)st.st_size > SIZE_MAX / 2)
		return -EBADMSG;
	db = calloc(1, sizeof(*db));
	if (!db)
		return -ENOMEM;
	db->size = (size_t)st.st_size;
	p = mmap(NULL, db->size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED) {
		r = -errno;
		free(db);
		return r;
	}
	db->header = p;
	r = check(db);
	if (r < 0) {
		trust_db_close(db);
		return r;
	}
	*ret = db;
	return 0;
}

void trust_db_close(struct trust_db *db)
{
	if (!db)
		return;
	(void)munmap((void *)(uintptr_t)db->header, db->size);
	free(db);
}

const struct trust_db_header *trust_db_header(const struct trust_db *db)
{
	return db->header;
}

size_t trust_db_find(const struct trust_db *db, struct slice path,
		     const struct trust_db_file **ret)
{
	uint64_t lo = 0, hi = db->header->n_files, mid, n;
	uint8_t key[TRUST_KEY_SIZE];

	if (trust_db_key(path, key) < 0)
		return 0;
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (memcmp(db->files[mid].key, key, TRUST_KEY_SIZE) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (n = lo; n < db->header->n_files; n++)
		if (memcmp(db->files[n].key, key, TRUST_KEY_SIZE) != 0)
			break;
	*ret = db->files + lo;
	return n - lo;
}

const char *trust_db_package(const struct trust_db *db, uint32_t package)
{
	if (package >= db->header->n_packages)
		return "";
	return db->names + db->packages[package];
}
