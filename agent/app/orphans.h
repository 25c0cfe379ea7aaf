/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events that the last agent left as pending, because it died before it knew.
 */
#pragma once

struct agent;

/*
 * Find them at the journal's end and judge them anew: what the policy says
 * now, of files that are still the ones that were used. What cannot be found
 * out in PENDING_MS is taken as not so, as for any other: so none of them
 * stays pending, and none that should alert is passed over. The loop is there.
 */
void orphans_adopt(struct agent *a);
