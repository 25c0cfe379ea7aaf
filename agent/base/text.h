/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict readers of what people and the kernel write as text. Whole input or
 * -EINVAL; out of range is -ERANGE; out-params are untouched on failure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* Decimal digits only: no sign, no blank. */
int text_u64(struct slice s, uint64_t *ret);
int text_u32(struct slice s, uint32_t *ret);
/* Lower or upper case hexadecimal digits without 0x. */
int text_hex_u64(struct slice s, uint64_t *ret);
/* 512, 64K, 16M, 2G, 1T: powers of 1024, in bytes. */
int text_size(struct slice s, uint64_t *ret_bytes);
/* 250ms, 30s, 5m, 12h, 7d; a bare number is refused. */
int text_duration(struct slice s, uint64_t *ret_ms);
/* yes or no. */
int text_bool(struct slice s, bool *ret);

/* The next blank-separated word of *s, which moves past it; false at the end. */
bool text_word(struct slice *s, struct slice *ret_word);
/* Without blanks (space, tab) at both ends. */
struct slice text_trim(struct slice s);

/* "one,another" of these n words -> a bit for each, by its place among them. */
int text_choices(struct slice list, const char *const *words, size_t n,
		 unsigned *ret_bits);

/* Print exactly as the readers above take it; buf of at least 24 bytes. */
const char *text_print_size(uint64_t bytes, char buf[static 24]);
const char *text_print_duration(uint64_t ms, char buf[static 24]);
/* For people: rounded down, two figures at least: "10239 B", "254 KiB". */
const char *text_print_about(uint64_t bytes, char buf[static 24]);
