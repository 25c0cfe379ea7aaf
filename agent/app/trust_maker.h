/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that builds the database of packages: without capabilities and at
 * the lowest priority, it reads what the package managers wrote, runs rpm, and
 * writes into a file that it is handed.
 */
#pragma once

#include "trust/make.h"

struct helper;

/* The caller is single-threaded. -errno. */
int trust_maker_start(struct helper **ret);

/* Ask it to build one. Descriptors are borrowed. -EAGAIN; -EPIPE: it exited. */
int trust_maker_ask(struct helper *h, const struct trust_make *m);

/* Read an answer. -EAGAIN: none yet; -EPIPE: it has exited. */
int trust_maker_answer(struct helper *h, struct trust_made *ret);
