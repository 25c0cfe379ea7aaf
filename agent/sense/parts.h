/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which programs are loaded by which thread, so that both are done at about the
 * same time. Inside sense/ only.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PARTS 2

/*
 * What the verifier goes through for a program, in thousands of instructions:
 * as counted, where it is many.
 */
unsigned parts_cost(const char *program);

/* ret_part[i]: the part, below PARTS, of what costs[i]. */
void parts_divide(const unsigned *costs, size_t n, uint8_t *ret_part);
