/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host, as its resource attributes tell it. The machine id itself is
 * said to be confidential (machine-id(5)), so only its hash leaves.
 */
#include "out/host.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/escape.h"
#include "base/fs.h"
#include "base/text.h"

#define OS_RELEASE_MAX (64u << 10)

static int read_below(const char *root, const char *path, char **ret,
		      size_t *ret_n)
{
	cleanup_buf struct buf name = BUF_INIT(4096);

	buf_add_str(&name, root);
	buf_add_str(&name, path);
	buf_add_char(&name, '\0');
	if (name.failed)
		return -ENAMETOOLONG;
	return fs_read_file(AT_FDCWD, name.p, OS_RELEASE_MAX, ret, ret_n);
}

static void read_id(const char *root, struct host *h)
{
	cleanup_free char *text = NULL;
	cleanup_buf struct buf salted = BUF_INIT(256);
	struct slice id;
	size_t n;

	if (read_below(root, "/etc/machine-id", &text, &n) < 0)
		return;
	id = slice_of(text, strcspn(text, "\n"));
	if (id.n != 32)
		return;
	buf_add_str(&salted, "picket");
	buf_add_slice(&salted, id);
	if (salted.failed)
		return;
	SHA256((const unsigned char *)salted.p, salted.n, h->id);
	h->has_id = true;
}

/* A UUID in text: 32 hexadecimal digits with dashes among them. */
static void read_boot_id(const char *root, struct host *h)
{
	cleanup_free char *text = NULL;
	char digits[32];
	size_t i, n, have = 0;
	uint64_t v;

	if (read_below(root, "/proc/sys/kernel/random/boot_id", &text, &n) < 0)
		return;
	for (i = 0; i < n && have < sizeof(digits) && text[i] != '\n'; i++) {
		if (text[i] != '-')
			digits[have++] = text[i];
	}
	if (have != sizeof(digits))
		return;
	for (i = 0; i < sizeof(h->boot_id); i++) {
		if (text_hex_u64(slice_of(digits + 2 * i, 2), &v) < 0)
			return;
		h->boot_id[i] = (uint8_t)v;
	}
	h->has_boot_id = true;
}

static void copy_utf8(char *to, size_t size, struct slice from)
{
	if (from.n >= size || !utf8_valid(from))
		return;
	if (from.n)
		memcpy(to, from.p, from.n);
	to[from.n] = '\0';
}

/* PRETTY_NAME="…" of os-release(5); its shell escapes are not undone. */
static void read_os(const char *root, struct host *h)
{
	static const char key[] = "PRETTY_NAME=";
	cleanup_free char *text = NULL;
	const char *line;
	size_t n;

	if (read_below(root, "/etc/os-release", &text, &n) < 0)
		return;
	for (line = text; line; line = strchr(line, '\n')) {
		struct slice v;

		line += *line == '\n';
		if (strncmp(line, key, sizeof(key) - 1) != 0)
			continue;
		line += sizeof(key) - 1;
		v = text_trim(slice_of(line, strcspn(line, "\n")));
		if (v.n >= 2 && (v.p[0] == '"' || v.p[0] == '\'') &&
		    v.p[v.n - 1] == v.p[0])
			v = slice_of(v.p + 1, v.n - 2);
		copy_utf8(h->os, sizeof(h->os), v);
		return;
	}
}

/* Names as OpenTelemetry's host.arch wants them. */
static const struct {
	const char *machine, *arch;
} arches[] = {
	{ "x86_64", "amd64" }, { "aarch64", "arm64" }, { "i686", "x86" },
	{ "armv7l", "arm32" }, { "ppc64le", "ppc64" },
};

void host_read(const char *root, struct host *ret)
{
	struct utsname uts;
	size_t i;

	memset(ret, 0, sizeof(*ret));
	if (!uname(&uts)) {
		copy_utf8(ret->name, sizeof(ret->name),
			  slice_str(uts.nodename));
		copy_utf8(ret->kernel, sizeof(ret->kernel),
			  slice_str(uts.release));
		copy_utf8(ret->arch, sizeof(ret->arch), slice_str(uts.machine));
		for (i = 0; i < sizeof(arches) / sizeof(arches[0]); i++) {
			if (!strcmp(uts.machine, arches[i].machine))
				copy_utf8(ret->arch, sizeof(ret->arch),
					  slice_str(arches[i].arch));
		}
	}
	read_id(root, ret);
	read_boot_id(root, ret);
	read_os(root, ret);
}
