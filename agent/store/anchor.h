/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A seal that somebody else kept: with it `verify` can tell whether history
 * up to there is still what it was, even from one who could write everything
 * anew. A small text file, or what a picket.manifest carries:
 *
 *	picket-anchor 1
 *	journal 000102030405060708090a0b0c0d0e0f
 *	epoch 3
 *	seq 42
 *	sha256 a01b...
 *
 * seq is the last number that the seal covers (sealed_seq of a manifest),
 * sha256 is in it (seal_sha256). epoch is for people: the SHA says more.
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

/* -ENOENT …; -EINVAL: not a file; -EBADMSG: not exactly an anchor. */
int anchor_load(const char *path, struct anchor *ret);
/* Replaces the file whole, durably; readable by its owner's group. */
int anchor_save(const char *path, const struct anchor *a);
