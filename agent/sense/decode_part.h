/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the decoder share. Inside sense/ only. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "sense/decode.h"
#include "wire.h"

/* One record on its way to an event. */
struct decode_reader {
	const char *data;
	size_t size; /* hdr.size, checked */
	size_t body; /* fixed part; strings start after it */
	struct decode_scratch *scratch;
	const char *why; /* set once something was wrong */
};

/* Remember the first reason; always -EBADMSG. */
int decode_refuse(struct decode_reader *r, const char *why);

/* The bytes, borrowed; empty, and refused, where they are not the record's. */
struct slice decode_str(struct decode_reader *r, struct wire_str s, size_t max);
/* A name read as a C string: what follows a zero is not part of it. */
struct slice decode_name(struct decode_reader *r, struct wire_str s);
struct file_path decode_path(struct decode_reader *r,
			     const struct wire_path *w);
/* A name below a base the kernel named; see decode_name.c. */
struct file_path decode_below(struct decode_reader *r,
			      const struct wire_path *w, struct slice name);
struct file_id decode_file(const struct wire_file *w);
