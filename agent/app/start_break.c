// SPDX-License-Identifier: Apache-2.0
/*
 * A program that is being verified is given up with EAGAIN when a signal
 * arrives, and libbpf then tries again, a few times. So one signal is not
 * enough: it starts a ticking that goes on until loading has failed. A program
 * that is verified within a tick passes, and costs no more than that.
 */
#include "app/start_break.h"

#include <signal.h>
#include <stddef.h>
#include <sys/time.h>

#include "base/log.h"

#define TICK_US 200

static const int ending[] = { SIGTERM, SIGINT };

/* What the handler leaves: it may do next to nothing. */
static volatile sig_atomic_t by_signal, by_pid;

static void tick(suseconds_t us)
{
	const struct itimerval every = { { 0, us }, { 0, us } };

	(void)setitimer(ITIMER_REAL, &every, NULL);
}

static void caught(int signo, siginfo_t *info, void *context)
{
	(void)context;
	/* The tick's own is there to interrupt, no more. */
	if (signo == SIGALRM || by_signal)
		return;
	by_signal = signo;
	by_pid = info->si_pid;
	tick(TICK_US);
}

static void handle(int signo, bool is)
{
	struct sigaction by = { .sa_flags = SA_RESTART };

	(void)sigemptyset(&by.sa_mask);
	if (is) {
		by.sa_flags |= SA_SIGINFO;
		by.sa_sigaction = caught;
	} else {
		by.sa_handler = SIG_DFL;
	}
	(void)sigaction(signo, &by, NULL);
}

void start_break_allow(bool is)
{
	const size_t n = sizeof(ending) / sizeof(ending[0]);
	sigset_t set;
	size_t i;

	(void)sigemptyset(&set);
	for (i = 0; i < n; i++)
		(void)sigaddset(&set, ending[i]);
	if (!is) {
		/* Before their handlers go: what comes late waits for the loop. */
		(void)sigprocmask(SIG_BLOCK, &set, NULL);
		tick(0);
	}
	handle(SIGALRM, is);
	for (i = 0; i < n; i++)
		handle(ending[i], is);
	if (is)
		(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
}

bool start_break_is_wanted(void)
{
	return by_signal;
}

void start_break_log(void)
{
	log_notice("stopped by signal %d from pid %d while the programs were "
		   "being loaded: nothing was watched, nothing is left",
		   (int)by_signal, (int)by_pid);
}
