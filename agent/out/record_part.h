/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pieces that both record.c and record_image.c pack. Only these two include
 * this.
 */
#pragma once

#include "base/buf.h"
#include "event.h"
#include "event.pb-c.h"

/*
 * protobuf-c wants to write through what it only ever reads while packing;
 * the detour by an integer says that this is meant.
 */
static inline ProtobufCBinaryData record_bytes(struct slice s)
{
	return (ProtobufCBinaryData){ s.n, (uint8_t *)(uintptr_t)s.p };
}

/* Fill *m; false: there is nothing to say, leave the member out. */
bool record_fill_path(Picket__V1__Path *m, const struct file_path *p);

/* Fill *m; false as above. Times only where the file is not being changed. */
bool record_fill_file(Picket__V1__File *m, const struct file_id *f,
		      bool with_times);

/* Fill *m; false: nothing was found out. */
bool record_fill_finding(Picket__V1__Finding *m, const struct file_facts *f);

/* Where a string that is not UTF-8 is mended. */
#define RECORD_STRING_MAX 256
struct mended {
	char s[RECORD_STRING_MAX];
};
/* s if it is UTF-8, else a copy with '?' for each byte that is not. */
char *record_string(const char *s, struct mended *m);

/* Strings are borrowed from v, or mended in the other two. */
void record_fill_verdict(Picket__V1__Verdict *m, const struct verdict *v,
			 struct mended *rule, struct mended *tag);
