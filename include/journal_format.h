/* SPDX-License-Identifier: Apache-2.0 */
/* The journal on disk. */
#pragma once

#include <stdint.h>

enum journal_frame_type {
	JOURNAL_EVENT = 1,	/* numbered */
	JOURNAL_AMENDMENT = 2,	/* numbered */
	JOURNAL_GAP = 3,	/* numbered: stands for a range */
	JOURNAL_DESCRIPTION = 4,
	JOURNAL_SEAL = 5,
};

#define JOURNAL_PAYLOAD_MAX (128u << 10)
