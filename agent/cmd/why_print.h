/* SPDX-License-Identifier: Apache-2.0 */
/*
 * e: NULL where there is no edit, or no history to hold it against. files: of a
 * program that was asked about; NULL of an event.
 */
#pragma once

#include "base/buf.h"
#include "cmd/why.h"
#include "cmd/why_effect.h"
#include "cmd/why_file.h"

void why_text(struct buf *out, const struct why *w, const struct why_effect *e,
	      const struct why_files *files);
void why_json(struct buf *out, const struct why *w, const struct why_effect *e,
	      const struct why_files *files);
