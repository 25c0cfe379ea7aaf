/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom an alert is about (alerts.h says what that is made of), and what was
 * done to, as hashes.
 */
#pragma once

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#include "event.h"

struct subject_key {
	uint8_t hash[16];
};

/* A program that runs, and that no rule lists. */
bool alert_is_unlisted(const struct event *ev, const struct verdict *v);

/* hash: to work with, whatever is in it. */
struct subject_key alert_subject(EVP_MD_CTX *hash, const struct event *ev,
				 const struct image *img,
				 const struct verdict *v);
/* Never 0; an exec is its own object. */
uint64_t alert_object(EVP_MD_CTX *hash, const struct event *ev);
