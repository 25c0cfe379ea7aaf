/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A running SHA-256 over one link of the chain of seals. After sha_new, which
 * returns -ENOMEM, nothing can fail.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "journal_format.h"

struct sha;
int sha_new(struct sha **ret);
void sha_free(struct sha *s);
void sha_start(struct sha *s);
void sha_add(struct sha *s, const void *p, size_t n);
/* Ends the run; sha_start before the next. */
void sha_end(struct sha *s, uint8_t ret[static JOURNAL_SHA_SIZE]);
