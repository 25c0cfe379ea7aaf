/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [rules] watch: the policy is reloaded when its files have changed, whoever
 * changed them, as by `picket reload`. The files are those that a load reads:
 * where the kubelet keeps a volume behind a link "..data", what that leads to.
 */
#pragma once

struct agent;
struct policy_watch;

/* Nothing to do, and *ret NULL, where [rules] watch is no. -errno. */
int policy_watch_new(struct agent *a, struct policy_watch **ret);
/* NULL is fine. */
void policy_watch_free(struct policy_watch *w);
