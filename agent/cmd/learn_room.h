/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much learning keeps of a journal in which everything is another thing
 * each time. What there is no room for is not learned, and told; the bounds are
 * far beyond a policy that anybody would read.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Of all that is learned; and, apart, of what is refused. */
#define LEARN_BYTES_MAX	  (32u << 20)
#define REFUSED_BYTES_MAX (4u << 20)

#define LEARN_GROUPS_MAX     8192u   /* who did it, by what it did */
#define LEARN_VALUES_MAX     4096u   /* of a group, each a line */
#define LEARN_NAMES_MAX	     16384u  /* of a group, of files */
#define LEARN_COMPONENTS_MAX 131072u /* of these names, all in all */
#define LEARN_ENDS_MAX	     16384u  /* of a group, of sockets */

struct learn_room {
	size_t left; /* bytes */
};

/* Of an allocation of this size that a search tree refers to. */
static inline bool room_take(struct learn_room *r, size_t bytes)
{
	const size_t cost = bytes + 64;

	if (r->left < cost)
		return false;
	r->left -= cost;
	return true;
}
