/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a named reader has come, durably: a small text file in a directory
 * that belongs to the reader, replaced atomically. It decides what the journal
 * deletes first; it never keeps the journal from deleting.
 *
 * "picket-cursor 1\njournal HEX32\nepoch N\nseq N\n": seq is the last number
 * that the reader is done with.
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
 * 1: the cursor is ahead of the journal in dir, which must then be an older
 * copy that was put back. 0: it is not, or that cannot be determined. -errno.
 */
int cursor_is_ahead(const char *dir, const struct cursor *c);

/* The text of the file. -EBADMSG: not a valid cursor. */
#define CURSOR_TEXT_MAX 128
int cursor_parse(struct slice text, struct cursor *ret);
size_t cursor_print(const struct cursor *c, char buf[static CURSOR_TEXT_MAX]);
