// SPDX-License-Identifier: Apache-2.0
/* A sum over what changes when packages do. See packages.h. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>

#include "trust/packages.h"

static const struct {
	const char *name;
	enum { OF_ROOT, OF_DPKG, OF_RPM } where;
} looked_at[] = {
	{ "status", OF_DPKG },	    { "info", OF_DPKG },
	{ "updates", OF_DPKG },	    { "diversions", OF_DPKG },
	{ "rpmdb.sqlite", OF_RPM }, { "Packages", OF_RPM },
	{ "Packages.db", OF_RPM },  { "bin", OF_ROOT },
	{ "sbin", OF_ROOT },	    { "lib", OF_ROOT },
	{ "lib64", OF_ROOT },
};

struct look {
	uint64_t ino, size;
	int64_t mtime_ns, ctime_ns;
};

static int64_t in_ns(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int trust_stamp(const struct trust_sources *s,
		uint8_t ret[static TRUST_STAMP_SIZE])
{
	enum { N = sizeof(looked_at) / sizeof(looked_at[0]) };
	const int fds[] = { [OF_ROOT] = s->root_fd,
			    [OF_DPKG] = s->dpkg_fd,
			    [OF_RPM] = s->rpm_fd };
	struct look looks[N] = { 0 };
	uint8_t sum[EVP_MAX_MD_SIZE];
	unsigned n;
	struct stat st;

	for (size_t i = 0; i < N; i++) {
		int fd = fds[looked_at[i].where];

		if (fd < 0 || fstatat(fd, looked_at[i].name, &st,
				      AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		looks[i].ino = st.st_ino;
		/* Of the root's only whether they are links: packages that
		 * write below them would change it all the time. */
		if (looked_at[i].where == OF_ROOT && !S_ISLNK(st.st_mode))
			continue;
		looks[i].size = (uint64_t)st.st_size;
		looks[i].mtime_ns = in_ns(st.st_mtim);
		looks[i].ctime_ns = in_ns(st.st_ctim);
	}
	if (EVP_Digest(looks, sizeof(looks), sum, &n, EVP_sha256(), NULL) != 1)
		return -ENOTSUP;
	memcpy(ret, sum, TRUST_STAMP_SIZE);
	return 0;
}
