/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First byte 'd': a database file, its sums made right so that what is behind
 * them is reached. 'r': what rpm prints. 's': dpkg's status, with a list and
 * sums made of the same bytes.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "trust/packages.h"
#include "trust/trust_db.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int memory_file(const void *p, size_t n)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		abort();
	return fd;
}

static void use(const struct trust_db *db)
{
	const struct trust_db_file *f;
	size_t n = trust_db_find(db, slice_str("/usr/bin/one"), &f);

	for (size_t i = 0; i < n; i++)
		(void)strlen(trust_db_package(db, f[i].package));
}

static void open_database(const uint8_t *data, size_t size)
{
	struct trust_db_header h;
	struct trust_db *db;
	uint8_t *copy = malloc(size + 1);
	int fd;

	if (!copy)
		abort();
	memcpy(copy, data, size);
	if (size >= sizeof(h)) {
		memcpy(&h, copy, sizeof(h));
		h.body_crc = crc32c(0, copy + sizeof(h), size - sizeof(h));
		h.header_crc = 0;
		h.header_crc = crc32c(0, &h, sizeof(h));
		memcpy(copy, &h, sizeof(h));
	}
	fd = memory_file(copy, size);
	if (trust_db_open(fd, &db) == 0) {
		use(db);
		trust_db_close(db);
	}
	(void)close(fd);
	free(copy);
}

/* What was read must make a database that opens. */
static void finish(struct trust_packages *p)
{
	const struct trust_build_info info = { .wall_ns = 1 };
	struct trust_db *db = NULL;
	int fd = memory_file("", 0);

	if (trust_build_write(p->build, fd, &info) < 0 ||
	    trust_db_open(fd, &db) < 0)
		abort();
	use(db);
	trust_db_close(db);
	(void)close(fd);
	trust_build_free(p->build);
	trust_dirs_free(p->dirs);
}

static struct trust_packages begin(int root_fd)
{
	struct trust_packages p = { 0 };

	if (trust_build_new(&p.build) < 0 ||
	    trust_dirs_new(root_fd, &p.dirs) < 0)
		abort();
	return p;
}

static void read_rpm(const uint8_t *data, size_t size)
{
	struct trust_packages p = begin(-1);
	FILE *f = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;

	if (f) {
		(void)trust_read_rpm(&p, f);
		(void)fclose(f);
	}
	finish(&p);
}

static char dir[] = "/tmp/picket-fuzz-XXXXXX";

static void end(void)
{
	static const char *const names[] = {
		"info/a.list", "info/a.md5sums", "info",       "updates/0",
		"updates",     "status",	 "diversions",
	};
	char path[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)remove(path);
	}
	(void)rmdir(dir);
}

static void put(int fd, const char *name, const uint8_t *p, size_t n)
{
	int f = openat(fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		       0600);

	if (f < 0 || write(f, p, n) != (ssize_t)n)
		abort();
	(void)close(f);
}

static void read_dpkg(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct trust_packages p;

	if (fd < 0) {
		if (!mkdtemp(dir) || atexit(end))
			abort();
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 || mkdirat(fd, "info", 0700) < 0 ||
		    mkdirat(fd, "updates", 0700) < 0)
			abort();
	}
	put(fd, "status", data, size);
	/* Of what it has, something stands there once more and counts. */
	put(fd, "updates/0", data + size / 2, size - size / 2);
	put(fd, "diversions", data, size);
	put(fd, "info/a.list", data, size);
	put(fd, "info/a.md5sums", data, size);
	p = begin(fd);
	(void)trust_read_dpkg(&p, fd);
	finish(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (*data == 'd')
		open_database(data + 1, size - 1);
	else if (*data == 'r')
		read_rpm(data + 1, size - 1);
	else if (*data == 's')
		read_dpkg(data + 1, size - 1);
	return 0;
}
