/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 by libcrypto, behind three calls that cannot fail: a digest fails
 * only for want of memory or of the algorithm, and sha_new meets both.
 */
#include "store/sha.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

struct sha {
	EVP_MD_CTX *ctx;
	const EVP_MD *type;
};

int sha_new(struct sha **ret)
{
	struct sha *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->type = EVP_sha256();
	s->ctx = EVP_MD_CTX_new();
	if (!s->ctx || EVP_DigestInit_ex(s->ctx, s->type, NULL) != 1) {
		sha_free(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

void sha_free(struct sha *s)
{
	if (!s)
		return;
	EVP_MD_CTX_free(s->ctx);
	free(s);
}

void sha_start(struct sha *s)
{
	/* Same type again: reuses what sha_new allocated. */
	(void)EVP_DigestInit_ex(s->ctx, s->type, NULL);
}

void sha_add(struct sha *s, const void *p, size_t n)
{
	(void)EVP_DigestUpdate(s->ctx, p, n);
}

void sha_end(struct sha *s, uint8_t ret[static JOURNAL_SHA_SIZE])
{
	unsigned n = JOURNAL_SHA_SIZE;

	memset(ret, 0, JOURNAL_SHA_SIZE);
	(void)EVP_DigestFinal_ex(s->ctx, ret, &n);
}
