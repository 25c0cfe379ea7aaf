// SPDX-License-Identifier: Apache-2.0
/*
 * One place that turns a wrong file into a line and an exit code, so that
 * `run` and `check` say the same.
 */
#include "app/settings.h"

#include "base/clock.h"
#include "base/exit_codes.h"
#include "base/log.h"
#include "conf/conf.h"
#include "rules/rules.h"

static int complain(const char *file, unsigned line, const char *what)
{
	if (line)
		log_error("%s:%u: %s", file, line, what);
	else
		log_error("%s: %s", file, what);
	return EXIT_CODE_CONFIG;
}

int settings_load(const char *path, struct conf *ret)
{
	struct conf_error err = { 0 };

	if (conf_load(path, ret, &err) < 0)
		return complain(err.file, err.line, err.what);
	return EXIT_CODE_OK;
}

void settings_rule_options(const struct conf *conf, struct rule_options *ret)
{
	static const enum unlisted meaning[] = {
		[CONF_UNLISTED_RECORD] = UNLISTED_RECORD,
		[CONF_UNLISTED_ALERT] = UNLISTED_ALERT,
		[CONF_UNLISTED_DROP] = UNLISTED_DROP,
	};

	*ret = (struct rule_options){ .now_wall_ns = clock_wall_ns() };
	ret->unlisted[EVENT_EXEC] = meaning[conf->rules.unlisted_exec];
	ret->unlisted[EVENT_CONNECT] = meaning[conf->rules.unlisted_connect];
	ret->unlisted[EVENT_WRITE] = meaning[conf->rules.unlisted_write];
	ret->unlisted[EVENT_LISTEN] = meaning[conf->rules.unlisted_listen];
	ret->unlisted[EVENT_LOAD] = meaning[conf->rules.unlisted_load];
	ret->unlisted[EVENT_TAMPER] = meaning[conf->rules.unlisted_tamper];
}

int settings_load_rules(const char *dir, const struct conf *conf,
			struct rule_set **ret)
{
	struct rule_options opt;
	struct rule_error err = { 0 };

	settings_rule_options(conf, &opt);
	if (rule_set_load(dir, &opt, ret, &err) < 0)
		return complain(err.file, err.line, err.what);
	return EXIT_CODE_OK;
}
