/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lets SIGTERM and SIGINT end the start while programs are being loaded. The
 * loop's signals are blocked then, and the verifier does not notice a blocked
 * signal; so these two are unblocked for that time, and the start is given up.
 */
#pragma once

#include <stdbool.h>

/* The two hooks of struct sensor_settings. The caller is single-threaded. */
void start_break_allow(bool is);
bool start_break_is_wanted(void);

/* Log one line: which signal, and who sent it. */
void start_break_log(void);
