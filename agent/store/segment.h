/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One segment as a file: its name, its header, and reading it. Writing one is
 * in segment_write.h. Sizes and offsets are in bytes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "journal_format.h"

#define SEGMENT_NAME_MAX 48

/* 0000000000000001.seg; suffix "seg" or "new". */
const char *segment_name(uint64_t number, const char *suffix,
			 char buf[static SEGMENT_NAME_MAX]);
/* The number in a segment's file name, or 0: not one. */
uint64_t segment_number(const char *name);

/* h as it is on disk: two copies, each with magic, version and CRC filled in. */
void segment_encode_header(const struct journal_segment_header *h,
			   uint8_t ret[static JOURNAL_HEADER_AREA]);
/*
 * -EBADMSG: neither copy is valid; -ENOTSUP: version or incompatible flag
 * that is not known; other -errno: reading failed.
 */
int segment_read_header(int fd, struct journal_segment_header *ret);

/*
 * Read up to n bytes at off; returns how many there were, or -errno. Pages that
 * the disk cannot give (EIO) read as zeros, so that a bad sector is damage like
 * any other and does not end the reading.
 */
int segment_pread(int fd, void *p, size_t n, uint64_t off);

/*
 * The offset of the next byte at or after `off` that is not in a hole; the
 * file's size if only a hole follows. No frame begins in a hole, and a sparse
 * file of any size costs nothing to make: readers must not walk through it.
 */
uint64_t segment_past_hole(int fd, uint64_t off);
/* Bytes that a file takes on the disk, without its holes. */
uint64_t segment_weight(const struct stat *st);

/* Wall times (ns) of the earliest and the latest of some frames; both 0: none. */
struct segment_times {
	int64_t earliest_ns, latest_ns;
};

/* Take in one more numbered frame. */
void segment_times_add(struct segment_times *t, int64_t wall_ns);

/*
 * A link of the chain of seals covers [from, to), but at most
 * JOURNAL_LINK_MAX bytes (see CHAIN in journal_format.h): where it ends.
 */
uint64_t segment_link_end(uint64_t from, uint64_t to);
