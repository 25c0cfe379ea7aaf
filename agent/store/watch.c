/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watching a journal's directory. The one idea: a wake-up is a hint and says
 * nothing, so events are thrown away unread, and where there are none a timer
 * is as good.
 */
#include "store/watch.h"

#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/cleanup.h"

#define TIMER_MS 500
#define EVENTS                                                              \
	(IN_CREATE | IN_MODIFY | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | \
	 IN_MOVE_SELF)

static int add(struct watch *w, int fd)
{
	struct epoll_event e = { .events = EPOLLIN };

	return epoll_ctl(w->fd, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

int watch_open(struct watch *w)
{
	struct watch n = WATCH_INIT;
	int r = 0;

	n.fd = epoll_create1(EPOLL_CLOEXEC);
	n.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (n.fd < 0 || n.timer < 0)
		r = -errno;
	else
		r = add(&n, n.timer);
	if (r < 0) {
		watch_close(&n);
		return r;
	}
	*w = n;
	return 0;
}

void watch_close(struct watch *w)
{
	if (w->inotify >= 0)
		(void)close(steal_fd(&w->inotify));
	if (w->timer >= 0)
		(void)close(steal_fd(&w->timer));
	if (w->fd >= 0)
		(void)close(steal_fd(&w->fd));
}

static void set_timer(struct watch *w, bool on)
{
	struct itimerspec t = { 0 };

	if (on)
		t.it_value.tv_nsec = t.it_interval.tv_nsec =
			TIMER_MS * 1000000l;
	(void)timerfd_settime(w->timer, 0, &t, NULL);
}

void watch_set(struct watch *w, const char *dir)
{
	/* A new one: what the old one still queues is about another place. */
	if (w->inotify >= 0)
		(void)close(steal_fd(&w->inotify));
	w->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->inotify >= 0 &&
	    inotify_add_watch(w->inotify, dir, EVENTS | IN_ONLYDIR) >= 0 &&
	    add(w, w->inotify) == 0) {
		set_timer(w, false);
		return;
	}
	if (w->inotify >= 0)
		(void)close(steal_fd(&w->inotify));
	set_timer(w, true);
}

void watch_now(struct watch *w)
{
	struct itimerspec t;

	/* The timer's next beat, whether it beats or not. */
	(void)timerfd_gettime(w->timer, &t);
	t.it_value = (struct timespec){ .tv_nsec = 1 };
	(void)timerfd_settime(w->timer, 0, &t, NULL);
}

void watch_clear(struct watch *w)
{
	char events[4096];
	uint64_t ticks;

	while (w->inotify >= 0 &&
	       read(w->inotify, events, sizeof(events)) == sizeof(events))
		;
	(void)!read(w->timer, &ticks, sizeof(ticks));
}
