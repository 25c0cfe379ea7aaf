/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads configuration and policy for a command; logs what is wrong with them.
 */
#pragma once

struct conf;
struct rule_options;
struct rule_set;

/* EXIT_CODE_OK, or the exit code to end with; *ret then needs no conf_done. */
int settings_load(const char *path, struct conf *ret);

/* Load the policy in `dir` with the options of conf. Returns as above. */
int settings_load_rules(const char *dir, const struct conf *conf,
			struct rule_set **ret);

/* The options of conf for loading a rule set. */
void settings_rule_options(const struct conf *conf, struct rule_options *ret);
