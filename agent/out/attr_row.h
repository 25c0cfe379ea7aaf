/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of the mapping share: rows of tables, paths, files. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "out/attr.h"

#define ATTR_COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum row_type { ROW_U32, ROW_U64, ROW_I64, ROW_BOOL, ROW_BYTES, ROW_HEX };

/* One member of a protobuf-c message as one attribute. */
struct row {
	const char *key;
	enum row_type type;
	size_t at;   /* offset in the message */
	bool always; /* zero says something too */
};

void attr_rows(struct attrs *a, const struct row *rows, size_t n,
	       const void *message);

#define ADD_ROWS(a, rows, message) attr_rows(a, rows, ATTR_COUNT(rows), message)

static inline struct slice attr_bytes(ProtobufCBinaryData b)
{
	return slice_of((const char *)b.data, b.len);
}

void attr_list(struct attrs *a, const char *key, const ProtobufCBinaryData *v,
	       size_t n);

/* A name that a process chose, made fit for the end of a key; NULL: failed. */
const char *attr_outside_key(struct attrs *a, const char *prefix,
			     struct slice name);

/* The file or program that was acted on; or the one that acted. */
void attr_file(struct attrs *a, const Picket__V1__File *f);
void attr_file_path(struct attrs *a, const Picket__V1__Path *p);
void attr_new_path(struct attrs *a, const Picket__V1__Path *p);
void attr_exe(struct attrs *a, const Picket__V1__File *f);
void attr_exe_path(struct attrs *a, const Picket__V1__Path *p);

/* Who did it, as of the act. */
void attr_process(struct attrs *a, const struct view_images *images,
		  const struct view *v);

/* attr_finding.c; either may be NULL. */
void attr_findings(struct attrs *a, const Picket__V1__Finding *exe,
		   const Picket__V1__Finding *script);
