/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as lines of /proc: stat, status, cgroup, mountinfo. Property:
 * what is found lies inside the text, and unescaping never grows it.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proc/procfs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *text;
static size_t text_n;

static void check(struct slice s)
{
	if (s.n)
		assert(s.p >= text && s.p <= text + text_n &&
		       s.n <= (size_t)(text + text_n - s.p));
}

static void unescape(struct slice s)
{
	char *p = malloc(s.n + 1);

	if (!p)
		return;
	if (s.n)
		memcpy(p, s.p, s.n);
	assert(procfs_unescape(p, s.n) <= s.n);
	free(p);
}

static void check_line(struct slice line)
{
	struct procfs_cgroup_line c;
	struct procfs_mount m;
	struct slice value;

	check(line);
	if (procfs_parse_mount(line, &m) == 0) {
		check(m.root);
		check(m.point);
		check(m.type);
		check(m.super);
		assert(m.point.n && m.root.n);
		unescape(m.root);
		unescape(m.point);
	}
	if (procfs_parse_cgroup_line(line, &c) == 0) {
		check(c.controllers);
		check(c.path);
		assert(c.path.n);
	}
	if (procfs_field(line, "Uid", &value))
		check(value);
	unescape(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size ? size : 1);
	struct procfs_stat st;
	struct slice rest, line;

	if (!copy)
		return 0;
	if (size)
		memcpy(copy, data, size);
	text = copy;
	text_n = size;
	rest = slice_of(copy, size);
	if (procfs_parse_stat(rest, &st) == 0)
		check(st.comm);
	while (procfs_next_line(&rest, &line))
		check_line(line);
	free(copy);
	return 0;
}
