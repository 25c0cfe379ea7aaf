/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one destination is sent. What does not pass is withheld, and its
 * numbers are accounted for by the manifests.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "out/view.h"

struct filter {
	bool all_kinds;
	uint64_t kinds; /* a bit for each Picket__V1__Kind */
	bool alerts_only;
};

/*
 * kinds: names as name_kind has them, NULL-terminated; none: all. A name that
 * this picket makes no events of passes nothing.
 */
void filter_init(struct filter *f, char *const *kinds, bool alerts_only);

/*
 * An amendment goes where its event goes, and what says how often an alert
 * was repeated where alerts go. One whose event is too far back to
 * be known goes by what it holds, and is taken for one of no alert. A gap is
 * for everybody.
 */
bool filter_passes(const struct filter *f, const struct view *v);

/* An event that raised an alert. */
bool filter_is_alert(const struct view *v);
