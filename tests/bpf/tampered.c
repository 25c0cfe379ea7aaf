// SPDX-License-Identifier: Apache-2.0
#include "tampered.h"

const struct wire_tamper *tamper_nth(const struct seen *w,
				     enum wire_tamper_op op, size_t n)
{
	const struct wire_tamper *r;
	size_t i;

	for (i = 0; (r = seen_nth(w, WIRE_TAMPER, i)); i++)
		if (r->op == op && n-- == 0)
			return r;
	return NULL;
}

/* The only one, done by the child. */
const struct wire_tamper *tamper_only(const struct seen *w,
				      enum wire_tamper_op op)
{
	const struct wire_tamper *r = tamper_nth(w, op, 0);

	assert_int_equal(w->status, 0);
	assert_non_null(r);
	assert_null(tamper_nth(w, op, 1));
	assert_int_equal(r->hdr.tgid, w->child);
	return r;
}
