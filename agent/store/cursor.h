/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a named reader has come, durably: a small text file in a
 * directory that belongs to the reader, replaced whole. It orders what the
 * journal deletes first; it never keeps the journal from deleting.
 *
 * "picket-cursor 1\njournal HEX32\nepoch N\nseq N\n": seq is the last number
 * that is done with.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct cursor {
	uint8_t journal[16];
	uint32_t epoch;
	uint64_t seq;
};

/* -ENOENT: none yet; -EBADMSG: not a cursor (the file is left alone). */
int cursor_load(const char *dir, const char *name, struct cursor *ret);
int cursor_save(const char *dir, const char *name, const struct cursor *c);

/*
 * 1: it has done with numbers that the journal in dir has not given yet: a
 * copy of before stands in the journal's place. 0: it has not, or that cannot
 * be told. -errno.
 */
int cursor_is_ahead(const char *dir, const struct cursor *c);

/* The text alone, for both of them. -EBADMSG: not exactly a cursor. */
#define CURSOR_TEXT_MAX 128
int cursor_parse(struct slice text, struct cursor *ret);
size_t cursor_print(const struct cursor *c, char buf[static CURSOR_TEXT_MAX]);
