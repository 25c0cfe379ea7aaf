// SPDX-License-Identifier: Apache-2.0
/* Entries in one array that is sorted at the end. See build.h. */
#include "trust/build.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/crc32c.h"
#include "base/fs.h"
#include "base/hex.h"

struct trust_build {
	struct trust_db_file *files;
	size_t n_files, files_cap;
	struct buf packages; /* uint32_t each */
	struct buf names;
	uint32_t package; /* that files are added to */
};

int trust_build_new(struct trust_build **ret)
{
	struct trust_build *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	buf_init(&b->packages, TRUST_DB_PACKAGES_MAX * sizeof(uint32_t));
	buf_init(&b->names, TRUST_DB_NAMES_MAX);
	*ret = b;
	return 0;
}

void trust_build_free(struct trust_build *b)
{
	if (!b)
		return;
	free(b->files);
	buf_done(&b->packages);
	buf_done(&b->names);
	free(b);
}

static struct slice cut(struct slice s, size_t max)
{
	return slice_of(s.p, s.n < max ? s.n : max);
}

int trust_build_package(struct trust_build *b, struct slice name,
			struct slice version)
{
	uint32_t at = (uint32_t)b->names.n;

	b->package = (uint32_t)(b->packages.n / sizeof(uint32_t));
	buf_add(&b->packages, &at, sizeof(at));
	buf_add_slice(&b->names, cut(name, TRUST_PACKAGE_MAX / 2 - 1));
	if (version.n)
		buf_add_char(&b->names, ' ');
	buf_add_slice(&b->names, cut(version, TRUST_PACKAGE_MAX / 2 - 1));
	buf_add_char(&b->names, '\0');
	return b->packages.failed || b->names.failed ? -E2BIG : 0;
}

static int make_room(struct trust_build *b)
{
	struct trust_db_file *grown;
	size_t cap = b->files_cap ? b->files_cap * 2 : 4096;

	if (b->n_files < b->files_cap)
		return 0;
	if (b->n_files >= TRUST_DB_FILES_MAX)
		return -E2BIG;
	grown = reallocarray(b->files, cap, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	b->files = grown;
	b->files_cap = cap;
	return 0;
}

int trust_build_file(struct trust_build *b, struct slice path,
		     const struct trust_digest *digest)
{
	struct trust_db_file *f;
	int r = make_room(b);

	if (r < 0)
		return r;
	f = &b->files[b->n_files];
	*f = (struct trust_db_file){ .package = b->package,
				     .algo = digest->algo };
	memcpy(f->digest, digest->bytes, sizeof(f->digest));
	r = trust_db_key(path, f->key);
	if (r >= 0)
		b->n_files++;
	return r;
}

static int by_key(const void *a, const void *b)
{
	const struct trust_db_file *x = a, *y = b;
	int r = memcmp(x->key, y->key, sizeof(x->key));

	return r ? r : memcmp(x->digest, y->digest, sizeof(x->digest));
}

/* Packages of several architectures share files. */
static void drop_doubles(struct trust_build *b)
{
	size_t to = 0;

	for (size_t i = 0; i < b->n_files; i++) {
		if (to && !by_key(&b->files[to - 1], &b->files[i]) &&
		    b->files[to - 1].algo == b->files[i].algo)
			continue;
		b->files[to++] = b->files[i];
	}
	b->n_files = to;
}

int trust_build_write(struct trust_build *b, int fd,
		      const struct trust_build_info *info)
{
	struct trust_db_header h = {
		.magic = TRUST_DB_MAGIC,
		.version = TRUST_DB_VERSION,
		.built_wall_ns = info->wall_ns,
		.build_ns = info->took_ns,
		.n_packages = b->packages.n / sizeof(uint32_t),
		.names_size = b->names.n,
	};
	size_t files_size;
	int r;

	if (b->n_files)
		qsort(b->files, b->n_files, sizeof(*b->files), by_key);
	drop_doubles(b);
	files_size = b->n_files * sizeof(*b->files);
	h.n_files = b->n_files;
	h.size = sizeof(h) + files_size + b->packages.n + b->names.n;
	memcpy(h.stamp, info->stamp, sizeof(h.stamp));
	h.body_crc = crc32c(0, b->files, files_size);
	h.body_crc = crc32c(h.body_crc, b->packages.p, b->packages.n);
	h.body_crc = crc32c(h.body_crc, b->names.p, b->names.n);
	h.header_crc = crc32c(0, &h, sizeof(h));
	r = fs_write_all(fd, &h, sizeof(h));
	if (r >= 0)
		r = fs_write_all(fd, b->files, files_size);
	if (r >= 0)
		r = fs_write_all(fd, b->packages.p, b->packages.n);
	if (r >= 0)
		r = fs_write_all(fd, b->names.p, b->names.n);
	return r;
}

/* ---- digests ------------------------------------------------------------ */

bool trust_digest_parse(struct slice hex, struct trust_digest *ret)
{
	struct trust_digest d = { 0 };
	size_t i;

	if (hex.n != 32 && hex.n != 64)
		return false;
	d.algo = hex.n == 32 ? TRUST_ALGO_MD5 : TRUST_ALGO_SHA256;
	for (i = 0; i < hex.n; i++) {
		int v = hex_digit(hex.p[i]);

		if (v < 0)
			return false;
		d.bytes[i / 2] = (uint8_t)(d.bytes[i / 2] << 4 | v);
	}
	*ret = d;
	return true;
}
