// SPDX-License-Identifier: Apache-2.0
/* picket status: ask the agent that writes this journal. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/health.h"
#include "app/settings.h"
#include "app/status_socket.h"
#include "base/buf.h"
#include "base/escape.h"
#include "base/exit_codes.h"
#include "base/log.h"
#include "base/opts.h"
#include "base/places.h"
#include "cmd/commands.h"
#include "cmd/opt_rows.h"
#include "conf/conf.h"

#define ANSWER_MAX (5u << 20)

struct status_settings {
	const char *config;
	const char *journal;
	bool json;
	bool prometheus;
	bool health;
	bool rules;
	bool all;
};

static const struct opt_row rows[] = {
	{ .name = "config",
	  .letter = 'c',
	  .metavar = "FILE",
	  .help = "configuration that names the journal\n"
		  "(default " PLACE_CONFIG ")",
	  .offset = offsetof(struct status_settings, config) },
	{ .name = "journal",
	  .letter = 'j',
	  .metavar = "DIR",
	  .help = "journal directory",
	  .offset = offsetof(struct status_settings, journal) },
	{ .name = "all",
	  .letter = 'a',
	  .help = "also events by family, and each way in: what watches\n"
		  "it, what it cannot see, and why one is off",
	  .offset = offsetof(struct status_settings, all) },
	{ .name = "rules",
	  .help = "rules most used, never used, expired or about to",
	  .offset = offsetof(struct status_settings, rules) },
	OPT_JSON(status_settings, "one JSON object; with --rules one per rule"),
	{ .name = "prometheus",
	  .help = "metrics in the text format of Prometheus",
	  .offset = offsetof(struct status_settings, prometheus) },
	{ .name = "health",
	  .help = "for a probe: 'ok', or in one line why picket cannot do\n"
		  "its work here, and exit status 1",
	  .offset = offsetof(struct status_settings, health) },
	{ 0 },
};

static const struct opt_command command = {
	.name = "picket status",
	.synopsis = "[options]",
	.summary = "Is picket running, does it see everything, does it lose "
		   "anything,\nis the collector getting it, what did it cost.",
	.rows = rows,
	.notes = "Exit status: 0 it runs (--health: and does its work), 1 it "
		 "does not or does\nnot answer, 4 not allowed to ask.",
};

static int not_running(const char *dir, int error, bool json)
{
	cleanup_buf struct buf quoted = BUF_INIT(8192);

	if (error == -EACCES || error == -EPERM) {
		log_error("not allowed to ask about journal '%s'", dir);
		return EXIT_CODE_PRIVILEGE;
	}
	if (json) {
		escape_json(&quoted, slice_str(dir), NULL);
		printf("{\"running\":false,\"journal\":{\"dir\":%.*s}}\n",
		       (int)quoted.n, quoted.p);
		return EXIT_CODE_FAILURE;
	}
	if (access(dir, F_OK) < 0)
		log_error("there is no journal at '%s'", dir);
	else if (error == -ENOENT || error == -ECONNREFUSED)
		log_error("picket is not running on journal '%s'", dir);
	else
		log_error("picket does not answer on journal '%s': %s", dir,
			  strerrordesc_np(-error));
	return EXIT_CODE_FAILURE;
}

static enum status_form form_of(const struct status_settings *s)
{
	if (s->health)
		return STATUS_CHECK;
	if (s->rules)
		return s->json ? STATUS_RULES_JSON : STATUS_RULES;
	if (s->prometheus)
		return STATUS_PROMETHEUS;
	return s->json ? STATUS_JSON : STATUS_TEXT;
}

/* The screen alone: what is behind it is for who asks for all. */
static bool print_answer(const struct status_settings *s,
			 const struct buf *answer)
{
	const char *end = NULL;
	size_t n = answer->n;

	if (form_of(s) == STATUS_TEXT && !s->all && n)
		end = memmem(answer->p, n, "\n\n", 2);
	if (end)
		n = (size_t)(end - answer->p) + 1;
	if (n && fwrite(answer->p, 1, n, stdout) != n)
		return false;
	return !end || puts("details   picket status --all") != EOF;
}

static bool is_ok(const struct buf *answer)
{
	return slice_eq(buf_slice(answer), slice_str(HEALTH_OK "\n"));
}

int cmd_status(int argc, char **argv)
{
	cleanup_buf struct buf answer = BUF_INIT(ANSWER_MAX);
	struct status_settings s = { .config = PLACE_CONFIG };
	struct conf conf = { 0 };
	const char *dir;
	int code, r;

	if (!opts_parse(&command, argc, argv, &s, &code))
		return code;
	if (s.json + s.prometheus + s.health > 1) {
		log_error("--json, --prometheus and --health are forms of one "
			  "answer: choose one");
		return EXIT_CODE_USAGE;
	}
	if (s.rules && (s.prometheus || s.health)) {
		log_error("--rules is told as text or --json");
		return EXIT_CODE_USAGE;
	}
	dir = s.journal;
	if (!dir) {
		code = settings_load(s.config, &conf);
		if (code != EXIT_CODE_OK)
			return code;
		dir = conf.journal.dir;
	}
	r = status_socket_ask(dir, form_of(&s), &answer);
	if (r < 0)
		code = not_running(dir, r, s.json);
	else if (!print_answer(&s, &answer))
		code = EXIT_CODE_FAILURE;
	else
		code = s.health && !is_ok(&answer) ? EXIT_CODE_FAILURE
						   : EXIT_CODE_OK;
	if (fflush(stdout) == EOF)
		code = EXIT_CODE_FAILURE;
	conf_done(&conf);
	return code;
}
