/* SPDX-License-Identifier: Apache-2.0 */
/* The findings of a span of a journal, and of a while behind it. */
#pragma once

#include "out/findings.h"
#include "store/spans.h"

/* -errno; findings_free. */
int findings_read(const char *journal, const struct span *span,
		  struct findings **ret);

/* A warning, if there was more than there is room for. */
void findings_tell(const struct findings *f);
