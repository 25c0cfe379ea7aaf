/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread's event loop: epoll for descriptors, timerfd for timers, a
 * signalfd for signals. Callbacks run one at a time and must not block.
 */
#pragma once

#include <stdint.h>
#include <sys/epoll.h>

struct loop;
struct loop_timer;

/* Called with the ready EPOLL* bits. A negative return ends loop_run with it. */
typedef int (*loop_fd_fn)(int fd, uint32_t events, void *arg);
typedef int (*loop_timer_fn)(void *arg);
/* Who sent a signal, where the kernel tells (si_pid, si_uid). */
struct loop_sender {
	int32_t pid;	/* 0: unknown */
	uint32_t uid;
};
typedef int (*loop_signal_fn)(int signo, struct loop_sender by, void *arg);

int loop_new(struct loop **ret);
void loop_free(struct loop *l);

/* Watch fd (borrowed: the caller closes it after loop_remove). */
int loop_add(struct loop *l, int fd, uint32_t events, loop_fd_fn fn, void *arg);
int loop_modify(struct loop *l, int fd, uint32_t events);
void loop_remove(struct loop *l, int fd);

/* A timer that fires every interval_ms; 0: only when armed. Owned by l. */
int loop_timer_new(struct loop *l, uint64_t interval_ms, loop_timer_fn fn,
		   void *arg, struct loop_timer **ret);
/* Fire once, delay_ms from now, replacing what was set (an interval too). */
int loop_timer_arm(struct loop_timer *t, uint64_t delay_ms);

/*
 * Block these signals (0-terminated list) and hand them to fn. They stay
 * blocked when the loop is gone.
 */
int loop_signals(struct loop *l, const int *signals, loop_signal_fn fn,
		 void *arg);

/* Until loop_stop, or a callback returns < 0; returns what it was stopped with. */
int loop_run(struct loop *l);
void loop_stop(struct loop *l, int code);
