/* SPDX-License-Identifier: Apache-2.0 */
/* rules: what the policy language means, rule by rule. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "limits.h"
#include "rules/rules.h"

#define DAY_NS ((int64_t)86400 * (int64_t)NS_PER_S)

static struct rule_options options = { .now_wall_ns = 1 };

static struct rule_set *load(const char *text)
{
	struct rule_set *set = NULL;
	struct rule_error err;

	if (rule_set_load_text("t.ini", slice_str(text), &options, &set, &err) <
	    0)
		fail_msg("%s:%u: %s", err.file, err.line, err.what);
	return set;
}

/* A process that a test changes as it needs, and what it does. */
static struct image init, parent, self;
static struct event ev;

static int fresh(void **state)
{
	(void)state;
	init = (struct image){ .id = 1, .proc.tgid = 1 };
	init.exe.path = slice_str("/usr/lib/systemd/systemd");
	init.cgroup = slice_str("/init.scope");
	parent = init;
	parent.id = 2;
	parent.proc.tgid = 50;
	parent.parent = &init;
	parent.exe.path = slice_str("/usr/bin/bash");
	self = parent;
	self.id = 3;
	self.proc.tgid = 60;
	self.parent = &parent;
	self.exe.path = slice_str("/usr/bin/tool");
	ev = (struct event){ .kind = EVENT_WRITE, .write.op = OP_OPEN };
	ev.write.path.path = slice_str("/srv/a/b");
	return 0;
}

/* The name of the rule that decides, or what is said without one. */
static const char *ask(const char *text)
{
	static char name[128];
	struct rule_set *set = load(text);
	struct verdict v = rule_set_match(set, &ev, &self);

	strcpy(name, v.rule ? v.rule : answer_name(v.answer));
	rule_set_free(set);
	return name;
}

#define assert_decides(rule, text) assert_string_equal(ask(text), rule)
#define assert_none(text)	   assert_string_equal(ask(text), "unlisted")

/* ---- answers ------------------------------------------------------------ */

static void deny_beats_ignore_beats_allow(void **state)
{
	(void)state;
	assert_decides("d", "[allow a]\npath = /srv/**\n"
			    "[ignore i]\npath = /srv/a/**\n"
			    "[deny d]\npath = /srv/a/b\n");
	assert_decides("i", "[allow a]\npath = /srv/a/b\n"
			    "[ignore i]\npath = /srv/**\n");
	assert_decides("a", "[allow a]\npath = /srv/**\n");
	assert_none("[allow a]\npath = /srv/b/**\n");
}

static void of_several_denies_the_gravest_is_named(void **state)
{
	struct rule_set *set =
		load("[deny a]\nseverity = low\npath = /srv/**\n"
		     "[deny c]\nseverity = high\ntag = T1\npath = /srv/a/*\n"
		     "[deny b]\nseverity = high\ntag = T2\npath = /srv/a/b\n");
	struct verdict v = rule_set_match(set, &ev, &self);

	(void)state;
	assert_int_equal(v.answer, ANSWER_DENIED);
	assert_int_equal(v.severity, SEVERITY_HIGH);
	assert_string_equal(v.rule, "b");
	assert_string_equal(v.tag, "T2");
	assert_true(v.alert);
	rule_set_free(set);
}

static void an_exception_silences_its_deny_alone(void **state)
{
	static const char text[] =
		"[deny one]\npath = /srv/**\n[deny two]\npath = /srv/a/*\n"
		"[allow x]\npath = /srv/a/**\nexe = /usr/bin/tool\n";
	char more[sizeof(text) + 64];

	(void)state;
	assert_decides("one", text);
	strcat(strcpy(more, text), "excepts = one\n");
	assert_decides("two", more);
	strcat(more, "excepts = two\n");
	assert_decides("x", more);
	/* Only where all of the allow matches. */
	self.exe.path = slice_str("/usr/bin/other");
	assert_decides("one", more);
}

static void unlisted_means_what_the_options_say(void **state)
{
	struct rule_options opt = {
		.now_wall_ns = 1,
		.unlisted = { [EVENT_EXEC] = UNLISTED_ALERT,
			      [EVENT_CONNECT] = UNLISTED_DROP,
			      [EVENT_WRITE] = UNLISTED_RECORD },
	};
	struct rule_set *set;
	struct rule_error err;
	struct verdict v;

	(void)state;
	assert_int_equal(
		rule_set_load_text("t.ini", slice_str(""), &opt, &set, &err),
		0);
	v = rule_set_match(set, &ev, &self);
	assert_int_equal(v.answer, ANSWER_UNLISTED);
	assert_false(v.alert);
	assert_int_equal(v.severity, SEVERITY_NONE);
	ev.kind = EVENT_EXEC;
	v = rule_set_match(set, &ev, &self);
	assert_int_equal(v.answer, ANSWER_UNLISTED);
	assert_true(v.alert);
	assert_int_equal(v.severity, SEVERITY_MEDIUM);
	ev.kind = EVENT_CONNECT;
	v = rule_set_match(set, &ev, &self);
	assert_int_equal(v.answer, ANSWER_IGNORED);
	assert_null(v.rule);
	ev.kind = EVENT_EXIT;
	assert_int_equal(rule_set_match(set, &ev, &self).answer, ANSWER_NONE);
	rule_set_free(set);
}

static void a_rule_ends_with_the_day_it_names(void **state)
{
	static const char text[] = "[deny d]\npath = /srv/**\n"
				   "expires = 2027-01-31\n";
	/* 2027-02-01T00:00:00Z */
	const int64_t end = (int64_t)1801440000 * (int64_t)NS_PER_S;
	struct rule_set *set;
	struct rule_info info;

	(void)state;
	options.now_wall_ns = end - DAY_NS;
	assert_decides("d", text);
	options.now_wall_ns = end;
	assert_none(text);
	/* A set that is in use when the day ends. */
	options.now_wall_ns = end - 1000 * (int64_t)NS_PER_S;
	set = load(text);
	ev.time_ns = clock_boot_ns();
	assert_int_equal(rule_set_match(set, &ev, &self).answer, ANSWER_DENIED);
	ev.time_ns += 1001 * NS_PER_S;
	assert_int_equal(rule_set_match(set, &ev, &self).answer,
			 ANSWER_UNLISTED);
	rule_set_info(set, 0, &info);
	assert_false(info.expired);
	rule_set_free(set);
	options.now_wall_ns = end;
	set = load(text);
	rule_set_info(set, 0, &info);
	assert_true(info.expired);
	rule_set_free(set);
	options.now_wall_ns = 1;
}

static void hits_are_counted_for_the_rule_that_decides(void **state)
{
	struct rule_set *set = load("[deny d]\npath = /srv/a/**\n"
				    "[allow a]\npath = /srv/**\n");
	struct rule_info info;
	int i;

	(void)state;
	ev.time_ns = clock_boot_ns();
	for (i = 0; i < 3; i++)
		(void)rule_set_match(set, &ev, &self);
	rule_set_info(set, 0, &info);
	assert_string_equal(info.name, "d");
	assert_string_equal(info.action, "deny");
	assert_string_equal(info.file, "t.ini");
	assert_int_equal(info.line, 1);
	assert_int_equal(info.hits, 3);
	assert_true(info.last_hit_wall_ns > clock_wall_ns() - DAY_NS &&
		    info.last_hit_wall_ns <= clock_wall_ns() + DAY_NS);
	rule_set_info(set, 1, &info);
	assert_string_equal(info.name, "a");
	assert_int_equal(info.line, 3);
	assert_int_equal(info.hits, 0);
	assert_int_equal(info.last_hit_wall_ns, 0);
	rule_set_free(set);
}

/* ---- sure and possible -------------------------------------------------- */

static void a_rename_is_allowed_by_both_names_and_denied_by_one(void **state)
{
	(void)state;
	ev.write.op = OP_RENAME;
	ev.write.path.path = slice_str("/srv/x");
	ev.write.new_path.path = slice_str("/etc/cron.d/x");
	assert_decides("d", "[deny d]\npath = /etc/cron.d/**\n");
	assert_none("[allow a]\npath = /srv/**\n");
	assert_none("[allow a]\npath = /etc/cron.d/**\n");
	assert_decides("a", "[allow a]\npath = /srv/**\n"
			    "path = /etc/cron.d/**\n");
	assert_decides("d", "[deny d]\nold-path = /srv/**\n");
	assert_none("[deny d]\nold-path = /etc/**\n");
	/* An exclusion of a deny needs both, of an allow one. */
	assert_decides("d", "[deny d]\nop = rename\nnot-path = /srv/**\n");
	assert_none("[allow a]\nop = rename\nnot-path = /etc/**\n");
}

static void a_private_mount_cannot_make_a_program_allowed(void **state)
{
	(void)state;
	ev.kind = EVENT_EXEC;
	self.exe.path = slice_str("/usr/bin/tool");
	self.exe.host_path = slice_str("/home/u/evil");
	assert_none("[allow a]\nexe = /usr/bin/**\n");
	assert_decides("d", "[deny d]\nexe = /home/**\n");
	assert_decides("d", "[deny d]\nexe = /usr/bin/tool\n");
	/* What a rule says of a container it says of the container's files. */
	assert_none("[allow a]\nexe = /usr/bin/**\ncontainer = *\n");
	self.container = slice_str("4f1c0a5d2b3e");
	assert_decides("a", "[allow a]\nexe = /usr/bin/**\n"
			    "container = 4f1c*\n");
}

static void on_the_host_both_names_of_a_file_are_the_hosts(void **state)
{
	static const char text[] = "[allow a]\npath = /srv/**\n";

	(void)state;
	ev.write.path.host_path = slice_str("/data/a/b");
	ev.actor.mnt_ns = 7;
	init.mnt_ns = 8;
	assert_none(text);
	init.mnt_ns = 7;
	assert_decides("a", text);
	assert_decides("a", "[allow a]\npath = /data/**\n");
	/* Who is the first of the line is not known. */
	init.proc.tgid = 2;
	assert_none(text);
	parent.parent = NULL;
	assert_none(text);
}

static void code_on_no_mount_of_the_host_is_never_allowed_by_name(void **state)
{
	(void)state;
	self.exe.path = slice_str("/usr/bin/x");
	self.exe.flags = PATH_F_FOREIGN;
	assert_none("[allow a]\nexe = /usr/bin/x\n");
	assert_none("[allow a]\nevent = write\nnot-exe = /sbin/**\n");
	assert_decides("d", "[deny d]\nexe = /usr/bin/x\n");
	/* A container's files are what its rules speak of. */
	self.container = slice_str("4f1c0a5d2b3e");
	assert_decides("a", "[allow a]\nexe = /usr/bin/x\n"
			    "container = 4f1c*\n");
	/* What is written there harms nobody else. */
	self.exe.flags = 0;
	ev.write.path.flags = PATH_F_FOREIGN;
	assert_decides("a", "[allow a]\npath = /**\n");
}

/* A bind mount in a namespace of its own, gone with it before anyone looks. */
static void a_claimed_name_on_no_mount_of_the_host_is_never_allowed(
	void **state)
{
	(void)state;
	ev.write.path.flags = PATH_F_CLAIMED;
	assert_decides("a", "[allow a]\npath = /**\n");
	ev.write.path.flags |= PATH_F_FOREIGN;
	assert_none("[allow a]\npath = /**\n");
	assert_none("[allow a]\nevent = write\nnot-path = /sbin/**\n");
	assert_decides("d", "[deny d]\npath = /**\n");
	ev.write.path.host_path = slice_str("/etc/x");
	assert_none("[allow a]\npath = /**\n");
	assert_decides("d", "[deny d]\npath = /etc/x\n");
	self.container = slice_str("4f1c0a5d2b3e");
	assert_decides("a", "[allow a]\npath = /**\ncontainer = 4f1c*\n");
}

static void a_cut_path_is_never_allowed_and_denied_by_its_end(void **state)
{
	(void)state;
	ev.write.path.path = slice_str("v/a/.ssh/authorized_keys");
	ev.write.path.flags = PATH_F_TRUNCATED;
	assert_none("[allow a]\npath = /**\n");
	assert_none("[allow a]\nevent = write\nnot-path = /etc/**\n");
	assert_decides("d", "[deny d]\npath = /**/.ssh/authorized_keys\n");
	assert_none("[deny d]\npath = /v/**\n");
	assert_decides("d", "[deny d]\nevent = write\nnot-path = /a/**\n");
	ev.write.path.flags = PATH_F_UNRESOLVED;
	assert_none("[allow a]\npath = /**\n");
}

/* runc, by a mount of its own file that is detached before it runs. */
static void a_file_on_no_mount_is_known_by_the_hosts_name(void **state)
{
	static const char text[] = "[allow a]\nexe = /usr/sbin/runc\n";

	(void)state;
	self.exe.path = slice_str("/");
	self.exe.flags = PATH_F_UNRESOLVED;
	assert_none(text);
	self.exe.fs_path = slice_str("/usr/sbin/runc");
	assert_none(text);
	self.exe.host_path = self.exe.fs_path;
	assert_decides("a", text);
	assert_decides("a",
		       "[allow a]\nevent = write\nnot-exe = /usr/bin/**\n");
	assert_none("[allow a]\nexe = /\n");
	/* Its front was cut, or it is the name of one without a place. */
	self.exe.flags = PATH_F_UNRESOLVED | PATH_F_TRUNCATED;
	assert_none(text);
	self.exe.flags = PATH_F_UNRESOLVED;
	self.exe.path = self.exe.fs_path = slice_str("/runc");
	assert_none(text);
}

static void an_unknown_process_is_never_allowed_by_its_program(void **state)
{
	(void)state;
	self = (struct image){ .id = 9, .flags = IMAGE_F_UNKNOWN };
	assert_none("[allow a]\nexe = /**\n");
	assert_none("[allow a]\nnot-exe = /tmp/**\n");
	assert_none("[allow a]\nnot-unit = x\n");
	assert_none("[deny d]\nexe = /**\n");
	assert_decides("d", "[deny d]\nevent = write\nnot-exe = /usr/**\n");
	/* What the record itself tells is known all the same. */
	ev.actor.euid = 33;
	assert_decides("a", "[allow a]\npath = /srv/**\nuser = 33\n");
}

static void ancestors_go_back_through_execs_and_forks(void **state)
{
	struct image earlier = parent;

	(void)state;
	earlier.id = 4;
	earlier.exe.path = slice_str("/usr/bin/wrapper");
	self.prev = &earlier;
	assert_decides("a", "[allow a]\nancestor = /usr/bin/wrapper\n");
	assert_none("[allow a]\nparent = /usr/bin/wrapper\n");
	assert_decides("a", "[allow a]\nparent = /usr/bin/bash\n");
	assert_decides("a", "[allow a]\nancestor = /usr/lib/systemd/*\n");
	assert_none("[allow a]\nancestor = /usr/bin/tool\n");
	assert_none("[allow a]\nnot-ancestor = /usr/bin/wrapper\n");
	assert_decides("a", "[allow a]\nnot-ancestor = /usr/bin/zsh\n");
	/* A line whose beginning nobody saw may hold anyone. */
	earlier.parent = NULL;
	assert_none("[allow a]\nnot-ancestor = /usr/bin/zsh\n");
	assert_decides("d", "[deny d]\nnot-ancestor = /usr/bin/zsh\n");
}

static void one_ancestor_must_be_all_that_is_asked(void **state)
{
	(void)state;
	parent.exe.path = slice_str("/usr/bin/python3");
	parent.args = slice_of("python3\0x\0", 10);
	init.args = slice_of("init\0y\0", 7);
	assert_decides("a", "[allow a]\nancestor = /usr/bin/python3\n"
			    "ancestor-args = x\n");
	assert_none("[allow a]\nancestor = /usr/bin/python3\n"
		    "ancestor-args = y\n");
}

static void expect_of(struct rule_set *set, enum answer answer)
{
	assert_int_equal(rule_set_match(set, &ev, &self).answer, answer);
	/* And what is remembered of it is the same. */
	assert_int_equal(rule_set_match(set, &ev, &self).answer, answer);
}

static void an_ancestor_that_is_another_one_is_asked_anew(void **state)
{
	static const char *const texts[] = {
		"[allow a]\nancestor = /a/b\n",
		"[allow a]\npath = /srv/**\nancestor = /a/b\n",
		"[allow a]\nexe = /usr/bin/tool\nancestor = /a/b\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct rule_set *set = load(texts[i]), *next;

		(void)fresh(state);
		init.flags = IMAGE_F_UNKNOWN;
		init.exe.path = slice_of(NULL, 0);
		expect_of(set, ANSWER_UNLISTED);
		/* It becomes known where it stands. */
		init.id = 20;
		init.flags = 0;
		init.exe.path = slice_str("/a/b");
		expect_of(set, ANSWER_ALLOWED);
		/* It executes. */
		init.id = 21;
		init.exe.path = slice_str("/a/c");
		expect_of(set, ANSWER_UNLISTED);
		/* The next set asks otherwise. */
		next = load("[allow a]\nancestor = /a/c\n");
		expect_of(next, ANSWER_ALLOWED);
		expect_of(set, ANSWER_UNLISTED);
		rule_set_free(next);
		rule_set_free(set);
	}
}

/* More rules than there are places to remember their answers in. */
static void an_ancestor_is_asked_by_each_of_many_rules(void **state)
{
	struct buf text = BUF_INIT(1u << 20);
	struct rule_set *set;

	(void)state;
	for (int i = 0; i < 1200; i++)
		buf_addf(&text,
			 "[allow r%04d]\nexe = /usr/bin/tool\n"
			 "ancestor-args = arg%d\n",
			 i, i);
	buf_add_char(&text, '\0');
	set = load(text.p);
	parent.args = slice_of("arg1100", 8);
	expect_of(set, ANSWER_ALLOWED);
	parent.id = 20;
	parent.args = slice_of("arg1200", 8);
	expect_of(set, ANSWER_UNLISTED);
	rule_set_free(set);
	buf_done(&text);
}

/* Whether that name counts is up to who is first in the line that asks. */
static void an_ancestor_has_a_name_of_its_mounts_in_one_line_only(void **state)
{
	struct rule_set *set = load("[allow a]\nancestor = /a/b\n");
	struct image other;

	(void)state;
	parent.exe.path = slice_str("/a/b");
	parent.exe.host_path = slice_str("/c/d");
	parent.mnt_ns = init.mnt_ns = 7;
	expect_of(set, ANSWER_ALLOWED);
	other = init;
	other.id = 30;
	other.mnt_ns = 8;
	parent.parent = &other;
	expect_of(set, ANSWER_UNLISTED);
	parent.parent = &init;
	expect_of(set, ANSWER_ALLOWED);
	rule_set_free(set);
}

static void a_line_of_ancestors_is_looked_at_so_far(void **state)
{
	static struct image line[PICKET_ANCESTORS_MAX + 1];
	size_t i;

	(void)state;
	for (i = 0; i <= PICKET_ANCESTORS_MAX; i++) {
		line[i] = parent;
		line[i].id = 10 + i;
		line[i].parent = i < PICKET_ANCESTORS_MAX ? &line[i + 1] : NULL;
	}
	self.parent = &line[0];
	line[PICKET_ANCESTORS_MAX - 1].exe.path = slice_str("/a/last");
	line[PICKET_ANCESTORS_MAX].exe.path = slice_str("/a/beyond");
	assert_decides("a", "[allow a]\nancestor = /a/last\n");
	assert_none("[allow a]\nancestor = /a/beyond\n");
	/* Also when it is found by something else. */
	assert_decides("a", "[allow a]\npath = /srv/a/b\n"
			    "ancestor = /a/last\n");
	assert_none("[allow a]\npath = /srv/a/b\nancestor = /a/beyond\n");
	assert_none("[allow a]\nancestor = /a/*\nancestor-unit = x\n");
	assert_none("[allow a]\nnot-ancestor = /b\n");
}

/* ---- conditions --------------------------------------------------------- */

static void an_argument_fits_as_a_whole(void **state)
{
	(void)state;
	self.args = slice_of("tool\0--to\0/srv/x y\0", 19);
	assert_decides("a", "[allow a]\nargs = --to\n");
	assert_decides("a", "[allow a]\nargs = /srv/x y\n");
	assert_decides("a", "[allow a]\nargs = *x*\n");
	assert_decides("a", "[allow a]\nargs = tool\n");
	assert_none("[allow a]\nargs = --t\n");
	assert_none("[allow a]\nargs = --to /srv/x y\n");
	assert_none("[allow a]\nargs = y\n");
	assert_none("[allow a]\nnot-args = --to\n");
	/* What was cut off may have been anything. */
	assert_decides("a", "[allow a]\nnot-args = --evil\n");
	self.flags |= IMAGE_F_ARGS_TRUNCATED;
	assert_none("[allow a]\nnot-args = --evil\n");
	assert_none("[allow a]\nargs = /srv/*\n");
	assert_decides("a", "[allow a]\nargs = --to\n");
	assert_decides("d", "[deny d]\nargs = /srv/*\n");
}

static void set_destination(const char *addr, uint16_t port, uint16_t proto)
{
	ev = (struct event){ .kind = EVENT_CONNECT };
	ev.connect.peer.addr.family = strchr(addr, ':') ? AF_INET6 : AF_INET;
	assert_int_equal(inet_pton(ev.connect.peer.addr.family, addr,
				   ev.connect.peer.addr.bytes),
			 1);
	ev.connect.peer.port = port;
	ev.connect.peer.protocol = proto;
}

static void destinations_are_ranges_of_addresses_and_ports(void **state)
{
	(void)state;
	set_destination("10.20.30.40", 8085, IPPROTO_TCP);
	assert_decides("a", "[allow a]\ndest = 10.20.0.0/16\n"
			    "port = 8080-8089\nproto = tcp\n");
	assert_none("[allow a]\ndest = 10.21.0.0/16\n");
	assert_none("[allow a]\ndest = 10.20.0.0/16\nport = 8086-8089\n");
	assert_none("[allow a]\nport = 8085\nproto = udp\n");
	assert_decides("a", "[allow a]\ndest = ::ffff:10.20.30.40\n");
	assert_none("[allow a]\ndest = ::/0\n");
	assert_none("[allow a]\ndest = 0.0.0.0/0\nnot-dest = 10.0.0.0/8\n");
	set_destination("2001:db8::7", 53, IPPROTO_UDP);
	assert_decides("a", "[allow a]\ndest = 2001:db8::/64\nproto = 17\n");
	assert_none("[allow a]\ndest = 2001:db8:1::/48\n");
	assert_none("[allow a]\ndest = 0.0.0.0/0\n");
	/* Multipath TCP is TCP. */
	set_destination("10.0.0.1", 80, 262);
	assert_decides("d", "[deny d]\nproto = tcp\n");
}

static void descriptors_terminal_and_origin_are_asked(void **state)
{
	(void)state;
	ev.kind = EVENT_EXEC;
	self.stdio[0].kind = STDIO_SOCKET;
	self.stdio[1].kind = STDIO_PIPE;
	assert_decides("d", "[deny d]\nstdin = socket\nstdout = pipe\n");
	assert_none("[deny d]\nstdout = socket\n");
	assert_decides("d", "[deny d]\nstdio = pipe\n");
	assert_decides("d", "[deny d]\nstdio = pipe\ntty = no\n");
	assert_none("[deny d]\ntty = yes\n");
	self.tty = 0x8800001;
	assert_decides("d", "[deny d]\ntty = yes\n");
	self.exe_file.known = true;
	self.exe_file.nlink = 1;
	assert_none("[deny d]\norigin = memfd\norigin = deleted\n");
	self.exe.flags = PATH_F_DELETED;
	assert_decides("d", "[deny d]\norigin = deleted\n");
	self.exe_file.memfd = true;
	assert_none("[deny d]\norigin = deleted\n");
	assert_decides("d", "[deny d]\norigin = memfd\n");
	/* Its name is whole, though there is no directory to resolve it to. */
	self.exe.path = slice_str("/memfd:a/b");
	self.exe.flags = PATH_F_UNRESOLVED | PATH_F_DELETED;
	assert_decides("a", "[allow a]\nexe = /memfd:a/b\n");
	assert_none("[allow a]\nexe = /a/**\n");
	self.exe_file.memfd = false;
	assert_none("[allow a]\nexe = /memfd:a/b\n");
}

static void users_are_as_of_the_act(void **state)
{
	(void)state;
	self.euid = 1000;
	ev.actor.euid = 0;
	assert_decides("a", "[allow a]\nuser = root\npath = /srv/**\n");
	assert_none("[allow a]\nuser = 1000\n");
	ev.actor.gid = 0;
	assert_decides("a", "[allow a]\ngroup = root\n");
	parent.euid = 1000;
	assert_decides("a", "[allow a]\nparent-user = 1000\n");
	ev.actor.none = true;
	assert_none("[allow a]\nuser = root\n");
}

static void a_rule_without_event_is_about_all_that_fit_it(void **state)
{
	static const char text[] = "[allow a]\nexe = /usr/bin/tool\n";

	(void)state;
	assert_decides("a", text);
	ev.kind = EVENT_EXEC;
	assert_decides("a", text);
	set_destination("10.0.0.1", 1, 6);
	assert_decides("a", text);
	assert_none("[allow a]\nexe = /usr/bin/tool\nevent = exec\n"
		    "event = write\n");
}

/* Rules that one program brings up are remembered; here are too many. */
static void a_program_with_many_rules_is_judged_by_all_each_time(void **state)
{
	struct buf text = BUF_INIT(1u << 16);
	struct rule_set *set;
	struct verdict v;
	char path[32], want[32];
	int i, round;

	(void)state;
	for (i = 0; i < 20; i++)
		buf_addf(&text,
			 "[deny r%d]\nexe = /usr/bin/tool\n"
			 "path = /srv/%d/**\npath = /**/x%d-*y\n",
			 i, i, i);
	/* Their paths are no better to find them by than the program. */
	for (i = 20; i < 60; i++)
		buf_addf(&text, "[deny s%d]\nexe = /usr/bin/o%d\npath = /**\n",
			 i, i);
	buf_add_char(&text, '\0');
	set = load(text.p);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 20; i++) {
			(void)snprintf(path, sizeof(path), "/a/x%d-y", i);
			(void)snprintf(want, sizeof(want), "r%d", i);
			ev.write.path.path = slice_str(path);
			v = rule_set_match(set, &ev, &self);
			assert_string_equal(v.rule, want);
		}
	}
	rule_set_free(set);
	buf_done(&text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, fresh)
	const struct CMUnitTest tests[] = {
		TEST(deny_beats_ignore_beats_allow),
		TEST(of_several_denies_the_gravest_is_named),
		TEST(an_exception_silences_its_deny_alone),
		TEST(unlisted_means_what_the_options_say),
		TEST(a_rule_ends_with_the_day_it_names),
		TEST(hits_are_counted_for_the_rule_that_decides),
		TEST(a_rename_is_allowed_by_both_names_and_denied_by_one),
		TEST(a_private_mount_cannot_make_a_program_allowed),
		TEST(on_the_host_both_names_of_a_file_are_the_hosts),
		TEST(code_on_no_mount_of_the_host_is_never_allowed_by_name),
		TEST(a_claimed_name_on_no_mount_of_the_host_is_never_allowed),
		TEST(a_cut_path_is_never_allowed_and_denied_by_its_end),
		TEST(a_file_on_no_mount_is_known_by_the_hosts_name),
		TEST(an_unknown_process_is_never_allowed_by_its_program),
		TEST(ancestors_go_back_through_execs_and_forks),
		TEST(one_ancestor_must_be_all_that_is_asked),
		TEST(an_ancestor_that_is_another_one_is_asked_anew),
		TEST(an_ancestor_is_asked_by_each_of_many_rules),
		TEST(an_ancestor_has_a_name_of_its_mounts_in_one_line_only),
		TEST(a_line_of_ancestors_is_looked_at_so_far),
		TEST(an_argument_fits_as_a_whole),
		TEST(destinations_are_ranges_of_addresses_and_ports),
		TEST(descriptors_terminal_and_origin_are_asked),
		TEST(users_are_as_of_the_act),
		TEST(a_rule_without_event_is_about_all_that_fit_it),
		TEST(a_program_with_many_rules_is_judged_by_all_each_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
