/* SPDX-License-Identifier: Apache-2.0 */
/* The calling process as the programs know it. Inside sense/ only. */
#pragma once

#include <stdint.h>

#include "wire.h"

/* tgid: ours in the initial PID namespace; 0: nobody is left out. */
int self_find(uint32_t tgid, struct wire_control *ret);
