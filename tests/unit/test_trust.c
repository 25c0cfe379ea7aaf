/* SPDX-License-Identifier: Apache-2.0 */
/* The databases of package managers held against files. */
#include <poll.h>
#include <sys/sysmacros.h>

#include "trust/trust.h"
#include "trust_host.h"

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

/* As perl and perl5.36.0 are, in a pipeline of both. */
static void two_names_of_one_file_are_both_answered(void **state)
{
	static const char *const names[] = { "/usr/bin/one", "/usr/bin/two" };
	struct trust_question q = { .wants_trust = true };
	struct trust_answer a[2];
	bool is_known[2] = { false };
	char from[PATH_MAX], to[PATH_MAX];
	struct trust *t;
	int tries, i;

	(void)state;
	fill_dpkg();
	put("root/usr/bin/one", "one\n");
	(void)snprintf(from, sizeof(from), "%s/root/usr/bin/one", dir);
	(void)snprintf(to, sizeof(to), "%s/root/usr/bin/two", dir);
	(void)unlink(to);
	assert_int_equal(link(from, to), 0);
	t = begin_with_db(1u << 20);
	q.id = id_of(names[0]);
	for (tries = 0; tries < 10 && !(is_known[0] && is_known[1]); tries++) {
		for (i = 0; i < 2; i++) {
			q.path = slice_str(names[i]);
			if (!is_known[i])
				is_known[i] = trust_ask(t, &q, &a[i]) == 1;
		}
		if (!(is_known[0] && is_known[1]))
			(void)wait_for(t);
	}
	assert_true(is_known[0] && is_known[1]);
	assert_int_equal(a[0].facts.trust, TRUST_PACKAGE);
	assert_int_equal(a[1].facts.trust, TRUST_CHANGED);
	trust_free(t);
	assert_int_equal(unlink(to), 0);
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
		TEST(a_file_is_as_packaged_or_it_is_not),
		TEST(who_else_may_write_on_the_way_is_found),
		TEST(another_file_than_was_used_is_not_hashed),
		TEST(a_large_file_is_not_read),
		TEST(a_write_makes_it_forget),
		TEST(two_names_of_one_file_are_both_answered),
		TEST(what_is_at_hand_is_told_and_nothing_begun),
		TEST(written_while_it_is_read_is_changed),
		TEST(an_upgrade_is_followed),
		TEST(what_dpkg_just_did_is_followed),
		TEST(a_bad_offer_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
