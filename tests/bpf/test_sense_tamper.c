// SPDX-License-Identifier: Apache-2.0
/*
 * What is done to other processes and to picket, which here is this test: its
 * child signals, stops, traces it and changes its maps.
 */
#include "harness.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "forced.h"

static const struct wire_tamper *nth(const struct seen *w,
				     enum wire_tamper_op op, size_t n)
{
	const struct wire_tamper *r;
	size_t i;

	for (i = 0; (r = seen_nth(w, WIRE_TAMPER, i)); i++)
		if (r->op == op && n-- == 0)
			return r;
	return NULL;
}

/* The only one, done by the child. */
static const struct wire_tamper *only(const struct seen *w,
				      enum wire_tamper_op op)
{
	const struct wire_tamper *r = nth(w, op, 0);

	assert_int_equal(w->status, 0);
	assert_non_null(r);
	assert_null(nth(w, op, 1));
	assert_int_equal(r->hdr.tgid, w->child);
	return r;
}

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
		r = only(*state, WIRE_TAMPER_SIGNAL);
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
	uint64_t deadline = clock_mono_ns() + 20 * NS_PER_S;
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
	r = only(*state, WIRE_TAMPER_SIGNAL);
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
	r = only(*state, WIRE_TAMPER_PTRACE);
	assert_int_equal(r->arg, PTRACE_SEIZE);
	assert_int_equal(r->flags, 0);
	assert_victim(*state, r);
	seen_run(*state, act_attach, NULL);
	r = only(*state, WIRE_TAMPER_PTRACE);
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
	r = nth(w, WIRE_TAMPER_PTRACE, 0);
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
	r = only(*state, WIRE_TAMPER_PTRACE);
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
	r = only(w, WIRE_TAMPER_VM_WRITE);
	after = seen_counters(w, WIRE_FAM_TAMPER);
	assert_true(after.summed >= before.summed + 2);
	row = seen_row(w, "whom process_vm_writev reaches");
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
	r = only(*state, WIRE_TAMPER_VM_WRITE);
	assert_int_equal(r->target_tgid, getpid());
	assert_true(r->flags & WIRE_TAMPER_SELF);
	assert_string_equal(target_word, "after");
}

/* ---- bpf(2) ---------------------------------------------------------------- */

static int own_map(const char *name, uint32_t *ret_id)
{
	struct bpf_map_info info;
	uint32_t size;
	int fd;

	for (fd = 3; fd < 1024; fd++) {
		size = sizeof(info);
		memset(&info, 0, sizeof(info));
		if (bpf_obj_get_info_by_fd(fd, &info, &size) == 0 &&
		    strcmp(info.name, name) == 0) {
			*ret_id = info.id;
			return fd;
		}
	}
	return -1;
}

/* By its number, as somebody would who was not given it. */
static int act_change_map(void *arg)
{
	uint64_t key = 0;
	uint8_t one = 1;
	int fd = bpf_map_get_fd_by_id(*(uint32_t *)arg);

	return fd < 0 || bpf_map_update_elem(fd, &key, &one, BPF_ANY) < 0;
}

static void a_map_of_pickets_changed_is_told(void **state)
{
	const struct wire_tamper *r;
	uint32_t id;

	assert_true(own_map("env_names", &id) >= 0);
	seen_run(*state, act_change_map, &id);
	r = only(*state, WIRE_TAMPER_BPF);
	assert_forced(&r->hdr, WIRE_FAM_TAMPER);
	assert_int_equal(r->arg, BPF_MAP_UPDATE_ELEM);
	assert_int_equal(r->id, id);
	assert_int_equal(r->target_tgid, 0);
	assert_true(r->flags & WIRE_TAMPER_SELF);
}

static int act_change_own_map(void *arg)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "env_names", 8, 1, 4, NULL);
	uint64_t key = 0;
	uint8_t one = 1;

	(void)arg;
	return fd < 0 || bpf_map_update_elem(fd, &key, &one, BPF_ANY) < 0;
}

static void a_map_of_ones_own_is_not(void **state)
{
	struct seen *w = *state;

	seen_run(w, act_change_own_map, NULL);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_TAMPER), 0);
}

/* The link that runs this program, by its number. */
static int act_detach(void *arg)
{
	int fd = bpf_link_get_fd_by_id(*(uint32_t *)arg);

	return fd < 0 || bpf_link_detach(fd) < 0;
}

/* The newest that runs it: other sensors of this program are older. */
static uint32_t cgroup_link(const char *program)
{
	uint32_t newest = 0;
	struct bpf_link_info link;
	struct bpf_prog_info prog;
	uint32_t size;
	int fd, at;

	for (fd = 3; fd < 1024; fd++) {
		size = sizeof(link);
		memset(&link, 0, sizeof(link));
		if (bpf_obj_get_info_by_fd(fd, &link, &size) < 0 ||
		    link.type != BPF_LINK_TYPE_CGROUP)
			continue;
		at = bpf_prog_get_fd_by_id(link.prog_id);
		size = sizeof(prog);
		memset(&prog, 0, sizeof(prog));
		(void)bpf_obj_get_info_by_fd(at, &prog, &size);
		(void)close(at);
		if (strcmp(prog.name, program) == 0 && link.id > newest)
			newest = link.id;
	}
	return newest;
}

/* With a sensor of its own, which is not the same afterwards. */
static void a_detached_hook_is_told_and_missed(void **state)
{
	struct sensor_settings s = {
		.ring_bytes = 1u << 20,
		.window_ms = 3600 * 1000,
		.env_names = seen_env_names,
		.self_tgid = (uint32_t)getpid(),
		.force[WIRE_FAM_CONNECT] = WIRE_BACKEND_CGROUP,
	};
	const struct wire_tamper *r;
	struct seen *w = NULL;
	char what[256];
	uint32_t id;

	(void)state;
	assert_int_equal(seen_try(&s, &w, what), 0);
	assert_int_equal(sensor_check(w->sensor), 0);
	assert_true(seen_row(w, "connect, IPv4").active);
	id = cgroup_link("connect4_cgroup");
	assert_true(id > 0);
	seen_run(w, act_detach, &id);
	r = only(w, WIRE_TAMPER_BPF);
	assert_int_equal(r->arg, BPF_LINK_DETACH);
	assert_int_equal(r->id, id);
	assert_true(r->flags & WIRE_TAMPER_SELF);
	assert_int_equal(sensor_check(w->sensor), 1);
	assert_false(seen_row(w, "connect, IPv4").active);
	assert_non_null(strstr(seen_row(w, "connect, IPv4").reason,
			       "detached by somebody else"));
	assert_true(seen_row(w, "connect, IPv6").active);
	/* Found once. */
	assert_int_equal(sensor_check(w->sensor), 0);
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
		cmocka_unit_test(a_map_of_pickets_changed_is_told),
		cmocka_unit_test(a_map_of_ones_own_is_not),
		cmocka_unit_test(a_detached_hook_is_told_and_missed),
	};

	return cmocka_run_group_tests_name("tamper", tests, seen_setup,
					   seen_teardown);
}
