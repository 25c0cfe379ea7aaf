// SPDX-License-Identifier: Apache-2.0
/*
 * A database is made in a file without a name, offered to the thread that
 * checks and maps it, and given its name then: what lies there is always
 * whole. Several changes of packages that follow each other are met by one
 * making, unless somebody waits for it.
 */
#include "app/trust_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "app/agent.h"
#include "app/helper.h"
#include "app/trust_file.h"
#include "app/trust_maker.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "conf/conf.h"
#include "rules/rules.h"

/* Packages change in bursts. */
#define QUIET_MS  1000
/*
 * Somebody waits, for PENDING_MS at most: soon, but while packages change all
 * the time (dpkg at work) not more than half of it.
 */
#define SOON_MS	  100
#define PACE_MS	  1000
#define FEW_WAIT  64
#define GATHER_MS 50

struct trust_run {
	struct agent *a;
	struct helper *maker; /* NULL: it is gone */
	struct trust *trust;
	struct trust_sources sources;
	int made_fd; /* being made, or offered; -1: none */
	int inotify_fd;
	struct loop_timer *make_timer, *pending_timer;
	bool wanted, making, again;
	bool settle_armed, make_soon;
	bool from_disk; /* what is offered was there before */
	int error;
	uint32_t odd;
};

static void drop_file(struct trust_run *t)
{
	if (t->made_fd >= 0)
		(void)close(t->made_fd);
	t->made_fd = -1;
}

/* ---- making ------------------------------------------------------------- */

static void fail(struct trust_run *t, int error)
{
	drop_file(t);
	t->making = false;
	if (error == t->error)
		return;
	t->error = error;
	log_warning("no database of installed packages could be made, so no "
		    "file is trusted by one: %s",
		    strerrordesc_np(error));
}

static void make(struct trust_run *t)
{
	const struct conf *c = t->a->s->conf;
	const struct trust_make m = {
		.sources = t->sources,
		.rpm = c->trust.rpm,
		.rpm_dir = c->trust.rpm_dir,
	};
	struct trust_make with = m;
	int r;

	if (!t->maker || !t->wanted)
		return;
	if (t->making) {
		t->again = true;
		return;
	}
	t->again = false;
	t->from_disk = false;
	t->made_fd = trust_file_new(c->trust.db);
	if (t->made_fd < 0) {
		fail(t, errno);
		return;
	}
	with.out_fd = t->made_fd;
	r = trust_maker_ask(t->maker, &with);
	if (r < 0)
		fail(t, -r);
	else
		t->making = true;
}

static int make_due(void *arg)
{
	struct trust_run *t = arg;

	t->make_soon = false;
	make(t);
	return 0;
}

static void offer(struct trust_run *t)
{
	int fd = fcntl(t->made_fd, F_DUPFD_CLOEXEC, 0);
	int r = fd < 0 ? -errno : trust_offer(t->trust, fd);

	if (r < 0)
		fail(t, -r);
}

static int maker_spoke(int fd, uint32_t events, void *arg)
{
	struct trust_run *t = arg;
	struct trust_made made;
	int r;

	(void)events;
	r = trust_maker_answer(t->maker, &made);
	if (r == -EAGAIN)
		return 0;
	if (r < 0) {
		loop_remove(t->a->loop, fd);
		helper_stop(t->maker);
		t->maker = NULL;
		log_error("the process that reads package databases is gone: "
			  "packages are known as they are now until picket is "
			  "started again");
		drop_file(t);
		t->making = false;
		return 0;
	}
	t->odd = made.odd;
	if (made.result < 0)
		fail(t, -made.result);
	else
		offer(t);
	return 0;
}

static void offered(struct trust_run *t, int result)
{
	bool from_disk = t->from_disk;

	if (result > 0 && !from_disk)
		trust_file_save(t->made_fd, t->a->s->conf->trust.db);
	drop_file(t);
	t->making = false;
	if (result > 0)
		t->error = 0;
	else if (!from_disk)
		fail(t, -result);
	/* What was there may be old; who is told no will say so. */
	if (t->again || (from_disk && result < 0))
		make(t);
}

/* Many that wait are not all judged again for each answer. */
static void settle_soon(struct trust_run *t)
{
	struct pending_stats s;

	pending_stats(t->a->pipeline.pending, &s);
	if (s.waiting <= FEW_WAIT) {
		trust_run_settle(t->a, false);
		return;
	}
	if (t->settle_armed)
		return;
	t->settle_armed = true;
	(void)loop_timer_arm(t->pending_timer, GATHER_MS);
}

static unsigned soon_ms(const struct trust_run *t)
{
	struct trust_stats s;
	uint64_t took_ms;

	trust_stats(t->trust, &s);
	took_ms = s.build_ns / NS_PER_MS;
	if (took_ms < SOON_MS)
		return SOON_MS;
	return took_ms < PACE_MS ? (unsigned)took_ms : PACE_MS;
}

static int trust_spoke(int fd, uint32_t events, void *arg)
{
	struct trust_run *t = arg;
	struct trust_news news;

	(void)fd;
	(void)events;
	trust_collect(t->trust, &news);
	if (news.offered)
		offered(t, news.offered);
	if (news.is_stale && !t->make_soon) {
		t->make_soon = true;
		(void)loop_timer_arm(t->make_timer, soon_ms(t));
	}
	if (news.any)
		settle_soon(t);
	return 0;
}

/* ---- following the package managers ------------------------------------- */

static int packages_changed(int fd, uint32_t events, void *arg)
{
	struct trust_run *t = arg;
	char buf[4096];

	(void)events;
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	return t->make_soon ? 0 : loop_timer_arm(t->make_timer, QUIET_MS);
}

static void watch_dir(const struct trust_run *t, int dir_fd, const char *below)
{
	char path[64];

	if (dir_fd < 0)
		return;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir_fd,
		       below);
	(void)inotify_add_watch(t->inotify_fd, path,
				IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE);
}

static int start_watching(struct trust_run *t)
{
	t->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (t->inotify_fd < 0)
		return -errno;
	/* info's files are told of by `status`, which is written after. */
	watch_dir(t, t->sources.dpkg_fd, ".");
	watch_dir(t, t->sources.rpm_fd, ".");
	return loop_add(t->a->loop, t->inotify_fd, EPOLLIN, packages_changed,
			t);
}

/* ---- putting together --------------------------------------------------- */

static int open_dir(int root_fd, const char *path)
{
	while (*path == '/')
		path++;
	return openat(root_fd, *path ? path : ".",
		      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int trust_run_prepare(struct agent *a)
{
	const struct conf *c = a->s->conf;
	struct trust_run *t;
	int r;

	if (!c->trust.enabled)
		return 0;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	a->trust = t;
	t->a = a;
	t->made_fd = t->inotify_fd = -1;
	/* The host's tree, from a container that shares its processes, too. */
	t->sources.root_fd =
		open("/proc/1/root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (t->sources.root_fd < 0)
		t->sources.root_fd =
			open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	t->sources.dpkg_fd = open_dir(t->sources.root_fd, c->trust.dpkg_dir);
	t->sources.rpm_fd = open_dir(t->sources.root_fd, c->trust.rpm_dir);
	r = trust_maker_start(&t->maker);
	return r;
}

pid_t trust_run_helper(const struct agent *a)
{
	return a->trust && a->trust->maker ? helper_pid(a->trust->maker) : 0;
}

int trust_run_new(struct agent *a)
{
	const struct conf *c = a->s->conf;
	struct trust_run *t = a->trust;
	struct trust_settings s = {
		.mountinfo = "/proc/1/mountinfo",
		.max_size = c->trust.max_size,
		.rate = c->trust.rate,
	};
	int r = 0;

	if (t) {
		s.sources = t->sources;
		r = trust_new(&s, &t->trust);
		a->pipeline.trust = t->trust;
	}
	if (r >= 0)
		r = pending_new(a->pipeline.trust, &a->pipeline.pending);
	return r;
}

static int settle_due(void *arg)
{
	struct trust_run *t = arg;

	t->settle_armed = false;
	trust_run_settle(t->a, false);
	return 0;
}

int trust_run_start(struct agent *a)
{
	struct trust_run *t = a->trust;
	int r;

	if (!t)
		return 0;
	r = loop_timer_new(a->loop, 0, make_due, t, &t->make_timer);
	if (r >= 0)
		r = loop_timer_new(a->loop, 0, settle_due, t,
				   &t->pending_timer);
	if (r >= 0)
		r = loop_add(a->loop, helper_fd(t->maker), EPOLLIN, maker_spoke,
			     t);
	if (r >= 0)
		r = loop_add(a->loop, trust_fd(t->trust), EPOLLIN, trust_spoke,
			     t);
	if (r >= 0)
		trust_run_rules(a);
	return r;
}

void trust_run_free(struct agent *a)
{
	struct trust_run *t = a->trust;

	pending_free(a->pipeline.pending);
	a->pipeline.pending = NULL;
	if (!t)
		return;
	helper_stop(t->maker);
	trust_free(t->trust);
	drop_file(t);
	if (t->inotify_fd >= 0)
		(void)close(t->inotify_fd);
	for (int i = 0; i < 3; i++) {
		const int fds[] = { t->sources.root_fd, t->sources.dpkg_fd,
				    t->sources.rpm_fd };

		if (fds[i] >= 0)
			(void)close(fds[i]);
	}
	free(t);
	a->trust = NULL;
}

void trust_run_rules(struct agent *a)
{
	struct trust_run *t = a->trust;

	if (!t || t->wanted || !rule_set_needs(a->rules).trust)
		return;
	t->wanted = true;
	if (start_watching(t) < 0)
		log_warning("changes of installed packages are noticed late: "
			    "they cannot be watched");
	t->made_fd = trust_file_old(a->s->conf->trust.db);
	if (t->made_fd < 0) {
		make(t);
		return;
	}
	t->making = t->from_disk = true;
	offer(t);
}

void trust_run_settle(struct agent *a, bool last)
{
	uint64_t now_ns = last ? UINT64_MAX : clock_boot_ns();
	uint64_t next_ns;

	if (!a->pipeline.pending)
		return;
	pending_making(a->pipeline.pending,
		       a->trust && (a->trust->making || a->trust->make_soon),
		       clock_boot_ns());
	next_ns = pending_settle(a->pipeline.pending, &a->pipeline, now_ns);
	if (!next_ns || !a->trust || a->trust->settle_armed)
		return;
	(void)loop_timer_arm(
		a->trust->pending_timer,
		next_ns > now_ns ? (next_ns - now_ns) / NS_PER_MS + 1 : 1);
}

static bool is_waited_for(const struct trust_run *t)
{
	struct pending_stats s;

	pending_stats(t->a->pipeline.pending, &s);
	return s.waiting;
}

/* 0: there is nothing, nor will there be. */
static int hear(struct trust_run *t, uint64_t ms)
{
	struct pollfd from[] = {
		{ .fd = trust_fd(t->trust), .events = POLLIN },
		{ .fd = t->maker ? helper_fd(t->maker) : -1, .events = POLLIN },
	};
	int n = poll(from, 2, (int)ms);

	if (n > 0 && from[1].revents)
		(void)maker_spoke(from[1].fd, 0, t);
	if (n > 0 && from[0].revents)
		(void)trust_spoke(from[0].fd, 0, t);
	return n < 0 && errno == EINTR ? 1 : n;
}

void trust_run_finish(struct agent *a)
{
	const uint64_t end_ns = clock_boot_ns() + PENDING_MS * NS_PER_MS;
	struct trust_run *t = a->trust;
	uint64_t now_ns;

	/* Heard before it is judged: its time may be over as it is. */
	while (t && is_waited_for(t) && (now_ns = clock_boot_ns()) < end_ns) {
		/* The loop, and its timers, no longer run. */
		if (t->make_soon)
			(void)make_due(t);
		if (hear(t, (end_ns - now_ns) / NS_PER_MS + 1) <= 0)
			break;
		trust_run_settle(a, false);
	}
	trust_run_settle(a, true);
}

void trust_run_status(const struct agent *a, struct trust_status *ret)
{
	const struct trust_run *t = a->trust;

	*ret = (struct trust_status){ .enabled = t };
	if (a->pipeline.pending)
		pending_stats(a->pipeline.pending, &ret->pending);
	if (!t)
		return;
	ret->wanted = t->wanted;
	ret->making = t->making;
	ret->is_fixed = !t->maker;
	ret->error = t->error;
	ret->odd = t->odd;
	trust_stats(t->trust, &ret->stats);
}
