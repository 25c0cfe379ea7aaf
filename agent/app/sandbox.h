/* SPDX-License-Identifier: Apache-2.0 */
/* Give up what is not needed any more once the programs are attached. */
#pragma once

/*
 * Keep only CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH
 * (those that were there), empty the bounding set of all others, and set
 * no_new_privs. For all threads that start later. -errno on failure.
 */
int sandbox_enter(void);
