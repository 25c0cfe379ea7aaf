/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files that packages installed, each with its digest: one file, mapped,
 * made by build.c and never changed. Little-endian.
 *
 *   header    struct trust_db_header
 *   files     n_files struct trust_db_file, sorted by key, then digest
 *   packages  n_packages u32: where in names the package's name begins
 *   names     zero-terminated "name version" each
 *
 * header_crc is the CRC32C of the header with header_crc zero, body_crc that
 * of all behind the header. A file is named by the first 16 bytes of the
 * SHA-256 of its path: whoever finds two paths with the same would still have
 * to have the same content.
 *
 * What opens it believes nothing of it: every count and offset is held against
 * the size, both sums are checked.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define TRUST_DB_MAGIC	 "PKTRUST\n"
#define TRUST_DB_VERSION 1u
/* Far beyond any host: 8 million files are half a gigabyte. */
#define TRUST_DB_FILES_MAX    (8u << 20)
#define TRUST_DB_PACKAGES_MAX (1u << 20)
#define TRUST_DB_NAMES_MAX    (64u << 20)
#define TRUST_STAMP_SIZE      32u
#define TRUST_KEY_SIZE	      16u
#define TRUST_PACKAGE_MAX     160u	/* "name version", its zero included */

enum trust_algo { TRUST_ALGO_NONE, TRUST_ALGO_MD5, TRUST_ALGO_SHA256,
		  TRUST_ALGO_COUNT };

struct trust_db_header {
	char magic[8];
	uint32_t version;
	uint32_t header_crc;
	uint32_t body_crc;
	uint32_t pad;
	int64_t built_wall_ns;
	uint64_t build_ns;	/* how long it took */
	uint64_t n_files, n_packages;
	uint64_t names_size;
	uint64_t size;		/* of the whole */
	uint8_t stamp[TRUST_STAMP_SIZE];	/* of what it was built from */
};
_Static_assert(sizeof(struct trust_db_header) == 104, "as specified");

struct trust_db_file {
	uint8_t key[TRUST_KEY_SIZE];
	uint8_t digest[32];	/* md5: 16 bytes and zeros */
	uint32_t package;
	uint8_t algo;		/* enum trust_algo */
	uint8_t pad[3];
};
_Static_assert(sizeof(struct trust_db_file) == 56, "as specified");

struct trust_db;

/*
 * Map the file that fd (borrowed) is open on. -EBADMSG: not one of these, or
 * damaged; -ESTALE: of another version.
 */
int trust_db_open(int fd, struct trust_db **ret);
void trust_db_close(struct trust_db *db);

const struct trust_db_header *trust_db_header(const struct trust_db *db);

/* All entries of the path, in the mapping; their number. */
size_t trust_db_find(const struct trust_db *db, struct slice path,
		     const struct trust_db_file **ret);

/* "name version"; "" if there is no such package. */
const char *trust_db_package(const struct trust_db *db, uint32_t package);

/* What a path goes by. -ENOMEM, -ENOTSUP: no SHA-256 to be had. */
int trust_db_key(struct slice path, uint8_t ret[static TRUST_KEY_SIZE]);
