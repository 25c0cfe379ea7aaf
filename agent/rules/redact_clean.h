/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cache of images in which no secret was found, compared by everything that
 * was examined. A program that runs often mostly has the same arguments, and a
 * forked process has those of its parent. Of fixed size; belongs to one
 * redactor, because another policy may find other secrets.
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
