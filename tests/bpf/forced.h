/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same tests with another backend, asked for from outside:
 *
 *   PICKET_TEST_BACKEND=lsm               every family that knows it
 *   PICKET_TEST_BACKEND='connect=cgroup write=lsm'
 *   PICKET_TEST_BACKEND='only=write'      beside fork and exit; loading all
 *                                         takes long where emulated
 *   PICKET_TEST_FILTER='tcp_* udp_*'      only tests whose name fits one
 *
 * A name that no family knows fails the program: a misspelt backend must not
 * pass as the default one.
 */
#pragma once

#include <stdint.h>

#include "wire.h"

/* Fill in what the environment asks for; the rest is left alone. */
void forced_by_env(uint8_t force[static WIRE_FAM_COUNT]);

/* Fail unless the backend that was asked for is the one that spoke. */
void assert_forced(const struct wire_hdr *record, enum wire_family family);
