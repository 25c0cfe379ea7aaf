/* SPDX-License-Identifier: Apache-2.0 */
/* Repairs the process table after records were lost. */
#pragma once

struct agent;

/*
 * If records of processes were lost since the last call, read what is in the
 * ring and compare the table with the processes that run. 0 or -ENOMEM.
 */
int heal_processes(struct agent *a);
