/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Since 6.3 the verifier goes through the names of all types for each pointer
 * that it sees loaded through one that it trusts: bpf/current.h. So it must come
 * by such a load once, however many ways lead there. It says itself where it
 * goes, one line for each instruction.
 */
#include "harness.h"

#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sense/skeleton.h"

#define LOG_BYTES  (16u << 20)
#define LOG_STEPS  2
#define INSNS_MOST 20000

/* The path to each goes through several branches, and is not long. */
static const char *const programs[] = {
	"listen_tp_btf", "set_state_tp_btf", "sys_enter_tp_btf",
	"exit_tp_btf",	 "exit_raw_tp",
};

/* Where the verifier came by, and how often. */
struct walk {
	unsigned times[INSNS_MOST];
	unsigned loads; /* of typed pointers, through such a one */
	unsigned again; /* of these, at one where it had been */
};

static void load_with_log(const char *program, char *log)
{
	struct picket_bpf *skel = picket_bpf__open();
	struct bpf_program *p;

	assert_non_null(skel);
	bpf_object__for_each_program(p, skel->obj)
		assert_int_equal(bpf_program__set_autoload(p, false), 0);
	p = bpf_object__find_program_by_name(skel->obj, program);
	assert_non_null(p);
	assert_int_equal(bpf_program__set_autoload(p, true), 0);
	assert_int_equal(bpf_program__set_log_buf(p, log, LOG_BYTES), 0);
	assert_int_equal(bpf_program__set_log_level(p, LOG_STEPS), 0);
	assert_int_equal(bpf_map__set_max_entries(skel->maps.ring, 256u << 10),
			 0);
	assert_int_equal(bpf_object__load(skel->obj), 0);
	picket_bpf__destroy(skel);
}

/* Whether the line's end says that this register is a typed pointer now. */
static bool is_typed(const char *says, char digit)
{
	for (; (says = strchr(says, 'R')); says++)
		if (says[1] == digit)
			break;
	says = says ? strchrnul(says, '=') : "";
	return strcspn(says, "(") > strlen("ptr_") &&
	       memmem(says, strcspn(says, "("), "ptr_", strlen("ptr_"));
}

/* "12: (79) r2 = *(u64 *)(r1 +1824) ; R1=trusted_ptr_task_struct() R2=ptr_…" */
static void follow(struct walk *w, const char *line)
{
	char to, from[3];
	unsigned insn;

	if (sscanf(line, "%u: (79) r%c = *(u64 *)(r%2[0-9] ", &insn, &to,
		   from) != 3)
		return;
	/* Off the stack it comes back as what it was. */
	if (strcmp(from, "10") == 0 || !is_typed(strchrnul(line, ';'), to))
		return;
	assert_true(insn < INSNS_MOST);
	w->loads++;
	w->again += w->times[insn]++ > 0;
}

static void follow_all(struct walk *w, char *log)
{
	char *line, *rest = log;

	while ((line = strsep(&rest, "\n")))
		follow(w, line);
}

static void pointers_that_are_trusted_are_loaded_once(void **state)
{
	struct walk *w = calloc(1, sizeof(*w));
	char *log = calloc(1, LOG_BYTES);
	bool trusts;
	size_t i;

	(void)state;
	assert_non_null(w);
	assert_non_null(log);
	for (i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		load_with_log(programs[i], log);
		trusts = strstr(log, "trusted_ptr_task_struct");
		memset(w, 0, sizeof(*w));
		follow_all(w, log);
		print_message("%s: %u loads, %u again\n", programs[i], w->loads,
			      w->again);
		if (trusts)
			assert_true(w->loads > 0);
		assert_int_equal(w->again, 0);
	}
	free(log);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pointers_that_are_trusted_are_loaded_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
