/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reload only reads the policy. Settings of agent.ini that were changed since
 * the start are not in force, and the answer says which.
 */
#pragma once

struct conf;

#define RELOAD_CONF_MAX 512

struct reload_conf {
	char changed[RELOAD_CONF_MAX]; /* keys, as conf_diff; empty: none */
	char error[RELOAD_CONF_MAX];   /* FILE:LINE: WHAT; empty: none */
};

/* path: agent.ini; running: the settings in force. */
void reload_conf_check(const struct conf *running, const char *path,
		       struct reload_conf *ret);
