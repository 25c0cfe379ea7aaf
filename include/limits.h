/* SPDX-License-Identifier: Apache-2.0 */
/* Every cap that more than one program lives by, and why it is what it is. */

/*
 * -Iinclude puts this before the C library's: whoever asked for that gets it.
 * gcc's own comes back here on its way to the C library's, so there is no
 * #pragma once: macros may be defined again as they are.
 */
#include_next <limits.h>

/* One log record with room for a full image: largest wire record, doubled. */
#define PICKET_RECORD_MAX (128u << 10)
/* Ancestors looked at: deeper lines are cut, a fork bomb is not a policy. */
#define PICKET_ANCESTORS_MAX 64
/* Full segments in one journal directory: max_size / segment_size. */
#define PICKET_SEGMENTS_FULL 4096
/*
 * Segments of any size. One more begins at each start after a crash, and a
 * program that crashes in a loop must not push history out by number. Listing
 * and opening so many takes a second.
 */
#define PICKET_SEGMENTS_MAX 65536
