// SPDX-License-Identifier: Apache-2.0
#include "links.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define FDS_MAX 1024

static bool runs(const struct bpf_link_info *link, const char *program)
{
	struct bpf_prog_info prog = { .id = 0 };
	uint32_t size = sizeof(prog);
	int fd = bpf_prog_get_fd_by_id(link->prog_id);
	bool is = fd >= 0 && bpf_obj_get_info_by_fd(fd, &prog, &size) == 0 &&
		  strncmp(prog.name, program, strlen(program)) == 0;

	if (fd >= 0)
		(void)close(fd);
	return is;
}

uint32_t links_newest(uint32_t type, const char *program)
{
	struct bpf_link_info link;
	uint32_t newest = 0, size;
	int fd;

	for (fd = 3; fd < FDS_MAX; fd++) {
		size = sizeof(link);
		memset(&link, 0, sizeof(link));
		/* Other objects answer too; only links have a program. */
		if (bpf_obj_get_info_by_fd(fd, &link, &size) == 0 &&
		    link.prog_id && (!type || link.type == type) &&
		    link.id > newest && runs(&link, program))
			newest = link.id;
	}
	return newest;
}
