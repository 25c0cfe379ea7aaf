/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Room for a record of a change by name: two places and two names, most of them
 * short, and all of them as long as the kernel takes.
 */
#pragma once

#include "read_path.h"

#define NAMES_SMALL  896
#define NAMES_MEDIUM 4096
#define NAMES_LARGE  26624

/* As room_of_two (read_path.h). */
static __always_inline void *room_of_names(struct room *room, __u64 head,
					   __u32 bytes, __u32 steps)
{
	if (room_holds(NAMES_SMALL, STEPS_SMALL, head, bytes, steps))
		return room_take(room, NAMES_SMALL, STEPS_SMALL);
	if (room_holds(NAMES_MEDIUM, STEPS_MEDIUM, head, bytes, steps))
		return room_take(room, NAMES_MEDIUM, STEPS_MEDIUM);
	return room_take(room, NAMES_LARGE, STEPS_LARGE);
}
