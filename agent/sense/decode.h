/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ring bytes -> struct event. Every offset and length is checked against the
 * record; nothing outside data[0..size) and the scratch is touched. Knows no
 * libbpf, so it can be fuzzed.
 */
#pragma once

#include <stddef.h>

#include "event.h"

/* Joined and normalised names live here until the next decode. */
struct decode_scratch {
	size_t used;
	char bytes[60 * 1024];
};

/*
 * 0; -EBADMSG: not a record (unknown type, short, an offset outside); the
 * reason, a constant string, in *ret_why. *ret is untouched on failure.
 * data is aligned as the ring aligns records, to 8 bytes. A name that the
 * record gives in two parts (a directory and what was asked for below it)
 * arrives joined; fs_path is empty where the parts do not tell it.
 */
int decode_record(const void *data, size_t size, struct decode_scratch *scratch,
		  struct event *ret, const char **ret_why);

/* The family (enum wire_family) that counts records of this type, or -1. */
int decode_family(const void *data, size_t size);
