// SPDX-License-Identifier: Apache-2.0
/* picket run: watch this host, in the foreground. */
#include <malloc.h>
#include <stddef.h>

#include "app/daemon.h"
#include "app/settings.h"
#include "base/exit_codes.h"
#include "base/log.h"
#include "base/opts.h"
#include "base/places.h"
#include "cmd/commands.h"
#include "cmd/opt_rows.h"
#include "conf/conf.h"

struct run_settings {
	const char *config;
	const char *policy;
	const char *journal;
	bool tail;
	bool no_pins;
};

static const struct opt_row rows[] = {
	OPT_CONFIG(run_settings, OPT_CONFIG_HELP),
	OPT_POLICY(run_settings, OPT_POLICY_HELP),
	{ .name = "journal",
	  .letter = 'j',
	  .metavar = "DIR",
	  .help = "journal instead of the configured [journal] dir",
	  .offset = offsetof(struct run_settings, journal) },
	{ .name = "tail",
	  .letter = 't',
	  .help = "print a line for each event on standard output",
	  .offset = offsetof(struct run_settings, tail) },
	{ .name = "no-pins",
	  .help = "let nothing outlive this process: what happens until\n"
		  "it is started again is not seen",
	  .offset = offsetof(struct run_settings, no_pins) },
	{ 0 },
};

static const struct opt_command command = {
	.name = "picket run",
	.synopsis = "[options]",
	.summary = "Watch this host: hold every exec, connection and write "
		   "against the policy\nand keep it in the journal.",
	.rows = rows,
	.notes =
		"SIGHUP reloads the policy, as picket reload does. SIGINT and SIGTERM end it\n"
		"and leave nothing in the kernel; SIGUSR2 ends it and leaves the programs\n"
		"running for the next start, as a crash does. Needs to start, or root:\n"
		"CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH.",
};

int cmd_run(int argc, char **argv)
{
	struct run_settings s = { .config = PLACE_CONFIG };
	struct daemon_settings d;
	struct conf conf = { 0 };
	int code;

	/*
	 * Tables are large, and of what they have room for few pages are ever
	 * touched. Once glibc has moved this bound up, as it does by itself
	 * when the kernel's types are given back, they would lie in used
	 * memory, and be zeroed by hand: all of it resident.
	 */
	(void)mallopt(M_MMAP_THRESHOLD, 128 << 10);
	if (!opts_parse(&command, argc, argv, &s, &code))
		return code;
	code = settings_load(s.config, &conf);
	if (code != EXIT_CODE_OK)
		return code;
	log_set_level((enum log_level)log_level_parse(conf.agent.log_level));
	log_never_wait();
	d = (struct daemon_settings){
		.conf = &conf,
		.config_path = s.config,
		.policy_dir = s.policy ? s.policy : conf.rules.dir,
		.journal_dir = s.journal ? s.journal : conf.journal.dir,
		.tail = s.tail,
		.pin = !s.no_pins,
	};
	code = daemon_run(&d);
	conf_done(&conf);
	return code;
}
