/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration and policy, read for a command: says on stderr what is wrong. */
#pragma once

struct conf;
struct rule_options;
struct rule_set;

/* EXIT_CODE_OK, or the exit code to end with; then *ret needs no conf_done. */
int settings_load(const char *path, struct conf *ret);

/* The policy in `dir`, as `conf` says what unlisted means. Same returns. */
int settings_load_rules(const char *dir, const struct conf *conf,
			struct rule_set **ret);

/* What `conf` says a rule set is to be loaded with. */
void settings_rule_options(const struct conf *conf, struct rule_options *ret);
