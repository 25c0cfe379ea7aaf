/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events whose verdict was still pending when the last agent died.
 */
#pragma once

struct agent;

/*
 * Find them at the end of the journal and judge them again, by the policy of
 * now and if the files are still those that were used. As for any other event,
 * facts that are not found out within PENDING_MS count as not met: so none
 * stays pending, and no alert is left out. To be called once the loop exists.
 */
void orphans_adopt(struct agent *a);
