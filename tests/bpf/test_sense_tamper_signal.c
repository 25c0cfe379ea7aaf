// SPDX-License-Identifier: Apache-2.0
/*
 * Signals to picket, which here is this test, by other ways than kill: by every
 * call that sends one, and by a file whose signals somebody made picket's.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tampered.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

/*
 * Nobody else is in a group of picket's own but its children, nor in a session
 * of its own, which whoever leads a group already cannot begin.
 */
static int setup(void **state)
{
	pid_t child;
	int status = 0;

	(void)fflush(NULL);
	child = getpgrp() == getpid() ? fork() : 0;
	if (child < 0)
		return -1;
	if (child > 0)
		exit(waitpid(child, &status, 0) == child && WIFEXITED(status)
			     ? WEXITSTATUS(status)
			     : 1);
	if (setsid() < 0)
		return -1;
	(void)signal(SIGUSR1, SIG_IGN);
	(void)signal(SIGIO, SIG_IGN);
	return seen_setup(state);
}

/* ---- calls that send ---------------------------------------------------------- */

static int by_group(pid_t to)
{
	return kill(-to, SIGUSR1);
}

static int by_thread(pid_t to)
{
	return (int)syscall(SYS_tgkill, to, to, SIGUSR1);
}

static int by_thread_alone(pid_t to)
{
	return (int)syscall(SYS_tkill, to, SIGUSR1);
}

static int by_queue(pid_t to)
{
	return sigqueue(to, SIGUSR1, (union sigval){ .sival_int = 1 });
}

static int by_descriptor(pid_t to)
{
	int pidfd = (int)syscall(SYS_pidfd_open, to, 0);

	return (int)syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, NULL, 0);
}

static int act_send(void *arg)
{
	int (*const *send)(pid_t) = arg;

	return (*send)(getppid()) < 0;
}

static void every_call_that_sends_one_is_told(void **state)
{
	static int (*calls[])(pid_t) = { by_group, by_thread, by_thread_alone,
					 by_queue, by_descriptor };
	const struct wire_tamper *r;
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		seen_run(*state, act_send, &calls[i]);
		r = tamper_only(*state, WIRE_TAMPER_SIGNAL);
		assert_int_equal(r->arg, SIGUSR1);
		assert_int_equal(r->target_tgid, getpid());
		assert_int_equal(r->flags, WIRE_TAMPER_SELF);
	}
}

/* ---- files ------------------------------------------------------------------------ */

static pid_t target;

static int set_owner(int fd)
{
	return fcntl(fd, F_SETOWN, target);
}

static int set_owner_group(int fd)
{
	return fcntl(fd, F_SETOWN, -target);
}

static int set_owner_ex(int fd)
{
	return fcntl(fd, F_SETOWN_EX,
		     &(struct f_owner_ex){ F_OWNER_TID, target });
}

static int set_owner_ex_group(int fd)
{
	return fcntl(fd, F_SETOWN_EX,
		     &(struct f_owner_ex){ F_OWNER_PGRP, target });
}

static int set_owner_io(int fd)
{
	return ioctl(fd, FIOSETOWN, &target);
}

static int set_owner_sio(int fd)
{
	pid_t group = -target;

	return ioctl(fd, SIOCSPGRP, &group);
}

static struct owning {
	int (*by)(int fd);
	uint32_t command;
} ownings[] = {
	{ set_owner, F_SETOWN },       { set_owner_group, F_SETOWN },
	{ set_owner_ex, F_SETOWN_EX }, { set_owner_ex_group, F_SETOWN_EX },
	{ set_owner_io, FIOSETOWN },   { set_owner_sio, SIOCSPGRP },
};

/* arg: an owning. The file gets nothing that it would signal for. */
static int act_own(void *arg)
{
	const struct owning *o = arg;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return 1;
	return o->by(ends[0]) < 0 ? 2 : 0;
}

static void a_file_made_to_signal_picket_is_told(void **state)
{
	const struct wire_tamper *r;
	size_t i;

	assert_true(
		seen_row(*state, "signals of files directed at picket").active);
	target = getpid();
	for (i = 0; i < sizeof(ownings) / sizeof(ownings[0]); i++) {
		seen_run(*state, act_own, &ownings[i]);
		r = tamper_only(*state, WIRE_TAMPER_SIGIO);
		assert_int_equal(r->arg, ownings[i].command);
		assert_int_equal(r->target_tgid, getpid());
		assert_true(r->target_start_ns > 0);
		assert_int_equal(r->flags, WIRE_TAMPER_SELF);
	}
}

#if defined(__x86_64__)
/* i386's fcntl is number 55, fcntl64 221. */
static int act_own_32(void *arg)
{
	int ends[2];
	long r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return 1;
	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(*(const long *)arg), "b"(ends[0]), "c"(F_SETOWN),
			   "d"(target)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)r != 0;
}

static void a_32_bit_call_that_does_it_too(void **state)
{
	long numbers[] = { 55, 221 };
	size_t i;

	target = getpid();
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		seen_run(*state, act_own_32, &numbers[i]);
		assert_int_equal(
			tamper_only(*state, WIRE_TAMPER_SIGIO)->target_tgid,
			getpid());
	}
}
#endif

/* Its own file, nobody's, one that is refused, and a question. */
static int act_own_harmless(void *arg)
{
	struct f_owner_ex nobody = { F_OWNER_PID, 0x3ffffff };
	int ends[2];

	(void)arg;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return 1;
	if (fcntl(ends[0], F_SETOWN, getpid()) < 0 ||
	    fcntl(ends[0], F_GETOWN) != getpid() ||
	    fcntl(ends[0], F_SETOWN, 0) < 0 ||
	    fcntl(ends[0], F_SETOWN_EX, &nobody) == 0 ||
	    fcntl(-1, F_SETOWN, target) == 0)
		return 2;
	return fcntl(ends[0], F_SETFL, O_ASYNC) < 0;
}

static void what_signals_others_is_not_told(void **state)
{
	struct seen *w = *state;

	target = getpid();
	seen_run(w, act_own_harmless, NULL);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_TAMPER), 0);
}

/* arg: the signal, 0 for that which is sent if nobody asks for one. */
static int act_signal_by_file(void *arg)
{
	int ends[2], sig = *(int *)arg;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return 1;
	if (fcntl(ends[0], F_SETOWN, target) < 0 ||
	    fcntl(ends[0], F_SETSIG, sig) < 0 ||
	    fcntl(ends[0], F_SETFL, O_ASYNC) < 0)
		return 2;
	if (write(ends[1], "x", 1) != 1)
		return 3;
	/* Not again when the ends are closed. */
	return fcntl(ends[0], F_SETFL, 0) < 0;
}

/* That the file was to, by whom, and that it did, of which nobody is known. */
static void what_such_a_file_sends_is_told(void **state)
{
	int signals[] = { SIGUSR1, 0 };
	const struct wire_tamper *r;
	struct seen *w = *state;
	size_t i;

	target = getpid();
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		seen_run(w, act_signal_by_file, &signals[i]);
		assert_int_equal(tamper_only(w, WIRE_TAMPER_SIGIO)->target_tgid,
				 getpid());
		r = tamper_nth(w, WIRE_TAMPER_SIGNAL, 0);
		assert_non_null(r);
		assert_null(tamper_nth(w, WIRE_TAMPER_SIGNAL, 1));
		assert_int_equal(r->arg, signals[i] ? signals[i] : SIGIO);
		assert_int_equal(r->code, signals[i] ? POLL_IN : SI_KERNEL);
		assert_int_equal(r->target_tgid, getpid());
		assert_int_equal(r->hdr.tgid, 0);
		assert_true(r->hdr.flags & WIRE_F_NO_TASK);
	}
}

/* ---- of its own -------------------------------------------------------------------- */

static int act_nothing(void *arg)
{
	(void)arg;
	return 0;
}

static sigjmp_buf before_fault;

static void caught(int sig)
{
	siglongjmp(before_fault, sig);
}

static void pickets_own_alarms_and_faults_are_not(void **state)
{
	const struct itimerval once = { .it_value.tv_usec = 1 };
	char *nothing =
		mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct timespec wait = { 0, 50 * 1000 * 1000 };
	sigset_t alarms, before;

	assert_true(nothing != MAP_FAILED);
	assert_int_equal(sigemptyset(&alarms), 0);
	assert_int_equal(sigaddset(&alarms, SIGALRM), 0);
	assert_int_equal(sigprocmask(SIG_BLOCK, &alarms, &before), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &once, NULL), 0);
	assert_int_equal(sigwaitinfo(&alarms, NULL), SIGALRM);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
	(void)signal(SIGSEGV, caught);
	if (!sigsetjmp(before_fault, 1))
		fail_msg("%d", *(volatile char *)nothing);
	(void)signal(SIGSEGV, SIG_DFL);
	assert_int_equal(raise(SIGUSR1), 0);
	(void)nanosleep(&wait, NULL);
	seen_run(*state, act_nothing, NULL);
	assert_int_equal(seen_count(*state, WIRE_TAMPER), 0);
	assert_int_equal(munmap(nothing, 4096), 0);
}

static int act_press(void *arg)
{
	const int *keyboard = arg;

	return write(*keyboard, "\003\034", 2) != 2;
}

/* ^C and ^\ of whoever sits before it; picket as a service has no terminal. */
static void a_key_in_pickets_terminal_is_not(void **state)
{
	int keyboard = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), screen;
	struct seen *w = *state;

	assert_true(keyboard >= 0);
	assert_int_equal(grantpt(keyboard), 0);
	assert_int_equal(unlockpt(keyboard), 0);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGQUIT, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	/* The first that the session opens is its own. */
	screen = open(ptsname(keyboard), O_RDWR | O_CLOEXEC);
	assert_true(screen >= 0);
	assert_int_equal(tcgetpgrp(screen), getpgrp());
	seen_run(w, act_press, &keyboard);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_TAMPER), 0);
	assert_int_equal(ioctl(screen, TIOCNOTTY), 0);
	(void)close(screen);
	(void)close(keyboard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_call_that_sends_one_is_told),
		cmocka_unit_test(a_file_made_to_signal_picket_is_told),
#if defined(__x86_64__)
		cmocka_unit_test(a_32_bit_call_that_does_it_too),
#endif
		cmocka_unit_test(what_signals_others_is_not_told),
		cmocka_unit_test(what_such_a_file_sends_is_told),
		cmocka_unit_test(pickets_own_alarms_and_faults_are_not),
		cmocka_unit_test(a_key_in_pickets_terminal_is_not),
	};

	return cmocka_run_group_tests_name("tamper_signal", tests, setup,
					   seen_teardown);
}
