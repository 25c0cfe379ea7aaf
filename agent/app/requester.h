/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose wish something was, as the kernel said it: of a reload, of an end.
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

/* Fill in exe. At once: who sent a signal is often gone soon after. */
void requester_find_exe(struct requester *by);
