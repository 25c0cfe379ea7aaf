/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reload reads the policy only: what agent.ini says otherwise than at the
 * start is not in force, and that is said.
 */
#pragma once

struct conf;

#define RELOAD_CONF_MAX 512

struct reload_conf {
	char changed[RELOAD_CONF_MAX]; /* keys, as conf_diff; empty: none */
	char error[RELOAD_CONF_MAX];   /* FILE:LINE: WHAT; empty: none */
};

/* path: of agent.ini; running: what is in force. */
void reload_conf_check(const struct conf *running, const char *path,
		       struct reload_conf *ret);
