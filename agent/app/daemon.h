/* SPDX-License-Identifier: Apache-2.0 */
/* `picket run`: creates the parts, runs the loop, destroys them. */
#pragma once

#include <stdbool.h>

struct conf;

struct daemon_settings {
	const struct conf *conf;
	const char *config_path; /* the file that conf was read from */
	const char *policy_dir;
	const char *journal_dir;
	bool tail; /* print lines on stdout as they come */
	bool pin;  /* false: as if [sensor] pin_dir were empty */
};

/* Returns when a signal ends it: an exit code, whose reason has been logged. */
int daemon_run(const struct daemon_settings *s);
