// SPDX-License-Identifier: Apache-2.0
/*
 * Order is everything: policy before privileges before the kernel before the
 * journal, so that whatever fails, nothing is left half started.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/agent.h"
#include "app/alerts.h"
#include "app/losses.h"
#include "app/mates.h"
#include "app/policy_watch.h"
#include "app/redact_key.h"
#include "app/reload.h"
#include "app/restart.h"
#include "app/sandbox.h"
#include "app/settings.h"
#include "app/start_break.h"
#include "app/status_socket.h"
#include "app/tail_view.h"
#include "app/trust_run.h"
#include "base/clock.h"
#include "base/exit_codes.h"
#include "base/log.h"
#include "base/loop.h"
#include "conf/conf.h"
#include "proc/proc_table.h"
#include "rules/rules.h"
#include "sense/sensor.h"
#include "store/reader.h"

static const struct {
	const char *name;
	uint8_t backend;
} backend_names[] = {
	{ "auto", WIRE_BACKEND_NONE },	   { "lsm", WIRE_BACKEND_LSM },
	{ "fentry", WIRE_BACKEND_FENTRY }, { "kprobe", WIRE_BACKEND_KPROBE },
	{ "tp_btf", WIRE_BACKEND_TP_BTF }, { "raw_tp", WIRE_BACKEND_RAW_TP },
	{ "cgroup", WIRE_BACKEND_CGROUP }, { "off", SENSOR_OFF },
};

static uint8_t backend_of(const char *name)
{
	for (size_t i = 0; i < sizeof(backend_names) / sizeof(backend_names[0]);
	     i++)
		if (name && !strcmp(name, backend_names[i].name))
			return backend_names[i].backend;
	return WIRE_BACKEND_NONE;
}

/* Cgroups first: images are named by them. */
static int scan_cgroups(struct agent *a, const struct sensor *s)
{
	proc_table_set_v1(a->procs, sensor_cgroup_v1(s));
	return proc_table_scan_cgroups(a->procs);
}

struct task_list {
	struct wire_task *tasks;
	size_t n, room;
};

static int add_task(void *list, const struct wire_task *task)
{
	struct task_list *l = list;
	size_t room = l->room ? 2 * l->room : 1024;
	struct wire_task *more;

	if (l->n == l->room) {
		more = reallocarray(l->tasks, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		l->tasks = more;
		l->room = room;
	}
	l->tasks[l->n++] = *task;
	return 0;
}

static int by_age(const void *one, const void *other)
{
	const struct wire_task *a = one, *b = other;

	return (a->start_ns < b->start_ns) - (a->start_ns > b->start_ns);
}

/*
 * The youngest first: they end soonest, and /proc must be asked before. What
 * goes wrong here is told where it is all done again.
 */
static void list_at_once(void *agent, struct sensor *s)
{
	struct task_list l = { 0 };
	struct agent *a = agent;

	(void)scan_cgroups(a, s);
	if (sensor_tasks(s, add_task, &l) >= 0 && l.n)
		qsort(l.tasks, l.n, sizeof(*l.tasks), by_age);
	for (size_t i = 0; i < l.n; i++)
		(void)proc_table_snapshot(a->procs, &l.tasks[i]);
	free(l.tasks);
}

static int start_sensor(struct agent *a)
{
	const struct conf *c = a->s->conf;
	char holder[200];
	struct sensor_settings s = {
		.ring_bytes = c->sensor.ring_size,
		.window_ms = c->sensor.write_window_ms,
		.unix_sockets = c->sensor.unix_sockets,
		.env_names = (const char *const *)c->sensor.env.words,
		.self_tgid = (uint32_t)getpid(),
		.pin_dir = a->s->pin ? c->sensor.pin_dir : "",
		.holder = holder,
		.breakable = start_break_allow,
		.is_broken = start_break_is_wanted,
		.begun = list_at_once,
		.begun_arg = a,
	};
	char what[256] = "", when[32];
	int r;

	(void)snprintf(holder, sizeof(holder),
		       "pid %d since %s, journal '%.100s'", getpid(),
		       clock_print(a->started_wall_ns, when),
		       a->s->journal_dir);

	mates_find(a, s.mates);
	s.force[WIRE_FAM_EXEC] = backend_of(c->sensor.exec);
	s.force[WIRE_FAM_CONNECT] = backend_of(c->sensor.connect);
	s.force[WIRE_FAM_WRITE] = backend_of(c->sensor.write);
	s.force[WIRE_FAM_LISTEN] = backend_of(c->sensor.listen);
	s.force[WIRE_FAM_LOAD] = backend_of(c->sensor.load);
	s.force[WIRE_FAM_TAMPER] = backend_of(c->sensor.tamper);
	r = sensor_open(&s, &a->sensor, what);
	if (r >= 0) {
		if (*sensor_pin_trouble(a->sensor))
			log_warning("what happens while picket does not run "
				    "will not be seen: %s",
				    sensor_pin_trouble(a->sensor));
		return 0;
	}
	if (r == -ECANCELED) {
		a->is_broken_off = true;
		start_break_log();
		return EXIT_CODE_OK;
	}
	log_error("%s", what[0] ? what : strerrordesc_np(-r));
	if (r == -EPERM || r == -EACCES)
		return EXIT_CODE_PRIVILEGE;
	return r == -ENOTSUP ? EXIT_CODE_NO_HOOK : EXIT_CODE_FAILURE;
}

/*
 * In a container with a group of its own, which is the shipper's, nobody else
 * could make a directory there for it. That it fails, the shipper will say.
 */
static void make_state_dirs(const struct conf *c)
{
	const struct conf_collector *to;

	if (getegid() == 0)
		return;
	for (size_t i = 0; (to = conf_destination(c, i)); i++)
		if (mkdir(to->state_dir, 0700) == 0)
			(void)chmod(to->state_dir, 02770);
}

static int start_journal(struct agent *a)
{
	const struct conf *c = a->s->conf;
	struct journal_settings s = {
		.dir = a->s->journal_dir,
		.max_size = c->journal.max_size,
		.max_age_ms = c->journal.max_age_ms,
		.segment_size = c->journal.segment_size,
		.buffer_size = c->journal.buffer_size,
		.sync_interval_ms = (uint32_t)c->journal.sync_interval_ms,
		.file_mode = 0640,
	};
	char what[256] = "";
	int holder = 0;
	int r;

	r = journal_open(&s, &a->journal, &a->opening, &holder, what);
	if (r == -EWOULDBLOCK)
		log_error("journal '%s' is being written by process %d: only "
			  "one picket can run on it",
			  a->s->journal_dir, holder);
	else if (r < 0)
		log_error("cannot open journal '%s': %s", a->s->journal_dir,
			  what[0] ? what : strerrordesc_np(-r));
	else
		make_state_dirs(c);
	return r;
}

static int update_task(void *arg, const struct wire_task *task)
{
	int r = proc_table_update(arg, task);

	return r == -ENOMEM ? r : 0;
}

static int recall(void *arg, const void *memory, size_t size)
{
	return proc_table_recall(arg, memory, size, clock_boot_ns());
}

/* What runs, and who ran when the last agent was killed and runs no more. */
static int list_processes(struct agent *a)
{
	uint64_t began_ns;
	int r = sensor_past_memory(a->sensor, recall, a->procs);

	if (r < 0)
		return r;
	began_ns = clock_boot_ns();
	proc_table_heal_begin(a->procs);
	r = sensor_tasks(a->sensor, update_task, a->procs);
	if (r >= 0)
		(void)proc_table_end_unseen(a->procs, began_ns);
	return r;
}

static int make_processes(struct agent *a)
{
	const struct conf *c = a->s->conf;
	const struct proc_limits limits = {
		.max_processes = (size_t)c->process.max_processes,
		.keep_dead_ms = c->process.keep_dead_ms,
		.env_names = (const char *const *)c->sensor.env.words,
	};

	return proc_table_new(&limits, "/proc", &a->procs);
}

static int start_processes(struct agent *a)
{
	int r;

	/* Without names of cgroups there are still processes. */
	r = scan_cgroups(a, a->sensor);
	if (r < 0)
		log_warning("cannot read the names of all cgroups: %s",
			    strerrordesc_np(-r));
	r = list_processes(a);
	if (r >= 0 || r == -ENOMEM)
		return r;
	log_warning("cannot have the kernel list what already runs, trying "
		    "/proc: %s",
		    strerrordesc_np(-r));
	r = proc_table_scan(a->procs);
	if (r < 0)
		log_error("cannot read what already runs: %s",
			  strerrordesc_np(-r));
	return r;
}

/* For the next agent, if this one is killed. */
static void remember_processes(struct agent *a)
{
	size_t size;
	void *memory = sensor_memory(a->sensor, &size);
	int r = memory ? proc_table_remember(a->procs, memory, size,
					     clock_boot_ns())
		       : 0;

	if (r < 0)
		log_warning("if picket is killed, the next one will not know "
			    "who ran: %s",
			    strerrordesc_np(-r));
}

/* While there is one thread, and before anything is open that it would share. */
static int start_helper(struct agent *a)
{
	int r;

	if (!a->s->conf->canary.interval_ms)
		return EXIT_CODE_OK;
	r = helper_start(&a->helper);
	if (r >= 0)
		return EXIT_CODE_OK;
	log_error("cannot start the helper process: %s", strerrordesc_np(-r));
	return EXIT_CODE_FAILURE;
}

static int start_alerts(struct agent *a)
{
	const struct conf *c = a->s->conf;
	const struct alert_limits limits = {
		.window_ns = c->alerts.window_ms * NS_PER_MS,
		.subjects = c->alerts.subjects,
		.objects = (unsigned)c->alerts.objects,
		.unlisted_ns = c->alerts.unlisted_ms * NS_PER_MS,
	};

	return alerts_new(&limits, &a->pipeline, &a->pipeline.alerts);
}

int assemble(struct agent *a)
{
	int r;

	r = settings_load_rules(a->s->policy_dir, a->s->conf, &a->rules);
	if (r != EXIT_CODE_OK)
		return r;
	r = redact_key_load(a->s->conf->redact.key_file,
			    &a->pipeline.redact_key);
	if (r != EXIT_CODE_OK)
		return r;
	r = start_helper(a);
	if (r)
		return r;
	r = trust_run_prepare(a);
	if (r < 0) {
		log_error("cannot start the process that reads package "
			  "databases: %s",
			  strerrordesc_np(-r));
		return EXIT_CODE_FAILURE;
	}
	if (make_processes(a) < 0)
		return EXIT_CODE_FAILURE;
	r = start_sensor(a);
	if (r || a->is_broken_off)
		return r;
	r = sandbox_enter();
	if (r < 0) {
		log_error("cannot give up privileges: %s", strerrordesc_np(-r));
		return EXIT_CODE_FAILURE;
	}
	if (start_journal(a) < 0)
		return EXIT_CODE_FAILURE;

	a->generation = 1;
	rule_state_load(a);
	shadow_start(a);
	a->pipeline.shadow = &a->shadow;
	a->pipeline.sensor = a->sensor;
	a->pipeline.rules = a->rules;
	a->pipeline.journal = a->journal;
	a->pipeline.epoch = a->opening.epoch;
	a->pipeline.wall_offset_ns = clock_offset_ns();
	a->announcer = (struct announcer){
		.journal = a->journal,
		.wall_offset_ns = a->pipeline.wall_offset_ns,
	};
	if (losses_new(a->sensor, &a->losses) < 0 ||
	    pipeline_init(&a->pipeline) < 0 || start_processes(a) < 0)
		return EXIT_CODE_FAILURE;
	a->pipeline.procs = a->procs;
	if (start_alerts(a) < 0 || trust_run_new(a) < 0)
		return EXIT_CODE_FAILURE;
	alert_state_load(a);
	restart_begin(a);
	remember_processes(a);
	return EXIT_CODE_OK;
}

/* Whoever read our lines went away: go on watching. */
static int lines_ended(void *arg, int error)
{
	(void)arg;
	log_warning("standard output takes no more lines: %s",
		    strerrordesc_np(-error));
	return 0;
}

/* The log itself: there is nowhere to say so. */
static int log_ended(void *arg, int error)
{
	(void)arg;
	(void)error;
	return 0;
}

static int follow(struct agent *a, const struct tail_settings *s,
		  tail_ended_fn ended, struct follower *f)
{
	int r;

	r = reader_open(a->s->journal_dir, READER_SEQ, a->opening.next_seq, 0,
			&f->reader);
	if (r >= 0)
		r = tail_view_new(s, &f->view);
	if (r >= 0)
		r = tail_view_attach(f->view, a->loop, ended, a);
	if (r >= 0)
		r = tail_view_follow(f->view, f->reader);
	return r;
}

int assemble_lines(struct agent *a)
{
	const struct tail_settings lines = {
		.fd = STDOUT_FILENO,
		.kinds = TAIL_DEFAULT,
	};
	const struct tail_settings alerts = {
		.fd = STDERR_FILENO,
		.kinds = TAIL_ALL,
		.alerts_only = true,
		.as_log = true,
	};

	if (a->s->tail)
		return follow(a, &lines, lines_ended, &a->lines);
	if (a->s->conf->alerts.log)
		return follow(a, &alerts, log_ended, &a->alert_log);
	return 0;
}

void assemble_apart(struct agent *a)
{
	helper_stop(a->helper);
	policy_watch_free(a->policy_watch);
	reload_free(a->reload);
	status_socket_close(a->status);
	tail_view_free(a->lines.view);
	reader_close(a->lines.reader);
	tail_view_free(a->alert_log.view);
	reader_close(a->alert_log.reader);
	trust_run_free(a);
	alerts_free(a->pipeline.alerts);
	pipeline_done(&a->pipeline);
	losses_free(a->losses);
	proc_table_free(a->procs);
	sensor_close(a->sensor);
	journal_close(a->journal);
	shadow_done(&a->shadow);
	rule_set_free(a->rules);
	loop_free(a->loop);
}
