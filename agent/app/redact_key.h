/* SPDX-License-Identifier: Apache-2.0 */
/* The key of what stands for a secret: the host's own, or a fleet's. */
#pragma once

#include "rules/redact.h"

/*
 * Read the file; make it, of 32 random bytes in hexadecimal, when it is not
 * there. Whatever stands in it, 32 bytes at least, is the key. Where it can
 * neither be read nor made, and with an empty path, the key is a new one that
 * nobody keeps, which is warned of. A file that others may read, that is not
 * ours or too short is refused. An exit code.
 */
int redact_key_load(const char *path, struct redact_key *ret);
