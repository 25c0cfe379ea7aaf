/* SPDX-License-Identifier: Apache-2.0 */
/* The databases of package managers, read and kept. */
#include "trust_host.h"

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
