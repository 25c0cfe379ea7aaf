/* SPDX-License-Identifier: Apache-2.0 */
/*
 * picket-ship: the only program of picket that talks to the network, and the
 * one that holds no right. It reads the journal as any other reader does and
 * posts it to the collector; what it has to remember is one cursor.
 *
 * Order matters here: configuration first (its messages need no rights), then
 * rights go, then the network library starts.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/loop.h"
#include "conf/conf.h"
#include "out/collector.h"
#include "out/confine.h"
#include "out/http.h"
#include "out/ship.h"

#define EXIT_USAGE 2
#define EXIT_CONF  6
#define USER_NAME  "picket"
#define CONF_PATH  "/etc/picket/agent.ini"

static const char help[] =
	"usage: picket-ship [--config FILE] [--journal DIR] [--once]\n"
	"\n"
	"Post what picket keeps in its journal to the collector that the\n"
	"[collector] section of the configuration names.\n"
	"\n"
	"  --config FILE   configuration (" CONF_PATH ")\n"
	"  --journal DIR   journal, instead of the configured one\n"
	"  --once          ship what is there, then exit: 0 when all of it was\n"
	"                  acknowledged; 1 when a record was refused, or when\n"
	"                  'timeout' has passed without progress and the\n"
	"                  collector still does not take it\n"
	"  --help          print this\n"
	"  --version       print the version\n"
	"\n"
	"SIGHUP reads credentials anew and tries at once; SIGTERM and SIGINT\n"
	"end it. Exit status: 0 ok, 1 failed, 2 usage, 6 configuration.\n";

struct options {
	const char *config, *journal;
	bool once;
};

/* 1: go on; else exit with *ret_code. */
static int parse_options(int argc, char **argv, struct options *o,
			 int *ret_code)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "journal", required_argument, NULL, 'j' },
		{ "once", no_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*ret_code = 0;
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 'j':
			o->journal = optarg;
			break;
		case 'o':
			o->once = true;
			break;
		case 'h':
			(void)fputs(help, stdout);
			return 0;
		case 'v':
			(void)puts("picket-ship " PICKET_VERSION);
			return 0;
		default:
			*ret_code = EXIT_USAGE;
			return 0;
		}
	}
	if (optind == argc)
		return 1;
	log_error("unexpected argument '%s'", argv[optind]);
	*ret_code = EXIT_USAGE;
	return 0;
}

static void cleanup_conf_fn(struct conf *c)
{
	conf_done(c);
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static struct collector collector_of(const struct conf *c)
{
	return (struct collector){
		.url = c->collector.url,
		.format = c->collector.format == CONF_FORMAT_PICKET
				  ? COLLECTOR_PICKET
				  : COLLECTOR_OTLP,
		.state_dir = c->collector.state_dir,
		.batch_records = c->collector.batch_records,
		.batch_bytes = c->collector.batch_bytes,
		.batch_age_ms = c->collector.batch_age_ms,
		.timeout_ms = c->collector.timeout_ms,
		.connect_timeout_ms = c->collector.connect_timeout_ms,
		.retry_min_ms = c->collector.retry_min_ms,
		.retry_max_ms = c->collector.retry_max_ms,
		.gzip = c->collector.gzip,
		.ca_file = or_empty(c->collector.ca_file),
		.cert_file = or_empty(c->collector.cert_file),
		.key_file = or_empty(c->collector.key_file),
		.token_file = or_empty(c->collector.token_file),
		.headers_file = or_empty(c->collector.headers_file),
		.proxy = or_empty(c->collector.proxy),
	};
}

static int load(const char *path, struct conf *c)
{
	struct conf_error err = { 0 };
	int r;

	r = conf_load(path, c, &err);
	if (r < 0) {
		if (err.line)
			log_error("%s:%u: %s", err.file, err.line, err.what);
		else
			log_error("%s: %s", *err.file ? err.file : path,
				  *err.what ? err.what : strerror(-r));
		return EXIT_CONF;
	}
	if (!c->collector.url || !*c->collector.url) {
		log_error("%s: no url in [collector]: nothing can be shipped",
			  path);
		return EXIT_CONF;
	}
	r = log_level_parse(or_empty(c->agent.log_level));
	if (r >= 0)
		log_set_level((enum log_level)r);
	return 0;
}

/* ---- rights ----------------------------------------------------------------- */

/* As root: to the user of our own if there is one, else root without rights. */
static int find_user(struct confine_user *u)
{
	int r;

	*u = (struct confine_user){ 0 };
	if (geteuid() != 0)
		return 0;
	r = confine_find_user(USER_NAME, u);
	if (r < 0)
		log_error("cannot look for user '" USER_NAME "': %s",
			  strerror(-r));
	else if (!u->found)
		log_notice("no user '" USER_NAME
			   "': staying root, without any capability");
	return r;
}

static int confine(const char *state_dir)
{
	struct confine_user u;
	const char *what;
	int r;

	r = find_user(&u);
	if (r < 0)
		return r;
	r = confine_make_dir(state_dir, &u);
	if (r < 0) {
		log_error("cannot make state_dir '%s': %s", state_dir,
			  strerror(-r));
		return r;
	}
	r = confine_drop(&u, &what);
	if (r < 0) {
		log_error("cannot give up rights: %s: %s", what, strerror(-r));
		return r;
	}
	r = confine_syscalls();
	if (r < 0) {
		log_error("cannot install the system call filter: %s",
			  strerror(-r));
		return r;
	}
	/* Said now, not at the first acknowledgement. */
	if (access(state_dir, W_OK | X_OK) < 0) {
		r = -errno;
		log_error("cannot write state_dir '%s': %s", state_dir,
			  strerror(-r));
		return r;
	}
	return 0;
}

/* ---- running ---------------------------------------------------------------- */

static void on_say(void *arg, enum ship_say level, const char *line)
{
	static const enum log_level levels[] = {
		[SHIP_ERROR] = LOG_ERROR,
		[SHIP_WARNING] = LOG_WARNING,
		[SHIP_NOTICE] = LOG_NOTICE,
		[SHIP_DEBUG] = LOG_DEBUG,
	};

	(void)arg;
	log_line(levels[level], "%s", line);
}

static void on_file_warning(void *arg, const char *line)
{
	(void)arg;
	log_warning("%s", line);
}

struct running {
	struct loop *loop;
	struct ship *ship;
};

static int on_signal(int signo, int32_t sender_pid, void *arg)
{
	struct running *run = arg;

	(void)sender_pid;
	if (signo == SIGHUP) {
		log_notice("reading credentials anew");
		ship_reload(run->ship);
		return 0;
	}
	loop_stop(run->loop, 0);
	return 0;
}

static void cleanup_running_fn(struct running *run)
{
	ship_free(run->ship);
	loop_free(run->loop);
}

static void sum_up(const struct ship_status *t)
{
	log_debug("stopped, sent=%llu batches=%llu retries=%llu "
		  "dead-letters=%llu rejected=%llu",
		  (unsigned long long)t->sent_records,
		  (unsigned long long)t->sent_batches,
		  (unsigned long long)t->retries,
		  (unsigned long long)t->dead_letters,
		  (unsigned long long)t->rejected);
}

static int run_shipper(const struct ship_settings *set)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, 0 };
	__attribute__((cleanup(cleanup_running_fn))) struct running run = { 0 };
	int r;

	r = loop_new(&run.loop);
	if (r >= 0)
		r = loop_signals(run.loop, signals, on_signal, &run);
	if (r >= 0)
		r = ship_new(run.loop, set, &run.ship);
	if (r >= 0)
		r = ship_start(run.ship);
	if (r >= 0)
		r = loop_run(run.loop);
	if (r < 0)
		log_error("%s", strerror(-r));
	if (run.ship)
		sum_up(ship_status(run.ship));
	return r < 0 ? 1 : r;
}

int main(int argc, char **argv)
{
	__attribute__((cleanup(cleanup_conf_fn))) struct conf conf = { 0 };
	struct options o = { .config = CONF_PATH };
	struct collector c;
	struct ship_settings set = { .say = on_say };
	char what[256];
	int code;

	log_init("picket-ship", LOG_INFO);
	if (parse_options(argc, argv, &o, &code) != 1)
		return code;
	code = load(o.config, &conf);
	if (code)
		return code;
	c = collector_of(&conf);
	/*
	 * Libraries look for proxies, key logs and resolver options there;
	 * settings come from the configuration alone.
	 */
	(void)clearenv();
	/* Writing to a connection that is gone is an answer, not an end. */
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || confine(c.state_dir) < 0)
		return 1;
	if (collector_check_files(&c, on_file_warning, NULL, what) < 0) {
		log_error("%s", what);
		return EXIT_CONF;
	}
	if (http_global_init() < 0) {
		log_error("cannot start the HTTP library");
		return 1;
	}
	set.collector = &c;
	set.journal_dir = o.journal ? o.journal : conf.journal.dir;
	set.once = o.once;
	return run_shipper(&set);
}
