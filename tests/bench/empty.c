/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least that any monitor of system calls by tracepoints can cost: a
 * program at the end of every system call that does nothing. Holds it until
 * standard input ends; says "ready" when it is attached.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* r0 = 0; exit */
static const struct bpf_insn nothing[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
	{ .code = BPF_JMP | BPF_EXIT },
};

int main(void)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = BPF_TRACE_RAW_TP, );
	int id = libbpf_find_vmlinux_btf_id("sys_exit", BPF_TRACE_RAW_TP);
	int program, link;
	char byte;

	if (id < 0) {
		fprintf(stderr, "empty: the kernel names no sys_exit: %s\n",
			strerrordesc_np(-id));
		return 1;
	}
	opts.attach_btf_id = (__u32)id;
	program = bpf_prog_load(BPF_PROG_TYPE_TRACING, "empty", "GPL", nothing,
				sizeof(nothing) / sizeof(nothing[0]), &opts);
	link = program < 0 ? program : bpf_raw_tracepoint_open(NULL, program);
	if (link < 0) {
		fprintf(stderr, "empty: %s\n", strerrordesc_np(errno));
		return 1;
	}
	printf("ready\n");
	(void)fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
