/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal on disk, version 1.
 *
 * A journal is a directory:
 *
 *	0000000000000001.seg	segments: 16 decimal digits, numbered from 1;
 *				a higher number is younger
 *	0000000000000002.seg
 *	0000000000000002-0000000000004711.cut
 *				bytes that recovery cut off segment 2 at offset
 *				4711; kept for people, never read again
 *	state-0001.cut		a `state` that recovery did not believe, or what
 *	lock-0001.cut		had such a name and was no file
 *	0000000000000003.new	a segment whose making was interrupted: ignore
 *	state			identity and epoch, text, replaced whole
 *	lock			locked by the writer (fcntl, open file
 *				description lock); holds its pid
 *
 * All integers are little-endian. Offsets and sizes are in bytes. "CRC" is
 * CRC-32C (Castagnoli, as in RFC 3720: that of "123456789" is e3069283),
 * "SHA" is SHA-256.
 *
 *
 * SEGMENT
 *
 *	0	512	header
 *	512	512	the same 512 bytes again: a reader takes the first of
 *			the two that is valid, so a bad sector costs nothing
 *	1024	...	frames, one after the other, without padding
 *
 * A segment appears under its name only when both headers are durable. It is
 * appended to by one process; after that one is gone, by recovery (below), or
 * by the next, if the journal was closed cleanly and the segment is the
 * youngest. A younger segment means that this one is finished.
 *
 * Segment header (struct journal_segment_header):
 *
 *	0	8	magic: "picketj" and a newline
 *	8	2	version: 1. Another version: do not read the segment
 *	10	2	header size: where the first frame is, 1024
 *	12	4	compatible flags: bits a reader does not know mean
 *			something it can do without. 1: each description
 *			stands at most JOURNAL_NEAR bytes before the events
 *			that refer to it (images are described again now and
 *			then), so one may begin that far before what one wants
 *	16	4	incompatible flags: a reader that does not know one of
 *			the bits set must not read the segment. 1: a
 *			description may be LIKE another, and what has no wall
 *			time in its payload has the frame's
 *	20	4	epoch of all frames in this segment, from 1, less than
 *			2^31
 *	24	16	journal id, random, the same in all segments
 *	40	16	salt, random, of this segment alone
 *	56	8	segment number, the one in the file's name, less than
 *			2^50
 *	64	8	first sequence: the number that the first numbered frame
 *			of this segment has or will have
 *	72	8	wall time of making, ns since 1970 (signed)
 *	80	32	SHA of the end of the previous segment as it was then
 *			(CHAIN below); zeros if there was none
 *	112	396	zeros
 *	508	4	CRC of bytes 0-507
 *
 *
 * FRAME (struct journal_frame_header, then the payload)
 *
 *	0	4	CRC of: the segment's salt (16 bytes), bytes 4-31 of this
 *			header, the payload
 *	4	4	length of the payload, at most JOURNAL_PAYLOAD_MAX
 *	8	2	magic: "JF"
 *	10	1	type: enum journal_frame_type
 *	11	1	flags: JOURNAL_FRAME_*; unknown bits are ignored
 *	12	4	epoch: the segment's
 *	16	8	sequence; 0: not numbered
 *	24	8	wall time, ns since 1970 (signed)
 *	32	...	payload
 *
 * A frame is valid if all of this holds:
 *
 *	- 32 bytes and then `length` bytes are there, length is within its
 *	  bound, the magic is right, and the CRC is
 *	- the epoch is the segment's
 *	- an event, amendment or gap has a sequence that is not 0, a
 *	  description or seal has 0, the type is not 0
 *	- its sequence, or a seal's last sequence, is less than 2^63, a gap's
 *	  first + count at most 2^63
 *	- a seal's payload has at least 64 bytes; a gap's at least 24, its first
 *	  number is the frame's sequence, and its count is not 0
 *
 * Nothing in a frame may be believed before its CRC is. The salt is there
 * because payload holds bytes that watched programs chose: one that does not
 * know the salt cannot put something into its arguments that a reader, while
 * it looks for the next frame behind damage, takes for a frame; nor can stale
 * blocks of another segment pass for frames of this one.
 *
 * Types (the payload of 1, 2 and 4 is packed protobuf, proto/event.proto):
 *
 *	1 event		numbered
 *	2 amendment	numbered; names an earlier event, whatever segment
 *	3 gap		numbered; stands for `count` numbers that were given
 *			to frames which never reached the disk:
 *			0 8 first, 8 8 count, 16 4 reason, 20 4 zero
 *	4 description	not numbered: an image that events behind it, in the
 *			same segment, refer to
 *	5 seal		not numbered
 *
 * LIKE. Where the segment's flag says so, a description whose field `like`
 * (16) is not 0 is not whole: the message is that of the description with
 * this id before it in the segment, less the fields whose numbers are bits of
 * `without` (17), and with all fields that stand here in place of those of the
 * same number there. That other description is whole itself, has no field from
 * 64 on that counts here, and at most 4096 bytes; it is the last one with this
 * id, and as near (see compatible flag 1) as the description itself. Where it
 * is missing, nothing is known of the image but its id.
 *
 * A frame of a type that is not known is passed over; if it is numbered, its
 * number is missing to that reader.
 *
 * Sequences begin at 1 and have no holes over the journal's life: a numbered
 * frame has the number after that of the numbered frame before it (after a
 * gap: first + count). An epoch is one run of the writer, or several that
 * followed one another cleanly. Where a writer was cut off, the next one
 * begins a new epoch and goes on behind the last number that it can still
 * find, so a number that was lost may be given again, in the new epoch.
 * (journal id, epoch, sequence) is therefore a name that is never given
 * twice; the number alone is not. The new epoch is durable in `state` before
 * a frame of it is written.
 *
 *
 * SEAL
 *
 * A seal is written after everything before it in the segment is durable, so
 * a reader that stays before the last seal never sees what a power loss can
 * take back. The seal itself is made durable by the next sync.
 *
 * Payload (struct journal_seal):
 *
 *	0	8	last sequence given before it, 0: none
 *	8	8	offset of the previous seal in this segment, 0: none
 *	16	4	flags: 1 the writer closed the journal after it; 2 the
 *			segment ends with it; 4 made by recovery. Behind one
 *			with 1 the next writer may have gone on all the same;
 *			its descriptions number images anew
 *	20	4	zero
 *	24	8	earliest wall time of the numbered frames between the
 *			previous seal in this segment (or its beginning) and
 *			this one; 2^63-1: there are none; 0: not said
 *	32	32	SHA, see CHAIN
 *	64	8	earliest wall time of the numbered frames before it in
 *			this segment ...
 *	72	8	... and the latest; both 0: there is none
 *
 * A seal of 64 bytes, which early writers of version 1 made, says nothing of
 * times. Those of a segment's last seal are the index by time: they hold
 * whichever way the clock was set, and stand at a known distance from the end
 * of a segment that is finished. Within a segment the seals are one, read from
 * the last to the one before: where the latest time is before a span, so is
 * all that stands before the seal; and where each of the last links has its
 * earliest time behind a span, so has all that stands in them.
 *
 * CHAIN. The SHA in a seal is taken over the bytes from the first byte of the
 * previous seal's frame (or from the first byte of the segment, if it is the
 * first) up to, not including, the first byte of its own frame. As the
 * previous seal holds the SHA before it, and a segment's header that of the
 * bytes from the last seal's first byte to the end of the previous segment,
 * every SHA depends on all of the history before it, while each link can be
 * checked alone: a changed byte is found between two seals. Someone who kept
 * one seal (its sequence and SHA) can tell whether history before it is still
 * what it was. Of a link of more than JOURNAL_LINK_MAX bytes the first so many
 * count: no writer leaves more between two seals, so that much is damage, and
 * a file that was made a terabyte of nothing stops neither recovery nor proof.
 *
 *
 * READING
 *
 * 1. List the directory; take segments by ascending number. The journal is
 *    the one of most segments, where `state` counts as one more if a segment
 *    says the same; of as many the one that `state` names, else that of the
 *    youngest. Where no segment can be read it is the one that `state` names.
 * 2. Take the first valid of the two headers. None, or another journal's id:
 *    the segment is damaged as a whole (without its salt nothing in it can be
 *    checked); go to the next, as if it were not there. What it stands in the
 *    place of is missing (6).
 * 3. At the offset of the first frame: if the frame there is valid, take it,
 *    go on behind it.
 * 4. If not, and the segment is not the youngest: damage. Resynchronise: look
 *    for the next offset, byte by byte, where a valid frame is, and go on
 *    there; at the end of the file, with the next segment.
 * 5. If not, and it is the youngest: the rest may be in the middle of being
 *    written. If a valid frame follows somewhere, it was damage; otherwise
 *    wait for the file to grow, or for a younger segment (then look again at
 *    the same place: something may have been appended in between).
 * 6. Numbers that are skipped, between frames or between the last frame of a
 *    segment and the first sequence of the next, are missing: damaged,
 *    trimmed or removed. A first sequence that goes back with a higher epoch
 *    is a restart; numbers that go back in the same epoch were seen already.
 * 7. No number of a segment is as large as the first sequence of the next one
 *    of the same epoch. What leaps there, in a frame, a seal or a gap, lies,
 *    and would make all that follows look as if it had been seen: a gap ends
 *    there, and a numbered frame behind it is passed over. Where no next
 *    segment says it, a number that is more than 2^48 behind the one before it
 *    lies, and so do a seal and a gap that end so far behind. And as numbers
 *    only go up, what skips some lies too if what follows it in the segment
 *    (the next frame or seal with a number that was not seen) has one of
 *    those: then a seal says nothing, and a gap ends before it, or is none. The
 *    same goes for a header whose first sequence skips some, and it lies too if
 *    the first two numbers in its segment, or the only one, are lower ones.
 * 8. Of the segments and the state of the journal (1), the numbers are near one
 *    another: take the middle of their epochs, of their numbers, and of their
 *    first sequences (the state's next one); of an even count the lower. What
 *    is more than 2^20 (epoch, number) or 2^48 (sequence) above it nobody got
 *    by counting: such a file is as damaged as one of another journal is. For
 *    the state's oldest the bound is that of numbers.
 * 9. Of the segments that are left, neither epochs nor first sequences go down.
 *    Take the longest run of them of which that is true, of epochs first, and
 *    of first sequences in what that leaves. The others say nothing of where a
 *    number is or what is missing before them: read them as they come, between
 *    those around them. Where several runs are as long, a header that is not
 *    in all of them may be right, or wrong: begin before it.
 *
 * Who must not read past the last seal treats a finished segment as sealed to
 * its end: the next one's header is made after it is durable.
 *
 *
 * WHAT A CRASH LEAVES
 *
 * After SIGKILL the file ends with a frame or in the middle of one. After
 * power loss anything behind the last sync may be missing, zero, stale or
 * partly there. At the next start the writer keeps the last segment up to the
 * end of its last valid frame (found by reading as above, so damage in the
 * middle does not cost what is behind it), copies what follows into a .cut
 * file, cuts it off, appends a seal with flag 4, makes that durable, writes
 * `state` with the next epoch, and begins a new segment. If too many .cut
 * files are there already, the rest stays in the segment, where readers pass
 * it by. A last segment that has no valid header, or another journal's, becomes
 * a .cut file whole, and so do one with numbers that nobody got by counting,
 * and a `state` that is none, has such numbers, or names a journal that no
 * segment is of.
 *
 *
 * STATE
 *
 *	picket-journal 1
 *	id 000102030405060708090a0b0c0d0e0f
 *	epoch 1
 *	segment 7
 *	seq 1234
 *	oldest 3
 *	clean no
 *	crc 0f1e2d3c
 *
 * epoch: the newest begun. segment, seq: the newest segment and the next number
 * as they were when this was written. Epoch, segment and oldest are bounded as a
 * header's. oldest: the oldest segment that
 * the bounds on size and age left, saved before the ones before it are removed:
 * where the oldest there is has a higher number, somebody else removed some.
 * Early writers of version 1 leave the line out, and so does a start that finds
 * no segment, until its first one is there. clean: yes only if the writer
 * closed the journal and wrote nothing after. crc: CRC of all lines before
 * it, in hexadecimal. A start is clean if this says so and the last segment
 * ends in a seal with flag 1 whose last sequence is seq - 1; else the epoch
 * is one more than the highest in `state` or in any segment (257 more if
 * `state` cannot be read: the newest segment may be the one that is gone).
 *
 *
 * EXAMPLE
 *
 * A segment with one event (payload "hello", flag urgent) and one seal, 1173
 * bytes. Journal id 00..0f, salt 10..1f, epoch 3, segment 2, number 42, wall
 * time 1700000000000000000, no previous segment. Bytes 512-1023 are bytes
 * 0-511 again; lines of zeros are left out.
 *
 *	   0  70 69 63 6b 65 74 6a 0a 01 00 00 04 00 00 00 00
 *	  16  00 00 00 00 03 00 00 00 00 01 02 03 04 05 06 07
 *	  32  08 09 0a 0b 0c 0d 0e 0f 10 11 12 13 14 15 16 17
 *	  48  18 19 1a 1b 1c 1d 1e 1f 02 00 00 00 00 00 00 00
 *	  64  2a 00 00 00 00 00 00 00 00 00 2a 36 fe 9c 97 17
 *	 496  00 00 00 00 00 00 00 00 00 00 00 00 61 07 17 cd
 *	1024  b1 eb 1a 87 05 00 00 00 4a 46 01 01 03 00 00 00
 *	1040  2a 00 00 00 00 00 00 00 00 00 2a 36 fe 9c 97 17
 *	1056  68 65 6c 6c 6f 2b d2 78 06 50 00 00 00 4a 46 05
 *	1072  00 03 00 00 00 00 00 00 00 00 00 00 00 00 00 2a
 *	1088  36 fe 9c 97 17 2a 00 00 00 00 00 00 00 00 00 00
 *	1104  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 2a
 *	1120  36 fe 9c 97 17 4e 6b ba 17 6e 4f 33 3a 95 1d 5e
 *	1136  e1 b1 de 96 80 1f 23 dc 12 0e 18 62 be 96 bf 6b
 *	1152  d8 2e 1b 6a aa 00 00 2a 36 fe 9c 97 17 00 00 2a
 *	1168  36 fe 9c 97 17
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum journal_frame_type {
	JOURNAL_EVENT = 1,     /* numbered */
	JOURNAL_AMENDMENT = 2, /* numbered */
	JOURNAL_GAP = 3,       /* numbered: stands for a range */
	JOURNAL_DESCRIPTION = 4,
	JOURNAL_SEAL = 5,
};

#define JOURNAL_PAYLOAD_MAX (128u << 10)

#define JOURNAL_VERSION	      1
#define JOURNAL_ID_SIZE	      16
#define JOURNAL_SHA_SIZE      32
#define JOURNAL_SEGMENT_MAGIC "picketj\n"
#define JOURNAL_FRAME_MAGIC   0x464a /* "JF" */
#define JOURNAL_SEQ_MAX	      (1ull << 63)
#define JOURNAL_SEQ_LEAP      (1ull << 48) /* no two that follow are so far … */
#define JOURNAL_EPOCH_MAX     (1u << 31)   /* an epoch is less */
#define JOURNAL_EPOCH_LEAP    (1u << 20)   /* … nor are epochs */
#define JOURNAL_SEGMENT_MAX   (1ull << 50) /* a segment's number is less */
#define JOURNAL_SEGMENT_LEAP  (1ull << 20) /* … nor are those */
#define JOURNAL_HEADER_AREA   1024	   /* both copies of the header */
#define JOURNAL_SEAL_LEAST    64	   /* of a payload; without times */
#define JOURNAL_NEAR	      (16u << 20)  /* between description and event */
#define JOURNAL_LINK_MAX      (2ull << 30) /* bytes of a link that are hashed */

/* Frame flags. 0x80 is never on disk: readers mark gaps of their own by it. */
#define JOURNAL_FRAME_URGENT 0x01 /* an alert */

/* Seal flags. */
#define JOURNAL_SEAL_CLEAN     0x1
#define JOURNAL_SEAL_END       0x2
#define JOURNAL_SEAL_RECOVERED 0x4

/* Compatible flags of a segment. */
#define JOURNAL_DESCRIBED_NEAR 0x1

/* Incompatible flags of a segment. */
#define JOURNAL_DESCRIBED_LIKE	   0x1
#define JOURNAL_INCOMPATIBLE_KNOWN JOURNAL_DESCRIBED_LIKE

enum journal_gap_reason {
	JOURNAL_GAP_OVERFLOW = 1, /* memory was full: the disk was stuck */
	/* Only in gaps that a reader makes: */
	JOURNAL_GAP_TRIMMED = 2, /* older than the oldest segment */
	JOURNAL_GAP_DAMAGED = 3, /* should be there, and is not */
};

struct journal_segment_header {
	char magic[8];
	uint16_t version;
	uint16_t header_size;
	uint32_t compatible;
	uint32_t incompatible;
	uint32_t epoch;
	uint8_t id[JOURNAL_ID_SIZE];
	uint8_t salt[16];
	uint64_t number;
	uint64_t first_seq;
	int64_t wall_ns;
	uint8_t previous_sha[JOURNAL_SHA_SIZE];
	uint8_t zero[396];
	uint32_t crc;
};

struct journal_frame_header {
	uint32_t crc;
	uint32_t length;
	uint16_t magic;
	uint8_t type;
	uint8_t flags;
	uint32_t epoch;
	uint64_t seq;
	int64_t wall_ns;
};

struct journal_gap {
	uint64_t first;
	uint64_t count;
	uint32_t reason; /* enum journal_gap_reason */
	uint32_t zero;
};

struct journal_seal {
	uint64_t last_seq;
	uint64_t previous;
	uint32_t flags;
	uint32_t zero;
	int64_t link_earliest_ns;
	uint8_t sha[JOURNAL_SHA_SIZE];
	int64_t earliest_ns, latest_ns;
};

/* The structs are the bytes: no padding, and hosts are little-endian. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "the journal's structs are read and written as they are");
_Static_assert(sizeof(struct journal_segment_header) == 512, "header");
_Static_assert(offsetof(struct journal_segment_header, id) == 24, "id");
_Static_assert(offsetof(struct journal_segment_header, number) == 56, "number");
_Static_assert(offsetof(struct journal_segment_header, previous_sha) == 80,
	       "previous_sha");
_Static_assert(offsetof(struct journal_segment_header, crc) == 508, "crc");
_Static_assert(sizeof(struct journal_frame_header) == 32, "frame");
_Static_assert(offsetof(struct journal_frame_header, seq) == 16, "seq");
_Static_assert(sizeof(struct journal_gap) == 24, "gap");
_Static_assert(sizeof(struct journal_seal) == 80, "seal");
_Static_assert(offsetof(struct journal_seal, sha) == 32, "sha");
_Static_assert(offsetof(struct journal_seal, earliest_ns) == JOURNAL_SEAL_LEAST,
	       "earliest_ns");
