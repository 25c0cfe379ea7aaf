/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One segment: its name, its header, and the file while it is written.
 *
 * Every call that can fail on a sick disk goes through struct store_io, so
 * that tests can make it fail or cut it short.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "journal_format.h"
#include "store/frame.h"

struct store_io {
	int (*create)(int dirfd, const char *name, mode_t mode);
	ssize_t (*pwritev)(int fd, const struct iovec *v, int n, off_t off);
	int (*fdatasync)(int fd);
	int (*rename)(int dirfd, const char *from, const char *to);
	int (*sync_dir)(int dirfd);
};

/* The system's own. */
extern const struct store_io store_io_real;

#define SEGMENT_NAME_MAX 48

/* 0000000000000001.seg; suffix "seg" or "new". */
const char *segment_name(uint64_t number, const char *suffix,
			 char buf[static SEGMENT_NAME_MAX]);
/* The number in a segment's file name, or 0: not one. */
uint64_t segment_number(const char *name);

/* The CRC and the second copy are made here. */
void segment_encode_header(const struct journal_segment_header *h,
			   uint8_t ret[static JOURNAL_HEADER_AREA]);
/*
 * -EBADMSG: neither copy is valid; -ENOTSUP: version or incompatible flag
 * that is not known; other -errno: reading failed.
 */
int segment_read_header(int fd, struct journal_segment_header *ret);

/*
 * Up to n bytes at off: how many there were. Pages that the disk cannot give
 * (EIO) read as zeros: to everything above they are damage like any other.
 */
int segment_pread(int fd, void *p, size_t n, uint64_t off);

/*
 * The next byte from `off` on that is in no hole; the file's size if only a
 * hole follows. No frame begins in one, and a file of any size is quickly made
 * of them.
 */
uint64_t segment_past_hole(int fd, uint64_t off);
/* Bytes that a file takes on the disk: without its holes. */
uint64_t segment_weight(const struct stat *st);

/* From the earliest to the latest of some frames; both 0: there are none. */
struct segment_times {
	int64_t earliest_ns, latest_ns;
};

/* One more numbered frame. */
void segment_times_add(struct segment_times *t, int64_t wall_ns);

/* Up to where the bytes of the link [from, to) count (CHAIN). */
uint64_t segment_link_end(uint64_t from, uint64_t to);

/* A running SHA-256 over one link of the chain. */
struct sha;
int sha_new(struct sha **ret);
void sha_free(struct sha *s);
void sha_start(struct sha *s);
void sha_add(struct sha *s, const void *p, size_t n);
/* Ends the run; sha_start before the next. */
void sha_end(struct sha *s, uint8_t ret[static JOURNAL_SHA_SIZE]);

/*
 * The segment that is being written.
 *
 * What lies behind the last seal is kept by the caller until the next seal is
 * written: if a write or sync fails the segment goes back to the last seal
 * (segment_rewind) and is given the same bytes again. Rewriting matters: after
 * a failed fdatasync the kernel holds the lost pages for clean, and a second
 * fdatasync alone would succeed without them.
 */
struct segment {
	const struct store_io *io;
	struct sha *sha; /* over [link_off, off) */
	int fd;
	struct journal_segment_header header;
	struct frame_key key;
	uint64_t off;	   /* where the next frame goes */
	uint64_t link_off; /* the last seal, or 0: the header */
	size_t link_size;
	uint8_t link[JOURNAL_HEADER_AREA]; /* the bytes there */
	struct segment_times times; /* of the numbered frames before off ... */
	struct segment_times sealed_times; /* ... and before the last seal */
	int64_t link_earliest_ns; /* since the last seal; as a seal says it */
	bool rewound;		  /* link must be written again first */
};

int segment_init(struct segment *s, const struct store_io *io);
void segment_done(struct segment *s);

struct segment_plan {
	uint8_t id[JOURNAL_ID_SIZE];
	uint8_t salt[16];
	uint64_t number;
	uint64_t first_seq;
	uint32_t epoch;
	uint32_t compatible, incompatible; /* flags */
	int64_t wall_ns;
	uint8_t previous_sha[JOURNAL_SHA_SIZE];
	mode_t mode;
};

/*
 * Make it durable under its name and close what was open before; on failure
 * that stays open. *ret_what: the call that failed.
 */
int segment_create(struct segment *s, int dirfd, const struct segment_plan *p,
		   const char **ret_what);
/*
 * Go on in a file that exists, at `off` behind whole frames, the last seal
 * being at link_off; `times` are those of the frames before. The link is read
 * back. Where more than the seal lies behind link_off it can be sealed, but
 * not rewound.
 */
struct segment_place {
	uint64_t link_off, off;
	struct segment_times times;
};
int segment_adopt(struct segment *s, int fd, const struct segment_place *at);

/* v holds whole frames. */
int segment_write(struct segment *s, const struct iovec *v, int n);
int segment_sync(struct segment *s);
/* After a sync: everything before is durable. */
int segment_seal(struct segment *s, uint64_t last_seq, uint32_t flags,
		 int64_t wall_ns);
void segment_rewind(struct segment *s);
/* SHA of the last link, for the next segment's header. */
void segment_final_sha(struct segment *s, uint8_t ret[static JOURNAL_SHA_SIZE]);
