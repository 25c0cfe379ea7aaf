/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop. The one idea: epoll hands back a descriptor and a
 * generation, not a pointer, so a callback may remove any watch, or remove
 * one and add another with the same number, while a batch is being handed
 * out: what is stale no longer matches and is dropped.
 */
#include "base/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

#define BATCH 64

struct watch {
	loop_fd_fn fn; /* NULL: nothing is watched */
	void *arg;
	uint32_t generation;
};

/* A descriptor of the loop's own, with what it is for. */
struct loop_timer {
	struct loop_timer *next;
	int fd;
	loop_timer_fn fn;
	void *arg;
};

struct signals {
	struct signals *next;
	int fd;
	loop_signal_fn fn;
	void *arg;
};

struct loop {
	int epfd;
	bool stopped;
	int code;
	uint32_t generation;
	struct watch *watches; /* by descriptor */
	size_t watches_n;
	struct loop_timer *timers;
	struct signals *signals;
};

int loop_new(struct loop **ret)
{
	cleanup_free struct loop *l = NULL;

	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epfd < 0)
		return -errno;
	*ret = steal_ptr(l);
	return 0;
}

void loop_free(struct loop *l)
{
	struct loop_timer *t;
	struct signals *s;

	if (!l)
		return;
	while ((t = l->timers)) {
		l->timers = t->next;
		(void)close(t->fd);
		free(t);
	}
	while ((s = l->signals)) {
		l->signals = s->next;
		(void)close(s->fd);
		free(s);
	}
	(void)close(l->epfd);
	free(l->watches);
	free(l);
}

static int make_room(struct loop *l, int fd)
{
	size_t n = l->watches_n ? l->watches_n : 16, i;
	struct watch *w;

	if ((size_t)fd < l->watches_n)
		return 0;
	while (n <= (size_t)fd)
		n *= 2;
	w = reallocarray(l->watches, n, sizeof(*w));
	if (!w)
		return -ENOMEM;
	for (i = l->watches_n; i < n; i++)
		w[i] = (struct watch){ 0 };
	l->watches = w;
	l->watches_n = n;
	return 0;
}

static struct watch *find_watch(struct loop *l, int fd)
{
	if (fd < 0 || (size_t)fd >= l->watches_n || !l->watches[fd].fn)
		return NULL;
	return &l->watches[fd];
}

static struct epoll_event event_of(int fd, uint32_t generation, uint32_t events)
{
	return (struct epoll_event){
		.events = events,
		.data.u64 = (uint64_t)generation << 32 | (uint32_t)fd,
	};
}

int loop_add(struct loop *l, int fd, uint32_t events, loop_fd_fn fn, void *arg)
{
	struct epoll_event ev;
	int r;

	if (fd < 0 || !fn)
		return -EINVAL;
	r = make_room(l, fd);
	if (r < 0)
		return r;
	ev = event_of(fd, ++l->generation, events);
	if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, fd, &ev) < 0)
		return -errno;
	l->watches[fd] = (struct watch){ fn, arg, l->generation };
	return 0;
}

int loop_modify(struct loop *l, int fd, uint32_t events)
{
	struct watch *w = find_watch(l, fd);
	struct epoll_event ev;

	if (!w)
		return -ENOENT;
	ev = event_of(fd, w->generation, events);
	return epoll_ctl(l->epfd, EPOLL_CTL_MOD, fd, &ev) < 0 ? -errno : 0;
}

void loop_remove(struct loop *l, int fd)
{
	struct watch *w = find_watch(l, fd);

	if (!w)
		return;
	*w = (struct watch){ 0 };
	(void)epoll_ctl(l->epfd, EPOLL_CTL_DEL, fd, NULL);
}

/* ---- timers --------------------------------------------------------------- */

static int on_timer(int fd, uint32_t events, void *arg)
{
	struct loop_timer *t = arg;
	uint64_t times;

	(void)events;
	/* Armed anew since it became ready: nothing to read, nothing due. */
	if (read(fd, &times, sizeof(times)) != (ssize_t)sizeof(times))
		return 0;
	return t->fn(t->arg);
}

static struct timespec timespec_of(uint64_t ms)
{
	return (struct timespec){
		.tv_sec = (time_t)(ms / 1000),
		.tv_nsec = (long)(ms % 1000) * 1000000,
	};
}

int loop_timer_new(struct loop *l, uint64_t interval_ms, loop_timer_fn fn,
		   void *arg, struct loop_timer **ret)
{
	struct itimerspec when = { timespec_of(interval_ms),
				   timespec_of(interval_ms) };
	cleanup_free struct loop_timer *t = NULL;
	cleanup_close int fd = -1;
	int r;

	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (interval_ms && timerfd_settime(fd, 0, &when, NULL) < 0)
		return -errno;
	t->fn = fn;
	t->arg = arg;
	r = loop_add(l, fd, EPOLLIN, on_timer, t);
	if (r < 0)
		return r;
	t->fd = steal_fd(&fd);
	t->next = l->timers;
	l->timers = t;
	if (ret)
		*ret = t;
	(void)steal_ptr(t);
	return 0;
}

int loop_timer_arm(struct loop_timer *t, uint64_t delay_ms)
{
	struct itimerspec when = { .it_value = timespec_of(delay_ms) };

	/* All zero would disarm it. */
	if (!delay_ms)
		when.it_value.tv_nsec = 1;
	return timerfd_settime(t->fd, 0, &when, NULL) < 0 ? -errno : 0;
}

/* ---- signals -------------------------------------------------------------- */

static int on_signal(int fd, uint32_t events, void *arg)
{
	struct signalfd_siginfo si;
	struct signals *s = arg;

	(void)events;
	/* One each time: epoll says again that there are more. */
	if (read(fd, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return 0;
	return s->fn((int)si.ssi_signo,
		     (struct loop_sender){ .pid = (int32_t)si.ssi_pid,
					   .uid = si.ssi_uid },
		     s->arg);
}

int loop_signals(struct loop *l, const int *signals, loop_signal_fn fn,
		 void *arg)
{
	cleanup_free struct signals *s = NULL;
	cleanup_close int fd = -1;
	sigset_t set;
	int r;

	(void)sigemptyset(&set);
	for (; *signals; signals++) {
		if (sigaddset(&set, *signals) < 0)
			return -errno;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	s->fn = fn;
	s->arg = arg;
	r = loop_add(l, fd, EPOLLIN, on_signal, s);
	if (r < 0)
		return r;
	/* Last: a failure above must not leave signals blocked and unread. */
	r = pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (r != 0) {
		loop_remove(l, fd);
		return -r;
	}
	s->fd = steal_fd(&fd);
	s->next = l->signals;
	l->signals = s;
	(void)steal_ptr(s);
	return 0;
}

/* ---- running -------------------------------------------------------------- */

static int hand_out(struct loop *l, const struct epoll_event *ev)
{
	int fd = (int)(uint32_t)ev->data.u64;
	struct watch *w = find_watch(l, fd);

	if (!w || w->generation != (uint32_t)(ev->data.u64 >> 32))
		return 0;
	return w->fn(fd, ev->events, w->arg);
}

static int run_batch(struct loop *l)
{
	struct epoll_event ready[BATCH];
	int i, n, r;

	n = epoll_wait(l->epfd, ready, BATCH, -1);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (i = 0; i < n && !l->stopped; i++) {
		r = hand_out(l, &ready[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

int loop_run(struct loop *l)
{
	int r;

	while (!l->stopped) {
		r = run_batch(l);
		if (r < 0)
			return r;
	}
	l->stopped = false;
	return l->code;
}

void loop_stop(struct loop *l, int code)
{
	l->stopped = true;
	l->code = code;
}
