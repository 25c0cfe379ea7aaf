/* SPDX-License-Identifier: Apache-2.0 */
/* rules: files and directories in, a set or one precise complaint out. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/fs.h"
#include "rules/accounts.h"
#include "rules/rules.h"

static const struct rule_options options = {
	.now_wall_ns = 1795000000000000000,
};

static const struct bad_case {
	const char *text;
	unsigned line;
	const char *what;
} bad[] = {
	{ "[allow a]\nexe = /a\nexee = /b\n", 3, "unknown key 'exee'" },
	{ "[allow a]\nparent-path = /a\n", 2, "unknown key 'parent-path'" },
	{ "[allow a]\nnot-event = exec\n", 2, "unknown key 'not-event'" },
	{ "[allow a]\nnot-severity = low\n", 2, "unknown key 'not-severity'" },
	{ "[allow a]\ndomain = x\n", 2,
	  "'domain' comes with DNS names, which this version does not see: "
	  "use dest" },
	{ "[allow a]\ntrust = yes\n", 2,
	  "trust 'yes': not one of package, unpackaged, changed, writable, "
	  "unproved" },
	{ "[allow a]\nsha256 = abc\n", 2,
	  "sha256 'abc': not a SHA-256 of 64 hexadecimal digits" },
	{ "[allow a]\nsha256-file = /dev/null/no\n", 2,
	  "list '/dev/null/no': Not a directory" },
	{ "[allow a]\nwritable-by = me\n", 2,
	  "writable-by 'me': not one of others, group, user" },
	{ "[deny a]\norigin = here\n", 2,
	  "origin 'here': not one of package, image, drift, memfd, deleted" },
	{ "[allow a]\nexe =\n", 2, "'exe' has no value" },
	{ "[permit a]\nexe = /a\n", 1,
	  "unknown section [permit a]: known are [allow NAME], [deny NAME], "
	  "[ignore NAME] and [redact NAME]" },
	{ "[allow]\nexe = /a\n", 1,
	  "a rule's name has 1 to 100 letters, digits, '-', '_' and '.'" },
	{ "[allow a b]\nexe = /a\n", 1,
	  "a rule's name has 1 to 100 letters, digits, '-', '_' and '.'" },
	{ "[allow a]\nexe = /a\n\n[deny a]\nexe = /b\n", 4,
	  "rule 'a' is also at bad.ini:1" },
	{ "[allow a]\nowner = me\n", 1, "rule has no condition" },
	{ "[allow a]\n[allow b]\nexe = /a\n", 1, "rule has no condition" },
	{ "[allow a]\npath = /a\ndest = ::/0\n", 3,
	  "never true: not every event of this rule has what is asked for "
	  "here" },
	{ "[allow a]\nevent = exec\nevent = write\npath = /a\n", 4,
	  "never true: not every event of this rule has what is asked for "
	  "here" },
	{ "[allow a]\nevent = fork\n", 2,
	  "unknown event 'fork': known are exec, connect, write, listen, load "
	  "and tamper" },
	{ "[allow a]\nexe = a\n", 2, "exe 'a': does not begin with '/'" },
	{ "[allow a]\nnot-path = /a[\n", 2, "not-path '/a[': '[' without ']'" },
	{ "[allow a]\nop = touch\n", 2,
	  "op 'touch': not one of open write truncate rename unlink link "
	  "symlink chmod chown utime xattr mknod mkdir rmdir chattr mmap" },
	{ "[allow a]\ndest = 10.0.0.1/8\n", 2,
	  "dest '10.0.0.1/8': address has bits set behind the prefix "
	  "length" },
	{ "[allow a]\ndest = 10.0.0.0/33\n", 2,
	  "dest '10.0.0.0/33': prefix length is not a number from 0 to 32" },
	{ "[allow a]\ndest = 10.0.0.0/-1\n", 2,
	  "dest '10.0.0.0/-1': prefix length is not a number from 0 to 32" },
	{ "[allow a]\ndest = 2001:db8::/129\n", 2,
	  "dest '2001:db8::/129': prefix length is not a number from 0 to "
	  "128" },
	{ "[allow a]\ndest = example.org\n", 2,
	  "dest 'example.org': not an address or CIDR range such as "
	  "10.0.0.0/8" },
	{ "[allow a]\ndest = 10.0.0\n", 2,
	  "dest '10.0.0': not an address or CIDR range such as 10.0.0.0/8" },
	{ "[allow a]\nport = http\n", 2,
	  "port 'http': not a port or range such as 8080-8089" },
	{ "[allow a]\nport = 80-\n", 2,
	  "port '80-': not a port or range such as 8080-8089" },
	{ "[allow a]\nport = 65536\n", 2, "port '65536': ports end at 65535" },
	{ "[allow a]\nport = 90-80\n", 2,
	  "port '90-80': range runs "
	  "backwards" },
	{ "[allow a]\nproto = quic\n", 2,
	  "proto 'quic': not tcp, udp, icmp, icmpv6, sctp or a number up to "
	  "65535" },
	{ "[allow a]\nuser = no-such-user-here\n", 2,
	  "user 'no-such-user-here': not a number, and no such name on this "
	  "host" },
	{ "[allow a]\ntty = true\n", 2, "tty 'true': neither yes nor no" },
	{ "[allow a]\nstdin = nothing\n", 2,
	  "stdin 'nothing': not one of closed file pipe socket tty null "
	  "device other" },
	{ "[deny a]\nexe = /a\nseverity = urgent\n", 3,
	  "unknown severity 'urgent': known are low, medium, high and "
	  "critical" },
	{ "[deny a]\nexe = /a\nseverity = none\n", 3,
	  "unknown severity 'none': known are low, medium, high and "
	  "critical" },
	{ "[allow a]\nexe = /a\nseverity = low\n", 3,
	  "'severity' belongs to a deny rule" },
	{ "[allow a]\nexe = /a\nfinal = yes\n", 3,
	  "'final' belongs to a deny rule" },
	{ "[deny a]\nexe = /a\nfinal = sure\n", 3,
	  "'sure' is neither yes nor no" },
	{ "[deny a]\nexe = /a\nexcepts = a\n", 3,
	  "'excepts' belongs to an allow rule" },
	{ "[allow a]\nexe = /a\nexcepts = b\n", 3,
	  "excepts 'b': no such rule" },
	{ "[allow a]\nexe = /a\nexcepts = a\n", 3,
	  "excepts 'a': not a deny rule" },
	{ "[allow a]\nexe = /a\nexcepts = d\n[deny d]\nexe = /a\n"
	  "final = yes\n",
	  3, "excepts 'd': is final and takes no exception" },
	{ "[deny a]\nexe = /a\ntag = T1 T2\n", 3,
	  "tag 'T1 T2' is not one word of letters, digits, '.', '-' and "
	  "'_'" },
	{ "[deny a]\nexe = /a\ntag = T1\ntag = T2\n", 4,
	  "'tag' is given twice" },
	{ "[deny a]\nexe = /a\nexpires = tomorrow\n", 3,
	  "'tomorrow' is not a date such as 2027-01-31" },
	{ "[deny a]\nexe = /a\nexpires = 2027-02-29\n", 3,
	  "'2027-02-29' is not a date such as 2027-01-31" },
	{ "[deny a]\nexe = /a\nexpires = 2027-13-01\n", 3,
	  "'2027-13-01' is not a date such as 2027-01-31" },
	{ "exe = /a\n", 1, "key 'exe' before the first section" },
};

static void each_mistake_is_told_with_its_line(void **state)
{
	struct rule_set *const before = (struct rule_set *)state;
	struct rule_set *set = before;
	struct rule_error err;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (rule_set_load_text("bad.ini", slice_str(bad[i].text),
				       &options, &set, &err) != -EINVAL)
			fail_msg("taken: %s", bad[i].text);
		assert_string_equal(err.file, "bad.ini");
		assert_string_equal(err.what, bad[i].what);
		assert_int_equal(err.line, bad[i].line);
		assert_ptr_equal(set, before);
	}
}

static void a_line_over_the_limit_is_told_with_its_number(void **state)
{
	struct buf text = BUF_INIT(1u << 20);
	struct rule_set *set;
	struct rule_error err;
	int i;

	(void)state;
	buf_add_str(&text, "[allow a]\nexe = /");
	for (i = 0; i < 9000; i++)
		buf_add_char(&text, 'x');
	buf_add_str(&text, "\n");
	assert_int_equal(rule_set_load_text("t.ini", buf_slice(&text), &options,
					    &set, &err),
			 -EINVAL);
	assert_int_equal(err.line, 2);
	assert_non_null(strstr(err.what, "8192"));
	buf_done(&text);
}

static void names_of_files_are_escaped_in_complaints(void **state)
{
	struct rule_set *set;
	struct rule_error err;

	(void)state;
	assert_int_equal(rule_set_load_text("a\033[2J.ini",
					    slice_str("[allow a]\nx\xff = 1\n"),
					    &options, &set, &err),
			 -EINVAL);
	assert_string_equal(err.file, "a\\x1b[2J.ini");
	assert_null(strchr(err.what, '\xff'));
}

/* ---- directories -------------------------------------------------------- */

static char dir[] = "/tmp/picket-test-rules-XXXXXX";
static int dirfd_ = -1;

static void put(const char *name, const char *text)
{
	assert_int_equal(fs_replace(dirfd_, name, text, strlen(text), 0644), 0);
}

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir + sizeof(dir) - 7, "XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dirfd_ < 0 ? -1 : 0;
}

static int remove_dir(void **state)
{
	static const char *const names[] = { "10-a.ini", "20-b.ini", "note.txt",
					     ".hidden.ini" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlinkat(dirfd_, names[i], 0);
	(void)close(dirfd_);
	return rmdir(dir);
}

static void files_of_a_directory_are_read_in_name_order(void **state)
{
	struct rule_set *set;
	struct rule_error err;
	struct rule_info info;

	(void)state;
	put("20-b.ini", "[allow second]\nexe = /b\nexcepts = first\n");
	put("10-a.ini", "# a comment\n[deny first]\nexe = /a\ntag = T1\n");
	put("note.txt", "this is no policy\n");
	put(".hidden.ini", "nor is this\n");
	if (rule_set_load(dir, &options, &set, &err) < 0)
		fail_msg("%s:%u: %s", err.file, err.line, err.what);
	assert_int_equal(rule_set_count(set), 2);
	rule_set_info(set, 0, &info);
	assert_string_equal(info.name, "first");
	assert_string_equal(info.tag, "T1");
	assert_int_equal(info.severity, SEVERITY_MEDIUM);
	assert_int_equal(info.line, 2);
	assert_string_equal(strrchr(info.file, '/'), "/10-a.ini");
	rule_set_info(set, 1, &info);
	assert_string_equal(info.name, "second");
	rule_set_free(set);
}

/* As a ConfigMap's volume is: of two states only the one it leads to. */
static void what_data_leads_to_is_the_directory(void **state)
{
	static const char text[] = "[deny inside]\nexe = /b\n";
	struct rule_set *set;
	struct rule_error err;
	struct rule_info info;
	int fd;

	(void)state;
	put("10-a.ini", "[deny outside]\nexe = /a\n");
	assert_int_equal(mkdirat(dirfd_, "..now", 0755), 0);
	assert_int_equal(symlinkat("..now", dirfd_, "..data"), 0);
	fd = openat(dirfd_, "..data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fs_replace(fd, "20-b.ini", text, strlen(text), 0644),
			 0);
	if (rule_set_load(dir, &options, &set, &err) < 0)
		fail_msg("%s:%u: %s", err.file, err.line, err.what);
	assert_int_equal(rule_set_count(set), 1);
	rule_set_info(set, 0, &info);
	assert_string_equal(info.name, "inside");
	rule_set_free(set);
	assert_int_equal(unlinkat(fd, "20-b.ini", 0), 0);
	(void)close(fd);
	assert_int_equal(unlinkat(dirfd_, "..data", 0), 0);
	assert_int_equal(unlinkat(dirfd_, "..now", AT_REMOVEDIR), 0);
}

static void a_name_may_not_return_in_another_file(void **state)
{
	struct rule_set *set;
	struct rule_error err;
	char want[300];

	(void)state;
	put("10-a.ini", "\n[deny x]\nexe = /a\n");
	put("20-b.ini", "[allow x]\nexe = /b\n");
	assert_int_equal(rule_set_load(dir, &options, &set, &err), -EINVAL);
	assert_string_equal(strrchr(err.file, '/'), "/20-b.ini");
	assert_int_equal(err.line, 1);
	(void)snprintf(want, sizeof(want), "rule 'x' is also at %s/10-a.ini:2",
		       dir);
	assert_string_equal(err.what, want);
}

static void what_cannot_be_read_is_told(void **state)
{
	struct rule_set *set;
	struct rule_error err;

	(void)state;
	assert_int_equal(
		rule_set_load("/nonexistent/policy", &options, &set, &err),
		-ENOENT);
	assert_string_equal(err.file, "/nonexistent/policy");
	assert_int_equal(err.line, 0);
	assert_string_equal(err.what, "No such file or directory");
	assert_int_equal(mkdirat(dirfd_, "10-a.ini", 0755), 0);
	assert_true(rule_set_load(dir, &options, &set, &err) < 0);
	assert_string_equal(strrchr(err.file, '/'), "/10-a.ini");
	assert_int_equal(unlinkat(dirfd_, "10-a.ini", AT_REMOVEDIR), 0);
}

static void a_pipe_in_the_directory_is_not_waited_for(void **state)
{
	struct rule_set *set;
	struct rule_error err;

	(void)state;
	assert_int_equal(mkfifoat(dirfd_, "10-a.ini", 0600), 0);
	(void)alarm(60);
	assert_int_equal(rule_set_load(dir, &options, &set, &err), -EINVAL);
	(void)alarm(0);
	assert_string_equal(err.what, "is a pipe");
	assert_int_equal(unlinkat(dirfd_, "10-a.ini", 0), 0);
}

static void the_hash_names_files_and_bytes(void **state)
{
	static const char *const texts[][2] = {
		{ "a.ini", "[allow a]\nexe = /a\n" },
		{ "b.ini", "[allow a]\nexe = /a\n" },
		{ "a.ini", "[allow a]\nexe = /b\n" },
		{ "a.ini", "[allow a]\nexe = /a\n#\n" },
	};
	uint8_t hashes[4][32];
	struct rule_set *set;
	struct rule_error err;
	int i, j;

	(void)state;
	for (i = 0; i < 4; i++) {
		assert_int_equal(rule_set_load_text(texts[i][0],
						    slice_str(texts[i][1]),
						    &options, &set, &err),
				 0);
		memcpy(hashes[i], rule_set_hash(set), 32);
		rule_set_free(set);
		for (j = 0; j < i; j++)
			assert_memory_not_equal(hashes[i], hashes[j], 32);
	}
	/* The directory it lies in is no part of it. */
	assert_int_equal(rule_set_load_text("/some/where/a.ini",
					    slice_str(texts[0][1]), &options,
					    &set, &err),
			 0);
	assert_memory_equal(rule_set_hash(set), hashes[0], 32);
	rule_set_free(set);
}

static void an_empty_directory_is_an_empty_set(void **state)
{
	struct rule_set *set;
	struct rule_error err;

	(void)state;
	assert_int_equal(rule_set_load(dir, &options, &set, &err), 0);
	assert_int_equal(rule_set_count(set), 0);
	rule_set_free(set);
}

/* ---- accounts ----------------------------------------------------------- */

static void accounts_are_found_by_their_whole_name(void **state)
{
	static const char text[] = "root:x:0:0:root:/root:/bin/bash\n"
				   "bad:x::0::/:/bin/sh\n"
				   "www:x:33:33::/:/bin/sh\n"
				   "www-data:x:34:33::/:/bin/sh";
	uint32_t id = 7;

	(void)state;
	assert_int_equal(
		account_find(slice_str(text), slice_str("www-data"), &id), 0);
	assert_int_equal(id, 34);
	assert_int_equal(account_find(slice_str(text), slice_str("www"), &id),
			 0);
	assert_int_equal(id, 33);
	assert_int_equal(account_find(slice_str(text), slice_str("ww"), &id),
			 -ENOENT);
	assert_int_equal(account_find(slice_str(text), slice_str("bad"), &id),
			 -ENOENT);
	assert_int_equal(account_find(slice_str(""), slice_str("root"), &id),
			 -ENOENT);
	assert_int_equal(id, 33);
}

int main(void)
{
#define IN_DIR(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mistake_is_told_with_its_line),
		cmocka_unit_test(a_line_over_the_limit_is_told_with_its_number),
		cmocka_unit_test(names_of_files_are_escaped_in_complaints),
		IN_DIR(files_of_a_directory_are_read_in_name_order),
		IN_DIR(what_data_leads_to_is_the_directory),
		IN_DIR(a_name_may_not_return_in_another_file),
		IN_DIR(what_cannot_be_read_is_told),
		IN_DIR(a_pipe_in_the_directory_is_not_waited_for),
		IN_DIR(an_empty_directory_is_an_empty_set),
		cmocka_unit_test(the_hash_names_files_and_bytes),
		cmocka_unit_test(accounts_are_found_by_their_whole_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
