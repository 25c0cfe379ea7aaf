/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file looked at: is it the one that was used, who may change it, what is
 * in it, and does a package say the same. Blocks on the disk: for a thread
 * of its own.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "trust/trust_db.h"

struct examiner;

struct examiner_settings {
	int root_fd;		/* the host's "/"; borrowed */
	const char *mountinfo;	/* of the host's mounts */
	uint64_t max_size;	/* larger files are not read */
	uint64_t rate;		/* bytes per second; 0: no limit */
	const volatile bool *stop;	/* true: give up reading; may be NULL */
};

int examiner_new(const struct examiner_settings *s, struct examiner **ret);
void examiner_free(struct examiner *e);

/* Both digests, so that a new database needs no second reading. */
struct digests {
	bool known;
	uint8_t md5[16];
	bool has_md5;	/* not where libcrypto may not make it */
	uint8_t sha256[32];
};

struct examination {
	struct slice path;	/* by the host's mounts */
	struct file_id id;	/* what was used */
	struct digests digests;	/* in: known already; out: as found */
	/* Out: known, hash, writable and sha256; trust is for judge_trust. */
	struct file_facts facts;
};

void examine(struct examiner *e, struct examination *x);

/*
 * What a database says of what was found. *ret_package: whose file it is, an
 * index; UINT32_MAX: nobody's.
 */
enum trust_state judge_trust(const struct trust_db *db,
			     const struct examination *x,
			     uint32_t *ret_package);
