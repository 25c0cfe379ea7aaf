/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asked for a reload or a stop, as the kernel reports it.
 */
#pragma once

#include <stdint.h>

#define REQUESTER_EXE_MAX 400

struct requester {
	const char *how; /* "SIGHUP", "picket reload" */
	int32_t pid;	 /* 0: unknown */
	uint32_t uid;
	char exe[REQUESTER_EXE_MAX]; /* escaped; empty: gone by then */
};

/* Fill in exe. Call it at once: the sender of a signal is often gone soon. */
void requester_find_exe(struct requester *by);
