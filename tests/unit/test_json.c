// SPDX-License-Identifier: Apache-2.0
/* out/json: exact objects, valid whatever a process calls itself. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/escape.h"
#include "out/json.h"
#include "out_samples.h"

#define UID "a00102030405060708090a0b0c0d0e0f.1."

#define CURL                                                                  \
	"\"process\":{\"pid\":4711,\"start_ns\":4711000,\"image\":2,"         \
	"\"exe\":\"/usr/bin/curl\",\"exe_file\":{\"inode\":1234567,"          \
	"\"device\":\"8:1\",\"generation\":3456789012,\"mode\":33188,"        \
	"\"uid\":0,\"gid\":0,\"links\":1,\"size\":1024,"                      \
	"\"mtime_ns\":1795467845677999000,\"ctime_ns\":1795467845677999500}," \
	"\"cwd\":\"/root\",\"comm\":\"anything\",\"args\":[\"curl\",\"-s\","  \
	"\"https://x.test/a b\"],\"argc\":3,\"args_bytes\":0,\"uid\":0,"      \
	"\"euid\":0,\"suid\":0,\"fsuid\":0,\"gid\":0,\"egid\":0,\"sgid\":0,"  \
	"\"sid\":0,\"pgid\":0,\"ns_pid\":0,\"capabilities\":{"                \
	"\"permitted\":\"0000000000000000\","                                 \
	"\"effective\":\"000001ffffffffff\","                                 \
	"\"inheritable\":\"0000000000000000\","                               \
	"\"bounding\":\"0000000000000000\","                                  \
	"\"ambient\":\"0000000000000000\"},"                                  \
	"\"namespaces\":{\"mnt\":4026531841,\"pid\":0,\"net\":0,\"user\":0,"  \
	"\"uts\":0,\"ipc\":0,\"cgroup\":0},\"stdio\":[{\"type\":\"tty\","     \
	"\"device\":\"136:0\"},{\"type\":\"pipe\",\"inode\":77},"             \
	"{\"type\":\"null\"}],\"cgroup_id\":42,\"unit\":\"ssh.service\","     \
	"\"began_ns\":4711010,\"previous\":\"/usr/bin/bash\",\"parents\":["   \
	"{\"pid\":4001,\"start_ns\":4001000,\"exe\":\"/usr/bin/bash\"},"      \
	"{\"pid\":4000,\"start_ns\":4000000,\"exe\":\"/usr/sbin/sshd\"},"     \
	"{\"pid\":700,\"start_ns\":700000,\"exe\":\"/usr/sbin/sshd\"},"       \
	"{\"pid\":1,\"start_ns\":1000,"                                       \
	"\"exe\":\"/usr/lib/systemd/systemd\"}]}"

static void assert_json(const struct sample *s, const char *want)
{
	struct buf out = BUF_INIT(1 << 20);

	json_line(&out, s->images, &s->view);
	buf_add_char(&out, '\0');
	assert_false(out.failed);
	assert_string_equal(out.p, want);
	buf_done(&out);
}

static void assert_json_has(const struct sample *s, const char *part)
{
	struct buf out = BUF_INIT(1 << 20);

	json_line(&out, s->images, &s->view);
	buf_add_char(&out, '\0');
	if (!strstr(out.p, part))
		fail_msg("%s is not in %s", part, out.p);
	buf_done(&out);
}

static void write_is_one_object_with_its_process(void **state)
{
	static const struct verdict v = { .answer = ANSWER_DENIED,
					  .alert = true,
					  .severity = SEVERITY_HIGH,
					  .rule = "cron-files",
					  .tag = "T1053.003" };
	struct sample *s = *state;
	struct event ev = sample_write("/etc/cron.d/x", OP_OPEN);

	ev.write.flags = WRITE_F_CREATED;
	ev.write.arg = 577;
	assert_int_equal(sample_take(s, &ev, &s->shell, &v), 1);
	assert_json(
		s,
		"{\"uid\":\"" UID "1\",\"epoch\":1,\"seq\":1,"
		"\"time\":\"2026-11-23T21:04:05.678Z\",\"kind\":\"write\","
		"\"boot_ns\":5000000000,\"backend\":\"tp_btf\",\"cpu\":1," CURL
		",\"write\":{\"operation\":\"open\",\"path\":\"/etc/cron.d/x\","
		"\"file\":{\"inode\":1234567,\"device\":\"8:1\","
		"\"generation\":3456789012,\"mode\":33188,\"uid\":0,\"gid\":0,"
		"\"links\":1,\"size\":1024},\"created\":true,\"arg\":577},"
		"\"verdict\":{\"answer\":\"denied\",\"alert\":true,"
		"\"severity\":\"high\",\"rule\":\"cron-files\","
		"\"tag\":\"T1053.003\"}}");
}

static void connect_exit_and_actor(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_connect(sample_ip6(), 443);

	ev.actor.euid = 33;
	ev.actor.tid = 4712;
	assert_int_equal(sample_take(s, &ev, &s->shell, NULL), 1);
	assert_json(s, "{\"uid\":\"" UID "1\",\"epoch\":1,\"seq\":1,"
		       "\"time\":\"2026-11-23T21:04:05.678Z\","
		       "\"kind\":\"connect\",\"boot_ns\":5000000000,"
		       "\"backend\":\"cgroup\",\"cpu\":1,\"tid\":4712,"
		       "\"actor\":{\"uid\":0,\"euid\":33,\"gid\":0,"
		       "\"mnt_ns\":4026531841,\"cgroup_id\":42}," CURL
		       ",\"connect\":{\"ip\":\"2001:db8::1\",\"port\":443,"
		       "\"protocol\":\"tcp\",\"type\":1,\"net_ns\":0}}");
	ev = sample_event(EVENT_EXIT);
	ev.exit.status = 3 << 8;
	assert_int_equal(sample_take(s, &ev, NULL, NULL), 1);
	assert_json_has(s, ",\"exit\":{\"code\":3}}");
	ev.exit.status = 11 | 0x80;
	assert_int_equal(sample_take(s, &ev, NULL, NULL), 1);
	assert_json_has(s, ",\"exit\":{\"signal\":11,\"signal_name\":"
			   "\"SIGSEGV\",\"core\":true}}");
}

static void bytes_that_are_not_utf8_are_kept_beside(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_write("/tmp/\xff\n\"\\", OP_RENAME);
	struct image img = sample_image(9, 1, "/x", NULL);

	ev.write.path.fs_path = slice_str("/sub/\xff");
	ev.write.path.host_path = slice_str("/h");
	ev.write.path.flags = PATH_F_CLAIMED | PATH_F_TRUNCATED;
	ev.write.new_path = sample_path("/tmp/grüße");
	img.args = slice_of("a\0\xc3\x28\0", 5);
	img.exe_file.mtime_ns = INT64_MIN;
	assert_int_equal(sample_describe(s, &img), 0);
	assert_int_equal(sample_take(s, &ev, &img, NULL), 1);
	assert_json_has(s, "\"path\":\"/tmp/\xef\xbf\xbd\\n\\\"\\\\\","
			   "\"path_b64\":\"L3RtcC//CiJc\","
			   "\"path_fs\":\"/sub/\xef\xbf\xbd\","
			   "\"path_fs_b64\":\"L3N1Yi//\","
			   "\"path_host\":\"/h\","
			   "\"path_flags\":[\"claimed\",\"truncated\"],"
			   "\"new_path\":\"/tmp/grüße\",");
	assert_json_has(s, "\"mtime_ns\":-9223372036854775808,\"ctime_ns\":");
	assert_json_has(s, "\"args\":[\"a\",\"\xef\xbf\xbd(\"],"
			   "\"args_b64\":[\"YQ==\",\"wyg=\"],");
}

static void amendments_name_their_event(void **state)
{
	const struct write_totals t = { .count = 17,
					.bytes = 35328,
					.until_ns = 6,
					.ops = 1u << OP_OPEN | 1u << OP_WRITE };
	struct sample *s = *state;
	struct event result = { .kind = EVENT_CONNECT_RESULT, .time_ns = 9 };

	result.result.local = sample_ip4(127, 0, 0, 1);
	result.result.local_port = 40000;
	result.result.peer = sample_ip4(127, 0, 0, 2);
	result.result.peer_port = 80;
	result.result.error = ECONNREFUSED;
	buf_reset(&s->payload);
	record_pack_connect_result(
		&s->payload, &(struct record_amends){ 1, 7, result.time_ns, 1 },
		&result.result);
	assert_int_equal(sample_frame(s, JOURNAL_AMENDMENT), 1);
	assert_json(s, "{\"uid\":\"" UID "1\",\"epoch\":1,\"seq\":1,"
		       "\"time\":\"2026-11-23T21:04:05.678Z\","
		       "\"kind\":\"amendment\",\"boot_ns\":9,"
		       "\"amendment\":{\"of\":\"" UID "7\",\"epoch\":1,"
		       "\"seq\":7,\"connect\":{\"error\":111,"
		       "\"outcome\":\"refused\",\"local_ip\":\"127.0.0.1\","
		       "\"local_port\":40000,\"peer_ip\":\"127.0.0.2\","
		       "\"peer_port\":80}}}");
	buf_reset(&s->payload);
	record_pack_write_totals(&s->payload,
				 &(struct record_amends){ 1, 7, 1, 2 }, &t);
	assert_int_equal(sample_frame(s, JOURNAL_AMENDMENT), 1);
	assert_json_has(s, "\"write\":{\"count\":17,\"bytes\":35328,"
			   "\"until_ns\":6,\"operations\":[\"open\","
			   "\"write\"]}}}");
}

static void agent_events_carry_their_facts(void **state)
{
	static const struct record_fact facts[] = {
		{ "version", "0.1.0" }, { "a\"[", "{" }, { "z", "" }, { 0 }
	};
	struct sample *s = *state;

	buf_reset(&s->payload);
	record_pack_agent(
		&s->payload,
		&(struct record_agent){ PICKET__V1__AGENT__WHAT__STARTED,
					"picket started", facts },
		(struct record_time){ 1, SAMPLE_WALL_NS });
	assert_int_equal(sample_frame(s, JOURNAL_EVENT), 1);
	assert_json(s, "{\"uid\":\"" UID "1\",\"epoch\":1,\"seq\":1,"
		       "\"time\":\"2026-11-23T21:04:05.678Z\","
		       "\"kind\":\"agent\",\"boot_ns\":1,"
		       "\"agent\":{\"what\":\"started\","
		       "\"text\":\"picket started\",\"facts\":{"
		       "\"version\":\"0.1.0\",\"a\\\"[\":\"{\",\"z\":\"\"}}}");
}

static void gap_that_was_found_is_named_by_both_ends(void **state)
{
	struct sample *s = *state;

	assert_int_equal(sample_take_gap(s), 1);
	assert_json(s, "{\"uid\":\"" UID "120-133\",\"epoch\":1,\"seq\":120,"
		       "\"kind\":\"gap\",\"gap\":{\"first_seq\":120,"
		       "\"last_seq\":133,\"count\":14,\"reason\":\"trimmed\","
		       "\"missing\":true}}");
}

static void line_of_ancestors_that_loops_ends(void **state)
{
	struct sample *s = *state;
	struct event ev = sample_event(EVENT_EXIT);
	struct image a = sample_image(20, 6000, "/bin/a", NULL);
	struct buf out = BUF_INIT(1 << 20);
	int n = 0;

	a.parent = &a;
	a.prev = &a;
	assert_int_equal(sample_describe(s, &a), 0);
	assert_int_equal(sample_take(s, &ev, &a, NULL), 1);
	json_line(&out, s->images, &s->view);
	assert_false(out.failed);
	buf_add_char(&out, '\0');
	for (const char *p = out.p; (p = strstr(p, "{\"pid\"")); p++)
		n++;
	assert_int_equal(n, 1 + 64);
	buf_done(&out);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) \
	cmocka_unit_test_setup_teardown(name, sample_setup, sample_teardown)
		T(write_is_one_object_with_its_process),
		T(connect_exit_and_actor),
		T(bytes_that_are_not_utf8_are_kept_beside),
		T(amendments_name_their_event),
		T(agent_events_carry_their_facts),
		T(gap_that_was_found_is_named_by_both_ends),
		T(line_of_ancestors_that_loops_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
