/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets in arguments and environments: found by the [redact NAME] sections
 * of the policy, and replaced before anything leaves the process.
 *
 * Rules are held against what was there. What is kept, shown and sent has
 * `<redacted:NAME:0123456789abcdef>` instead: the first 8 bytes of the value's
 * HMAC-SHA256 with the host's (or a fleet's) key, so that one secret can be
 * followed from process to process without being readable. If the arguments
 * were cut within a value, it becomes `<redacted:NAME:cut>`. From the
 * REDACT_TOKENS_MAX-th value of one image on it is `<redacted>`: that bounds
 * the work that somebody can make for us. An empty value hides nothing and
 * stays as it is.
 *
 *   option = --*password  an option's name, a glob: the value is what follows
 *                         '=' in the same argument, else the next argument
 *   prefix = -p           the value is the rest of an argument that begins so
 *   program = mysql*      option and prefix of this section count only behind
 *                         a word with such a base name, or in such a program
 *   env = *_TOKEN         a variable's name, a glob: its value, in the
 *                         environment and in an argument NAME=value
 *   assigned = password   whatever ends so and is set, in any text: up to a
 *                         blank or the like of password=…, "password": "…"
 *   after = bearer\x20    what follows this text, in any text; letters in
 *                         either case, blanks in between are skipped
 *   until = -----END      assigned and after end before this text, not at a
 *                         blank
 *   url-password = yes    of scheme://user:password@host, in any text
 *   owner ticket reason   as of a rule
 *
 * An argument of several words (`sh -c "mysql -pX"`) is also searched word by
 * word. When in doubt, text is hidden.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "event.h"

#define REDACT_SECTIONS_MAX 64u
#define REDACT_NAME_MAX	    32u
#define REDACT_TOKENS_MAX   64u
/* What is behind so many bytes of arguments or environment is left out. */
#define REDACT_LIST_MAX	    (64u << 10)
/* What scratch may grow to: a list of secrets of one byte each, and more. */
#define REDACT_SCRATCH_MAX  (1u << 20)

struct redactor;

struct redact_key {
	uint8_t bytes[32];
};

/* Bit i: the i-th string has a redacted part; bit 63: one from the 63rd on. */
struct redacted {
	struct slice args, env;
	uint64_t args_hidden, env_hidden;
	bool args_cut, env_cut; /* more was left out than the image says */
};

/*
 * Make copies of img's strings with secrets replaced. The slices in *ret are
 * img's own if nothing was replaced, else in scratch, which is overwritten (its
 * limit must be REDACT_SCRATCH_MAX). If memory runs out the lists are empty and
 * marked as cut, so no secret gets out. r NULL: nothing is hidden.
 */
void redact_image(const struct redactor *r, const struct redact_key *key,
		  const struct image *img, struct buf *scratch,
		  struct redacted *ret);

void redactor_free(struct redactor *r);
