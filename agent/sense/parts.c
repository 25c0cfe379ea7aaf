/* SPDX-License-Identifier: Apache-2.0 */
#include "sense/parts.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/*
 * bpf_prog_info.verified_insns of 6.12 and 6.18, built by clang 14; the first
 * beginning that fits counts. What walks a path is long, whatever tells it.
 */
static const struct {
	const char *begins;
	unsigned cost;
} costs[] = {
	{ "sys_exit_", 630 },
	{ "uring_submit_", 425 },
	{ "uring_complete_", 252 },
	{ "drop_write_file_", 251 },
	{ "drop_write_", 423 },
	{ "exec_", 299 },
	{ "mmap_file_", 251 },
	{ "file_mprotect_", 251 },
	{ "file_permission_", 251 },
	{ "file_open_", 251 },
	{ "notify_change_fexit", 251 },
	{ "notify_change_kretprobe", 251 },
	{ "loader_", 122 },
	{ "load_", 115 },
	{ "script_", 115 },
	{ "listen_tp_btf", 2 },
	{ "listen_raw_tp", 2 },
	{ "listen_", 101 },
	{ "unix_", 100 },
};

unsigned parts_cost(const char *program)
{
	size_t i;

	for (i = 0; i < COUNT(costs); i++)
		if (strncmp(program, costs[i].begins,
			    strlen(costs[i].begins)) == 0)
			return costs[i].cost;
	return 1;
}

/* The dearest that has no part yet; n: none. */
static size_t find_dearest(const unsigned *of, size_t n, const uint8_t *part)
{
	size_t i, best = n;

	for (i = 0; i < n; i++)
		if (part[i] == PARTS && (best == n || of[i] > of[best]))
			best = i;
	return best;
}

/* Each where there is least so far, the dearest first. */
void parts_divide(const unsigned *of, size_t n, uint8_t *ret_part)
{
	unsigned long sums[PARTS] = { 0 };
	size_t i, k, least;

	memset(ret_part, PARTS, n);
	while ((i = find_dearest(of, n, ret_part)) < n) {
		for (least = 0, k = 1; k < PARTS; k++)
			if (sums[k] < sums[least])
				least = k;
		ret_part[i] = (uint8_t)least;
		sums[least] += of[i];
	}
}
