/* SPDX-License-Identifier: Apache-2.0 */
/* base/loop: callbacks come when due, and a removed watch never speaks. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/loop.h"

static struct loop *loop;

static int new_loop(void **state)
{
	(void)state;
	return loop_new(&loop);
}

static int free_loop(void **state)
{
	(void)state;
	loop_free(loop);
	return 0;
}

/* A loop that a broken test would sit in ends here. */
static int give_up(void *arg)
{
	(void)arg;
	return -ETIMEDOUT;
}

static int run(void)
{
	struct loop_timer *t;

	assert_int_equal(loop_timer_new(loop, 0, give_up, NULL, &t), 0);
	assert_int_equal(loop_timer_arm(t, 10000), 0);
	return loop_run(loop);
}

static int stop_with_42(int fd, uint32_t events, void *arg)
{
	char c;

	assert_true(events & EPOLLIN);
	assert_int_equal(read(fd, &c, 1), 1);
	*(int *)arg += 1;
	loop_stop(loop, 42);
	return 0;
}

static void a_ready_descriptor_is_handed_out(void **state)
{
	int fds[2], calls = 0;

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(loop_add(loop, fds[0], EPOLLIN, stop_with_42, &calls),
			 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(run(), 42);
	assert_int_equal(calls, 1);
	/* Stopped, not worn out. */
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(loop_run(loop), 42);
	assert_int_equal(calls, 2);
	loop_remove(loop, fds[0]);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static int fail_with_eio(int fd, uint32_t events, void *arg)
{
	(void)fd;
	(void)events;
	(void)arg;
	return -EIO;
}

static void a_negative_return_ends_the_loop(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(loop_add(loop, fds[1], EPOLLOUT, fail_with_eio, NULL),
			 0);
	assert_int_equal(run(), -EIO);
	loop_remove(loop, fds[1]);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

struct pair {
	int a, b; /* read ends */
	int calls;
};

static int stop_now(void *arg)
{
	(void)arg;
	loop_stop(loop, 7);
	return 0;
}

/* Whoever comes first takes the other out and uses its number anew. */
static int swap_watch(int fd, uint32_t events, void *arg)
{
	struct pair *p = arg;
	int other = fd == p->a ? p->b : p->a;
	struct loop_timer *t;

	(void)events;
	p->calls++;
	loop_remove(loop, fd);
	loop_remove(loop, other);
	assert_int_equal(loop_add(loop, other, EPOLLPRI, fail_with_eio, NULL),
			 0);
	/* Let the rest of this batch be handed out before the end. */
	assert_int_equal(loop_timer_new(loop, 0, stop_now, NULL, &t), 0);
	assert_int_equal(loop_timer_arm(t, 0), 0);
	return 0;
}

static void what_is_stale_in_a_batch_is_dropped(void **state)
{
	int one[2], two[2];
	struct pair p = { 0 };

	(void)state;
	assert_int_equal(pipe2(one, O_CLOEXEC), 0);
	assert_int_equal(pipe2(two, O_CLOEXEC), 0);
	assert_int_equal(write(one[1], "x", 1), 1);
	assert_int_equal(write(two[1], "x", 1), 1);
	p.a = one[0];
	p.b = two[0];
	assert_int_equal(loop_add(loop, p.a, EPOLLIN, swap_watch, &p), 0);
	assert_int_equal(loop_add(loop, p.b, EPOLLIN, swap_watch, &p), 0);
	/* Were the stale event handed out, fail_with_eio would end it. */
	assert_int_equal(run(), 7);
	assert_int_equal(p.calls, 1);
	loop_remove(loop, p.a);
	loop_remove(loop, p.b);
	(void)close(one[0]);
	(void)close(one[1]);
	(void)close(two[0]);
	(void)close(two[1]);
}

static void watches_can_be_changed_and_are_unique(void **state)
{
	int fds[2], calls = 0;

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(loop_modify(loop, fds[0], EPOLLIN), -ENOENT);
	assert_int_equal(loop_add(loop, fds[0], 0, stop_with_42, &calls), 0);
	assert_int_equal(loop_add(loop, fds[0], 0, stop_with_42, &calls),
			 -EEXIST);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(loop_modify(loop, fds[0], EPOLLIN), 0);
	assert_int_equal(run(), 42);
	assert_int_equal(calls, 1);
	loop_remove(loop, fds[0]);
	loop_remove(loop, fds[0]);
	loop_remove(loop, 100000);
	assert_int_equal(loop_add(loop, -1, 0, stop_with_42, &calls), -EINVAL);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static int count_to_three(void *arg)
{
	int *n = arg;

	if (++*n == 3)
		loop_stop(loop, 3);
	return 0;
}

static void a_timer_repeats(void **state)
{
	uint64_t start = clock_mono_ns();
	int n = 0;

	(void)state;
	assert_int_equal(loop_timer_new(loop, 5, count_to_three, &n, NULL), 0);
	assert_int_equal(run(), 3);
	assert_int_equal(n, 3);
	assert_true(clock_mono_ns() - start >= 10 * NS_PER_MS);
}

static void an_unarmed_timer_is_silent_and_rearming_replaces(void **state)
{
	struct loop_timer *silent, *moved, *last;
	uint64_t start = clock_mono_ns();

	(void)state;
	assert_int_equal(loop_timer_new(loop, 0, give_up, NULL, &silent), 0);
	assert_int_equal(loop_timer_new(loop, 1, give_up, NULL, &moved), 0);
	/* Was due in 1 ms, now far away. */
	assert_int_equal(loop_timer_arm(moved, 3600000), 0);
	assert_int_equal(loop_timer_new(loop, 0, stop_now, NULL, &last), 0);
	assert_int_equal(loop_timer_arm(last, 20), 0);
	assert_int_equal(run(), 7);
	assert_true(clock_mono_ns() - start >= 20 * NS_PER_MS);
}

struct heard {
	int signo;
	struct loop_sender by;
	int n;
};

static int hear(int signo, struct loop_sender by, void *arg)
{
	struct heard *h = arg;

	h->signo = signo;
	h->by = by;
	if (++h->n == 2)
		loop_stop(loop, 0);
	return 0;
}

static void signals_arrive_with_their_sender(void **state)
{
	static const int signals[] = { SIGUSR1, SIGUSR2, 0 };
	struct heard h = { 0 };
	sigset_t set;

	(void)state;
	assert_int_equal(loop_signals(loop, signals, hear, &h), 0);
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	assert_int_equal(kill(getpid(), SIGUSR2), 0);
	assert_int_equal(run(), 0);
	assert_int_equal(h.n, 2);
	assert_int_equal(h.signo, SIGUSR2);
	assert_int_equal(h.by.pid, getpid());
	assert_int_equal(h.by.uid, getuid());
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR1);
	(void)sigaddset(&set, SIGUSR2);
	assert_int_equal(sigprocmask(SIG_UNBLOCK, &set, NULL), 0);
}

static void descriptors_do_not_survive_the_loop(void **state)
{
	static const int signals[] = { SIGUSR1, 0 };
	struct heard h = { 0 };
	struct loop *l;
	int before, after;
	sigset_t set;

	(void)state;
	before = open("/dev/null", O_RDONLY | O_CLOEXEC);
	(void)close(before);
	assert_int_equal(loop_new(&l), 0);
	assert_int_equal(loop_timer_new(l, 1, stop_now, NULL, NULL), 0);
	assert_int_equal(loop_signals(l, signals, hear, &h), 0);
	loop_free(l);
	loop_free(NULL);
	after = open("/dev/null", O_RDONLY | O_CLOEXEC);
	(void)close(after);
	assert_int_equal(after, before);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR1);
	assert_int_equal(sigprocmask(SIG_UNBLOCK, &set, NULL), 0);
}

static void a_stop_before_the_start_counts(void **state)
{
	(void)state;
	loop_stop(loop, 5);
	assert_int_equal(run(), 5);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, new_loop, free_loop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_ready_descriptor_is_handed_out),
		TEST(a_negative_return_ends_the_loop),
		TEST(what_is_stale_in_a_batch_is_dropped),
		TEST(watches_can_be_changed_and_are_unique),
		TEST(a_timer_repeats),
		TEST(an_unarmed_timer_is_silent_and_rearming_replaces),
		TEST(signals_arrive_with_their_sender),
		TEST(descriptors_do_not_survive_the_loop),
		TEST(a_stop_before_the_start_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
