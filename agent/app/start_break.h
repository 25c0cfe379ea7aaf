/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ending while the programs load. The loop's signals are blocked then, and the
 * kernel's verifier hears of no blocked signal: so SIGTERM and SIGINT are let
 * through for that time, and what they interrupt is given up.
 */
#pragma once

#include <stdbool.h>

/* The two hooks of struct sensor_settings. The caller is single-threaded. */
void start_break_allow(bool is);
bool start_break_is_wanted(void);

/* One line: by which signal, and whose. */
void start_break_log(void);
