/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that makes the database of packages: it reads what the package
 * managers wrote, and asks rpm, without a capability and at the lowest
 * priority, and writes into a file that it is handed.
 */
#pragma once

#include "trust/make.h"

struct helper;

/* The caller is single-threaded. -errno. */
int trust_maker_start(struct helper **ret);

/* Descriptors are borrowed. -EAGAIN, -EPIPE: it is gone. */
int trust_maker_ask(struct helper *h, const struct trust_make *m);

/* An answer: 0 and *ret; -EAGAIN: none yet; -EPIPE: it is gone. */
int trust_maker_answer(struct helper *h, struct trust_made *ret);
