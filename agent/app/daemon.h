/* SPDX-License-Identifier: Apache-2.0 */
/* `picket run`: puts the parts together, runs the loop, takes them apart. */
#pragma once

#include <stdbool.h>

struct conf;

struct daemon_settings {
	const struct conf *conf;
	const char *config_path; /* that it was read from */
	const char *policy_dir;
	const char *journal_dir;
	bool tail; /* print lines on stdout as they come */
	bool pin;  /* [sensor] pin_dir counts */
};

/* Until a signal ends it. An exit code of base/exit_codes.h; has logged why. */
int daemon_run(const struct daemon_settings *s);
