// SPDX-License-Identifier: Apache-2.0
/*
 * What cripples picket, which here is this test, or takes from it: limits that
 * its child sets on it, and copies of its descriptors.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tampered.h"

/* Whom to act on: picket, or one of its threads. */
static pid_t target;

/* One that harms nobody: messages that wait in queues that nobody has. */
#define RESOURCE RLIMIT_MSGQUEUE
#define SOFT	 4711

static int act_limit(void *arg)
{
	struct rlimit to;

	(void)arg;
	if (prlimit(target, RESOURCE, NULL, &to) < 0)
		return 1;
	to.rlim_cur = SOFT;
	return prlimit(target, RESOURCE, &to, NULL) < 0 ? 2 : 0;
}

/* As it was before each of these. */
static void put_back(const struct rlimit *was)
{
	assert_int_equal(prlimit(0, RESOURCE, was, NULL), 0);
}

static void check_limit(const struct seen *w, const struct rlimit *was)
{
	const struct wire_tamper *r = tamper_only(w, WIRE_TAMPER_LIMIT);
	struct sensor_row row = seen_row(w, "limits set on picket");

	assert_true(row.active);
	assert_int_equal(r->arg, RESOURCE);
	assert_int_equal(r->target_tgid, getpid());
	assert_true(r->target_start_ns > 0);
	assert_int_equal(r->limit.soft, SOFT);
	assert_true(r->limit.hard == was->rlim_max);
	if (strstr(row.reason, "what the limit was before")) {
		assert_int_equal(r->flags, WIRE_TAMPER_SELF);
		return;
	}
	assert_int_equal(r->flags, WIRE_TAMPER_SELF | WIRE_TAMPER_BEFORE);
	assert_true(r->before.soft == was->rlim_cur);
	assert_true(r->before.hard == was->rlim_max);
}

static void a_limit_set_on_picket_is_told(void **state)
{
	struct rlimit was;

	assert_int_equal(getrlimit(RESOURCE, &was), 0);
	target = getpid();
	seen_run(*state, act_limit, NULL);
	put_back(&was);
	check_limit(*state, &was);
}

/* Ends of pipes: to say that it runs, and to wait until it need not. */
struct said {
	int up, down;
};

static void *wait_for_word(void *arg)
{
	const struct said *said = arg;
	char word = 'x';

	target = (pid_t)syscall(SYS_gettid);
	if (write(said->up, &word, 1) != 1 || read(said->down, &word, 1) != 0)
		target = 0;
	return NULL;
}

/* With a thread of picket's as `target`. */
static void run_with_thread(struct seen *w, int (*act)(void *))
{
	pthread_t thread;
	int up[2], down[2];
	struct said said;
	char word;

	assert_int_equal(pipe2(up, O_CLOEXEC), 0);
	assert_int_equal(pipe2(down, O_CLOEXEC), 0);
	said = (struct said){ up[1], down[0] };
	assert_int_equal(pthread_create(&thread, NULL, wait_for_word, &said),
			 0);
	assert_int_equal(read(up[0], &word, 1), 1);
	assert_int_not_equal(target, getpid());
	seen_run(w, act, NULL);
	(void)close(down[1]);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_not_equal(target, 0);
	(void)close(up[0]);
	(void)close(up[1]);
	(void)close(down[0]);
}

static void a_threads_number_hides_nothing(void **state)
{
	struct rlimit was;

	assert_int_equal(getrlimit(RESOURCE, &was), 0);
	run_with_thread(*state, act_limit);
	put_back(&was);
	check_limit(*state, &was);
}

#if defined(__x86_64__)
static int act_limit_32(void *arg)
{
	struct rlimit64 *low =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long r;

	(void)arg;
	if (low == MAP_FAILED)
		return 92;
	if (prlimit64(target, RESOURCE, NULL, low) < 0)
		return 93;
	low->rlim_cur = SOFT;
	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(340), "b"(target), "c"(RESOURCE), "d"(low),
			   "S"(0)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)r != 0;
}

static void nor_does_the_32_bit_call(void **state)
{
	struct rlimit was;

	assert_int_equal(getrlimit(RESOURCE, &was), 0);
	target = getpid();
	seen_run(*state, act_limit_32, NULL);
	put_back(&was);
	check_limit(*state, &was);
}
#endif

/* Asked, refused, set on oneself by name and by number, set on another. */
static int act_harmless(void *arg)
{
	struct rlimit now, wrong = { 2, 1 };
	pid_t child;
	int status;

	(void)arg;
	if (prlimit(target, RESOURCE, NULL, &now) < 0 ||
	    prlimit(target, RESOURCE, &wrong, NULL) == 0 || errno != EINVAL ||
	    prlimit(target, 99, &now, NULL) == 0)
		return 1;
	if (setrlimit(RESOURCE, &now) < 0 ||
	    prlimit(getpid(), RESOURCE, &now, NULL) < 0)
		return 2;
	child = fork();
	if (!child)
		for (;;)
			(void)pause();
	if (prlimit(child, RESOURCE, &now, NULL) < 0)
		return 3;
	return kill(child, SIGKILL) < 0 || waitpid(child, &status, 0) != child;
}

static void limits_asked_for_refused_or_of_others_are_none(void **state)
{
	struct seen *w = *state;

	target = getpid();
	seen_run(w, act_harmless, NULL);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_TAMPER), 0);
}

static int act_nothing(void *arg)
{
	(void)arg;
	return 0;
}

static void what_picket_sets_itself_is_not_told(void **state)
{
	struct rlimit now;

	assert_int_equal(getrlimit(RESOURCE, &now), 0);
	assert_int_equal(setrlimit(RESOURCE, &now), 0);
	assert_int_equal(prlimit(getpid(), RESOURCE, &now, NULL), 0);
	seen_run(*state, act_nothing, NULL);
	assert_int_equal(seen_count(*state, WIRE_TAMPER), 0);
}

/* ---- descriptors ----------------------------------------------------------- */

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

/* Of picket, that is open while the child acts. */
static int lent;

static int act_take(void *arg)
{
	int pidfd = (int)syscall(SYS_pidfd_open, target, 0);

	(void)arg;
	if (pidfd < 0)
		return 1;
	return syscall(SYS_pidfd_getfd, pidfd, lent, 0) < 0;
}

static const struct wire_tamper *check_taken(const struct seen *w)
{
	const struct wire_tamper *r = tamper_only(w, WIRE_TAMPER_DESCRIPTOR);

	assert_int_equal(r->arg, lent);
	assert_int_equal(r->target_tgid, getpid());
	assert_true(r->target_start_ns > 0);
	assert_true(r->flags & WIRE_TAMPER_SELF);
	return r;
}

static void a_descriptor_taken_from_picket_is_told(void **state)
{
	target = getpid();
	lent = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(lent >= 0);
	seen_run(*state, act_take, NULL);
	assert_int_equal(close(lent), 0);
	assert_int_equal(check_taken(*state)->flags, WIRE_TAMPER_SELF);
}

static void *pause_forever(void *arg)
{
	for (;;)
		(void)pause();
	return arg;
}

static int act_take_with_thread(void *arg)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, pause_forever, NULL) ||
	       act_take(arg);
}

static void with_threads_it_is_the_callers_word_or_not(void **state)
{
	struct sensor_row row;

	target = getpid();
	lent = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(lent >= 0);
	seen_run(*state, act_take_with_thread, NULL);
	assert_int_equal(close(lent), 0);
	row = seen_row(*state, "whom process_vm_writev and pidfd_getfd reach");
	assert_int_equal(check_taken(*state)->flags & WIRE_TAMPER_CLAIMED,
			 row.active ? 0 : WIRE_TAMPER_CLAIMED);
}

/* None of picket's that is not open; one of another process's. */
static int act_take_nothing(void *arg)
{
	pid_t child = fork();
	int pidfd, status;

	(void)arg;
	if (!child)
		for (;;)
			(void)pause();
	lent = 0x3ffff;
	if (act_take(NULL) == 0)
		return 1;
	pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	if (pidfd < 0 || syscall(SYS_pidfd_getfd, pidfd, 0, 0) < 0)
		return 2;
	return kill(child, SIGKILL) < 0 || waitpid(child, &status, 0) != child;
}

static void what_is_not_taken_or_not_pickets_is_not_told(void **state)
{
	struct seen *w = *state;

	target = getpid();
	seen_run(w, act_take_nothing, NULL);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_TAMPER), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_limit_set_on_picket_is_told),
		cmocka_unit_test(a_threads_number_hides_nothing),
#if defined(__x86_64__)
		cmocka_unit_test(nor_does_the_32_bit_call),
#endif
		cmocka_unit_test(
			limits_asked_for_refused_or_of_others_are_none),
		cmocka_unit_test(what_picket_sets_itself_is_not_told),
		cmocka_unit_test(a_descriptor_taken_from_picket_is_told),
		cmocka_unit_test(with_threads_it_is_the_callers_word_or_not),
		cmocka_unit_test(what_is_not_taken_or_not_pickets_is_not_told),
	};

	return cmocka_run_group_tests_name("tamper_limit", tests, seen_setup,
					   seen_teardown);
}
