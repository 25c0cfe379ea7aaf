/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A seal that was kept somewhere else. With it, `verify` proves that history up
 * to that seal is unchanged, even against someone who could rewrite the whole
 * journal. A small text file, with what a picket.manifest also carries:
 *
 *	picket-anchor 1
 *	journal 000102030405060708090a0b0c0d0e0f
 *	epoch 3
 *	seq 42
 *	sha256 a01b...
 *
 * seq is the last number that the seal covers (sealed_seq of a manifest),
 * sha256 the hash in it (seal_sha256). epoch is for people and is not
 * compared.
 */
#pragma once

#include <stdint.h>

#include "journal_format.h"

struct anchor {
	uint8_t journal[JOURNAL_ID_SIZE];
	uint32_t epoch;
	uint64_t seq;
	uint8_t sha[JOURNAL_SHA_SIZE];
};

/* -ENOENT …; -EINVAL: not a regular file; -EBADMSG: not a valid anchor. */
int anchor_load(const char *path, struct anchor *ret);
/* Replaces the file atomically and durably; mode 0640. */
int anchor_save(const char *path, const struct anchor *a);
