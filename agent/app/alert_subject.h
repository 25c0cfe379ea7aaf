/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subject of an alert (see alerts.h) and the object that was acted on, as
 * hashes.
 */
#pragma once

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#include "event.h"

struct subject_key {
	uint8_t hash[16];
};

/* Is this the exec of a program that no rule lists? */
bool alert_is_unlisted(const struct event *ev, const struct verdict *v);

/* hash: a context to compute in; its content is lost. */
struct subject_key alert_subject(EVP_MD_CTX *hash, const struct event *ev,
				 const struct image *img,
				 const struct verdict *v);
/* The file or peer, never 0; an exec is its own object. */
uint64_t alert_object(EVP_MD_CTX *hash, const struct event *ev);
