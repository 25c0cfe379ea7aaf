/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The databases of package managers read, kept, and held against files: a
 * made-up /var/lib/dpkg and a made-up root in a directory of the test's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "remove_tree.h"
#include "trust/make.h"
#include "trust/trust.h"

/* ---- a host ------------------------------------------------------------- */

static char dir[] = "/tmp/picket-trust-XXXXXX";
static int root_fd = -1, dpkg_fd = -1;

static void put(const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	for (char *p = path + strlen(dir) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		(void)mkdir(path, 0755);
		*p = '/';
	}
	f = fopen(path, "w");
	assert_non_null(f);
	(void)fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
	char path[PATH_MAX];

	(void)state;
	(void)strcpy(dir + strlen(dir) - 6, "XXXXXX");
	assert_non_null(mkdtemp(dir));
	put("dpkg/info/x", "");
	put("root/usr/bin/x", "");
	put("root/etc/x", "");
	(void)snprintf(path, sizeof(path), "%s/root/bin", dir);
	assert_int_equal(symlink("usr/bin", path), 0);
	(void)snprintf(path, sizeof(path), "%s/root", dir);
	root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	(void)snprintf(path, sizeof(path), "%s/dpkg", dir);
	dpkg_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(root_fd >= 0 && dpkg_fd >= 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)close(root_fd);
	(void)close(dpkg_fd);
	return remove_tree(dir);
}

/* md5 of "one\n" and "two\n". */
#define ONE "5bbf5a52328e7439ae6e719dfe712200"
#define TWO "c193497a1a06b2c72230e6146ff47080"

static const char status[] = "Package: first\n"
			     "Status: install ok installed\n"
			     "Architecture: all\n"
			     "Version: 1.0-1\n"
			     "Conffiles:\n"
			     " /etc/first.conf " ONE "\n"
			     " /etc/new.conf newconffile\n"
			     "\n"
			     "Package: second\n"
			     "Status: install ok installed\n"
			     "Architecture: amd64\n"
			     "Multi-Arch: same\n"
			     "Version: 2\n"
			     "\n"
			     "Package: removed\n"
			     "Status: deinstall ok config-files\n"
			     "Architecture: all\n"
			     "Version: 3\n";

static void fill_dpkg(void)
{
	put("dpkg/status", status);
	put("dpkg/info/first.list",
	    "/.\n/bin\n/bin/one\n/usr/bin/taken\n/etc/first.conf\n");
	put("dpkg/info/first.md5sums", ONE
	    "  bin/one\n" ONE "  usr/bin/taken\n" ONE "  usr/bin/not-in-list\n"
	    "rubbish\n");
	put("dpkg/info/second:amd64.list", "/usr/bin/two\n/usr/bin/taken\n");
	put("dpkg/info/second:amd64.md5sums",
	    TWO "  usr/bin/two\n" TWO "  usr/bin/taken\n");
	put("dpkg/info/removed.list", "/usr/bin/gone\n");
	put("dpkg/info/removed.md5sums", ONE "  usr/bin/gone\n");
	put("dpkg/diversions",
	    "/usr/bin/taken\n/usr/bin/taken.first\nsecond\n");
}

static int make_file(const char *rpm, struct trust_made *ret)
{
	int fd = open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	const struct trust_make m = {
		.sources = { root_fd, dpkg_fd, *rpm ? dpkg_fd : -1 },
		.rpm = rpm,
		.rpm_dir = dir,
		.out_fd = fd,
	};

	assert_true(fd >= 0);
	*ret = trust_make(&m);
	return fd;
}

static struct trust_db *make_db(void)
{
	struct trust_db *db = NULL;
	struct trust_made made;
	int fd;

	fd = make_file("", &made);
	assert_int_equal(made.result, 0);
	assert_int_equal(trust_db_open(fd, &db), 0);
	(void)close(fd);
	return db;
}

static const char *owner(const struct trust_db *db, const char *path)
{
	const struct trust_db_file *f;

	return trust_db_find(db, slice_str(path), &f)
		       ? trust_db_package(db, f->package)
		       : "";
}

/* ---- dpkg --------------------------------------------------------------- */

static void files_of_installed_packages_are_found(void **state)
{
	struct trust_db *db;

	(void)state;
	fill_dpkg();
	db = make_db();
	/* By the name the kernel has for it: /bin is a link. */
	assert_string_equal(owner(db, "/usr/bin/one"), "first 1.0-1");
	assert_string_equal(owner(db, "/bin/one"), "");
	assert_string_equal(owner(db, "/etc/first.conf"), "first 1.0-1");
	assert_string_equal(owner(db, "/usr/bin/two"), "second 2");
	assert_string_equal(owner(db, "/usr/bin/gone"), "");
	assert_string_equal(owner(db, "/usr/bin/not-in-list"), "");
	assert_int_equal(trust_db_header(db)->n_packages, 2);
	trust_db_close(db);
}

static void a_diverted_file_lies_where_it_was_diverted_to(void **state)
{
	const struct trust_db_file *f;
	struct trust_db *db;

	(void)state;
	fill_dpkg();
	db = make_db();
	assert_string_equal(owner(db, "/usr/bin/taken.first"), "first 1.0-1");
	assert_int_equal(trust_db_find(db, slice_str("/usr/bin/taken"), &f), 1);
	assert_string_equal(trust_db_package(db, f->package), "second 2");
	trust_db_close(db);
}

/* What dpkg did last stands in updates/, before it is in status. */
static void dpkg_at_work_is_read(void **state)
{
	const struct trust_db_file *f;
	struct trust_db *db;

	(void)state;
	fill_dpkg();
	put("dpkg/info/third.list", "/usr/bin/three\n/etc/init.d/third\n");
	put("dpkg/info/third.md5sums", ONE "  usr/bin/three\n");
	put("dpkg/info/fourth.list", "/usr/bin/four\n");
	put("dpkg/info/fourth.md5sums", ONE "  usr/bin/four\n");
	put("dpkg/updates/0000", "Package: third\n"
				 "Status: install ok unpacked\n"
				 "Architecture: all\n"
				 "Version: 3\n"
				 "Conffiles:\n"
				 " /etc/init.d/third newconffile\n");
	put("dpkg/updates/0001", "Package: third\n"
				 "Status: install ok half-configured\n"
				 "Architecture: all\n"
				 "Version: 3\n"
				 "Conffiles:\n"
				 " /etc/init.d/third " TWO "\n");
	put("dpkg/updates/0002", "Package: second\n"
				 "Status: deinstall ok config-files\n"
				 "Architecture: amd64\n"
				 "Multi-Arch: same\n"
				 "Version: 2\n");
	/* Its files are being exchanged: what status says of it holds. */
	put("dpkg/updates/0003", "Package: first\n"
				 "Status: install ok half-installed\n"
				 "Architecture: all\n"
				 "Version: 9\n");
	put("dpkg/updates/0004", "Package: fourth\n"
				 "Status: install ok half-installed\n"
				 "Architecture: all\n"
				 "Version: 9\n");
	put("dpkg/updates/tmp.i", "Package: first\n"
				  "Status: deinstall ok not-installed\n");
	db = make_db();
	assert_string_equal(owner(db, "/usr/bin/three"), "third 3");
	assert_int_equal(trust_db_find(db, slice_str("/etc/init.d/third"), &f),
			 1);
	assert_int_equal(f->digest[0], 0xc1); /* of TWO */
	assert_string_equal(owner(db, "/usr/bin/two"), "");
	assert_string_equal(owner(db, "/usr/bin/one"), "first 1.0-1");
	assert_string_equal(owner(db, "/usr/bin/four"), "");
	assert_int_equal(trust_db_header(db)->n_packages, 2);
	trust_db_close(db);
}

static void an_odd_update_is_left_out(void **state)
{
	char path[PATH_MAX];
	struct trust_made made;

	(void)state;
	fill_dpkg();
	put("dpkg/updates/0000", "");
	put("dpkg/updates/0001", "Status: install ok installed\n");
	(void)snprintf(path, sizeof(path), "%s/dpkg/updates/0002", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	(void)close(make_file("", &made));
	assert_int_equal(made.result, 0);
	assert_int_equal(made.odd, 4); /* and the line "rubbish" */
}

static void what_is_odd_is_counted_and_left_out(void **state)
{
	struct trust_made made;

	(void)state;
	fill_dpkg();
	put("dpkg/status", "Package: ../../etc\nStatus: install ok installed\n"
			   "Architecture: all\n\nPackage: first\n"
			   "Status: install ok installed\nArchitecture: all\n");
	(void)close(make_file("", &made));
	assert_int_equal(made.result, 0);
	assert_int_equal(made.odd, 2); /* the name, and the line "rubbish" */
}

static void without_a_database_there_is_none(void **state)
{
	struct trust_made made;

	(void)state;
	(void)close(make_file("", &made));
	assert_int_equal(made.result, -ENOENT);
}

/* ---- rpm ---------------------------------------------------------------- */

static void what_rpm_prints_is_read(void **state)
{
	char rpm[PATH_MAX];
	struct trust_made made;
	struct trust_db *db;
	const struct trust_db_file *f;
	int fd;

	(void)state;
	put("dpkg/status", "");
	put("dpkg/rpmdb.sqlite", "");
	put("rpm",
	    "#!/bin/sh\n"
	    "test \"$3\" = -qa -a \"$4\" = --queryformat || exit 1\n"
	    "printf 'bash\\t5-1.x86\\t2c8b08da5ce60398e1f19af0e5dccc744df274b8"
	    "26abe585eaba68c525434806\\t/bin/sum\\n'\n"
	    "printf 'bash\\t5-1.x86\\t\\t/usr\\n'\n"
	    "printf 'bash\\t5-1.x86\\tffff\\t/usr/bin/odd\\n'\n"
	    "printf 'cut\\tin\\tthe-middle\\n'\n");
	(void)snprintf(rpm, sizeof(rpm), "%s/rpm", dir);
	assert_int_equal(chmod(rpm, 0755), 0);
	fd = make_file(rpm, &made);
	assert_int_equal(made.result, 0);
	assert_int_equal(made.odd, 1);
	assert_int_equal(trust_db_open(fd, &db), 0);
	(void)close(fd);
	assert_string_equal(owner(db, "/usr/bin/sum"), "bash 5-1.x86");
	assert_string_equal(owner(db, "/usr"), "");
	assert_int_equal(trust_db_find(db, slice_str("/usr/bin/odd"), &f), 1);
	assert_int_equal(f->algo, TRUST_ALGO_NONE);
	trust_db_close(db);
}

static void an_rpm_that_fails_makes_no_database(void **state)
{
	struct trust_made made;

	(void)state;
	put("dpkg/status", "");
	put("dpkg/Packages", "");
	(void)close(make_file("/bin/false", &made));
	assert_int_equal(made.result, -EIO);
}

/* ---- the file ----------------------------------------------------------- */

static void a_damaged_file_is_refused(void **state)
{
	struct trust_made made;
	struct trust_db *db;
	struct stat st;
	int fd;

	(void)state;
	fill_dpkg();
	fd = make_file("", &made);
	assert_int_equal(fstat(fd, &st), 0);
	for (off_t at = 0; at < st.st_size; at++) {
		uint8_t was, is;
		int r;

		assert_int_equal(pread(fd, &was, 1, at), 1);
		is = was ^ 0x10;
		assert_int_equal(pwrite(fd, &is, 1, at), 1);
		r = trust_db_open(fd, &db);
		assert_true(r == -EBADMSG || r == -ESTALE);
		assert_int_equal(pwrite(fd, &was, 1, at), 1);
	}
	assert_int_equal(ftruncate(fd, st.st_size - 1), 0);
	assert_int_equal(trust_db_open(fd, &db), -EBADMSG);
	assert_int_equal(ftruncate(fd, 3), 0);
	assert_int_equal(trust_db_open(fd, &db), -EBADMSG);
	(void)close(fd);
}

/* ---- facts -------------------------------------------------------------- */

static struct trust *begin(uint64_t max_size)
{
	const struct trust_settings s = {
		.sources = { root_fd, dpkg_fd, -1 },
		.mountinfo = "/proc/self/mountinfo",
		.max_size = max_size,
	};
	struct trust *t;

	assert_int_equal(trust_new(&s, &t), 0);
	return t;
}

static struct trust_news wait_for(struct trust *t)
{
	struct pollfd p = { .fd = trust_fd(t), .events = POLLIN };
	struct trust_news news;

	assert_int_equal(poll(&p, 1, 10000), 1);
	trust_collect(t, &news);
	return news;
}

static struct trust *begin_with_db(uint64_t max_size)
{
	struct trust *t = begin(max_size);
	struct trust_made made;
	struct trust_news news;

	assert_int_equal(trust_offer(t, make_file("", &made)), 0);
	do
		news = wait_for(t);
	while (!news.offered);
	assert_int_equal(news.offered, 1);
	return t;
}

/* The superblock's device of the test's files, as mountinfo has it. */
static uint32_t device_of(const struct statx *st)
{
	FILE *f = fopen("/proc/self/mountinfo", "r");
	unsigned long long id;
	unsigned major, minor;
	char line[4096];
	uint32_t dev = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%llu %*u %u:%u", &id, &major, &minor) == 3 &&
		    id == st->stx_mnt_id)
			dev = major << 20 | minor;
	(void)fclose(f);
	return dev;
}

static struct file_id id_of(const char *name)
{
	char path[PATH_MAX];
	struct statx st;

	(void)snprintf(path, sizeof(path), "%s/root%s", dir, name);
	assert_int_equal(
		statx(AT_FDCWD, path, 0, STATX_BASIC_STATS | STATX_MNT_ID, &st),
		0);
	return (struct file_id){
		.known = true,
		.ino = st.stx_ino,
		.size = st.stx_size,
		.mtime_ns =
			st.stx_mtime.tv_sec * 1000000000 + st.stx_mtime.tv_nsec,
		.ctime_ns =
			st.stx_ctime.tv_sec * 1000000000 + st.stx_ctime.tv_nsec,
		.dev = device_of(&st),
	};
}

static struct trust_answer answer_to(struct trust *t, const char *name,
				     const struct file_id *id)
{
	const struct trust_question q = { .path = slice_str(name),
					  .id = *id,
					  .wants_trust = true };
	struct trust_answer a;
	int tries;

	for (tries = 0; tries < 10; tries++) {
		if (trust_ask(t, &q, &a) == 1)
			return a;
		(void)wait_for(t);
	}
	fail_msg("%s is not answered", name);
	return a;
}

static enum trust_state trust_in(struct trust *t, const char *name)
{
	struct file_id id = id_of(name);

	return (enum trust_state)answer_to(t, name, &id).facts.trust;
}

static void a_file_is_as_packaged_or_it_is_not(void **state)
{
	struct trust_answer a;
	struct file_id id;
	struct trust *t;

	(void)state;
	fill_dpkg();
	put("root/usr/bin/one", "one\n");
	put("root/usr/bin/two", "three\n");
	put("root/usr/bin/mine", "one\n");
	t = begin_with_db(1u << 20);
	id = id_of("/usr/bin/one");
	a = answer_to(t, "/usr/bin/one", &id);
	assert_int_equal(a.facts.trust, TRUST_PACKAGE);
	assert_int_equal(a.facts.hash, HASH_DONE);
	assert_int_equal(a.facts.sha256[0], 0x2c);
	assert_string_equal(a.package, "first 1.0-1");
	assert_int_equal(trust_in(t, "/usr/bin/two"), TRUST_CHANGED);
	assert_int_equal(trust_in(t, "/usr/bin/mine"), TRUST_UNPACKAGED);
	trust_free(t);
}

static void who_else_may_write_on_the_way_is_found(void **state)
{
	char path[PATH_MAX];
	struct trust *t;

	(void)state;
	fill_dpkg();
	put("root/usr/bin/one", "one\n");
	t = begin_with_db(1u << 20);
	assert_int_equal(trust_in(t, "/usr/bin/one"), TRUST_PACKAGE);
	(void)snprintf(path, sizeof(path), "%s/root/usr", dir);
	assert_int_equal(chmod(path, 0777), 0);
	/* Remembered until somebody says that directories have changed. */
	assert_int_equal(trust_in(t, "/usr/bin/one"), TRUST_PACKAGE);
	trust_way_changed(t, slice_str("/usr/local"));
	assert_int_equal(trust_in(t, "/usr/bin/one"), TRUST_PACKAGE);
	trust_way_changed(t, slice_str("/usr"));
	assert_int_equal(trust_in(t, "/usr/bin/one"), TRUST_WRITABLE);
	trust_free(t);
}

static void another_file_than_was_used_is_not_hashed(void **state)
{
	struct trust_answer a;
	struct file_id id;
	struct trust *t;

	(void)state;
	fill_dpkg();
	put("root/usr/bin/one", "one\n");
	t = begin_with_db(1u << 20);
	id = id_of("/usr/bin/one");
	id.ctime_ns--;
	a = answer_to(t, "/usr/bin/one", &id);
	assert_int_equal(a.facts.hash, HASH_CHANGED);
	assert_int_equal(a.facts.trust, TRUST_UNKNOWN);
	id = id_of("/usr/bin/one");
	id.dev++;
	assert_int_equal(answer_to(t, "/usr/bin/one", &id).facts.hash,
			 HASH_CHANGED);
	id.ino++;
	assert_int_equal(answer_to(t, "/usr/bin/gone", &id).facts.hash,
			 HASH_GONE);
	/* By a link that leads there: the kernel's names have none. */
	id = id_of("/usr/bin/one");
	id.generation = 1;
	assert_int_not_equal(answer_to(t, "/bin/one", &id).facts.hash,
			     HASH_DONE);
	trust_free(t);
}

static void a_large_file_is_not_read(void **state)
{
	struct trust_answer a;
	struct file_id id;
	struct trust *t;

	(void)state;
	fill_dpkg();
	put("root/usr/bin/one", "one\n");
	t = begin_with_db(3);
	id = id_of("/usr/bin/one");
	a = answer_to(t, "/usr/bin/one", &id);
	assert_int_equal(a.facts.hash, HASH_TOO_LARGE);
	assert_int_equal(a.facts.trust, TRUST_UNKNOWN);
	trust_free(t);
}

static void a_write_makes_it_forget(void **state)
{
	struct trust_stats before, after;
	struct file_id id;
	struct trust *t;

	(void)state;
	fill_dpkg();
	put("root/usr/bin/one", "one\n");
	t = begin_with_db(1u << 20);
	id = id_of("/usr/bin/one");
	(void)answer_to(t, "/usr/bin/one", &id);
	(void)answer_to(t, "/usr/bin/one", &id);
	trust_stats(t, &before);
	assert_int_equal(before.hashed, 1);
	trust_written(t, &id);
	(void)answer_to(t, "/usr/bin/one", &id);
	trust_stats(t, &after);
	assert_int_equal(after.hashed, 2);
	assert_int_equal(after.forgotten, 1);
	trust_free(t);
}

static void what_is_at_hand_is_told_and_nothing_begun(void **state)
{
	struct trust_question q = { .path = slice_str("/usr/bin/one"),
				    .wants_trust = true };
	struct trust_stats stats;
	struct trust_answer a;
	struct trust *t;

	(void)state;
	fill_dpkg();
	put("root/usr/bin/one", "one\n");
	t = begin_with_db(1u << 20);
	q.id = id_of("/usr/bin/one");
	assert_false(trust_recall(t, &q, &a));
	trust_stats(t, &stats);
	assert_int_equal(stats.asked + stats.remembered + stats.queued, 0);
	(void)answer_to(t, "/usr/bin/one", &q.id);
	assert_true(trust_recall(t, &q, &a));
	assert_true(a.facts.known);
	assert_int_equal(a.facts.trust, TRUST_PACKAGE);
	assert_string_equal(a.package, "first 1.0-1");
	/* Of the same file by another name, or as it was before, it is not. */
	q.path = slice_str("/usr/bin/taken");
	assert_false(trust_recall(t, &q, &a));
	q.path = slice_str("/usr/bin/one");
	q.id.mtime_ns++;
	assert_false(trust_recall(t, &q, &a));
	q.id.mtime_ns--;
	assert_true(trust_recall(t, &q, &a));
	trust_written(t, &q.id);
	assert_false(trust_recall(t, &q, &a));
	trust_free(t);
}

static void written_while_it_is_read_is_changed(void **state)
{
	const struct file_id *id;
	struct trust_question q = { .path = slice_str("/usr/bin/one"),
				    .wants_trust = true };
	struct trust_answer a;
	struct trust *t;

	(void)state;
	fill_dpkg();
	put("root/usr/bin/one", "one\n");
	t = begin_with_db(1u << 20);
	q.id = id_of("/usr/bin/one");
	id = &q.id;
	assert_int_equal(trust_ask(t, &q, &a), 0);
	trust_written(t, id);
	(void)wait_for(t);
	assert_int_equal(trust_ask(t, &q, &a), 1);
	assert_int_equal(a.facts.hash, HASH_CHANGED);
	assert_int_equal(a.facts.trust, TRUST_UNKNOWN);
	trust_free(t);
}

static void an_upgrade_is_followed(void **state)
{
	struct trust_question q = { .path = slice_str("/usr/bin/two"),
				    .wants_trust = true };
	struct trust_answer a;
	struct trust_made made;
	struct trust_news news;
	struct trust *t;

	(void)state;
	fill_dpkg();
	put("root/usr/bin/two", "one\n");
	t = begin_with_db(1u << 20);
	put("dpkg/info/second:amd64.md5sums", ONE "  usr/bin/two\n");
	put("dpkg/status", status);
	q.id = id_of("/usr/bin/two");
	/* No is not said while packages are newer than the database. */
	assert_int_equal(trust_ask(t, &q, &a), 0);
	news = wait_for(t);
	assert_true(news.is_stale);
	assert_int_equal(trust_ask(t, &q, &a), 0);
	assert_int_equal(a.facts.trust, TRUST_CHANGED);
	assert_int_equal(trust_offer(t, make_file("", &made)), 0);
	while (!wait_for(t).offered)
		;
	assert_int_equal(trust_in(t, "/usr/bin/two"), TRUST_PACKAGE);
	trust_free(t);
}

/* As its postinst runs what it just brought: nothing is in status yet. */
static void what_dpkg_just_did_is_followed(void **state)
{
	struct trust_question q = { .path = slice_str("/usr/bin/three"),
				    .wants_trust = true };
	struct trust_answer a;
	struct trust_made made;
	struct trust *t;

	(void)state;
	fill_dpkg();
	put("dpkg/info/third.list", "/usr/bin/three\n");
	put("dpkg/info/third.md5sums", ONE "  usr/bin/three\n");
	put("dpkg/updates/tmp.i", "");
	put("root/usr/bin/three", "one\n");
	t = begin_with_db(1u << 20);
	put("dpkg/updates/0000", "Package: third\n"
				 "Status: install ok half-configured\n"
				 "Architecture: all\n"
				 "Version: 3\n");
	q.id = id_of("/usr/bin/three");
	assert_int_equal(trust_ask(t, &q, &a), 0);
	assert_true(wait_for(t).is_stale);
	assert_int_equal(trust_offer(t, make_file("", &made)), 0);
	while (!wait_for(t).offered)
		;
	assert_int_equal(trust_in(t, "/usr/bin/three"), TRUST_PACKAGE);
	trust_free(t);
}

static void a_bad_offer_changes_nothing(void **state)
{
	struct trust_news news;
	struct trust *t;
	int fd;

	(void)state;
	fill_dpkg();
	put("root/usr/bin/one", "one\n");
	t = begin_with_db(1u << 20);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(trust_offer(t, fd), 0);
	do
		news = wait_for(t);
	while (!news.offered);
	assert_int_equal(news.offered, -EBADMSG);
	assert_int_equal(trust_in(t, "/usr/bin/one"), TRUST_PACKAGE);
	trust_free(t);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_of_installed_packages_are_found),
		TEST(a_diverted_file_lies_where_it_was_diverted_to),
		TEST(dpkg_at_work_is_read),
		TEST(an_odd_update_is_left_out),
		TEST(what_is_odd_is_counted_and_left_out),
		TEST(without_a_database_there_is_none),
		TEST(what_rpm_prints_is_read),
		TEST(an_rpm_that_fails_makes_no_database),
		TEST(a_damaged_file_is_refused),
		TEST(a_file_is_as_packaged_or_it_is_not),
		TEST(who_else_may_write_on_the_way_is_found),
		TEST(another_file_than_was_used_is_not_hashed),
		TEST(a_large_file_is_not_read),
		TEST(a_write_makes_it_forget),
		TEST(what_is_at_hand_is_told_and_nothing_begun),
		TEST(written_while_it_is_read_is_changed),
		TEST(an_upgrade_is_followed),
		TEST(what_dpkg_just_did_is_followed),
		TEST(a_bad_offer_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
