/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is picket's own in the kernel: told to the programs, so that somebody
 * else's bpf(2) on it is an event. Inside sense/ only.
 */
#pragma once

#include "sense/attach.h"

/*
 * The ids of all maps and links (as in running.link_id), into the map
 * `own_objects`. -errno.
 */
int own_tell(const struct attachment *a);
/* What is made later. id 0: nothing to tell. */
int own_tell_link(const struct attachment *a, uint32_t id);
/* It is gone, and its number may once be another's. */
void own_forget_link(const struct attachment *a, uint32_t id);
int own_tell_map(const struct attachment *a, int fd);
