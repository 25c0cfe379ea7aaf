// SPDX-License-Identifier: Apache-2.0
/* picket reload: have the running agent read its policy anew. */
#include "cmd/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/status_socket.h"
#include "base/buf.h"
#include "base/exit_codes.h"
#include "base/log.h"
#include "base/places.h"
#include "cmd/opt_rows.h"
#include "conf/conf.h"

#define ANSWER_MAX (1u << 20)

struct settings {
	const char *config, *journal;
	bool json;
};

static const struct opt_row rows[] = {
	OPT_CONFIG(settings, "configuration that names the journal\n"
			     "(default " PLACE_CONFIG ")"),
	{ .name = "journal",
	  .letter = 'j',
	  .metavar = "DIR",
	  .help = "journal that the agent writes",
	  .offset = offsetof(struct settings, journal) },
	OPT_JSON(settings, "one JSON object"),
	{ 0 },
};

static const struct opt_command command = {
	.name = "picket reload",
	.synopsis = "[options]",
	.summary =
		"Have the running agent read its policy anew, all or nothing, and say what is\n"
		"in force then. No event is lost meanwhile. agent.ini is read at the start only:\n"
		"keys that changed since are named.",
	.rows = rows,
	.notes =
		"Exit status: 0 the new policy is in force; 6 it is wrong (FILE:LINE: what) and\n"
		"the old one stays; 1 no agent runs; 4 not allowed to ask.",
};

static int refuse(const char *dir, int error)
{
	if (error == -EACCES || error == -EPERM) {
		log_error("not allowed to ask the agent of journal '%s'", dir);
		return EXIT_CODE_PRIVILEGE;
	}
	if (error == -ENOENT || error == -ECONNREFUSED)
		log_error("picket is not running on journal '%s'", dir);
	else
		log_error("picket does not answer on journal '%s': %s", dir,
			  strerrordesc_np(-error));
	return EXIT_CODE_FAILURE;
}

/* The answer's first byte says what to end with; the rest is for people. */
static int print(const struct settings *s, const struct buf *answer)
{
	int code = answer->p[0] - '0';

	if (code < 0 || code > 9)
		code = EXIT_CODE_FAILURE;
	if (code != EXIT_CODE_OK && !s->json) {
		log_error("%.*s", (int)(answer->n - 1), answer->p + 1);
		log_notice("the policy in force is the one from before");
		return code;
	}
	if (fwrite(answer->p + 1, 1, answer->n - 1, stdout) != answer->n - 1 ||
	    fflush(stdout))
		return EXIT_CODE_FAILURE;
	return code;
}

int cmd_reload(int argc, char **argv)
{
	cleanup_buf struct buf answer = BUF_INIT(ANSWER_MAX);
	struct settings s = { .config = PLACE_CONFIG };
	struct conf conf = { 0 };
	const char *dir;
	int code, r;

	if (!opts_parse(&command, argc, argv, &s, &code))
		return code;
	if (!s.journal) {
		code = settings_load(s.config, &conf);
		if (code != EXIT_CODE_OK)
			return code;
	}
	dir = s.journal ? s.journal : conf.journal.dir;
	r = status_socket_ask(dir, s.json ? STATUS_RELOAD_JSON : STATUS_RELOAD,
			      &answer);
	code = r < 0 ? refuse(dir, r) : print(&s, &answer);
	conf_done(&conf);
	return code;
}
