// SPDX-License-Identifier: Apache-2.0
/*
 * What by the end of a system call is not there any more, or never was: the
 * descriptor that the call returned, taken away by a second thread, and calls
 * that a filter (seccomp) answered in the kernel's place. Where the end of calls
 * is all there is to go by, each is told, and that it is the caller's word.
 */
#include "harness.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tampered.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TRIES	     300

static bool goes_by_calls(const struct seen *w, const char *hook)
{
	struct sensor_row row = seen_row(w, hook);

	assert_true(row.active);
	return strcmp(row.backend, "tp_btf") == 0 ||
	       strcmp(row.backend, "raw_tp") == 0;
}

/* From now on these calls are skipped, and return 0. */
static int skip_calls(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 6, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 5, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fcntl, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_getfd, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prlimit64, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO),
	};
	struct sock_fprog program = { COUNT(code), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int load_program(void)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "gone", "GPL", code,
			     COUNT(code), NULL);
}

static int make_packet_socket(void)
{
	return socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
}

/* ---- what was never there ------------------------------------------------- */

/* Standard input, which all of these seem to return, is none of them. */
static int act_skipped(void *arg)
{
	const pid_t *picket = arg;
	int pidfd = (int)syscall(SYS_pidfd_open, *picket, 0);
	struct rlimit limit = { 1, 1 };

	if (pidfd < 0 || skip_calls() < 0)
		return 1;
	if (make_packet_socket() != 0 || load_program() < 0)
		return 2;
	if (ptrace(PTRACE_SEIZE, *picket, 0, 0) != 0)
		return 3;
	if (fcntl(0, F_SETOWN, *picket) != 0 ||
	    syscall(SYS_pidfd_getfd, pidfd, 0, 0) != 0)
		return 4;
	return prlimit(*picket, RLIMIT_MSGQUEUE, &limit, NULL) != 0;
}

static void check_socket(const struct seen *w)
{
	const struct wire_connect *r = seen_nth(w, WIRE_CONNECT, 0);

	if (!goes_by_calls(w, "packet sockets")) {
		assert_null(r);
		return;
	}
	assert_non_null(r);
	assert_null(seen_nth(w, WIRE_CONNECT, 1));
	assert_int_equal(r->flags, WIRE_CONNECT_CLAIMED);
	assert_int_equal(r->op, WIRE_CONNECT_SOCKET);
	assert_int_equal(r->family, AF_PACKET);
	assert_int_equal(r->type, SOCK_RAW);
	assert_int_equal(r->protocol, ETH_P_ALL);
	assert_true(r->net_ns > 0);
	assert_int_equal(r->sock, 0);
}

static const struct wire_load *program_nth(const struct seen *w, size_t n)
{
	const struct wire_load *r;
	size_t i;

	for (i = 0; (r = seen_nth(w, WIRE_LOAD, i)); i++)
		if (r->op == WIRE_LOAD_BPF && n-- == 0)
			return r;
	return NULL;
}

static void check_program(const struct seen *w)
{
	const struct wire_load *r = program_nth(w, 0);

	if (!goes_by_calls(w, "BPF programs")) {
		assert_null(r);
		return;
	}
	assert_non_null(r);
	assert_null(program_nth(w, 1));
	assert_int_equal(r->flags, WIRE_LOAD_FD_CLAIMED);
	assert_int_equal(r->id, 0);
	assert_int_equal(r->name.len, 0);
}

static void check_tamper(const struct seen *w, enum wire_tamper_op op,
			 const char *hook)
{
	const struct wire_tamper *r = tamper_nth(w, op, 0);

	if (!goes_by_calls(w, hook)) {
		assert_null(r);
		return;
	}
	assert_non_null(r);
	assert_null(tamper_nth(w, op, 1));
	assert_int_equal(r->flags, WIRE_TAMPER_SELF | WIRE_TAMPER_CLAIMED);
	assert_int_equal(r->target_tgid, getpid());
}

static void what_a_filter_answered_is_the_callers_word(void **state)
{
	struct seen *w = *state;
	pid_t picket = getpid();

	seen_run(w, act_skipped, &picket);
	assert_int_equal(w->status, 0);
	check_socket(w);
	check_program(w);
	check_tamper(w, WIRE_TAMPER_PTRACE,
		     "ptrace attach, process_vm_writev, pidfd_getfd");
	check_tamper(w, WIRE_TAMPER_DESCRIPTOR,
		     "ptrace attach, process_vm_writev, pidfd_getfd");
	check_tamper(w, WIRE_TAMPER_LIMIT, "limits set on picket");
	check_tamper(w, WIRE_TAMPER_SIGIO,
		     "signals of files directed at picket");
}

/* ---- what another thread takes away --------------------------------------- */

static int next_fd;
static int is_over;

static void *take_away(void *arg)
{
	while (!__atomic_load_n(&is_over, __ATOMIC_RELAXED))
		(void)close(next_fd);
	return arg;
}

/* Each of TRIES must have been made; which were taken, chance says. */
static int act_taken(void *arg)
{
	int (*const make)(void) = *(int (**)(void))arg;
	pthread_t thread;
	int i;

	next_fd = dup(0);
	if (next_fd < 0 || close(next_fd) < 0 ||
	    pthread_create(&thread, NULL, take_away, NULL))
		return 1;
	for (i = 0; i < TRIES; i++) {
		if (make() < 0)
			return 2;
		(void)close(next_fd);
	}
	__atomic_store_n(&is_over, 1, __ATOMIC_RELAXED);
	return pthread_join(thread, NULL);
}

static void sockets_that_are_taken_away_are_told(void **state)
{
	int (*make)(void) = make_packet_socket;
	struct seen *w = *state;

	seen_run(w, act_taken, &make);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_CONNECT), TRIES);
}

static void programs_that_are_taken_away_are_told(void **state)
{
	int (*make)(void) = load_program;
	struct seen *w = *state;

	seen_run(w, act_taken, &make);
	assert_int_equal(w->status, 0);
	assert_non_null(program_nth(w, TRIES - 1));
	assert_null(program_nth(w, TRIES));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_filter_answered_is_the_callers_word),
		cmocka_unit_test(sockets_that_are_taken_away_are_told),
		cmocka_unit_test(programs_that_are_taken_away_are_told),
	};

	return cmocka_run_group_tests_name("gone", tests, seen_setup,
					   seen_teardown);
}
