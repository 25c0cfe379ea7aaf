/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which headers of a directory may be searched by their numbers: epochs and
 * first sequences never go down from segment to segment, so one that does not
 * fit its neighbours was not written by the journal's writer.
 */
#pragma once

#include "store/dir.h"

/*
 * Set the order of each head that is_ours, by the longest run of them in which
 * neither epochs nor, of those, first sequences go down: IN_ORDER if it is in
 * every such run, MAYBE if in one of several that are as long, so that another
 * one may be right. The others are OUT_OF_ORDER. 0, or -ENOMEM.
 */
int order_find(struct dir_list *l);
