// SPDX-License-Identifier: Apache-2.0
#include "tampered.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <string.h>
#include <unistd.h>

const struct wire_tamper *tamper_nth(const struct seen *w,
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
const struct wire_tamper *tamper_only(const struct seen *w,
				      enum wire_tamper_op op)
{
	const struct wire_tamper *r = tamper_nth(w, op, 0);

	assert_int_equal(w->status, 0);
	assert_non_null(r);
	assert_null(tamper_nth(w, op, 1));
	assert_int_equal(r->hdr.tgid, w->child);
	return r;
}

uint32_t tamper_cgroup_link(const char *program)
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
