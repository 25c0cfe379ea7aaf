// SPDX-License-Identifier: Apache-2.0
/*
 * The stamp is taken before anything is read: what changes meanwhile makes the
 * result old, never wrong for good.
 */
#include "trust/make.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

static int spawn_rpm(const struct trust_make *m, int out, pid_t *ret)
{
	static char query[] = "-qa", format[] = "--queryformat",
		    text[] = TRUST_RPM_FORMAT, dbpath[] = "--dbpath";
	static char *const no_env[] = { NULL };
	char *const argv[] = { (char *)(uintptr_t)m->rpm,
			       dbpath,
			       (char *)(uintptr_t)m->rpm_dir,
			       query,
			       format,
			       text,
			       NULL };
	posix_spawn_file_actions_t actions;
	int r;

	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_addopen(&actions, 0, "/dev/null",
					       O_RDONLY, 0);
	(void)posix_spawn_file_actions_adddup2(&actions, out, 1);
	(void)posix_spawn_file_actions_addopen(&actions, 2, "/dev/null",
					       O_WRONLY, 0);
	r = -posix_spawn(ret, m->rpm, &actions, NULL, argv, no_env);
	(void)posix_spawn_file_actions_destroy(&actions);
	return r;
}

static int ask_rpm(const struct trust_make *m, struct trust_packages *p)
{
	cleanup_fclose FILE *lines = NULL;
	int fds[2], status = 0, r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	r = spawn_rpm(m, fds[1], &pid);
	(void)close(fds[1]);
	lines = fdopen(fds[0], "r");
	if (!lines)
		(void)close(fds[0]);
	if (r < 0)
		return r;
	r = lines ? trust_read_rpm(p, lines) : -ENOMEM;
	/* What is left unread must not hold it up. */
	if (r < 0 && lines) {
		(void)fclose(lines);
		lines = NULL;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		return r;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EIO;
}

/* rpm is installed for other hosts' packages, too. */
static bool has_rpms(int rpm_fd)
{
	static const char *const names[] = { "rpmdb.sqlite", "Packages",
					     "Packages.db" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (rpm_fd >= 0 && faccessat(rpm_fd, names[i], F_OK, 0) == 0)
			return true;
	return false;
}

static int read_all(const struct trust_make *m, struct trust_packages *p)
{
	int r = -ENOENT;

	if (m->sources.dpkg_fd >= 0)
		r = trust_read_dpkg(p, m->sources.dpkg_fd);
	if (r < 0 && r != -ENOENT)
		return r;
	if (!*m->rpm || !has_rpms(m->sources.rpm_fd))
		return r;
	return ask_rpm(m, p);
}

struct trust_made trust_make(const struct trust_make *m)
{
	struct trust_build_info info = { .wall_ns = clock_wall_ns() };
	uint64_t began_ns = clock_mono_ns();
	struct trust_packages p = { 0 };
	int r;

	r = trust_stamp(&m->sources, info.stamp);
	if (r >= 0)
		r = trust_dirs_new(m->sources.root_fd, &p.dirs);
	if (r >= 0)
		r = trust_build_new(&p.build);
	if (r >= 0)
		r = read_all(m, &p);
	info.took_ns = clock_mono_ns() - began_ns;
	if (r >= 0)
		r = trust_build_write(p.build, m->out_fd, &info);
	trust_build_free(p.build);
	trust_dirs_free(p.dirs);
	return (struct trust_made){
		.result = r < 0 ? r : 0,
		.odd = p.odd < UINT32_MAX ? (uint32_t)p.odd : UINT32_MAX,
	};
}
