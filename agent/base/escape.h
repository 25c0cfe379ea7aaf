/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that came from a process, made safe for where they are shown. Every
 * form is total: any input gives output that cannot end a line, move a
 * cursor, close a quote or break UTF-8 downstream.
 */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

/*
 * For a person's line (terminal, log). Printable UTF-8 stays as it is.
 * Control characters (C0, DEL, C1), bytes that are not UTF-8 (overlong,
 * surrogate, past U+10FFFF included), backslash, bidirectional controls
 * (U+202A-202E, U+2066-2069, U+200E-200F, U+061C), zero-width U+200B-200D,
 * U+2060, U+FEFF and line separators U+2028-2029 become \n, \t, \r, \\ or
 * \xNN per byte.
 */
void escape_text(struct buf *out, struct slice in);

/* As escape_text, in single quotes when empty or holding a blank or quote. */
void escape_word(struct buf *out, struct slice in);

/*
 * A JSON string, quotes included. Valid UTF-8 stays; what is not becomes
 * U+FFFD, and *ret_lossy (may be NULL) is set to true then, else untouched.
 */
void escape_json(struct buf *out, struct slice in, bool *ret_lossy);

/*
 * For text and attribute values of HTML: what escape_text or escape_json made,
 * with & < > " ' as character references. What they would not have let
 * through becomes U+FFFD.
 */
void escape_html(struct buf *out, struct slice in);

/* True if every byte belongs to valid UTF-8. */
bool utf8_valid(struct slice in);

/*
 * The length of the valid UTF-8 sequence that starts at in.p (1-4), or 0;
 * *ret_cp (may be NULL) gets the code point.
 */
size_t utf8_next(struct slice in, unsigned *ret_cp);
