/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scripts that are about to run: their files, told before the exec that gives
 * them to an interpreter. An exec that failed leaves an entry that no other
 * asks for; the oldest give way. Inside proc/ only.
 */
#pragma once

#include "event.h"

struct scripts;

/* 0 or -ENOMEM. */
int scripts_new(struct scripts **ret);
void scripts_free(struct scripts *s);

/* Keep a copy of what an EVENT_SCRIPT told. 0 or -ENOMEM. */
int scripts_put(struct scripts *s, const struct event *ev);

/*
 * What was told at time_ns by a thread of this process. NULL: nothing, or it
 * had to give way. Good until the next call.
 */
struct script {
	struct slice path;
	struct file_id file;
};
const struct script *scripts_find(struct scripts *s, struct proc_key proc,
				  uint64_t time_ns);
