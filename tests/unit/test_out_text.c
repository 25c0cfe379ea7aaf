// SPDX-License-Identifier: Apache-2.0
/* out/text: exact lines, and no name that can break or forge one. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "out/text_part.h"
#include "out_lines.h"

static const struct text_style plain = { .color = false };
static const struct text_style of_tree = { .without_who = true };
static const struct verdict unlisted = { .answer = ANSWER_UNLISTED };
static const struct verdict pending = { .answer = ANSWER_PENDING };

static void assert_body(const struct sample *s, const char *want)
{
	struct buf out = BUF_INIT(64 << 10);

	text_body(&out, s->images, &s->view);
	buf_add_char(&out, '\0');
	assert_string_equal(out.p, want);
	buf_done(&out);
}

static void exec_shows_ancestors_arguments_and_rule(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_event(EVENT_EXEC);

	assert_int_equal(sample_take(s, &ev, &s->shell, &allowed), 1);
	assert_line(
		s, &plain,
		"      21:04:05.678 sshd→bash→curl[4711]           "
		"ssh.service      exec    /usr/bin/curl -s 'https://x.test/a b'        "
		"allowed by shells");
	assert_body(s, "sshd→bash→curl[4711] exec /usr/bin/curl -s "
		       "'https://x.test/a b', allowed by shells");
}

static void exec_under_another_name_says_so_and_cuts_arguments(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_event(EVENT_EXEC);
	struct image img = sample_image(9, 4712, "/memfd:x", &s->bash);
	char args[4096];
	size_t n = 0;

	memcpy(args, "[kworker]", 10);
	n = 10;
	for (int i = 0; i < 299; i++) {
		memcpy(args + n, "argument", 9);
		n += 9;
	}
	img.exe.flags = PATH_F_DELETED;
	img.exe_file.memfd = true;
	img.args = slice_of(args, n);
	img.argc = 300;
	assert_int_equal(sample_describe(s, &img), 0);
	assert_int_equal(sample_take(s, &ev, &img, &unlisted), 1);
	assert_line(
		s, &plain,
		"      21:04:05.678 sshd→bash→memfd:x[4712]        "
		"-                exec    /memfd:x (deleted, memfd) (as [kworker])"
		" argument argument argument argument argument argument"
		" argument argument argument argument argument argument"
		" argument argument argument argument argument argument"
		" argument argument argument argument argument argument"
		" argument argument argument argument argument argument"
		" argument argument …(+267)  unlisted");
}

static void connects_show_protocol_and_peer(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_connect(sample_ip4(10, 0, 0, 7), 443);

	assert_int_equal(sample_take(s, &ev, &s->shell, &unlisted), 1);
	assert_line(
		s, &plain,
		"      21:04:05.678 sshd→bash→curl[4711]           "
		"ssh.service      connect tcp 10.0.0.7:443                             "
		"unlisted");
	ev = sample_connect(sample_ip6(), 53);
	ev.connect.peer.type = SOCK_DGRAM;
	ev.connect.peer.protocol = 0;
	ev.connect.is_send = true;
	assert_int_equal(sample_take(s, &ev, &s->shell, &unlisted), 1);
	assert_body(s, "sshd→bash→curl[4711] connect udp [2001:db8::1]:53 "
		       "(datagram), unlisted");
	ev = sample_connect(sample_ip4(10, 0, 0, 7), 0);
	ev.connect.peer.type = SOCK_RAW;
	ev.connect.peer.protocol = 253;
	assert_int_equal(sample_take(s, &ev, &s->shell, &unlisted), 1);
	assert_body(s, "sshd→bash→curl[4711] connect protocol 253 10.0.0.7, "
		       "unlisted");
}

static void alert_comes_first(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_write("/etc/cron.d/x", OP_OPEN);

	ev.write.flags = WRITE_F_CREATED | WRITE_F_APPEND;
	s->shell.login_uid = 1000;
	assert_int_equal(sample_describe(s, &s->shell), 0);
	assert_int_equal(sample_take(s, &ev, &s->shell, &alert), 1);
	assert_line(
		s, &plain,
		"HIGH  21:04:05.678 sshd→bash→curl[4711]           "
		"ssh.service      write   open /etc/cron.d/x (created, append)         "
		"denied by cron-files (T1053.003)  "
		"login=1000");
}

static void colour_only_where_asked(void **state)
{
	const struct text_style color = { .color = true };
	struct sample *s = *state;
	struct event ev = sample_write("/etc/cron.d/x", OP_UNLINK);

	ev.write.path.flags = PATH_F_CLAIMED;
	assert_int_equal(sample_take(s, &ev, &s->shell, &alert), 1);
	assert_line(
		s, &color,
		"\033[1;31mHIGH  \033[0m\033[2m21:04:05.678\033[0m "
		"sshd→bash→curl[4711]           "
		"ssh.service      write   unlink /etc/cron.d/x (claimed)               "
		"\033[1;31mdenied by cron-files (T1053.003)\033[0m");
}

static void each_operation_says_what_it_did(void **state)
{
	static const struct {
		enum write_op op;
		uint32_t arg, arg2, flags;
		const char *new_path, *target, *want;
	} rows[] = {
		{ OP_WRITE, 0, 0, 0, NULL, NULL, "write /a" },
		{ OP_OPEN, 0, 0, WRITE_F_TRUNC, NULL, NULL,
		  "open /a (truncated)" },
		{ OP_TRUNCATE, 0, 0, 0, NULL, NULL, "truncate /a" },
		{ OP_MMAP, 0, 0, WRITE_F_FD_CLAIMED, NULL, NULL,
		  "mmap /a (descriptor claimed)" },
		{ OP_RENAME, 0, 0, 0, "/b c", NULL, "rename /a → '/b c'" },
		{ OP_RENAME, 0, 0, WRITE_F_EXCHANGE, "/b", NULL,
		  "rename /a ↔ /b" },
		{ OP_LINK, 0, 0, 0, "/b", NULL, "link /a → /b" },
		{ OP_SYMLINK, 0, 0, 0, NULL, "../x", "symlink /a → ../x" },
		{ OP_CHMOD, 0100755, 0, 0, NULL, NULL, "chmod 0755 /a" },
		{ OP_CHMOD, 04755, 0, 0, NULL, NULL, "chmod 4755 /a" },
		{ OP_CHOWN, 1000, UINT32_MAX, 0, NULL, NULL,
		  "chown 1000:- /a" },
		{ OP_XATTR, 0, 0, 0, NULL, NULL, "xattr /a" },
		{ OP_MKNOD, 020600, 0, 0, NULL, NULL, "mknod 0600 /a" },
		{ OP_MKDIR, 0, 0, 0, NULL, NULL, "mkdir /a" },
		{ OP_RMDIR, 0, 0, 0, NULL, NULL, "rmdir /a" },
		{ OP_CHATTR, 0, 0, 0, NULL, NULL, "chattr /a" },
		{ OP_UTIME, 0, 0, 0, NULL, NULL, "utime /a" },
		{ OP_UNLINK, 0, 0, WRITE_F_SUBMITTED, NULL, NULL,
		  "unlink /a (asked for)" },
	};
	struct sample *s = *state;
	char want[160];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct event ev = sample_write("/a", rows[i].op);

		ev.write.arg = rows[i].arg;
		ev.write.arg2 = rows[i].arg2;
		ev.write.flags = rows[i].flags;
		if (rows[i].new_path)
			ev.write.new_path = sample_path(rows[i].new_path);
		ev.write.target = slice_str(rows[i].target);
		assert_int_equal(sample_take(s, &ev, &s->shell, NULL), 1);
		(void)snprintf(want, sizeof(want), "sshd→bash→curl[4711] %s",
			       rows[i].want);
		assert_body(s, want);
	}
}

static void exits_tell_status_or_signal(void **state)
{
	static const struct {
		uint32_t status;
		const char *want;
	} rows[] = {
		{ 0, "status 0" },
		{ 127 << 8, "status 127" },
		{ 9, "killed by SIGKILL" },
		{ 11 | 0x80, "killed by SIGSEGV, core dumped" },
		{ 64, "killed by signal 64" },
	};
	struct sample *s = *state;
	char want[160];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct event ev = sample_event(EVENT_EXIT);

		ev.exit.status = rows[i].status;
		assert_int_equal(sample_take(s, &ev, &s->shell, NULL), 1);
		(void)snprintf(want, sizeof(want),
			       "sshd→bash→curl[4711] exit %s", rows[i].want);
		assert_body(s, want);
	}
}

static void who_acted_is_as_of_the_act(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_write("/a", OP_WRITE);

	ev.actor.uid = 1000;
	ev.actor.euid = 0;
	assert_int_equal(sample_take(s, &ev, &s->shell, NULL), 1);
	assert_line(
		s, &plain,
		"      21:04:05.678 sshd→bash→curl[4711]           "
		"ssh.service      write   write /a                                     "
		"uid=1000 euid=0");
	s->shell.container = slice_str("0123456789abcdef0123456789abcdef");
	assert_int_equal(sample_describe(s, &s->shell), 0);
	ev = sample_write("/a", OP_WRITE);
	assert_int_equal(sample_take(s, &ev, &s->shell, NULL), 1);
	assert_line(s, &plain,
		    "      21:04:05.678 sshd→bash→curl[4711]           "
		    "0123456789ab     write   write /a");
	s->shell.pod = slice_str("cart-0");
	s->shell.pod_namespace = slice_str("shop");
	assert_int_equal(sample_describe(s, &s->shell), 0);
	assert_int_equal(sample_take(s, &ev, &s->shell, NULL), 1);
	assert_line(s, &plain,
		    "      21:04:05.678 sshd→bash→curl[4711]           "
		    "0123456789ab     write   "
		    "write /a                                     "
		    "pod=shop/cart-0");
	/* Beneath a process of a tree only what is not the tree's. */
	assert_line(s, &of_tree,
		    "      21:04:05.678 write   "
		    "write /a                                     "
		    "container=0123456789ab pod=shop/cart-0");
}

static void deep_and_broken_lines_of_ancestors_show(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_write("/a", OP_WRITE);
	struct image a = sample_image(10, 5000, "/bin/a", &s->shell),
		     b = sample_image(11, 5001, "/bin/b", &a), orphan, ghost;

	assert_int_equal(sample_describe(s, &a), 0);
	assert_int_equal(sample_describe(s, &b), 0);
	assert_int_equal(sample_take(s, &ev, &b, NULL), 1);
	assert_body(s, "…→bash→curl→a→b[5001] write /a");
	ghost = sample_image(12, 5002, "/bin/ghost", NULL);
	orphan = sample_image(13, 5003, "/bin/orphan", &ghost);
	assert_int_equal(sample_describe(s, &orphan), 0);
	assert_int_equal(sample_take(s, &ev, &orphan, NULL), 1);
	assert_body(s, "?→orphan[5003] write /a");
	assert_int_equal(sample_take(s, &ev, &ghost, NULL), 1);
	assert_body(s, "? write /a");
	ghost.flags = IMAGE_F_UNKNOWN;
	ghost.exe.path.n = 0;
	assert_int_equal(sample_describe(s, &ghost), 0);
	assert_int_equal(sample_take(s, &ev, &ghost, NULL), 1);
	assert_body(s, "?[5002] write /a");
}

static void line_that_leads_back_to_itself_ends(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_write("/a", OP_WRITE);
	struct image a = sample_image(20, 6000, "/bin/a", NULL),
		     b = sample_image(21, 6001, "/bin/b", &a);

	a.parent = &b;
	assert_int_equal(sample_describe(s, &a), 0);
	assert_int_equal(sample_describe(s, &b), 0);
	assert_int_equal(sample_take(s, &ev, &b, NULL), 1);
	assert_body(s, "…→a→b→a→b[6001] write /a");
	a.parent = &a;
	assert_int_equal(sample_describe(s, &a), 0);
	assert_int_equal(sample_take(s, &ev, &a, NULL), 1);
	assert_body(s, "a[6000] write /a");
}

static void hostile_names_stay_names(void **state)
{
	static const struct {
		const char *path, *want;
	} rows[] = {
		{ "/tmp/a\n21:04:05 forged", "'/tmp/a\\n21:04:05 forged'" },
		{ "/tmp/\033[2Jx", "/tmp/\\x1b[2Jx" },
		{ "/tmp/\xff\xc0\xaf", "/tmp/\\xff\\xc0\\xaf" },
		{ "/tmp/\xe2\x80\xaegnp.sh", "/tmp/\\xe2\\x80\\xaegnp.sh" },
		{ "/tmp/it's", "'/tmp/it\\'s'" },
		{ "/tmp/x allowed by y", "'/tmp/x allowed by y'" },
		{ "/tmp/grüße-日本", "/tmp/grüße-日本" },
		{ "/tmp/\x7f\xc2\x9b", "/tmp/\\x7f\\xc2\\x9b" },
	};
	struct sample *s = *state;
	char want[200];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct event ev = sample_write(rows[i].path, OP_WRITE);

		assert_int_equal(sample_take(s, &ev, &s->shell, NULL), 1);
		(void)snprintf(want, sizeof(want),
			       "sshd→bash→curl[4711] write %s", rows[i].want);
		assert_body(s, want);
	}
}

static void name_of_a_program_cannot_pass_for_two(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_write("/a", OP_WRITE);
	struct image img = sample_image(9, 4712, "/tmp/cron→dpkg", NULL);

	assert_int_equal(sample_describe(s, &img), 0);
	assert_int_equal(sample_take(s, &ev, &img, NULL), 1);
	assert_body(s, "cron\\xe2\\x86\\x92dpkg[4712] write /a");
	/* What it calls itself is not its name, unless the kernel did. */
	img.exe.path.n = 0;
	memcpy(img.comm, "kworker/0:1", 12);
	img.flags = IMAGE_F_KTHREAD;
	assert_int_equal(sample_describe(s, &img), 0);
	assert_int_equal(sample_take(s, &ev, &img, NULL), 1);
	assert_body(s, "kworker/0:1[4712] write /a");
}

static void long_path_loses_its_middle(void **state)
{
	struct sample *s = *state;
	char path[4096];
	struct event ev;
	struct buf out = BUF_INIT(64 << 10);

	memset(path, 'x', sizeof(path));
	memcpy(path, "/begin/", 7);
	memcpy(path + sizeof(path) - 5, "/end", 5);
	ev = sample_write(path, OP_WRITE);
	assert_int_equal(sample_take(s, &ev, &s->shell, NULL), 1);
	text_line(&out, s->images, &s->view, &plain);
	assert_true(out.n < 600);
	buf_add_char(&out, '\0');
	assert_non_null(strstr(out.p, "/begin/xxx"));
	assert_non_null(strstr(out.p, "xxx…xxx"));
	assert_non_null(strstr(out.p, "xxx/end"));
	buf_done(&out);
}

static void outcome_names_the_process_of_its_connect(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_connect(sample_ip4(127, 0, 0, 1), 80);
	struct event result = { .kind = EVENT_CONNECT_RESULT };

	assert_int_equal(sample_take(s, &ev, &s->shell, &unlisted), 1);
	result.result.local = sample_ip4(127, 0, 0, 1);
	result.result.local_port = 40000;
	result.result.peer = ev.connect.peer.addr;
	result.result.peer_port = 80;
	result.result.error = ECONNREFUSED;
	buf_reset(&s->payload);
	record_pack_connect_result(&s->payload,
				   &(struct record_amends){ 1, s->view.seq,
							    result.time_ns,
							    SAMPLE_WALL_NS },
				   &result.result);
	assert_int_equal(sample_frame(s, JOURNAL_AMENDMENT), 1);
	assert_line(s, &plain,
		    "      21:04:05.678 sshd→bash→curl[4711]           "
		    "ssh.service      connect … 127.0.0.1:80 refused");
	result.result.error = 0;
	buf_reset(&s->payload);
	record_pack_connect_result(&s->payload,
				   &(struct record_amends){ 1, 999,
							    result.time_ns,
							    SAMPLE_WALL_NS },
				   &result.result);
	assert_int_equal(sample_frame(s, JOURNAL_AMENDMENT), 1);
	assert_body(s, "? connect … 127.0.0.1:80 connected from "
		       "127.0.0.1:40000");
}

static void totals_name_the_file_of_their_event(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_write("/var/log/x", OP_OPEN);
	const struct write_totals t = { .count = 17,
					.bytes = 35328,
					.ops = 1u << OP_OPEN | 1u << OP_WRITE };

	assert_int_equal(sample_take(s, &ev, &s->shell, NULL), 1);
	buf_reset(&s->payload);
	record_pack_write_totals(
		&s->payload, &(struct record_amends){ 1, s->view.seq, 1, 2 },
		&t);
	assert_int_equal(sample_frame(s, JOURNAL_AMENDMENT), 1);
	assert_body(s, "sshd→bash→curl[4711] … /var/log/x: 17 operations "
		       "(open, write), 35328 bytes");
}

/* "is of …" waits for a package's name, which is not always there. */
static void what_was_found_out_is_a_sentence(void **state)
{
	static const struct {
		enum trust_state trust;
		enum hash_state hash;
		const char *package, *want;
	} rows[] = {
		{ TRUST_UNKNOWN, HASH_DONE, NULL,
		  "is not known to be of a package, sha256 0000000000000000…, "
		  "not all found out in time" },
		{ TRUST_UNPACKAGED, HASH_GONE, NULL,
		  "was gone when it was looked at, not all found out in time" },
		{ TRUST_PACKAGE, HASH_NONE, "curl 7.88.1",
		  "is as packaged in curl 7.88.1, "
		  "not all found out in time" },
	};
	struct sample *s = *state;
	struct event ev = sample_event(EVENT_EXEC);
	char want[200];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct resolution res = { .verdict = &unlisted,
					  .img = &s->shell,
					  .exe_package = rows[i].package,
					  .timed_out = true };

		s->shell.exe_facts = (struct file_facts){
			.known = true,
			.trust = rows[i].trust,
			.hash = rows[i].hash,
		};
		assert_int_equal(sample_take(s, &ev, &s->shell, &pending), 1);
		buf_reset(&s->payload);
		record_pack_resolution(
			&s->payload,
			&(struct record_amends){ 1, s->view.seq, 1,
						 SAMPLE_WALL_NS },
			&res);
		assert_int_equal(sample_frame(s, JOURNAL_AMENDMENT), 1);
		(void)snprintf(want, sizeof(want),
			       "sshd→bash→curl[4711] exec … /usr/bin/curl %s, "
			       "unlisted",
			       rows[i].want);
		assert_body(s, want);
	}
}

static void a_script_that_nobody_could_see_is_named(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_event(EVENT_EXEC);
	const struct resolution res = { .verdict = &unlisted,
					.img = &s->shell,
					.exe_package = "bash 5.2" };

	s->shell.script = slice_str("/opt/a b");
	s->shell.script_file.known = false;
	s->shell.exe_facts = (struct file_facts){
		.known = true,
		.trust = TRUST_PACKAGE,
	};
	s->shell.id = 77;
	assert_int_equal(sample_describe(s, &s->shell), 0);
	assert_int_equal(sample_take(s, &ev, &s->shell, &pending), 1);
	buf_reset(&s->payload);
	record_pack_resolution(
		&s->payload,
		&(struct record_amends){ 1, s->view.seq, 1, SAMPLE_WALL_NS },
		&res);
	assert_int_equal(sample_frame(s, JOURNAL_AMENDMENT), 1);
	assert_body(s, "sshd→bash→curl[4711] exec … /usr/bin/curl is as "
		       "packaged in bash 5.2; of its script '/opt/a b' only "
		       "the caller's word is known, unlisted");
}

static void picket_speaks_of_itself_in_sentences(void **state)
{
	static const struct record_fact facts[] = { { "count", "12" }, { 0 } };
	struct sample *s = *state;

	buf_reset(&s->payload);
	record_pack_agent(&s->payload,
			  &(struct record_agent){
				  PICKET__V1__AGENT__WHAT__LOSS,
				  "12 write events were lost in the kernel\n",
				  facts },
			  (struct record_time){ 1, SAMPLE_WALL_NS });
	assert_int_equal(sample_frame(s, JOURNAL_EVENT), 1);
	assert_line(s, &plain,
		    "WARN  21:04:05.678 picket  12 write events were lost in "
		    "the kernel\\n");
	assert_body(s, "picket: 12 write events were lost in the kernel\\n");
}

static void gaps_say_what_is_missing_and_why(void **state)
{
	struct sample *s = *state;

	assert_int_equal(sample_take_gap(s), 1);
	assert_line(s, &plain,
		    "WARN  --:--:--.--- gap     14 records, 120 to 133, are "
		    "missing: trimmed");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, sample_teardown)
		T(exec_shows_ancestors_arguments_and_rule),
		T(exec_under_another_name_says_so_and_cuts_arguments),
		T(connects_show_protocol_and_peer),
		T(alert_comes_first),
		T(colour_only_where_asked),
		T(each_operation_says_what_it_did),
		T(exits_tell_status_or_signal),
		T(who_acted_is_as_of_the_act),
		T(deep_and_broken_lines_of_ancestors_show),
		T(line_that_leads_back_to_itself_ends),
		T(hostile_names_stay_names),
		T(name_of_a_program_cannot_pass_for_two),
		T(long_path_loses_its_middle),
		T(outcome_names_the_process_of_its_connect),
		T(totals_name_the_file_of_their_event),
		T(what_was_found_out_is_a_sentence),
		T(a_script_that_nobody_could_see_is_named),
		T(picket_speaks_of_itself_in_sentences),
		T(gaps_say_what_is_missing_and_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
