/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the stages do for one event, for a profiler: records through the
 * pipeline as it is in picket, with the shipped policy, the host's dpkg and a
 * journal in memory. No kernel side, no root.
 *
 *	bench_stages KIND JOBS
 *
 * exec: a job is a shell under make that starts eight short programs, each with
 * ten images in its line; nine execs, with their forks and exits. open, create:
 * one of those programs opens a file for writing, or makes one and writes to
 * it, each job another file. The difference of two runs is what the jobs
 * between them take:
 *	valgrind --tool=callgrind --toggle-collect=pipeline_record \
 *		bench_stages exec 100
 */
#include <poll.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "app/alerts.h"
#include "app/pending.h"
#include "app/pipeline.h"
#include "no_sensor.h"
#include "proc/proc_table.h"
#include "rules/rules.h"
#include "store_dir.h"
#include "trust/make.h"
#include "trust/trust.h"
#include "wire_builder.h"

#define MILLION	  1000000ull
/* Until all that is asked of the programs' files is known. */
#define WARM_JOBS 40

struct who {
	uint32_t tgid, image;
	uint64_t start_ns;
};

struct program {
	const char *exe;
	struct slice args;
};

#define ARGS(x)              \
	{                    \
		x, sizeof(x) \
	}

static const struct program starters[] = {
	{ "/usr/lib/systemd/systemd", ARGS("/sbin/init") },
	{ "/usr/bin/login", ARGS("login\0-f") },
	{ "/usr/bin/su", ARGS("su\0-") },
	{ "/usr/bin/bash", ARGS("-bash") },
	{ "/usr/bin/make", ARGS("make\0-j2\0all") },
};

static const struct program shell = {
	"/usr/bin/dash",
	ARGS("sh\0-c\0set -e; grep -q ... && sed ...; mkdir obj")
};

static const struct program programs[] = {
	{ "/usr/bin/true", ARGS("true") },
	{ "/usr/bin/grep", ARGS("grep\0-q\0^CONFIG_BPF=\0include/auto.conf") },
	{ "/usr/bin/sed", ARGS("sed\0-e\0s/a/b/\0-n\0Makefile") },
	{ "/usr/bin/cat", ARGS("cat\0/proc/version") },
	{ "/usr/bin/ls", ARGS("ls\0-la\0obj") },
	{ "/usr/bin/date", ARGS("date\0+%s") },
	{ "/usr/bin/rm", ARGS("rm\0-f\0obj/main.o.tmp") },
	{ "/usr/bin/mkdir", ARGS("mkdir\0-p\0obj/sub") },
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static struct pipeline pipeline;
static struct wire_builder record;
static uint64_t now_ns = 5000 * MILLION;
static uint32_t last_tgid = 1000, mnt_ns;
static uint64_t execs;

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "bench_stages: %s: %s\n", what,
		      strerrordesc_np(errno));
	exit(1);
}

/* ---- records ------------------------------------------------------------ */

static void *begin_record(enum wire_type type, struct who who)
{
	struct wire_hdr *h = wb_begin(&record, type);

	now_ns += 20000;
	h->time_ns = now_ns;
	h->tgid = h->tid = who.tgid;
	h->image = who.image;
	h->start_ns = who.start_ns;
	h->mnt_ns = mnt_ns;
	h->cgroup_id = 1;
	return h;
}

static void end_record(void)
{
	wb_end(&record);
	need(pipeline_record(&pipeline, record.bytes, record.used) == 0,
	     "record");
}

static struct who make_fork(struct who parent)
{
	struct who child = { ++last_tgid, parent.image, now_ns + 10000 };
	struct wire_fork *f = begin_record(WIRE_FORK, child);

	f->parent_start_ns = parent.start_ns;
	f->parent_tgid = parent.tgid;
	f->parent_image = parent.image;
	end_record();
	return child;
}

static void fill_file(struct wire_file *f, const char *exe)
{
	struct stat st;

	need(stat(exe, &st) == 0, exe);
	f->ino = st.st_ino;
	f->size = (uint64_t)st.st_size;
	f->mtime_ns = st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	f->ctime_ns = st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec;
	f->dev = major(st.st_dev) << 20 | minor(st.st_dev);
	f->nlink = (uint32_t)st.st_nlink;
	f->mode = (uint16_t)st.st_mode;
}

static void fill_rest(struct wire_exec *e, struct who who)
{
	e->old_tid = e->ns_pid = e->pgid = who.tgid;
	e->login_uid = 1000;
	e->session_id = 3;
	e->sid = 900;
	e->pid_ns = 4026531836u;
	e->net_ns = 4026531840u;
	e->user_ns = 4026531837u;
	e->uts_ns = 4026531838u;
	e->ipc_ns = 4026531839u;
	e->cgroup_ns = 4026531835u;
	e->cap_permitted = e->cap_effective = e->cap_bounding = 0x1ffffffffff;
	e->stdio[0] = (struct wire_stdio){ 5, 1 << 20 | 3, S_IFCHR | 0666, 0 };
	e->stdio[1] = (struct wire_stdio){ 9000 + execs / 8, 0, S_IFIFO, 0 };
	e->stdio[2] = e->stdio[1];
}

static void make_exec(struct who *who, struct who parent,
		      const struct program *p)
{
	struct wire_exec *e;

	who->image++;
	e = begin_record(WIRE_EXEC, *who);
	e->parent_start_ns = parent.start_ns;
	e->parent_tgid = parent.tgid;
	e->parent_image = parent.image;
	fill_file(&e->file, p->exe);
	fill_rest(e, *who);
	wb_path(&record, &e->exe, p->exe);
	wb_path(&record, &e->cwd, "/srv/build/project/src");
	e->filename = wb_str(&record, p->exe);
	e->args = wb_bytes(&record, p->args.p, p->args.n);
	for (size_t i = 0; i < p->args.n; i++)
		e->argc += !p->args.p[i];
	e->args_bytes = (uint32_t)p->args.n;
	(void)snprintf(e->comm, sizeof(e->comm), "%s",
		       strrchr(p->exe, '/') + 1);
	end_record();
	execs++;
}

static struct who start(struct who parent, const struct program *p)
{
	struct who child = make_fork(parent);

	make_exec(&child, parent, p);
	return child;
}

static void make_exit(struct who who)
{
	(void)begin_record(WIRE_EXIT, who);
	end_record();
}

static struct who start_line(void)
{
	struct who who = { 1, 0, 100 }, nobody = { 0 };

	make_exec(&who, nobody, &starters[0]);
	for (size_t i = 1; i < COUNT(starters); i++)
		who = start(who, &starters[i]);
	return who;
}

/* ---- jobs --------------------------------------------------------------- */

static void do_execs(struct who make)
{
	struct who sh = start(make, &shell);

	for (size_t i = 0; i < COUNT(programs); i++)
		make_exit(start(sh, &programs[i]));
	make_exit(sh);
}

#define TMPFS_MAGIC 0x01021994
#define TMPFS	    "/dev/shm"

/* Of the same number, the same file. */
static void make_write(struct who who, uint64_t file, enum wire_write_op op,
		       unsigned flags)
{
	struct wire_write *w = begin_record(WIRE_WRITE, who);
	static struct stat place;
	char path[64];

	(void)snprintf(path, sizeof(path),
		       TMPFS "/picket-bench/place/f%" PRIu64, file);
	need(place.st_dev || stat(TMPFS, &place) == 0, TMPFS);
	w->file = (struct wire_file){
		.ino = 1000 + file,
		.mtime_ns = (int64_t)now_ns,
		.ctime_ns = (int64_t)now_ns,
		.dev = major(place.st_dev) << 20 | minor(place.st_dev),
		.fs_magic = TMPFS_MAGIC,
		.nlink = 1,
		.mode = S_IFREG | 0644,
	};
	w->op = (uint8_t)op;
	w->flags = (uint16_t)flags;
	w->syscall = op == WIRE_OP_OPEN ? 257 : 1;
	w->arg = op == WIRE_OP_OPEN ? O_WRONLY : 0;
	w->bytes = op == WIRE_OP_OPEN ? 0 : 64;
	wb_path(&record, &w->path, path);
	w->path.tail -= strlen(TMPFS);
	end_record();
}

static uint64_t files;

static void do_open(struct who who)
{
	make_write(who, files++, WIRE_OP_OPEN, 0);
}

static void do_create(struct who who)
{
	make_write(who, files, WIRE_OP_OPEN, WIRE_WRITE_CREATED);
	make_write(who, files++, WIRE_OP_WRITE, 0);
}

static const struct kind {
	const char *name;
	void (*job)(struct who who);
} kinds[] = {
	{ "exec", do_execs },
	{ "open", do_open },
	{ "create", do_create },
};

static const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

/* ---- the stages --------------------------------------------------------- */

static struct trust *start_trust(void)
{
	struct trust_sources sources = {
		.root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC),
		.dpkg_fd = open("/var/lib/dpkg",
				O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.rpm_fd = -1,
	};
	int fd = memfd_create("packages", MFD_CLOEXEC);
	const struct trust_make m = {
		.sources = sources, .rpm = "", .rpm_dir = "", .out_fd = fd
	};
	struct trust *t;

	need(sources.dpkg_fd >= 0, "/var/lib/dpkg");
	need(fd >= 0 && trust_make(&m).result == 0, "database of packages");
	need(trust_new(
		     &(struct trust_settings){
			     .sources = sources,
			     .mountinfo = "/proc/self/mountinfo",
			     .max_size = 64 * MILLION,
		     },
		     &t) == 0 &&
		     trust_offer(t, fd) == 0,
	     "trust");
	return t;
}

static char base[] = "/dev/shm/picket-bench-XXXXXX";

static void start_journal(void)
{
	static char dir[sizeof(base) + 16];
	const struct journal_settings settings = {
		.dir = dir,
		.max_size = 1ull << 30,
		.segment_size = 16u << 20,
		.buffer_size = 16u << 20,
		.sync_interval_ms = 1000,
		.file_mode = 0640,
	};
	struct journal_opening opening;
	char what[256] = "journal";
	int holder;

	need(mkdtemp(base), base);
	(void)snprintf(dir, sizeof(dir), "%s/journal", base);
	need(journal_open(&settings, &pipeline.journal, &opening, &holder,
			  what) == 0,
	     what);
	pipeline.epoch = opening.epoch;
	pipeline.wall_offset_ns = clock_offset_ns();
}

static void start_stages(void)
{
	static const char *const names[] = { "LD_PRELOAD", NULL };
	const struct proc_limits limits = { .max_processes = 32768,
					    .keep_dead_ms = 60000,
					    .env_names = names };
	const struct alert_limits alerts = { .window_ns = 600000 * MILLION,
					     .subjects = 4096,
					     .objects = 3 };
	const struct rule_options rules = {
		.now_wall_ns = clock_wall_ns(),
		.unlisted = { [EVENT_EXEC] = UNLISTED_ALERT }
	};
	struct rule_error err;
	struct stat ns;

	start_journal();
	need(rule_set_load("packaging/policy.d", &rules, &pipeline.rules,
			   &err) == 0,
	     "packaging/policy.d");
	need(pipeline_init(&pipeline) == 0, "pipeline");
	need(proc_table_new(&limits, "/proc", &pipeline.procs) == 0, "table");
	pipeline.trust = start_trust();
	need(pending_new(pipeline.trust, &pipeline.pending) == 0, "pending");
	need(alerts_new(&alerts, &pipeline, &pipeline.alerts) == 0, "alerts");
	need(stat("/proc/self/ns/mnt", &ns) == 0, "/proc/self/ns/mnt");
	mnt_ns = (uint32_t)ns.st_ino;
}

static void settle(void)
{
	struct pollfd f = { .fd = trust_fd(pipeline.trust), .events = POLLIN };
	struct trust_news news;

	if (poll(&f, 1, 50) > 0)
		trust_collect(pipeline.trust, &news);
	(void)pending_settle(pipeline.pending, &pipeline, clock_boot_ns());
}

int main(int argc, char **argv)
{
	unsigned long jobs = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	const struct kind *kind = jobs ? find_kind(argv[1]) : NULL;
	uint64_t allowed;
	struct who make;

	if (!kind) {
		(void)fprintf(stderr,
			      "usage: bench_stages exec|open|create JOBS\n");
		return 2;
	}
	start_stages();
	settle();
	make = start_line();
	for (int i = 0; i < WARM_JOBS; i++) {
		do_execs(make);
		settle();
	}
	allowed = pipeline.counts.answers[ANSWER_ALLOWED];
	execs = 0;
	while (jobs--)
		kind->job(make);
	(void)printf("%" PRIu64 " execs, %" PRIu64 " files; %" PRIu64
		     " events allowed\n",
		     execs, files,
		     pipeline.counts.answers[ANSWER_ALLOWED] - allowed);
	alerts_free(pipeline.alerts);
	pending_free(pipeline.pending);
	trust_free(pipeline.trust);
	proc_table_free(pipeline.procs);
	rule_set_free(pipeline.rules);
	pipeline_done(&pipeline);
	journal_close(pipeline.journal);
	store_remove(base);
	return 0;
}
