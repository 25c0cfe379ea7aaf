/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as hexadecimal digits, lower case, and back. */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

/* The value of a digit, of either case; -1: it is none. */
int hex_digit(char c);

/* n bytes as digits and a zero; buf has 2n + 1 bytes and is returned. */
const char *hex_print(const uint8_t *p, size_t n, char *buf);
/* The same, appended. */
void hex_add(struct buf *out, const uint8_t *p, size_t n);
/*
 * And back: text is 2n lower-case digits (upper case is not how we write it).
 * -EINVAL if it is not exactly that; ret is untouched then.
 */
int hex_parse(struct slice text, uint8_t *ret, size_t n);
