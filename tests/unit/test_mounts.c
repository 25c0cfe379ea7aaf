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

/* What was only claimed may lead through another mount than its directory's. */
static const struct claimed_case {
	uint32_t ns, dev;
	const char *path, *want, *want_fs;
	bool foreign;
} claimed_cases[] = {
	{ HOST_NS, DEV(254, 1), "/etc/x", "", "/etc/x", false },
	{ HOST_NS, DEV(254, 1), "/tmp/evasion/x", "/etc/cron.d/x",
	  "/etc/cron.d/x", false },
	{ HOST_NS, DEV(254, 1), "/srv/data/x", "", "/x", false },
	{ HOST_NS, DEV(254, 1), "/srv/datax", "", "/srv/datax", false },
	{ HOST_NS, DEV(254, 1), "/opt", "", "/only/this", false },
	/* the front was cut */
	{ HOST_NS, DEV(254, 1), "cut/x", "", "", false },
};

/* What a container sees, with the host's /etc mounted into it. */
static const char container[] =
	"90 80 0:50 / / rw - overlay o rw\n"
	"91 90 254:1 /etc /host/etc rw - ext4 /dev/vda1 rw\n"
	"92 90 0:99 / /tmp rw - tmpfs t rw\n";

static const struct claimed_case container_cases[] = {
	{ OTHER_NS, DEV(0, 50), "/host/etc/x", "/etc/x", "/etc/x", false },
	{ OTHER_NS, DEV(0, 50), "/srv/x",
	  "/var/lib/docker/overlay2/ab/merged/srv/x", "/srv/x", false },
	/* the container's own: on no mount of the host */
	{ OTHER_NS, DEV(0, 50), "/tmp/x", "", "/x", true },
};

/* When the container's mounts cannot be known: it may lead through any. */
static const struct claimed_case unasked = {
	OTHER_NS,      DEV(0, 50),
	"/host/etc/x", "/var/lib/docker/overlay2/ab/merged/host/etc/x",
	"/host/etc/x", true
};

static struct fake_proc fake;
static struct mounts *mounts;
static struct mounts_room room;
/* Gone by now; its parent is not. */
static struct image parent = { .proc = { 1, 40 } };
static struct image actor = { .proc = { 2, 50 }, .parent = &parent };

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

static struct slice host_of(uint32_t ns, uint32_t dev, struct file_path *path)
{
	const struct mounts_file file = { .mnt_ns = ns,
					  .dev = dev,
					  .actor = &actor };

	mounts_host_path(mounts, &file, path, &room);
	return path->host_path;
}

static void assert_part(struct slice got, const char *want, const char *of)
{
	if (got.n != strlen(want) || memcmp(got.p ? got.p : "", want, got.n))
		fail_msg("%s is '%.*s', not '%s'", of, (int)got.n,
			 got.p ? got.p : "", want);
}

static void assert_host(const struct host_case *c)
{
	struct file_path path = { .path = slice_str(c->path),
				  .fs_path = slice_str(c->fs_path) };

	assert_part(host_of(c->ns, c->dev, &path), c->want, c->path);
	assert_part(path.fs_path, c->fs_path, c->path);
}

/* The decoder takes the directory's file system for the whole name's. */
static void assert_claimed(const struct claimed_case *c)
{
	struct file_path path = { .path = slice_str(c->path),
				  .flags = PATH_F_CLAIMED };

	if (c->path[0] == '/')
		path.fs_path = path.path;

	assert_part(host_of(c->ns, c->dev, &path), c->want, c->path);
	assert_part(path.fs_path, c->want_fs, c->path);
	assert_int_equal(!!(path.flags & PATH_F_FOREIGN), c->foreign);
}

static void files_are_named_as_the_host_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_host(&cases[i]);
}

static bool is_foreign(uint32_t ns, uint32_t dev, const char *fs_path,
		       uint8_t flags)
{
	struct file_path path = { .path = slice_str("/usr/bin/x"),
				  .fs_path = slice_str(fs_path),
				  .flags = flags };

	(void)host_of(ns, dev, &path);
	return path.flags & PATH_F_FOREIGN;
}

static void what_no_mount_of_the_host_shows_is_foreign(void **state)
{
	const uint32_t strange = DEV(9, 9), part = DEV(254, 3);

	(void)state;
	assert_true(is_foreign(OTHER_NS, strange, "/usr/bin/x", 0));
	/* Of the host's own processes, too: a tree that is in no namespace. */
	assert_true(is_foreign(HOST_NS, strange, "/usr/bin/x", 0));
	assert_true(is_foreign(OTHER_NS, part, "/not/this/x", 0));
	assert_false(is_foreign(OTHER_NS, part, "/only/this/x", 0));
	assert_false(
		is_foreign(HOST_NS, DEV(254, 1), "/usr/bin/x", PATH_F_FOREIGN));
	/* Which file it is about is not known. */
	assert_false(is_foreign(OTHER_NS, 0, "/x", 0));
	assert_false(is_foreign(OTHER_NS, strange, "", 0));
	assert_false(is_foreign(OTHER_NS, strange, "/x", PATH_F_UNRESOLVED));
	/* Below a directory of a tree that is in no namespace. */
	assert_true(is_foreign(HOST_NS, strange, "/x",
			       PATH_F_UNRESOLVED | PATH_F_CLAIMED));
}

/* As somebody shows it who has mounted it himself. */
static struct file_path shown(uint32_t magic, const char *at,
			      const char *fs_path, uint8_t flags)
{
	const struct mounts_file file = { .mnt_ns = OTHER_NS,
					  .dev = DEV(9, 9),
					  .fs_magic = magic,
					  .actor = &actor };
	struct file_path path = { .path = slice_str(at),
				  .fs_path = slice_str(fs_path),
				  .flags = flags };

	mounts_host_path(mounts, &file, &path, &room);
	return path;
}

static void what_the_kernel_shows_has_its_name_whoever_mounts_it(void **state)
{
	static const struct {
		uint32_t magic;
		const char *at, *fs_path, *want;
	} shows[] = {
		{ 0x9fa0, "/tmp/p/7/mem", "/7/mem", "/proc/7/mem" },
		{ 0x9fa0, "/tmp/p", "/", "/proc" },
		{ 0xf97cff8c, "/tmp/p/enforce", "/enforce",
		  "/sys/fs/selinux/enforce" },
		/* One file, bound to a name of its own. */
		{ 0x9fa0, "/tmp/x", "/7/mem", "/proc/7/mem" },
		/* A container's. */
		{ 0x9fa0, "/proc/sys/x", "/sys/x", "" },
		{ 0x62656572, "/tmp/s/kernel/x", "/kernel/x", "/sys/kernel/x" },
		{ 0x64626720, "/tmp/d/x", "/x", "/sys/kernel/debug/x" },
		{ 0x63677270, "/tmp/c/a/cpu.max", "/a/cpu.max",
		  "/sys/fs/cgroup/a/cpu.max" },
		{ 0x27e0eb, "/tmp/c/a/x", "/a/x", "/sys/fs/cgroup/a/x" },
		/* Anybody's own is nobody else's. */
		{ 0xef53, "/tmp/p/7/mem", "/7/mem", "" },
		{ 0, "/tmp/p/7/mem", "/7/mem", "" },
	};
	struct file_path path;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(shows) / sizeof(*shows); i++) {
		path = shown(shows[i].magic, shows[i].at, shows[i].fs_path, 0);
		assert_part(path.host_path, shows[i].want, shows[i].at);
		assert_true(path.flags & PATH_F_FOREIGN);
	}
	/* A mount that is in no namespace. */
	path = shown(0x9fa0, "mem", "/7/mem", PATH_F_UNRESOLVED);
	assert_part(path.host_path, "/proc/7/mem", "detached");
	path = shown(0x9fa0, "/tmp/p/7/mem", "/7/mem", PATH_F_CLAIMED);
	assert_part(path.host_path, "", "claimed");
}

static void without_the_hosts_mounts_nothing_is_foreign(void **state)
{
	char path[512];

	(void)state;
	assert_int_equal(unlink(fake_proc_path(&fake, "1/mountinfo", path)), 0);
	assert_false(is_foreign(OTHER_NS, DEV(9, 9), "/usr/bin/x", 0));
}

static void claimed_names_lead_through_the_hosts_mounts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(claimed_cases) / sizeof(*claimed_cases);
	     i++)
		assert_claimed(&claimed_cases[i]);
}

/*
 * Where the kernel's name for the directory is not what the list has there, the
 * directory is in a tree that is in no namespace, or below another mount.
 */
static void a_claimed_name_in_no_tree_of_the_list_is_the_kernels(void **state)
{
	static const struct {
		uint32_t dev;
		const char *path, *fs_path, *want;
		bool foreign;
	} in[] = {
		/* in a copy of the mount of /etc, of /etc/cron.d */
		{ DEV(254, 1), "/passwd", "/etc/passwd", "/etc/passwd", false },
		{ DEV(254, 1), "/cron.d/x", "/etc/cron.d/x", "/etc/cron.d/x",
		  false },
		{ DEV(254, 1), "/srv/data/x", "/etc/srv/data/x",
		  "/etc/srv/data/x", false },
		/* in a file system of one's own */
		{ DEV(9, 9), "/etc/passwd", "/etc/passwd", "", true },
		/* as the list has it */
		{ DEV(254, 1), "/tmp/evasion/x", "/etc/cron.d/x",
		  "/etc/cron.d/x", false },
		{ DEV(254, 2), "/srv/data/d/x", "/d/x", "", false },
		{ DEV(254, 1), "/srv/data/d/x", "/srv/data/d/x", "", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(in) / sizeof(*in); i++) {
		struct file_path path = { .path = slice_str(in[i].path),
					  .fs_path = slice_str(in[i].fs_path),
					  .flags = PATH_F_CLAIMED };

		assert_part(host_of(HOST_NS, in[i].dev, &path), in[i].want,
			    in[i].path);
		assert_int_equal(!!(path.flags & PATH_F_FOREIGN),
				 in[i].foreign);
	}
}

static void make_container(const char *root)
{
	fake_proc_text(&fake, "40/mountinfo", container);
	fake_proc_link(&fake, "40/ns/mnt", "mnt:[4026532999]");
	fake_proc_link(&fake, "40/root", root);
}

static void claimed_names_lead_through_the_containers_mounts(void **state)
{
	(void)state;
	make_container("/");
	for (size_t i = 0;
	     i < sizeof(container_cases) / sizeof(*container_cases); i++)
		assert_claimed(&container_cases[i]);
	/* All of them are gone: what was read before serves. */
	fake_proc_link(&fake, "40/ns/mnt", "mnt:[1]");
	assert_claimed(&container_cases[0]);
}

static void mounts_as_a_chroot_sees_them_are_not_taken(void **state)
{
	(void)state;
	make_container("/jail");
	assert_claimed(&unasked);
}

static void mounts_of_another_namespace_are_not_taken(void **state)
{
	(void)state;
	make_container("/");
	fake_proc_link(&fake, "40/ns/mnt", "mnt:[4026532998]");
	assert_claimed(&unasked);
}

static void many_namespaces_are_told_apart(void **state)
{
	(void)state;
	make_container("/");
	assert_claimed(&container_cases[0]);
	for (uint32_t ns = 1; ns < 100; ns++) {
		struct claimed_case c = unasked;

		c.ns = ns;
		assert_claimed(&c);
	}
	/* Pushed out, and read again. */
	assert_claimed(&container_cases[0]);
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
	assert_int_equal(host_of(OTHER_NS, DEV(254, 2), &path).n,
			 MOUNTS_PATH_MAX);
	path.fs_path.n++;
	assert_int_equal(host_of(OTHER_NS, DEV(254, 2), &path).n, 0);
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
	(void)host_of(OTHER_NS, 1, &path);
	path.path = slice_str("/elsewhere/x");
	if (mount("none", "/mnt", "tmpfs", 0, NULL) < 0 ||
	    stat("/mnt", &st) < 0)
		return 77;
	dev = (uint32_t)(st.st_dev >> 8 & 0xfff) << 20 | (st.st_dev & 0xff) |
	      (uint32_t)(st.st_dev >> 12 & 0xfff00);
	host = host_of(OTHER_NS, dev, &path);
	if (!slice_eq(host, slice_str("/mnt/x")))
		return 1;
	if (umount("/mnt") < 0)
		return 2;
	/* Known, so it may be as old as a tick of the coarse clock. */
	(void)usleep(20000);
	host = host_of(OTHER_NS, dev, &path);
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
		TEST(what_no_mount_of_the_host_shows_is_foreign),
		TEST(what_the_kernel_shows_has_its_name_whoever_mounts_it),
		TEST(without_the_hosts_mounts_nothing_is_foreign),
		TEST(claimed_names_lead_through_the_hosts_mounts),
		TEST(a_claimed_name_in_no_tree_of_the_list_is_the_kernels),
		TEST(claimed_names_lead_through_the_containers_mounts),
		TEST(mounts_as_a_chroot_sees_them_are_not_taken),
		TEST(mounts_of_another_namespace_are_not_taken),
		TEST(many_namespaces_are_told_apart),
		TEST(our_own_mounts_serve_where_the_hosts_cannot_be_read),
		TEST(without_mounts_nothing_is_named),
		TEST(paths_too_long_are_unknown),
		TEST(changes_of_the_mounts_are_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
