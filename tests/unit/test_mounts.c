/* SPDX-License-Identifier: Apache-2.0 */
/* Host paths by the host's mountinfo. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "fake_proc.h"
#include "proc/mounts.h"

#define HOST_NS	      4026531841u
#define OTHER_NS      4026532999u
#define DEV(maj, min) ((uint32_t)(maj) << 20 | (min))

static const char mountinfo[] =
	"20 1 0:2 / / rw - rootfs rootfs rw\n"
	"27 20 254:1 / / rw,relatime - ext4 /dev/vda1 rw\n"
	"30 27 254:2 / /srv/data rw - ext4 /dev/vda2 rw\n"
	"31 27 254:1 /etc/cron.d /tmp/evasion rw - ext4 /dev/vda1 rw\n"
	"32 27 0:50 / /var/lib/docker/overlay2/ab/merged rw - overlay o rw\n"
	"33 27 0:60 /@ /btr rw - btrfs /dev/vdb rw\n"
	"34 27 0:60 /@home /with\\040blank rw - btrfs /dev/vdb rw\n"
	"this is not a mount\n"
	"35 27 254:3 /only/this /opt rw - ext4 /dev/vda3 rw\n";

static const struct host_case {
	uint32_t ns, dev;
	const char *path, *fs_path, *want;
} cases[] = {
	/* on the host, called what it is called */
	{ HOST_NS, DEV(254, 1), "/etc/passwd", "/etc/passwd", "" },
	{ HOST_NS, DEV(254, 2), "/srv/data/x", "/x", "" },
	/* through a bind mount on the host: the first mount names it */
	{ HOST_NS, DEV(254, 1), "/tmp/evasion/job", "/etc/cron.d/job",
	  "/etc/cron.d/job" },
	/* a path that only looks as if it lay on the root */
	{ HOST_NS, DEV(254, 2), "/x", "/x", "/srv/data/x" },
	/* from a container */
	{ OTHER_NS, DEV(0, 50), "/etc/passwd", "/etc/passwd",
	  "/var/lib/docker/overlay2/ab/merged/etc/passwd" },
	{ OTHER_NS, DEV(254, 1), "/host/etc/cron.d/x", "/etc/cron.d/x",
	  "/etc/cron.d/x" },
	{ OTHER_NS, DEV(254, 2), "/vol", "/", "/srv/data" },
	{ OTHER_NS, DEV(254, 1), "/vol", "/", "/" },
	/* the same name in both */
	{ OTHER_NS, DEV(254, 1), "/etc/passwd", "/etc/passwd", "" },
	/* mounts of a subdirectory */
	{ OTHER_NS, DEV(0, 60), "/v", "/@home/u/x", "/with blank/u/x" },
	{ OTHER_NS, DEV(0, 60), "/v", "/@/x", "/btr/x" },
	{ OTHER_NS, DEV(0, 60), "/v", "/@", "/btr" },
	{ OTHER_NS, DEV(0, 60), "/v", "/@other/x", "" },
	{ OTHER_NS, DEV(254, 3), "/v", "/only/this/x", "/opt/x" },
	{ OTHER_NS, DEV(254, 3), "/v", "/only/thisx", "" },
	{ OTHER_NS, DEV(254, 3), "/v", "/only", "" },
	/* not on the host, or nothing known */
	{ OTHER_NS, DEV(9, 9), "/v/x", "/x", "" },
	{ OTHER_NS, 0, "/v/x", "/x", "" },
	{ OTHER_NS, DEV(254, 1), "/v/x", "", "" },
};

static struct fake_proc fake;
static struct mounts *mounts;
static char out[MOUNTS_PATH_MAX];

static int setup(void **state)
{
	(void)state;
	fake_proc_new(&fake);
	fake_proc_text(&fake, "1/mountinfo", mountinfo);
	fake_proc_link(&fake, "1/ns/mnt", "mnt:[4026531841]");
	return mounts_new(fake.root, &mounts);
}

static int teardown(void **state)
{
	(void)state;
	mounts_free(mounts);
	fake_proc_free(&fake);
	return 0;
}

static void assert_host(const struct host_case *c)
{
	const struct file_path path = { .path = slice_str(c->path),
					.fs_path = slice_str(c->fs_path) };
	struct slice host = mounts_host_path(mounts, c->ns, c->dev, &path, out);

	if (host.n != strlen(c->want) ||
	    memcmp(host.p ? host.p : "", c->want, host.n))
		fail_msg("%s is '%.*s', not '%s'", c->fs_path, (int)host.n,
			 host.p ? host.p : "", c->want);
}

static void files_are_named_as_the_host_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_host(&cases[i]);
}

static void our_own_mounts_serve_where_the_hosts_cannot_be_read(void **state)
{
	(void)state;
	fake_proc_text(&fake, "self/mountinfo", mountinfo);
	fake_proc_link(&fake, "self/ns/mnt", "mnt:[4026531841]");
	fake_proc_link(&fake, "1/mountinfo", "/nonexistent");
	assert_host(&cases[5]);
	assert_host(&cases[4]);
}

static void without_mounts_nothing_is_named(void **state)
{
	(void)state;
	fake_proc_link(&fake, "1/mountinfo", "/nonexistent");
	assert_host(
		&(struct host_case){ OTHER_NS, DEV(0, 50), "/x", "/x", "" });
}

static void paths_too_long_are_unknown(void **state)
{
	static char name[MOUNTS_PATH_MAX + 1];
	struct file_path path = { .path = slice_str("/v") };

	(void)state;
	memset(name, 'n', sizeof(name));
	name[0] = '/';
	path.fs_path = slice_of(name, MOUNTS_PATH_MAX - 9);
	assert_int_equal(
		mounts_host_path(mounts, OTHER_NS, DEV(254, 2), &path, out).n,
		MOUNTS_PATH_MAX);
	path.fs_path.n++;
	assert_int_equal(
		mounts_host_path(mounts, OTHER_NS, DEV(254, 2), &path, out).n,
		0);
}

/* In a child with mounts of its own; how it ended, 77: not allowed to. */
static int follow_changes(void)
{
	struct file_path path = { .path = slice_str("/elsewhere/x"),
				  .fs_path = slice_str("/x") };
	struct slice host;
	struct stat st;
	uint32_t dev;

	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 77;
	fake_proc_link(&fake, "1/mountinfo", "/proc/self/mountinfo");
	path.path = slice_str("/x");
	(void)mounts_host_path(mounts, OTHER_NS, 1, &path, out);
	path.path = slice_str("/elsewhere/x");
	if (mount("none", "/mnt", "tmpfs", 0, NULL) < 0 ||
	    stat("/mnt", &st) < 0)
		return 77;
	dev = (uint32_t)(st.st_dev >> 8 & 0xfff) << 20 | (st.st_dev & 0xff) |
	      (uint32_t)(st.st_dev >> 12 & 0xfff00);
	host = mounts_host_path(mounts, OTHER_NS, dev, &path, out);
	if (!slice_eq(host, slice_str("/mnt/x")))
		return 1;
	if (umount("/mnt") < 0)
		return 2;
	/* Known, so it may be as old as a tick of the coarse clock. */
	(void)usleep(20000);
	host = mounts_host_path(mounts, OTHER_NS, dev, &path, out);
	return host.n ? 3 : 0;
}

static void changes_of_the_mounts_are_followed(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (!pid)
		_exit(follow_changes());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_are_named_as_the_host_does),
		TEST(our_own_mounts_serve_where_the_hosts_cannot_be_read),
		TEST(without_mounts_nothing_is_named),
		TEST(paths_too_long_are_unknown),
		TEST(changes_of_the_mounts_are_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
