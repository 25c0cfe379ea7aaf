/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [rules] watch: reloads the policy, as `picket reload` does, when its files
 * have changed. The link "..data" is followed, behind which the kubelet keeps
 * the files of a volume.
 */
#pragma once

struct agent;
struct policy_watch;

/* *ret is NULL if [rules] watch is no. -errno. */
int policy_watch_new(struct agent *a, struct policy_watch **ret);
/* NULL is fine. */
void policy_watch_free(struct policy_watch *w);
