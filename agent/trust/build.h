/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the file of trust_db.h: packages and their files are added in any
 * order, then it is written at once. All of it is in memory meanwhile, so it
 * belongs in a process of its own.
 */
#pragma once

#include <stdint.h>

#include "base/slice.h"
#include "trust/trust_db.h"

struct trust_build;

int trust_build_new(struct trust_build **ret);
void trust_build_free(struct trust_build *b);

/* Files added from now on are this package's. -ENOMEM, -E2BIG. */
int trust_build_package(struct trust_build *b, struct slice name,
			struct slice version);

struct trust_digest {
	uint8_t algo;	/* enum trust_algo */
	uint8_t bytes[32];
};

/* path: absolute, as the kernel names the file. -ENOMEM, -E2BIG. */
int trust_build_file(struct trust_build *b, struct slice path,
		     const struct trust_digest *digest);

struct trust_build_info {
	int64_t wall_ns;
	uint64_t took_ns;
	uint8_t stamp[TRUST_STAMP_SIZE];
};

/* To an empty file, from its beginning. -errno. */
int trust_build_write(struct trust_build *b, int fd,
		      const struct trust_build_info *info);

/* Hexadecimal digits of an md5 or sha256; false: neither. */
bool trust_digest_parse(struct slice hex, struct trust_digest *ret);
