/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that needs nothing: no loader, no library. For places that have
 * none, and file systems of our own.
 */
#pragma once

#include <stddef.h>

#define TINY_PROGRAM_MAX 256

/* Its bytes; how many. It ends at once, with 0. */
size_t tiny_program(char out[static TINY_PROGRAM_MAX]);
/* Write it to a file, executable; 0 or -errno. */
int tiny_program_at(const char *path);
