/* SPDX-License-Identifier: Apache-2.0 */
/* e: NULL where there is no edit, or no history to hold it against. */
#pragma once

#include "base/buf.h"
#include "cmd/why.h"
#include "cmd/why_effect.h"

void why_text(struct buf *out, const struct why *w, const struct why_effect *e);
void why_json(struct buf *out, const struct why *w, const struct why_effect *e);
