/* SPDX-License-Identifier: Apache-2.0 */
/*
 * picket-ship: the only program of picket that talks to the network, and the
 * one that holds no right. It reads the journal as any other reader does and
 * posts it to the collectors; what it has to remember is a cursor for each.
 *
 * Order matters here: configuration first (its messages need no rights), then
 * rights go, then the network library starts.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/exit_codes.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/opts.h"
#include "base/places.h"
#include "conf/conf.h"
#include "out/collector.h"
#include "out/confine.h"
#include "out/http.h"
#include "out/ship_health.h"
#include "out/ships.h"
#include "out/state_lock.h"

#define USER_NAME "picket"

#define COLLECTORS_MAX (1 + CONF_NAMED_MAX)

struct options {
	const char *config, *journal;
	bool once;
	bool health;
	bool version;
};

static const struct opt_row rows[] = {
	{ .name = "config",
	  .letter = 'c',
	  .metavar = "FILE",
	  .help = "configuration (default " PLACE_CONFIG ")",
	  .offset = offsetof(struct options, config) },
	{ .name = "journal",
	  .letter = 'j',
	  .metavar = "DIR",
	  .help = "journal, instead of the configured one",
	  .offset = offsetof(struct options, journal) },
	{ .name = "once",
	  .help = "ship what is there, then exit: 0 when all of it was\n"
		  "acknowledged by every collector; 1 when one refused\n"
		  "a record, or when 'timeout' has passed without\n"
		  "progress and it still does not take what is sent",
	  .offset = offsetof(struct options, once) },
	{ .name = "health",
	  .help = "for a probe: 'ok' if a picket-ship is at work for each\n"
		  "collector, whether that takes anything or not; or in\n"
		  "one line why not, and exit status 1",
	  .offset = offsetof(struct options, health) },
	{ .name = "version",
	  .letter = 'V',
	  .help = "print the version",
	  .offset = offsetof(struct options, version) },
	{ 0 },
};

static const struct opt_command command = {
	.name = "picket-ship",
	.synopsis = "[options]",
	.summary =
		"Post what picket keeps in its journal to the collectors that the [collector]\n"
		"and [collector NAME] sections of the configuration name.",
	.rows = rows,
	.notes = "SIGHUP reads credentials anew and tries at once; SIGTERM and "
		 "SIGINT end it.\nExit status: 0 ok, 1 failed, 2 usage, "
		 "6 configuration.",
};

static void cleanup_conf_fn(struct conf *c)
{
	conf_done(c);
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static struct collector collector_of(const struct conf_collector *c)
{
	return (struct collector){
		.name = or_empty(c->name),
		.url = c->url,
		.format = c->format == CONF_FORMAT_PICKET ? COLLECTOR_PICKET
							  : COLLECTOR_OTLP,
		.kinds = c->kinds.words,
		.alerts_only = c->alerts_only,
		.state_dir = c->state_dir,
		.batch_records = c->batch_records,
		.batch_bytes = c->batch_bytes,
		.batch_age_ms = c->batch_age_ms,
		.replay_rate = c->replay_rate,
		.timeout_ms = c->timeout_ms,
		.connect_timeout_ms = c->connect_timeout_ms,
		.retry_min_ms = c->retry_min_ms,
		.retry_max_ms = c->retry_max_ms,
		.gzip = c->gzip,
		.ca_file = or_empty(c->ca_file),
		.crl_file = or_empty(c->crl_file),
		.cert_file = or_empty(c->cert_file),
		.key_file = or_empty(c->key_file),
		.token_file = or_empty(c->token_file),
		.headers_file = or_empty(c->headers_file),
		.proxy = or_empty(c->proxy),
	};
}

static size_t list_collectors(const struct conf *c,
			      struct collector ret[static COLLECTORS_MAX])
{
	const struct conf_collector *it;
	size_t n;

	for (n = 0; (it = conf_destination(c, n)); n++)
		ret[n] = collector_of(it);
	return n;
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
		return EXIT_CODE_CONFIG;
	}
	if (!conf_destination(c, 0)) {
		log_error("%s: no url in [collector]: nothing can be shipped",
			  path);
		return EXIT_CODE_CONFIG;
	}
	r = log_level_parse(or_empty(c->agent.log_level));
	if (r >= 0)
		log_set_level((enum log_level)r);
	log_never_wait();
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

static int make_dirs(const struct collector *list, size_t n,
		     const struct confine_user *u)
{
	size_t i;
	int r;

	for (i = 0; i < n; i++) {
		r = confine_make_dir(list[i].state_dir, u);
		if (r < 0) {
			log_error("cannot make state_dir '%s': %s",
				  list[i].state_dir, strerror(-r));
			return r;
		}
	}
	return 0;
}

/* As the configuration is held, for what --journal and links make of it. */
static int check_journal(const struct collector *list, size_t n,
			 const char *journal)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!confine_meets(list[i].state_dir, journal))
			continue;
		log_error("state_dir '%s' holds the journal '%s', or is in it",
			  list[i].state_dir, journal);
		return -EINVAL;
	}
	return 0;
}

/* Later no directory can be made. */
static int make_dead_letters(const char *state_dir)
{
	cleanup_free char *dir = NULL;

	if (asprintf(&dir, "%s/" COLLECTOR_DEAD, state_dir) < 0)
		return -ENOMEM;
	if (mkdir(dir, 0750) == 0 || errno == EEXIST)
		return 0;
	log_error("cannot make '%s': %s", dir, strerror(errno));
	return -errno;
}

/*
 * Whatever is wrong with a directory is said now, not at the first
 * acknowledgement. The locks are held until the process ends.
 */
static int lock_dirs(const struct collector *list, size_t n)
{
	size_t i;
	int fd, r;

	for (i = 0; i < n; i++) {
		const char *dir = list[i].state_dir;

		r = access(dir, W_OK | X_OK) < 0 ? -errno
						 : state_lock_take(dir, &fd);
		if (r == -EWOULDBLOCK)
			log_error("another picket-ship works in state_dir '%s'",
				  dir);
		else if (r < 0)
			log_error("cannot write state_dir '%s': %s", dir,
				  strerror(-r));
		if (r >= 0)
			r = make_dead_letters(dir);
		if (r < 0)
			return r;
	}
	return 0;
}

static int confine_to_dirs(const struct collector *list, size_t n)
{
	const char *dirs[COLLECTORS_MAX];
	size_t i;
	int r;

	for (i = 0; i < n; i++)
		dirs[i] = list[i].state_dir;
	r = confine_files(dirs, n);
	if (r < 0)
		log_error("cannot give up the file system: %s", strerror(-r));
	else if (r == 0)
		log_debug("no Landlock in this kernel: what may be written is "
			  "what permissions allow");
	return r;
}

static int confine(const struct collector *list, size_t n, const char *journal)
{
	struct confine_user u;
	const char *what;
	int r;

	r = find_user(&u);
	if (r >= 0)
		r = make_dirs(list, n, &u);
	/* Once more: only now does each name lead somewhere. */
	if (r >= 0)
		r = check_journal(list, n, journal);
	if (r < 0)
		return r;
	r = confine_drop(&u, &what);
	if (r < 0) {
		log_error("cannot give up rights: %s: %s", what, strerror(-r));
		return r;
	}
	r = lock_dirs(list, n);
	if (r >= 0)
		r = confine_to_dirs(list, n);
	if (r < 0)
		return r;
	r = confine_syscalls();
	if (r < 0) {
		log_error("cannot install the system call filter: %s",
			  strerror(-r));
		return r;
	}
	return 0;
}

static void on_file_warning(void *arg, const char *line)
{
	(void)arg;
	log_warning("%s", line);
}

static int check_files(const struct collector *list, size_t n)
{
	char what[256];
	size_t i;

	for (i = 0; i < n; i++) {
		if (collector_check_files(&list[i], on_file_warning, NULL,
					  what) < 0) {
			log_error("%s%s%s", list[i].name,
				  *list[i].name ? ": " : "", what);
			return EXIT_CODE_CONFIG;
		}
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

struct running {
	struct loop *loop;
	struct ships *ships;
};

static int on_signal(int signo, struct loop_sender by, void *arg)
{
	struct running *run = arg;

	(void)by;
	if (signo == SIGHUP) {
		log_notice("reading credentials anew");
		ships_reload(run->ships);
		return 0;
	}
	loop_stop(run->loop, 0);
	return 0;
}

static void cleanup_running_fn(struct running *run)
{
	ships_free(run->ships);
	loop_free(run->loop);
}

static void sum_up(const struct ship_status *t)
{
	log_debug("stopped, sent=%llu batches=%llu retries=%llu "
		  "dead-letters=%llu rejected=%llu url='%s'",
		  (unsigned long long)t->sent_records,
		  (unsigned long long)t->sent_batches,
		  (unsigned long long)t->retries,
		  (unsigned long long)t->dead_letters,
		  (unsigned long long)t->rejected, t->url);
}

static int run_shippers(const struct ship_settings *set,
			const struct collector *list, size_t n)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, 0 };
	__attribute__((cleanup(cleanup_running_fn))) struct running run = { 0 };
	size_t i;
	int r;

	r = loop_new(&run.loop);
	if (r >= 0)
		r = loop_signals(run.loop, signals, on_signal, &run);
	if (r >= 0)
		r = ships_new(run.loop, set, list, n, &run.ships);
	if (r >= 0)
		r = ships_start(run.ships);
	if (r >= 0)
		r = loop_run(run.loop);
	if (r < 0)
		log_error("%s", strerror(-r));
	for (i = 0; run.ships && i < ships_n(run.ships); i++)
		sum_up(ship_status(ships_at(run.ships, i)));
	return r < 0 ? 1 : r;
}

/* Asks what is running; does and needs nothing else. */
static int say_health(const struct collector *list, size_t n)
{
	cleanup_buf struct buf why = BUF_INIT(8192);
	int64_t now_ns = clock_wall_ns();

	for (size_t i = 0; i < n; i++) {
		if (ship_is_well(list[i].state_dir, now_ns, &why))
			continue;
		(void)printf("%.*s\n", (int)why.n, why.p);
		return 1;
	}
	return puts("ok") == EOF;
}

int main(int argc, char **argv)
{
	__attribute__((cleanup(cleanup_conf_fn))) struct conf conf = { 0 };
	struct collector list[COLLECTORS_MAX];
	struct options o = { .config = PLACE_CONFIG };
	struct ship_settings set = { .say = on_say };
	size_t n;
	int code;

	/*
	 * Requests come and go in large pieces among small ones that stay.
	 * Where glibc moves this bound up, as it does by itself, the large
	 * ones leave holes that nothing fits.
	 */
	(void)mallopt(M_MMAP_THRESHOLD, 128 << 10);
	log_init("picket-ship", LOG_INFO);
	if (!opts_parse(&command, argc, argv, &o, &code))
		return code;
	if (o.version)
		return puts("picket-ship " PICKET_VERSION) == EOF;
	code = load(o.config, &conf);
	if (code)
		return code;
	n = list_collectors(&conf, list);
	set.journal_dir = o.journal ? o.journal : conf.journal.dir;
	if (o.health)
		return say_health(list, n);
	if (check_journal(list, n, set.journal_dir) < 0)
		return EXIT_CODE_CONFIG;
	/*
	 * Libraries look for proxies, key logs and resolver options there;
	 * settings come from the configuration alone.
	 */
	(void)clearenv();
	/* Writing to a connection that is gone is an answer, not an end. */
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
	    confine(list, n, set.journal_dir) < 0)
		return 1;
	code = check_files(list, n);
	if (code)
		return code;
	if (http_global_init() < 0) {
		log_error("cannot start the HTTP library");
		return 1;
	}
	set.once = o.once;
	return run_shippers(&set, list, n);
}
