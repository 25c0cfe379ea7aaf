/* SPDX-License-Identifier: Apache-2.0 */
/* Drops the privileges that are not needed once the programs are attached. */
#pragma once

/*
 * Keep only CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH (of
 * those that are held), empty the bounding set of all others, and set
 * no_new_privs. Holds for threads that start later. -errno on failure.
 */
int sandbox_enter(void);
