/* SPDX-License-Identifier: Apache-2.0 */
#include "sense/generation.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "sense/cgroup_root.h"
#include "sense/probes.h"
#include "sense/skeleton.h"
#include "wire_hash.h"

/* Tests build agents that differ from this one in nothing else. */
#ifndef PICKET_BUILD_SALT
#define PICKET_BUILD_SALT ""
#endif
#ifdef PICKET_WIRE_HASH
#undef WIRE_HASH
#define WIRE_HASH PICKET_WIRE_HASH
#endif

static void add(EVP_MD_CTX *md, const void *p, size_t n)
{
	(void)EVP_DigestUpdate(md, p, n);
}

/* With its zero, so that two strings are not one. */
static void add_str(EVP_MD_CTX *md, const char *s)
{
	add(md, s, strlen(s) + 1);
}

/* What the account keeps of a hook is a row number in here. */
static void add_table(EVP_MD_CTX *md)
{
	size_t i, k;

	for (i = 0; i < sense_hook_count; i++) {
		const struct hook *h = &sense_hooks[i];

		add_str(md, h->sees);
		add(md, &h->family, sizeof(h->family));
		add(md, &h->ops, sizeof(h->ops));
		for (k = 0; k < h->count; k++) {
			const char *const *with = h->probes[k].with;

			add_str(md, h->probes[k].program);
			for (; with && *with; with++)
				add_str(md, *with);
			add(md, &h->probes[k].place,
			    sizeof(h->probes[k].place));
			add(md, &h->probes[k].backend,
			    sizeof(h->probes[k].backend));
		}
	}
}

static void add_settings(EVP_MD_CTX *md, const struct sensor_settings *s)
{
	const char *const *name, *controller;
	unsigned v1 = cgroup_root_find_v1(&controller);

	add(md, &s->ring_bytes, sizeof(s->ring_bytes));
	add(md, &s->window_ms, sizeof(s->window_ms));
	add(md, &s->unix_sockets, sizeof(s->unix_sockets));
	add(md, s->force, sizeof(s->force));
	add(md, &v1, sizeof(v1));
	for (name = s->env_names; name && *name; name++)
		add_str(md, *name);
}

_Static_assert(sizeof(WIRE_HASH "-") + 2 * 8 <= PINS_NAME_MAX,
	       "a generation has no room for its digits");

int generation_name(const struct sensor_settings *s,
		    char ret[static PINS_NAME_MAX])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t sum[EVP_MAX_MD_SIZE];
	const void *object;
	size_t n;

	if (!md)
		return -ENOMEM;
	if (EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1) {
		EVP_MD_CTX_free(md);
		return -ENOTSUP;
	}
	object = picket_bpf__elf_bytes(&n);
	add(md, object, n);
	add_str(md, PICKET_BUILD_SALT);
	add_table(md);
	add_settings(md, s);
	(void)EVP_DigestFinal_ex(md, sum, NULL);
	EVP_MD_CTX_free(md);
	n = (size_t)snprintf(ret, PINS_NAME_MAX, "%s-", WIRE_HASH);
	(void)hex_print(sum, 8, ret + n);
	return 0;
}

bool generation_is_readable(const char *name)
{
	return strncmp(name, WIRE_HASH "-", sizeof(WIRE_HASH)) == 0;
}
