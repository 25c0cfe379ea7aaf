// SPDX-License-Identifier: Apache-2.0
/* Rules about listening sockets, loaded code and interference. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rules/rules.h"

static struct image init = { .id = 1, .proc.tgid = 1 };
static struct image self = { .id = 2, .proc.tgid = 60, .parent = &init };
static struct event ev;

static const char *ask(const char *text)
{
	struct rule_options options = { .now_wall_ns = 1 };
	static char name[64];
	struct rule_set *set = NULL;
	struct rule_error err;
	struct verdict v;

	if (rule_set_load_text("t.ini", slice_str(text), &options, &set, &err) <
	    0)
		fail_msg("%s:%u: %s", err.file, err.line, err.what);
	v = rule_set_match(set, &ev, &self);
	name[0] = '\0';
	if (v.rule)
		(void)snprintf(name, sizeof(name), "%s", v.rule);
	rule_set_free(set);
	return name;
}

#define assert_decides(text) assert_string_equal(ask(text), "r")
#define assert_none(text)    assert_string_equal(ask(text), "")

static void refused(const char *text, const char *want)
{
	struct rule_options options = { .now_wall_ns = 1 };
	struct rule_set *set = NULL;
	struct rule_error err;

	assert_int_equal(rule_set_load_text("t.ini", slice_str(text), &options,
					    &set, &err),
			 -EINVAL);
	assert_non_null(strstr(err.what, want));
}

static int fresh(void **state)
{
	(void)state;
	init.exe.path = slice_str("/usr/lib/systemd/systemd");
	self.exe.path = slice_str("/usr/bin/nc");
	return 0;
}

static void listening_is_judged_by_address_and_port(void **state)
{
	(void)state;
	ev = (struct event){ .kind = EVENT_LISTEN };
	ev.listen.local = (struct endpoint){ .port = 4444,
					     .protocol = IPPROTO_TCP,
					     .addr.family = AF_INET };
	assert_decides("[deny r]\nevent = listen\n");
	assert_decides("[deny r]\nport = 4000-5000\n");
	assert_none("[deny r]\nport = 80\n");
	assert_decides("[deny r]\naddress = 0.0.0.0\nproto = tcp\n");
	assert_none("[allow r]\naddress = 127.0.0.0/8\n");
	assert_none("[deny r]\nevent = connect\nport = 4444\n");
	assert_none("[deny r]\ndest = 0.0.0.0/0\n");
	assert_none("[deny r]\nsocket = *\n");
	assert_decides("[deny r]\nevent = listen\nexe = /usr/bin/nc\n");
	refused("[deny r]\nevent = write\naddress = ::\n", "never true");
}

static void unix_sockets_are_judged_by_their_name(void **state)
{
	(void)state;
	ev = (struct event){ .kind = EVENT_CONNECT };
	ev.connect.peer = (struct endpoint){
		.family = AF_UNIX,
		.unix_path = slice_str("/run/docker.sock"),
	};
	assert_decides("[deny r]\nsocket = /run/docker.sock\n");
	assert_decides("[deny r]\nsocket = /run/*\n");
	assert_none("[deny r]\nsocket = @*\n");
	/* It has neither address nor port: none fits, and any not- does. */
	assert_none("[deny r]\nport = 0\n");
	assert_none("[deny r]\ndest = 0.0.0.0/0\n");
	assert_none("[deny r]\nproto = tcp\n");
	assert_decides("[allow r]\nevent = connect\nnot-dest = 10.0.0.0/8\n");
	ev.connect.peer.unix_path = slice_of("\0bus", 4);
	assert_decides("[allow r]\nsocket = @bus\n");
	assert_none("[allow r]\nsocket = /run/docker.sock\n");
}

static void loads_are_judged_by_file_kind_and_name(void **state)
{
	(void)state;
	ev = (struct event){ .kind = EVENT_LOAD, .load.op = LOAD_MMAP };
	ev.load.path.path = slice_str("/tmp/x.so");
	assert_decides("[deny r]\nloaded = /tmp/**\n");
	assert_decides("[deny r]\nload = library\n");
	assert_none("[deny r]\nload = module\nload = bpf\n");
	assert_none("[deny r]\nloaded = /usr/**\n");
	assert_none("[deny r]\nevent = write\npath = /tmp/**\n");
	ev = (struct event){ .kind = EVENT_LOAD, .load.op = LOAD_MODULE };
	ev.load.name = slice_str("diamorphine");
	assert_decides("[deny r]\nload = module\nname = dia*\n");
	assert_none("[deny r]\nname = nf_*\n");
	/* Whose file is not known: a deny does not fit, an allow neither. */
	assert_none("[deny r]\nloaded = /**\n");
	refused("[deny r]\nload = shared\n", "not one of library");
	refused("[deny r]\nloaded = tmp/x\n", "");
}

static void interference_is_judged_by_target(void **state)
{
	struct image target = init;

	(void)state;
	target.exe.path = slice_str("/usr/sbin/sshd");
	ev = (struct event){ .kind = EVENT_TAMPER, .tamper.op = TAMPER_PTRACE };
	ev.tamper.target = (struct proc_key){ 5, 60 };
	ev.tamper.target_img = &target;
	assert_decides("[deny r]\ntamper = ptrace\ntarget = /usr/sbin/sshd\n");
	assert_none("[deny r]\ntamper = signal\n");
	assert_none("[deny r]\ntarget = /usr/bin/*\n");
	assert_none("[deny r]\nof-picket = yes\n");
	assert_decides("[allow r]\ntamper = ptrace\nof-picket = no\n");
	ev.tamper.of_picket = true;
	assert_decides("[deny r]\nof-picket = yes\n");
	/* A target that was never seen fails an allow either way round. */
	ev.tamper.target_img = NULL;
	assert_none("[allow r]\ntarget = /usr/sbin/sshd\n");
	assert_none("[allow r]\ntamper = ptrace\nnot-target = /bin/x\n");
	refused("[deny r]\ntamper = kill\n", "not one of signal");
}

static void rules_of_processes_speak_of_every_kind(void **state)
{
	static const enum event_kind kinds[] = { EVENT_EXEC,  EVENT_CONNECT,
						 EVENT_WRITE, EVENT_LISTEN,
						 EVENT_LOAD,  EVENT_TAMPER };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		ev = (struct event){ .kind = kinds[i] };
		assert_decides("[deny r]\nexe = /usr/bin/nc\n");
		assert_none("[deny r]\nexe = /usr/bin/other\n");
	}
	ev = (struct event){ .kind = EVENT_EXIT };
	assert_none("[deny r]\nexe = /usr/bin/nc\n");
}

static const char *decides(const char *text, const struct event *event,
			   const struct image *img)
{
	static const struct rule_options none = { .now_wall_ns = 1 };
	static char name[32];
	struct rule_set *set = NULL;
	struct rule_error err;
	struct verdict v;

	if (rule_set_load_text("kinds.ini", slice_str(text), &none, &set,
			       &err) < 0)
		fail_msg("%u: %s", err.line, err.what);
	v = rule_set_match(set, event, img);
	(void)snprintf(name, sizeof(name), "%s", v.rule ? v.rule : "none");
	rule_set_free(set);
	return name;
}

static void what_a_runtime_did_not_tell_fits_no_allow(void **state)
{
	const struct event exec = { .kind = EVENT_EXEC };
	struct image img = {
		.id = 1,
		.exe.path = slice_str("/bin/x"),
		.cgroup = slice_str("/a"),
		.container = slice_str("c"),
	};
	static const char allow[] = "[allow a]\nnot-pod = web-*\n";
	static const char named[] = "[allow a]\nimage = */nginx:*\n"
				    "namespace = prod\n";
	static const char deny[] = "[deny a]\nnot-pod = web-*\n";

	(void)state;
	/* Not known. */
	assert_string_equal(decides(allow, &exec, &img), "none");
	assert_string_equal(decides(deny, &exec, &img), "a");
	assert_string_equal(decides(named, &exec, &img), "none");
	/* Known to be of no pod. */
	img.container_known = true;
	assert_string_equal(decides(allow, &exec, &img), "a");
	img.pod = slice_str("web-1");
	assert_string_equal(decides(allow, &exec, &img), "none");
	img.container_image = slice_str("docker.io/library/nginx:1");
	img.pod_namespace = slice_str("prod");
	assert_string_equal(decides(named, &exec, &img), "a");
	/* Of no container at all. */
	img = (struct image){ .id = 2, .cgroup = slice_str("/a") };
	assert_string_equal(decides(named, &exec, &img), "none");
	assert_string_equal(decides(allow, &exec, &img), "a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listening_is_judged_by_address_and_port),
		cmocka_unit_test(unix_sockets_are_judged_by_their_name),
		cmocka_unit_test(loads_are_judged_by_file_kind_and_name),
		cmocka_unit_test(interference_is_judged_by_target),
		cmocka_unit_test(rules_of_processes_speak_of_every_kind),
		cmocka_unit_test(what_a_runtime_did_not_tell_fits_no_allow),
	};

	return cmocka_run_group_tests(tests, fresh, NULL);
}
