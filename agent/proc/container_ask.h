/* SPDX-License-Identifier: Apache-2.0 */
/*
 * container_info_read in a thread of its own, because a disk that does not
 * answer must not delay the events of other containers. For one calling
 * thread.
 */
#pragma once

#include "base/slice.h"

struct container_ask;
struct container_info;

/* How long an event waits for the names of its container, if others work. */
#define CONTAINER_ASK_WAIT_MS 20

/* container_info_read, or what stands for it in a test. */
typedef int (*container_read_fn)(const char *root, struct slice id,
				 struct container_info **ret);

/* root: as read takes it. No thread before the first question. */
int container_ask_new(const char *root, container_read_fn read,
		      struct container_ask **ret);
/* A thread that hangs in a read is left to the process's end. NULL is fine. */
void container_ask_free(struct container_ask *a);

/*
 * Returns as container_read_fn; -EAGAIN: not known yet, ask again; -EBUSY: too
 * many questions are pending.
 */
int container_ask(struct container_ask *a, struct slice id,
		  struct container_info **ret);
