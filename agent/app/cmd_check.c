// SPDX-License-Identifier: Apache-2.0
/*
 * picket check: is this configuration and policy right. Needs no privilege,
 * so it can run where policy is reviewed.
 */
#include <stddef.h>
#include <stdio.h>

#include "app/commands.h"
#include "app/exit_codes.h"
#include "app/opts.h"
#include "app/settings.h"
#include "base/buf.h"
#include "conf/conf.h"
#include "rules/rules.h"

#define SETTINGS_TEXT_MAX (256u << 10)

struct check_settings {
	const char *config;
	const char *policy;
	bool print;
};

static const struct opt_row rows[] = {
	{ .name = "config",
	  .letter = 'c',
	  .metavar = "FILE",
	  .help = "configuration (default " SETTINGS_CONFIG ")",
	  .offset = offsetof(struct check_settings, config) },
	{ .name = "policy",
	  .metavar = "DIR",
	  .help = "policy instead of the configured [rules] dir",
	  .offset = offsetof(struct check_settings, policy) },
	{ .name = "print",
	  .help = "print every setting as it is in force",
	  .offset = offsetof(struct check_settings, print) },
	{ 0 },
};

static const struct opt_command command = {
	.name = "picket check",
	.synopsis = "[options]",
	.summary = "Check the configuration and the policy it names.",
	.rows = rows,
	.notes =
		"Exit status: 0 both are right, 6 one is not: FILE:LINE: what.",
};

static void print_set(const struct rule_set *set, const char *dir)
{
	const uint8_t *hash = rule_set_hash(set);
	size_t n = rule_set_count(set), expired = 0;
	struct rule_info info;

	for (size_t i = 0; i < n; i++) {
		rule_set_info(set, i, &info);
		if (!info.expired)
			continue;
		expired++;
		printf("%s:%u: rule '%s' has expired and never matches\n",
		       info.file, info.line, info.name);
	}
	printf("policy '%s' is right: %zu rules", dir, n);
	if (expired)
		printf(", %zu expired", expired);
	printf(", sha256 ");
	for (int i = 0; i < 32; i++)
		printf("%02x", hash[i]);
	printf("\n");
}

int cmd_check(int argc, char **argv)
{
	cleanup_buf struct buf text = BUF_INIT(SETTINGS_TEXT_MAX);
	struct check_settings s = { .config = SETTINGS_CONFIG };
	struct rule_set *set = NULL;
	struct conf conf = { 0 };
	const char *dir;
	int code;

	if (!opts_parse(&command, argc, argv, &s, &code))
		return code;
	code = settings_load(s.config, &conf);
	if (code != EXIT_CODE_OK)
		return code;
	dir = s.policy ? s.policy : conf.rules.dir;
	code = settings_load_rules(dir, &conf, &set);
	if (code == EXIT_CODE_OK) {
		if (s.print) {
			conf_print(&text, &conf);
			(void)fwrite(text.p, 1, text.n, stdout);
		}
		printf("configuration '%s' is right\n", s.config);
		print_set(set, dir);
	}
	rule_set_free(set);
	conf_done(&conf);
	if (fflush(stdout) == EOF)
		return EXIT_CODE_FAILURE;
	return code;
}
