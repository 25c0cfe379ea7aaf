/* SPDX-License-Identifier: Apache-2.0 */
/* The key for the tokens that replace secrets: one host's, or a fleet's. */
#pragma once

#include "rules/redact.h"

/*
 * Read the key from the file; its content, at least 32 bytes, is the key. A
 * file that does not exist is created, with 32 random bytes in hexadecimal. If
 * it can neither be read nor created, or path is empty, a random key is used
 * for this run only, with a warning. A file that others can read, that belongs
 * to another user or that is too short is an error. Returns an exit code.
 */
int redact_key_load(const char *path, struct redact_key *ret);
