// SPDX-License-Identifier: Apache-2.0
/*
 * What is done to other processes and to picket, which here is this test: its
 * child signals, stops, traces it and writes into it.
 */
#include "harness.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "forced.h"
#include "tampered.h"
#include "waiters.h"

/* ---- signals ------------------------------------------------------------- */

static int act_signal(void *arg)
{
	return kill(getppid(), *(int *)arg) < 0;
}

static void a_signal_that_ends_picket_is_told(void **state)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGQUIT, SIGUSR1 };
	const struct wire_tamper *r;
	size_t i;
	int sig;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sig = signals[i];
		(void)signal(sig, SIG_IGN);
		seen_run(*state, act_signal, &sig);
		(void)signal(sig, SIG_DFL);
		r = tamper_only(*state, WIRE_TAMPER_SIGNAL);
		assert_int_equal(r->arg, sig);
		assert_int_equal(r->target_tgid, getpid());
		assert_true(r->target_start_ns > 0);
		assert_int_equal(r->flags, WIRE_TAMPER_SELF);
	}
}

static void what_harms_nobody_is_not(void **state)
{
	static const int signals[] = { 0, SIGCONT, SIGCHLD, SIGHUP, SIGURG };
	size_t i;
	int sig;

	(void)signal(SIGHUP, SIG_IGN);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sig = signals[i];
		seen_run(*state, act_signal, &sig);
		assert_int_equal(seen_count(*state, WIRE_TAMPER), 0);
	}
	(void)signal(SIGHUP, SIG_DFL);
}

/* Whether a process does not run any more: T in its stat. */
static bool is_stopped(pid_t pid)
{
	char path[64], text[512], *end;
	FILE *f;
	size_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	if (f)
		(void)fclose(f);
	text[n] = '\0';
	end = strrchr(text, ')');
	return end && end[1] == ' ' && end[2] == 'T';
}

static int act_stop_and_go_on(void *arg)
{
	uint64_t deadline = clock_mono_ns() + 60 * NS_PER_S;
	pid_t parent = getppid();

	(void)arg;
	if (kill(parent, SIGSTOP) < 0)
		return 1;
	while (!is_stopped(parent))
		if (clock_mono_ns() > deadline)
			return 2;
	return kill(parent, SIGCONT) < 0;
}

static void a_stop_waits_in_the_ring(void **state)
{
	const struct wire_tamper *r;

	seen_run(*state, act_stop_and_go_on, NULL);
	r = tamper_only(*state, WIRE_TAMPER_SIGNAL);
	assert_int_equal(r->arg, SIGSTOP);
	assert_int_equal(r->flags, WIRE_TAMPER_SELF);
}

static int act_signal_another(void *arg)
{
	int status;
	pid_t pid = fork();

	(void)arg;
	if (!pid)
		for (;;)
			(void)pause();
	return kill(pid, SIGKILL) < 0 || waitpid(pid, &status, 0) != pid;
}

static void signals_to_others_are_not(void **state)
{
	seen_run(*state, act_signal_another, NULL);
	assert_int_equal(seen_count(*state, WIRE_TAMPER), 0);
}

/* ---- tracing --------------------------------------------------------------- */

/* A process to act on, gone with the one that made it. */
static pid_t make_victim(void)
{
	pid_t pid = fork();

	if (!pid)
		for (;;)
			(void)pause();
	return pid;
}

static int end_victim(pid_t pid)
{
	int status;

	(void)kill(pid, SIGKILL);
	return waitpid(pid, &status, 0) == pid ? 0 : 50;
}

static int act_seize(void *arg)
{
	pid_t pid = make_victim();

	(void)arg;
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
		return 1;
	return end_victim(pid);
}

static int act_attach(void *arg)
{
	pid_t pid = make_victim();
	int status;

	(void)arg;
	if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) < 0 ||
	    waitpid(pid, &status, 0) != pid ||
	    ptrace(PTRACE_DETACH, pid, NULL, NULL) < 0)
		return 1;
	return end_victim(pid);
}

/* The grandchild, as its fork was told. */
static void assert_victim(const struct seen *w, const struct wire_tamper *r)
{
	const struct wire_fork *f = seen_nth(w, WIRE_FORK, 1);

	assert_non_null(f);
	assert_int_equal(r->target_tgid, f->hdr.tgid);
	assert_int_equal(r->target_start_ns, f->hdr.start_ns);
	assert_int_equal(r->target_image, f->hdr.image);
}

static void an_attach_names_the_traced(void **state)
{
	const struct wire_tamper *r;

	seen_run(*state, act_seize, NULL);
	r = tamper_only(*state, WIRE_TAMPER_PTRACE);
	assert_int_equal(r->arg, PTRACE_SEIZE);
	assert_int_equal(r->flags, 0);
	assert_victim(*state, r);
	seen_run(*state, act_attach, NULL);
	r = tamper_only(*state, WIRE_TAMPER_PTRACE);
	assert_int_equal(r->arg, PTRACE_ATTACH);
	assert_victim(*state, r);
}

static int act_in_pid_namespace(void *arg)
{
	int (*act)(void *) = *(int (**)(void *))arg;
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWPID) < 0)
		return 60;
	pid = fork();
	if (!pid)
		_exit(act(NULL));
	return waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status) : 61;
}

static void an_attach_where_pids_count_anew_names_it_too(void **state)
{
	int (*act)(void *) = act_seize;
	const struct wire_tamper *r;
	const struct wire_fork *f;
	struct seen *w = *state;

	seen_run(w, act_in_pid_namespace, &act);
	assert_int_equal(w->status, 0);
	r = tamper_nth(w, WIRE_TAMPER_PTRACE, 0);
	f = seen_nth(w, WIRE_FORK, 2);
	assert_non_null(r);
	assert_non_null(f);
	assert_int_equal(r->target_tgid, f->hdr.tgid);
	assert_int_equal(r->target_start_ns, f->hdr.start_ns);
	assert_int_equal(r->flags, 0);
}

static int act_attach_to_nobody(void *arg)
{
	(void)arg;
	return ptrace(PTRACE_SEIZE, 0x3ffffff, NULL, NULL) == 0;
}

static void an_attach_that_fails_is_none(void **state)
{
	struct seen *w = *state;

	seen_run(w, act_attach_to_nobody, NULL);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_TAMPER), 0);
}

static int act_seize_parent(void *arg)
{
	(void)arg;
	return ptrace(PTRACE_SEIZE, getppid(), NULL, NULL) < 0;
}

static void picket_traced_is_told_as_such(void **state)
{
	const struct wire_tamper *r;

	seen_run(*state, act_seize_parent, NULL);
	r = tamper_only(*state, WIRE_TAMPER_PTRACE);
	assert_int_equal(r->target_tgid, getpid());
	assert_int_equal(r->flags, WIRE_TAMPER_SELF);
}

/* ---- memory ------------------------------------------------------------------ */

static char target_word[8] = "before";

static ssize_t write_into(pid_t pid)
{
	char word[8] = "after";
	struct iovec from = { word, sizeof(word) };
	struct iovec to = { target_word, sizeof(target_word) };

	return process_vm_writev(pid, &from, 1, &to, 1, 0);
}

static int act_write_memory(void *arg)
{
	pid_t pid = make_victim();
	int i;

	(void)arg;
	for (i = 0; i < 3; i++)
		if (write_into(pid) != sizeof(target_word))
			return 1;
	return end_victim(pid);
}

static void memory_written_is_told_once(void **state)
{
	struct wire_counters before, after;
	const struct wire_tamper *r;
	const struct wire_fork *f;
	struct sensor_row row;
	struct seen *w = *state;

	before = seen_counters(w, WIRE_FAM_TAMPER);
	seen_run(w, act_write_memory, NULL);
	r = tamper_only(w, WIRE_TAMPER_VM_WRITE);
	after = seen_counters(w, WIRE_FAM_TAMPER);
	assert_true(after.summed >= before.summed + 2);
	row = seen_row(w, "whom process_vm_writev and pidfd_getfd reach");
	if (row.active) {
		assert_int_equal(r->flags, 0);
		assert_victim(w, r);
		return;
	}
	/* The caller's word, which is said. */
	assert_true(strlen(row.reason) > 0);
	assert_int_equal(r->flags, WIRE_TAMPER_CLAIMED);
	f = seen_nth(w, WIRE_FORK, 1);
	assert_int_equal(r->target_tgid, f->hdr.tgid);
	assert_int_equal(r->target_start_ns, 0);
}

static int act_write_own_memory(void *arg)
{
	(void)arg;
	return write_into(getpid()) != sizeof(target_word);
}

static void ones_own_memory_is_not_tampering(void **state)
{
	struct seen *w = *state;

	seen_run(w, act_write_own_memory, NULL);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_TAMPER), 0);
}

static int act_write_picket(void *arg)
{
	(void)arg;
	return write_into(getppid()) != sizeof(target_word);
}

static void picket_written_to_is_told_as_such(void **state)
{
	const struct wire_tamper *r;

	seen_run(*state, act_write_picket, NULL);
	r = tamper_only(*state, WIRE_TAMPER_VM_WRITE);
	assert_int_equal(r->target_tgid, getpid());
	assert_true(r->flags & WIRE_TAMPER_SELF);
	assert_string_equal(target_word, "after");
}

/* ---- calls while others wait ------------------------------------------------ */

/* More than a hook behind a call has room for, by any kernel's rule. */
static size_t waiters_enough(void)
{
	size_t n = 2 * (size_t)sysconf(_SC_NPROCESSORS_CONF) + 16;

	return n < WAITERS_MAX ? n : WAITERS_MAX;
}

/* One more process writes while they wait: *arg becomes its number. */
static int act_write_while_others_wait(void *arg)
{
	pid_t victim = make_victim(), late;
	struct waiters *others;
	int status = -1;

	others = waiters_begin(victim, target_word, waiters_enough());
	if (!others)
		return 1;
	late = fork();
	if (!late)
		_exit(write_into(victim) != sizeof(target_word));
	/* The child shares this memory: it is for the parent alone to set. */
	*(pid_t *)arg = late;
	if (waitpid(late, &status, 0) != late || status)
		return 2;
	if (waiters_end(others) < 0)
		return 3;
	return end_victim(victim);
}

static size_t writes_of(const struct seen *w, pid_t pid)
{
	const struct wire_tamper *r;
	size_t i, n = 0;

	for (i = 0; (r = tamper_nth(w, WIRE_TAMPER_VM_WRITE, i)); i++)
		n += r->hdr.tgid == (uint32_t)pid;
	return n;
}

static void a_call_while_others_wait_is_told_or_said(void **state)
{
	struct wire_counters before, after;
	struct sensor_row row;
	struct seen *w = *state;
	pid_t *late = mmap(NULL, sizeof(*late), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(late, MAP_FAILED);
	before = seen_counters(w, WIRE_FAM_TAMPER);
	seen_run(w, act_write_while_others_wait, late);
	assert_int_equal(w->status, 0);
	after = seen_counters(w, WIRE_FAM_TAMPER);
	printf("# of %zu that wait %zu told, %llu summed\n", waiters_enough(),
	       writes_of(w, (pid_t)w->child),
	       (unsigned long long)(after.summed - before.summed));
	/* Those that wait are told when they end; two at once may both be. */
	assert_true(writes_of(w, (pid_t)w->child) > 0);
	row = seen_row(w, "ptrace attach, process_vm_writev, pidfd_getfd");
	assert_true(row.active);
	assert_int_equal(writes_of(w, *late),
			 !strstr(row.reason, "while others wait"));
	assert_int_equal(munmap(late, sizeof(*late)), 0);
}

/* ---- what runs beside picket ---------------------------------------------- */

static int act_on_helper(void *arg)
{
	pid_t helper = *(pid_t *)arg;

	if (kill(helper, SIGSTOP) < 0 || kill(helper, SIGCONT) < 0)
		return 1;
	if (write_into(helper) != sizeof(target_word))
		return 2;
	if (ptrace(PTRACE_SEIZE, helper, NULL, NULL) < 0)
		return 3;
	return kill(helper, SIGKILL) < 0;
}

static void check_done_to(const struct seen *w, const struct wire_tamper *r,
			  pid_t helper)
{
	assert_non_null(r);
	assert_int_equal(r->hdr.tgid, w->child);
	assert_int_equal(r->target_tgid, helper);
	assert_true(r->flags & WIRE_TAMPER_SELF);
}

static void what_is_done_to_a_helper_is_done_to_picket(void **state)
{
	struct sensor_settings s = {
		.ring_bytes = 1u << 20,
		.window_ms = 3600 * 1000,
		.env_names = seen_env_names,
		.self_tgid = (uint32_t)getpid(),
	};
	pid_t helper = make_victim();
	struct seen *w = NULL;
	char what[256];

	(void)state;
	/* Not in the first place: that which is gone leaves no hole. */
	s.mates[1] = (uint32_t)helper;
	forced_by_env(s.force);
	assert_int_equal(seen_try(&s, &w, what), 0);
	seen_run(w, act_on_helper, &helper);
	assert_int_equal(w->status, 0);
	assert_int_equal(end_victim(helper), 0);
	check_done_to(w, tamper_nth(w, WIRE_TAMPER_SIGNAL, 0), helper);
	assert_int_equal(tamper_nth(w, WIRE_TAMPER_SIGNAL, 0)->arg, SIGSTOP);
	check_done_to(w, tamper_nth(w, WIRE_TAMPER_SIGNAL, 1), helper);
	assert_int_equal(tamper_nth(w, WIRE_TAMPER_SIGNAL, 1)->arg, SIGKILL);
	assert_null(tamper_nth(w, WIRE_TAMPER_SIGNAL, 2));
	check_done_to(w, tamper_only(w, WIRE_TAMPER_VM_WRITE), helper);
	check_done_to(w, tamper_only(w, WIRE_TAMPER_PTRACE), helper);
	seen_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signal_that_ends_picket_is_told),
		cmocka_unit_test(what_harms_nobody_is_not),
		cmocka_unit_test(a_stop_waits_in_the_ring),
		cmocka_unit_test(signals_to_others_are_not),
		cmocka_unit_test(an_attach_names_the_traced),
		cmocka_unit_test(an_attach_where_pids_count_anew_names_it_too),
		cmocka_unit_test(an_attach_that_fails_is_none),
		cmocka_unit_test(picket_traced_is_told_as_such),
		cmocka_unit_test(memory_written_is_told_once),
		cmocka_unit_test(ones_own_memory_is_not_tampering),
		cmocka_unit_test(picket_written_to_is_told_as_such),
		cmocka_unit_test(a_call_while_others_wait_is_told_or_said),
		cmocka_unit_test(what_is_done_to_a_helper_is_done_to_picket),
	};

	return cmocka_run_group_tests_name("tamper", tests, seen_setup,
					   seen_teardown);
}
