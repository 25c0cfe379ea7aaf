/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images in which no secret was found, by all that was looked at: a program
 * that runs again and again mostly runs with the same arguments, and a process
 * that was forked has those of its parent. Of fixed size, of one redactor: what
 * another policy would find is another's.
 */
#pragma once

#include <stdbool.h>

#include "event.h"

struct redact_clean;

/* NULL: no memory; then nothing is remembered. */
struct redact_clean *redact_clean_new(void);
void redact_clean_free(struct redact_clean *c);

/* c may be NULL. Every byte is compared: nobody can make two look the same. */
bool redact_clean_has(const struct redact_clean *c, const struct image *img);
void redact_clean_add(struct redact_clean *c, const struct image *img);
