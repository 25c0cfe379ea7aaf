/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of tampering look for in what was seen. */
#pragma once

#include "harness.h"

/* The n-th (from 0) of this kind; NULL: there are fewer. */
const struct wire_tamper *tamper_nth(const struct seen *w,
				     enum wire_tamper_op op, size_t n);
/* The only one: done by the child, which must have ended with 0. */
const struct wire_tamper *tamper_only(const struct seen *w,
				      enum wire_tamper_op op);
