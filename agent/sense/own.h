/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is picket's own in the kernel: told to the programs, so that somebody
 * else's bpf(2) on it is an event, and looked after. Inside sense/ only.
 */
#pragma once

#include "sense/attach.h"

/* The ids of all maps and links, into the map `own_objects`. -errno. */
int own_tell(const struct attachment *a);
/* A map that is made later. */
int own_tell_map(const struct attachment *a, int fd);

/*
 * Whether every link is still there and runs the program that it was made
 * with. A hook whose link is not is off from now on, with the reason. How many
 * links were found so for the first time.
 */
int own_check(struct attachment *a);
