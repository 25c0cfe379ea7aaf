/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptor tables that are shared for a part of a call only, or between two
 * calls: who sees only calls can not tell then which file the kernel took, and
 * says so.
 */
#include "change.h"
#include "place.h"
#include "thread_call.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct descriptors {
	int pipe[2];
	int victim;
	int swaps[2]; /* what it is to name, one after the other; -1: none */
	pid_t tid;    /* of who splices */
};

/* The pipe is filled when the other thread's table is its own again. */
static void *swap_and_leave(void *arg)
{
	struct descriptors *d = arg;
	int i;

	while (thread_call(d->tid) != SYS_splice)
		(void)sched_yield();
	for (i = 0; i < 2; i++)
		if (d->swaps[i] >= 0)
			(void)dup2(d->swaps[i], d->victim);
	(void)unshare(CLONE_FILES);
	(void)!write(d->pipe[1], "hidden", 6);
	return NULL;
}

static int splice_while_swapped(struct descriptors *d)
{
	pthread_t t;

	/* Not for ever, where nobody says who sleeps in what. */
	(void)alarm(60);
	d->tid = gettid();
	TRY(pipe(d->pipe));
	if (pthread_create(&t, NULL, swap_and_leave, d) != 0)
		return 92;
	TRY(splice(d->pipe[0], NULL, d->victim, NULL, 6, 0));
	(void)pthread_join(t, NULL);
	return 0;
}

static int act_away_and_back(void *arg)
{
	struct descriptors d;

	(void)arg;
	TRY(chdir(work_dir()));
	TRY(d.victim = open("back", O_WRONLY | O_CREAT, 0644));
	TRY(d.swaps[0] = open("away", O_WRONLY | O_CREAT, 0644));
	TRY(d.swaps[1] = dup(d.victim));
	return splice_while_swapped(&d);
}

static void a_descriptor_swapped_away_and_back_is_a_claim(void **state)
{
	const struct wire_write *r;
	struct seen *w = *state;

	seen_run(w, act_away_and_back, NULL);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_writes(w, WIRE_OP_WRITE), 1);
	r = seen_write(w, WIRE_OP_WRITE, 0);
	assert_string_equal(told_path(r), work_path("back"));
	assert_int_equal(r->flags,
			 is_from_kernel(r) ? 0 : WIRE_WRITE_FD_CLAIMED);
}

static int act_from_a_pipe(void *arg)
{
	struct descriptors d = { .swaps = { -1, -1 } };
	int to[2];

	(void)arg;
	TRY(chdir(work_dir()));
	TRY(pipe(to));
	d.victim = to[1];
	TRY(d.swaps[0] = open("innocent", O_WRONLY | O_CREAT, 0644));
	return splice_while_swapped(&d);
}

/* The kernel took the other pipe, of whose writes nothing is told. */
static void a_file_put_in_a_pipes_place_is_a_claim(void **state)
{
	const struct wire_write *r;
	struct seen *w = *state;
	struct stat st;

	seen_run(w, act_from_a_pipe, NULL);
	assert_int_equal(w->status, 0);
	assert_int_equal(stat(work_path("innocent"), &st), 0);
	assert_int_equal(st.st_size, 0);
	r = seen_write(w, WIRE_OP_WRITE, 0);
	if (!by_calls()) {
		assert_null(r);
		return;
	}
	assert_non_null(r);
	assert_string_equal(told_path(r), work_path("innocent"));
	assert_int_equal(r->flags, WIRE_WRITE_FD_CLAIMED);
}

struct lease {
	int fd;
	pid_t tid; /* of who opens */
};

/* Until then nobody may write to the file; by then this table is our own. */
static void *give_lease_back(void *arg)
{
	const struct lease *l = arg;

	while (thread_call(l->tid) != SYS_openat)
		(void)sched_yield();
	(void)unshare(CLONE_FILES);
	(void)fcntl(l->fd, F_SETLEASE, F_UNLCK);
	return NULL;
}

static int act_open_and_wait(void *arg)
{
	struct lease l = { .tid = gettid() };
	pthread_t t;

	(void)arg;
	/* What says that a lease is to be given back. */
	(void)signal(SIGIO, SIG_IGN);
	(void)alarm(60);
	TRY(chdir(work_dir()));
	TRY(mknod("leased", S_IFREG | 0644, 0));
	TRY(l.fd = open("leased", O_RDONLY));
	if (fcntl(l.fd, F_SETLEASE, F_RDLCK) < 0)
		return CANNOT;
	if (pthread_create(&t, NULL, give_lease_back, &l) != 0)
		return 92;
	TRY(openat(AT_FDCWD, "leased", O_WRONLY));
	(void)pthread_join(t, NULL);
	return 0;
}

static void what_an_open_returns_in_a_table_shared_before_is_a_claim(
	void **state)
{
	const struct wire_write *r;
	struct seen *w = *state;

	if (!can_run(w, act_open_and_wait, "leases"))
		return;
	r = seen_write(w, WIRE_OP_OPEN, 0);
	assert_non_null(r);
	assert_null(seen_write(w, WIRE_OP_OPEN, 1));
	assert_string_equal(told_path(r), work_path("leased"));
	assert_int_equal(r->flags, by_calls() ? WIRE_WRITE_FD_CLAIMED : 0);
}

/* A process of its own, but for the descriptors. */
static pid_t share_descriptors(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0L, 0L, 0L,
				   0L);

	if (pid == 0)
		for (;;)
			(void)pause();
	return pid;
}

static int act_shared_a_while(void *arg)
{
	int before, during, after;
	pid_t pid;

	(void)arg;
	TRY(chdir(work_dir()));
	TRY(before = open("before", O_WRONLY | O_CREAT, 0644));
	TRY(during = open("during", O_WRONLY | O_CREAT, 0644));
	TRY(after = open("after", O_WRONLY | O_CREAT, 0644));
	TRY(write(before, "b", 1));
	TRY(pid = share_descriptors());
	TRY(write(during, "d", 1));
	TRY(write(during, "d", 1));
	/* It was told, but not with this in doubt. */
	TRY(write(before, "b", 1));
	TRY(write(before, "b", 1));
	TRY(kill(pid, SIGKILL));
	TRY(waitpid(pid, NULL, 0));
	TRY(write(after, "a", 1));
	/* Told already, and more doubtful than it is. */
	TRY(write(during, "d", 1));
	return 0;
}

static void only_what_is_written_meanwhile_is_a_claim(void **state)
{
	static const struct {
		const char *name;
		uint16_t flags;
	} want[] = {
		{ "before", 0 },
		{ "during", WIRE_WRITE_FD_CLAIMED },
		{ "before", WIRE_WRITE_FD_CLAIMED },
		{ "after", 0 },
	};
	const struct wire_write *r;
	struct seen *w = *state;
	size_t i, n;

	seen_run(w, act_shared_a_while, NULL);
	assert_int_equal(w->status, 0);
	for (i = n = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		if (want[i].flags && i == 2 && !by_calls())
			continue;
		r = seen_write(w, WIRE_OP_WRITE, n++);
		assert_non_null(r);
		assert_string_equal(told_path(r), work_path(want[i].name));
		assert_int_equal(r->flags, by_calls() ? want[i].flags : 0);
	}
	assert_int_equal(seen_writes(w, WIRE_OP_WRITE), n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_descriptor_swapped_away_and_back_is_a_claim),
		cmocka_unit_test(a_file_put_in_a_pipes_place_is_a_claim),
		cmocka_unit_test(only_what_is_written_meanwhile_is_a_claim),
		cmocka_unit_test(
			what_an_open_returns_in_a_table_shared_before_is_a_claim),
	};

	return cmocka_run_group_tests_name("write_table", tests, place_setup,
					   seen_teardown);
}
