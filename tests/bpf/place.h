/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory whose name is deep and not ASCII, for tests of what system calls
 * tell of names in it. In an act: chdir(place()) first.
 */
#pragma once

#include "harness.h"

const char *place(void);
/* place()/name, in one static buffer. */
const char *in_place(const char *name);

/* The backend of writes that is asked for from outside, else system calls. */
uint8_t place_backend(void);
/* Whether that is one that sees system calls only. */
bool by_calls(void);

/* A group fixture as seen_setup, with that backend. */
int place_setup(void **state);
