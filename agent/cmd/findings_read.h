/* SPDX-License-Identifier: Apache-2.0 */
/* The findings of a span of a journal, and of a while behind it. */
#pragma once

#include "out/findings.h"
#include "store/spans.h"

/* -errno; findings_free. */
int findings_read(const char *journal, const struct span *span,
		  struct findings **ret);

/* One more span, into what there is. */
int findings_add(const char *journal, const struct span *span,
		 struct findings *f);

/*
 * What is told of the event v alone, however much later, and by a record of
 * when. 1: something is; 0: nothing; -errno.
 */
int findings_find(const char *journal, const struct view *v, struct findings *f,
		  int64_t *ret_wall_ns);

/* A warning, if there was more than there is room for. */
void findings_tell(const struct findings *f);
