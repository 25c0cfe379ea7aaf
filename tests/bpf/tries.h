/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often a race is run. PICKET_TEST_TRIES: so often.
 */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#define TRIES_HOST 10000
#define TRIES_VM   200
/* By turns, for the ring to be read in between: none may be lost. */
#define TRIES_TURN 500

static inline int tries(void)
{
	const char *env = getenv("PICKET_TEST_TRIES");

	if (env)
		return atoi(env);
	/* Where every instruction is emulated. */
	return access("/picket", F_OK) == 0 || access("/t/script", F_OK) == 0
		       ? TRIES_VM
		       : TRIES_HOST;
}
