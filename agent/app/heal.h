/* SPDX-License-Identifier: Apache-2.0 */
/* The table of processes put right after a loss. */
#pragma once

struct agent;

/*
 * Where records of processes were lost since the last call: read what is in
 * the ring, and hold the table against what runs. 0 or -ENOMEM.
 */
int heal_processes(struct agent *a);
