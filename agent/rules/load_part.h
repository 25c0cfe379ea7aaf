/* SPDX-License-Identifier: Apache-2.0 */
/* Between load.c, which reads files, and set.c, which builds of them. */
#pragma once

#include <openssl/evp.h>

#include "rules/parse.h"

struct loading {
	struct builder b;
	EVP_MD_CTX *hash; /* of all that was read */
	struct rule_error *err;
	const struct rule_edit *edit; /* NULL: none */
};

/* file is escaped; both are cut where they are too long. */
void load_error(struct rule_error *err, const char *file, unsigned line,
		const char *what);

/*
 * All files are read. -EINVAL: they do not fit together, and l->err says how;
 * -ENOMEM.
 */
int rule_set_build(struct loading *l, const struct rule_options *opt,
		   struct rule_set **ret);
