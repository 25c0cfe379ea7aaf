/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The segment that is being written.
 *
 * The caller keeps what is behind the last seal until the next seal is written:
 * if a write or a sync fails, the segment goes back to the last seal
 * (segment_rewind) and is given the same bytes again. A second fdatasync alone
 * is not enough: after a failed one the kernel takes the lost pages for clean,
 * and the second would succeed without them.
 *
 * Every call that can fail on a sick disk goes through struct store_io, so
 * that tests can make it fail or cut it short. Functions return 0 or -errno.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "journal_format.h"
#include "store/frame.h"
#include "store/segment.h"
#include "store/sha.h"

struct store_io {
	int (*create)(int dirfd, const char *name, mode_t mode);
	ssize_t (*pwritev)(int fd, const struct iovec *v, int n, off_t off);
	int (*fdatasync)(int fd);
	int (*rename)(int dirfd, const char *from, const char *to);
	int (*sync_dir)(int dirfd);
};

/* The system's own. */
extern const struct store_io store_io_real;

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
