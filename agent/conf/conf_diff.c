/* SPDX-License-Identifier: Apache-2.0 */
/* Which settings of one configuration another one says otherwise. */
#include <stdint.h>

#include "conf/conf.h"
#include "conf/conf_key.h"

static bool is_same(const struct conf_key *k, struct conf *a, struct conf *b)
{
	cleanup_buf struct buf one = BUF_INIT(CONF_VALUE_MAX);
	cleanup_buf struct buf other = BUF_INIT(CONF_VALUE_MAX);

	conf_key_print(k, conf_key_place(k, a, 0), &one);
	conf_key_print(k, conf_key_place(k, b, 0), &other);
	return !one.failed && !other.failed &&
	       slice_eq(buf_slice(&one), buf_slice(&other));
}

size_t conf_diff(const struct conf *a, const struct conf *b, struct buf *out)
{
	/* Printing does not write. */
	struct conf *one = (struct conf *)(uintptr_t)a;
	struct conf *other = (struct conf *)(uintptr_t)b;
	const struct conf_key *k;
	size_t n = 0;

	for (k = conf_keys; k < conf_keys + conf_keys_n; k++) {
		if (k->each || is_same(k, one, other))
			continue;
		buf_addf(out, "%s[%s] %s", n ? ", " : "", k->section, k->name);
		n++;
	}
	return n;
}
