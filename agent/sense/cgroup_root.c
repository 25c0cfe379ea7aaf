/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the root of the unified cgroup hierarchy. It may be mounted at
 * /sys/fs/cgroup, below it (hybrid), or anywhere; in a container a mount can
 * show a part of the hierarchy and still call it "/". The root's directory is
 * the only one with inode 1, so that is asked before a mount is believed:
 * programs attached further down would miss whoever is outside.
 */
#include "sense/cgroup_root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"

/* Mounts of a busy container host; more is not a file we believe. */
#define MOUNTINFO_MAX (16u << 20)

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct slice next_line(struct slice *text)
{
	const char *end = text->n ? memchr(text->p, '\n', text->n) : NULL;
	struct slice line = { text->p,
			      end ? (size_t)(end - text->p) : text->n };

	text->p += line.n + (end ? 1 : 0);
	text->n -= line.n + (end ? 1 : 0);
	return line;
}

/* What a line of mountinfo says, as far as it concerns us. */
struct mount_line {
	struct slice root;
	struct slice point;
	struct slice type;
	struct slice super; /* options of the superblock */
};

/*
 * 36 35 98:0 /root /point opts [optional …] - type source super. The number
 * of optional fields varies; a single "-" ends them.
 */
static bool parse_mount(struct slice line, struct mount_line *ret)
{
	struct mount_line m;
	struct slice word;
	int i;

	for (i = 0; i < 3; i++)
		if (!text_word(&line, &word))
			return false;
	if (!text_word(&line, &m.root) || !text_word(&line, &m.point))
		return false;
	do {
		if (!text_word(&line, &word))
			return false;
	} while (!slice_eq(word, slice_str("-")));
	if (!text_word(&line, &m.type) || !text_word(&line, &word))
		return false;
	if (!text_word(&line, &m.super))
		m.super = slice_of(line.p, 0);
	*ret = m;
	return true;
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* Blanks and backslashes stand as \ooo. False: does not fit. */
static bool unescape(struct slice s, char out[static PATH_MAX])
{
	size_t i = 0, n = 0;

	while (i < s.n) {
		if (n == PATH_MAX - 1)
			return false;
		if (s.p[i] == '\\' && s.n - i >= 4 && is_octal(s.p[i + 1]) &&
		    is_octal(s.p[i + 2]) && is_octal(s.p[i + 3])) {
			out[n++] = (char)((s.p[i + 1] - '0') << 6 |
					  (s.p[i + 2] - '0') << 3 |
					  (s.p[i + 3] - '0'));
			i += 4;
		} else {
			out[n++] = s.p[i++];
		}
	}
	out[n] = '\0';
	return true;
}

bool cgroup_root_next(struct slice *text, char path[static 4096])
{
	struct mount_line m;

	while (text->n) {
		if (!parse_mount(next_line(text), &m))
			continue;
		if (slice_eq(m.type, slice_str("cgroup2")) &&
		    slice_eq(m.root, slice_str("/")) && unescape(m.point, path))
			return true;
	}
	return false;
}

/* Whether a comma-separated list of options holds this one. */
static bool has_option(struct slice options, const char *name)
{
	struct slice want = slice_str(name), one;
	const char *comma;

	while (options.n) {
		comma = memchr(options.p, ',', options.n);
		one = slice_of(options.p,
			       comma ? (size_t)(comma - options.p) : options.n);
		if (slice_eq(one, want))
			return true;
		options.p += one.n + (comma ? 1 : 0);
		options.n -= one.n + (comma ? 1 : 0);
	}
	return false;
}

/*
 * Container runtimes and systemd put everything into memory, pids and devices
 * alike; the rest is what single tools use.
 */
static const char *const v1_controllers[] = {
	"memory", "pids", "devices", "freezer", "cpu", "cpuacct", "blkio",
};

const char *cgroup_root_v1(struct slice text)
{
	size_t best = COUNT(v1_controllers), i;
	struct mount_line m;

	while (text.n) {
		if (!parse_mount(next_line(&text), &m) ||
		    !slice_eq(m.type, slice_str("cgroup")))
			continue;
		for (i = 0; i < best; i++)
			if (has_option(m.super, v1_controllers[i]))
				best = i;
	}
	return best < COUNT(v1_controllers) ? v1_controllers[best] : NULL;
}

unsigned cgroup_root_hierarchy(struct slice text, const char *controller)
{
	struct slice line, id, list;
	const char *colon;
	uint32_t n;

	while (text.n) {
		line = next_line(&text);
		colon = line.n ? memchr(line.p, ':', line.n) : NULL;
		if (!colon)
			continue;
		id = slice_of(line.p, (size_t)(colon - line.p));
		list = slice_of(colon + 1, line.n - id.n - 1);
		colon = list.n ? memchr(list.p, ':', list.n) : NULL;
		if (!colon || text_u32(id, &n) < 0)
			continue;
		list.n = (size_t)(colon - list.p);
		if (has_option(list, controller))
			return n;
	}
	return 0;
}

int cgroup_root_open(int *ret_fd)
{
	cleanup_free char *mountinfo = NULL;
	char path[PATH_MAX];
	struct slice text;
	struct stat st;
	int r;

	r = fs_read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX,
			 &mountinfo, &text.n);
	if (r < 0)
		return r;
	text.p = mountinfo;
	while (cgroup_root_next(&text, path)) {
		cleanup_close int fd =
			open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0 || fstat(fd, &st) < 0 || st.st_ino != 1)
			continue;
		*ret_fd = steal_fd(&fd);
		return 0;
	}
	return -ENOENT;
}

unsigned cgroup_root_find_v1(const char **ret_controller)
{
	cleanup_free char *mounts = NULL, *cgroups = NULL;
	const char *controller;
	unsigned hierarchy;
	size_t n;

	if (fs_read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX,
			 &mounts, &n) < 0)
		return 0;
	controller = cgroup_root_v1(slice_of(mounts, n));
	if (!controller || fs_read_file(AT_FDCWD, "/proc/self/cgroup",
					MOUNTINFO_MAX, &cgroups, &n) < 0)
		return 0;
	hierarchy = cgroup_root_hierarchy(slice_of(cgroups, n), controller);
	if (hierarchy)
		*ret_controller = controller;
	return hierarchy;
}
