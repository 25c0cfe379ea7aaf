/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/learn: what is learned is allowed, whatever its names are made of. */
#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "cmd/learn.h"
#include "rules/lint.h"
#include "rules/rules.h"
#include "seed.h"

#define EVENTS 300
#define NAME   96

static const struct rule_options options = {
	.now_wall_ns = 1795000000000000000,
};

static uint64_t seed;

/* ---- events that are made up -------------------------------------------- */

struct scene {
	struct event ev;
	struct image init, parent, img, target;
	char exe[NAME], path[NAME], other[NAME], script[NAME], unit[NAME];
	char starter[NAME], image[NAME], namespace[NAME];
	bool learned;
};

static struct scene scenes[EVENTS];

static void add_bytes(char *to, unsigned n)
{
	static const char bytes[] =
		"aZ09.-_ *?[]\\\n\t\r;#=\"'\x01\x7f\xff\xc3\xa4 ;";
	size_t at = strlen(to);

	while (n--)
		to[at++] = bytes[chance(&seed, sizeof(bytes) - 1)];
	to[at] = '\0';
}

/* "x" in front: never "." or ".." alone; nothing of it is on this host. */
static void make_name(char *to)
{
	static const char *const dirs[] = { "/nowhere/", "/nowhere/v1.2.3/",
					    "/tmp/", "/nowhere/*/" };

	(void)strcpy(to, dirs[chance(&seed, 4)]);
	for (unsigned parts = 1 + chance(&seed, 2); parts; parts--) {
		(void)strcat(to, "x");
		add_bytes(to, chance(&seed, 12));
		if (parts > 1)
			(void)strcat(to, "/");
	}
}

static struct file_path path_of(const char *name)
{
	return (struct file_path){ .path = slice_str(name) };
}

static void make_end(struct endpoint *e, struct scene *s)
{
	if (!chance(&seed, 4)) {
		e->family = AF_UNIX;
		e->unix_path = slice_str(s->other);
		if (!chance(&seed, 2))
			s->other[0] = '\0', e->unix_path.n = NAME - 1,
			e->unix_path.n = 1 + strlen(s->other + 1);
		return;
	}
	e->addr.family = chance(&seed, 3) ? AF_INET : AF_INET6;
	e->addr.bytes[0] = chance(&seed, 2) ? 127 : 10;
	e->addr.bytes[e->addr.family == AF_INET ? 3 : 15] =
		(uint8_t)chance(&seed, 20);
	e->family = e->addr.family;
	e->protocol = chance(&seed, 2) ? IPPROTO_TCP : IPPROTO_UDP;
	e->port = (uint16_t)(chance(&seed, 2) ? chance(&seed, 65536)
					      : 1 + chance(&seed, 3));
}

static void make_event(struct scene *s)
{
	static const enum event_kind kinds[] = {
		EVENT_EXEC,   EVENT_WRITE, EVENT_CONNECT,
		EVENT_LISTEN, EVENT_LOAD,  EVENT_TAMPER,
	};
	struct event *ev = &s->ev;

	ev->kind = kinds[chance(&seed, sizeof(kinds) / sizeof(*kinds))];
	ev->time_ns = 1;
	ev->actor.mnt_ns = 1;
	ev->actor.euid = chance(&seed, 3);
	ev->actor.none = !chance(&seed, 50);
	switch (ev->kind) {
	case EVENT_WRITE:
		ev->write.op = (enum write_op)(1 + chance(&seed, OP_COUNT - 1));
		ev->write.path = path_of(s->path);
		if (ev->write.op == OP_RENAME || ev->write.op == OP_LINK)
			ev->write.new_path = path_of(s->other);
		break;
	case EVENT_CONNECT:
		make_end(&ev->connect.peer, s);
		break;
	case EVENT_LISTEN:
		make_end(&ev->listen.local, s);
		break;
	case EVENT_LOAD:
		ev->load.op = chance(&seed, 2) ? LOAD_MMAP : LOAD_MODULE;
		if (ev->load.op == LOAD_MMAP || chance(&seed, 2))
			ev->load.path = path_of(s->path);
		ev->load.name = slice_str(s->other);
		break;
	case EVENT_TAMPER:
		ev->tamper.op = TAMPER_PTRACE;
		ev->tamper.target = (struct proc_key){ 5, 5 };
		ev->tamper.target_img = &s->target;
		break;
	default:
		break;
	}
}

static void make_scene(struct scene *s, uint64_t id)
{
	*s = (struct scene){ 0 };
	make_name(s->exe);
	make_name(s->path);
	make_name(s->other);
	make_name(s->script);
	if (chance(&seed, 2))
		(void)strcpy(s->unit, "unit-"),
			add_bytes(s->unit, chance(&seed, 9));
	if (chance(&seed, 2))
		(void)strcat(s->unit, chance(&seed, 2) ? ".service" : ".scope");
	make_name(s->starter);
	if (!chance(&seed, 3))
		(void)strcpy(s->starter, "/nowhere/x");
	if (chance(&seed, 2))
		(void)strcpy(s->image, "img-"),
			add_bytes(s->image, chance(&seed, 9));
	if (s->image[0] && chance(&seed, 2))
		add_bytes(s->namespace, 1 + chance(&seed, 9));
	s->init = (struct image){ .proc.tgid = 1, .mnt_ns = 1 };
	s->target = (struct image){ .id = 3000 + id, .exe = path_of(s->path) };
	s->img = (struct image){
		.id = id,
		.proc = { id, (uint32_t)id + 1 },
		.parent = chance(&seed, 9) ? &s->parent : NULL,
		.exe = path_of(s->exe),
		.exe_file = { .known = true, .nlink = 1, .mode = 0755 },
		.mnt_ns = 1,
		.cgroup = slice_str("/a"),
		.unit = slice_str(s->unit),
		.container = slice_str(chance(&seed, 4) ? "" : "0123456789ab"),
	};
	if (s->img.container.n) {
		s->img.container_known = s->image[0];
		s->img.container_image = slice_str(s->image);
		s->img.pod_namespace = slice_str(s->namespace);
	}
	s->parent = (struct image){
		.id = 5000 + id,
		.proc = { 7000 + id, 7 },
		.parent = &s->init,
		.exe = path_of(s->starter),
		.flags = chance(&seed, 9) ? 0 : IMAGE_F_UNKNOWN,
		.mnt_ns = 1,
	};
	if (!chance(&seed, 9))
		s->parent.exe.flags = PATH_F_TRUNCATED;
	if (!chance(&seed, 8))
		s->img.exe_file.mode |= S_IWOTH;
	if (!chance(&seed, 4)) {
		s->img.script = slice_str(s->script);
		s->img.flags |= IMAGE_F_SCRIPT;
	}
	make_event(s);
}

/* ---- learning ----------------------------------------------------------- */

static struct rule_set *load(struct slice text)
{
	struct rule_error err;
	struct rule_set *set;
	int r = rule_set_load_text("p.ini", text, &options, &set, &err);

	if (r < 0)
		print_message("%.*s\nline %u: %s\n", (int)text.n, text.p,
			      err.line, err.what);
	assert_int_equal(r, 0);
	return set;
}

static struct learn *learn_all(struct rule_set *base, unsigned n)
{
	const struct learn_settings s = { .base = base, .owner = "me" };
	struct learn *l;
	struct view v = { .epoch = 1, .wall_ns = 5 };
	uint64_t before;

	assert_int_equal(learn_new(&s, &l), 0);
	for (unsigned i = 0; i < n; i++) {
		v.seq = i + 1;
		before = learn_counts(l)->learned;
		assert_int_equal(
			learn_take(l, &v, &scenes[i].ev, &scenes[i].img), 0);
		scenes[i].learned = learn_counts(l)->learned > before;
	}
	assert_int_equal(learn_finish(l), 0);
	return l;
}

static int no_writable(void *arg, const struct lint *found)
{
	(void)arg;
	if (found->kind == LINT_WRITABLE || found->kind == LINT_OWNER)
		fail_msg("rule '%s' %s", found->rule, found->what);
	return 0;
}

static void what_is_learned_is_allowed_whatever_its_names_are(void **state)
{
	const struct lint_options lint = { .now_wall_ns = 1 };
	unsigned learned = 0;
	bool all;

	(void)state;
	seed = any_seed();
	for (unsigned round = 0; round < 60; round++) {
		cleanup_buf struct buf text = BUF_INIT(8u << 20);
		struct rule_set *base = load(slice_str("")), *set;
		unsigned n = 1 + chance(&seed, EVENTS);
		struct learn *l;

		for (unsigned i = 0; i < n; i++)
			make_scene(&scenes[i], i + 1);
		l = learn_all(base, n);
		learn_text(l, &text);
		learn_refusals(l, &text);
		set = load(buf_slice(&text));
		for (unsigned i = 0; i < n; i++) {
			struct verdict is = rule_set_match(set, &scenes[i].ev,
							   &scenes[i].img);

			learned += scenes[i].learned;
			if (scenes[i].learned && is.answer != ANSWER_ALLOWED)
				fail_msg(
					"event %u: %d of '%s', '%s', '%s': %s\n%.*s",
					i + 1, (int)scenes[i].ev.kind,
					scenes[i].exe, scenes[i].path,
					scenes[i].other, answer_name(is.answer),
					(int)text.n, text.p);
		}
		assert_int_equal(
			rule_set_lint(set, &lint, no_writable, NULL, &all), 0);
		rule_set_free(set);
		learn_free(l);
		rule_set_free(base);
	}
	assert_true(learned > 1000);
}

/* ---- what must not be learned ------------------------------------------- */

static void refuses_scene(const char *why)
{
	cleanup_buf struct buf text = BUF_INIT(1u << 16);
	struct rule_set *base = load(slice_str(""));
	struct learn *l;

	l = learn_all(base, 1);
	assert_int_equal(learn_counts(l)->refused, 1);
	assert_int_equal(learn_rules(l), 0);
	learn_refusals(l, &text);
	buf_add_char(&text, '\0');
	if (!strstr(text.p, why))
		fail_msg("'%s' is not in %s", why, text.p);
	learn_free(l);
	rule_set_free(base);
}

static void refuses(struct image img, const char *why)
{
	scenes[0] = (struct scene){ .ev.kind = EVENT_EXEC, .img = img };
	refuses_scene(why);
}

static void a_claimed_name_on_no_mount_of_the_host_is_refused(void **state)
{
	struct file_path claimed = path_of("/srv/a");

	(void)state;
	claimed.flags = PATH_F_CLAIMED | PATH_F_FOREIGN;
	scenes[0] = (struct scene){
		.ev = { .kind = EVENT_WRITE,
			.write = { .op = OP_UNLINK, .path = claimed } },
		.img = { .id = 1, .exe = path_of("/nowhere/a") },
	};
	refuses_scene("leads to no mount of the host");
}

static void what_anybody_may_replace_is_refused(void **state)
{
	const struct file_id plain = { .known = true, .mode = 0755 };
	struct file_id open = plain, memfd = plain;
	struct file_path cut = path_of("/nowhere/a"), gone = cut;

	(void)state;
	open.mode = 0777;
	memfd.memfd = true;
	cut.flags = PATH_F_TRUNCATED;
	gone.flags = PATH_F_DELETED;
	refuses((struct image){ .id = 1, .exe = path_of("/tmp/a") },
		"others than root may write");
	refuses((struct image){ .id = 1,
				.exe = path_of("/nowhere/a"),
				.exe_file = open },
		"anybody may write the file");
	refuses((struct image){ .id = 1,
				.exe = path_of("/dev/shm/a"),
				.container = slice_str("0123") },
		"anybody may put a file there");
	refuses((struct image){ .id = 1,
				.exe = path_of("/memfd:a"),
				.exe_file = memfd },
		"memfd");
	refuses((struct image){ .id = 1,
				.exe = path_of("/nowhere/sh"),
				.script = slice_str("/tmp/a.sh") },
		"others than root may write");
	refuses((struct image){ .id = 1, .exe = cut }, "not known in full");
	refuses((struct image){ .id = 1, .exe = gone }, "was deleted");
	refuses((struct image){ .id = 1, .flags = IMAGE_F_UNKNOWN },
		"not known");
}

/* ---- ends --------------------------------------------------------------- */

static void connect_to(unsigned i, const char *addr, uint16_t port)
{
	struct endpoint *e = &scenes[i].ev.connect.peer;

	scenes[i] = (struct scene){
		.ev.kind = EVENT_CONNECT,
		.img = { .id = 1, .exe = path_of("/nowhere/a") },
	};
	e->family = e->addr.family = AF_INET;
	e->protocol = IPPROTO_TCP;
	e->port = port;
	assert_int_equal(inet_pton(AF_INET, addr, e->addr.bytes), 1);
}

static void learns(unsigned n, const char *lines)
{
	cleanup_buf struct buf text = BUF_INIT(1u << 16);
	struct rule_set *base = load(slice_str(""));
	struct learn *l = learn_all(base, n);

	learn_text(l, &text);
	buf_add_char(&text, '\0');
	if (!strstr(text.p, lines))
		fail_msg("not in\n%s", text.p);
	learn_free(l);
	rule_set_free(base);
}

static void a_network_stands_for_many_hosts_only(void **state)
{
	char addr[32];

	(void)state;
	for (unsigned i = 0; i < 7; i++) {
		(void)snprintf(addr, sizeof(addr), "10.1.2.%u", i + 1);
		connect_to(i, addr, 443);
	}
	learns(7, "proto = tcp\nport = 443\ndest = 10.1.2.1\n"
		  "dest = 10.1.2.2\n");
	connect_to(7, "10.1.2.9", 443);
	learns(8, "proto = tcp\nport = 443\ndest = 10.1.2.0/24\n");
	/* Another host stays by itself; another port to the same is one rule. */
	connect_to(8, "10.1.3.1", 443);
	learns(9, "port = 443\ndest = 10.1.2.0/24\ndest = 10.1.3.1\n");
}

static void ephemeral_ports_are_a_range(void **state)
{
	(void)state;
	connect_to(0, "10.0.0.1", 40000);
	connect_to(1, "10.0.0.1", 41000);
	learns(2, "port = 40000\nport = 41000\ndest = 10.0.0.1\n");
	connect_to(2, "10.0.0.1", 42000);
	learns(3, "proto = tcp\nport = 32768-65535\ndest = 10.0.0.1\n");
	connect_to(3, "10.0.0.1", 80);
	learns(4, "proto = tcp\nport = 80\nport = 32768-65535\n"
		  "dest = 10.0.0.1\n");
}

/* ---- what a group has in common ----------------------------------------- */

static void write_to(unsigned i, enum write_op op, uint32_t euid)
{
	struct scene *s = &scenes[i];

	*s = (struct scene){
		.ev.kind = EVENT_WRITE,
		.img = { .id = 1,
			 .exe = path_of("/nowhere/a"),
			 .cgroup = slice_str("/a"),
			 .unit = slice_str("web.service") },
	};
	s->ev.write.op = op;
	s->ev.write.path = s->ev.write.new_path = path_of("/srv/a");
	s->ev.actor.euid = euid;
}

static void what_was_never_done_to_files_is_not_allowed(void **state)
{
	(void)state;
	write_to(0, OP_TRUNCATE, 33);
	learns(1, "unit = web.service\nop = open\nop = write\n"
		  "op = truncate\nop = mmap\nuser = 33\nowner = me\n"
		  "path = /srv/a\n");
	write_to(1, OP_RENAME, 0);
	write_to(2, OP_CHMOD, 0);
	write_to(3, OP_MKNOD, 0);
	write_to(4, OP_CHATTR, 0);
	learns(5, "unit = web.service\nuser = root\nuser = 33\nowner = me\n");
}

static void many_users_and_those_who_log_in_are_anybody(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 5; i++)
		write_to(i, OP_MKNOD, i);
	learns(4, "op = mknod\nuser = root\nuser = 1\nuser = 2\nuser = 3\n");
	learns(5, "op = mknod\nowner = me\n");
	scenes[0].img.unit = slice_str("session-3.scope");
	learns(1, "unit = session-[0-9]*.scope\nop = mknod\nowner = me\n");
	scenes[0].img.unit = slice_str("user@0.service");
	learns(1, "unit = user@[0-9]*.service\nop = mknod\nowner = me\n");
}

static void start(unsigned i, const char *exe, const char *parent)
{
	struct scene *s = &scenes[i];

	write_to(i, OP_NONE, 0);
	s->ev.kind = EVENT_EXEC;
	s->img.exe = path_of(exe);
	s->img.parent = &s->parent;
	s->parent = (struct image){ .id = 2, .exe = path_of(parent) };
}

static void a_service_starts_by_who_started_it(void **state)
{
	(void)state;
	start(0, "/nowhere/a", "/nowhere/sh-1.2/sh");
	start(1, "/nowhere/b", "/nowhere/init");
	learns(2, "user = root\nparent = /nowhere/init\n"
		  "parent = /nowhere/sh-[0-9]*/sh\nowner = me\n"
		  "exe = /nowhere/a\nexe = /nowhere/b\n");
	/* One of which it is not known. */
	scenes[1].img.parent = NULL;
	learns(2, "user = root\nowner = me\nexe = /nowhere/a\n");
}

static void a_container_is_known_by_its_image(void **state)
{
	(void)state;
	write_to(0, OP_MKNOD, 0);
	scenes[0].img.container = slice_str("0123456789ab");
	learns(1, "exe = /nowhere/a\ncontainer = *\nop = mknod\n");
	scenes[0].img.container_known = true;
	scenes[0].img.container_image = slice_str("hub/web:1.25@sha");
	scenes[0].img.pod_namespace = slice_str("shop");
	learns(1, "exe = /nowhere/a\nimage = hub/web:[0-9]*.[0-9]*@sha\n"
		  "namespace = shop\ncontainer = *\n");
}

/* ---- more than anybody would read --------------------------------------- */

#define FLOOD	  200000u
#define LONG_NAME 4000u

/* Nothing of it twice: programs, names, addresses, and long ones. */
static void flood(struct scene *s, unsigned i, char long_name[static LONG_NAME])
{
	size_t n;

	if (i % 6 == 2)
		connect_to(0, "10.0.0.0", 443);
	else if (i % 6 == 3)
		connect_to(0, "10.0.0.1", (uint16_t)(1024 + i % 60000));
	else
		write_to(0, OP_WRITE, 0);
	(void)snprintf(s->exe, sizeof(s->exe), "/%s/x%x-y",
		       i % 6 == 4 ? "tmp" : "nowhere", i);
	(void)snprintf(s->path, sizeof(s->path), "/srv/%x/z%x", i % 977, i);
	s->img.id = i + 1;
	if (s->ev.kind == EVENT_WRITE)
		s->ev.write.path = path_of(s->path);
	switch (i % 6) {
	case 0:
		s->ev.kind = EVENT_EXEC;
		s->img.exe = path_of(s->exe);
		break;
	case 1:
		n = (size_t)snprintf(long_name, LONG_NAME, "/srv/%x", i);
		while (n + 2 < LONG_NAME) {
			long_name[n++] = '/';
			long_name[n++] = 'x';
		}
		s->img.exe = path_of(s->exe);
		s->ev.write.path.path = slice_of(long_name, n);
		break;
	case 2:
		memcpy(s->ev.connect.peer.addr.bytes, &i, sizeof(i));
		break;
	case 3:
	case 4:
		s->img.exe = path_of(s->exe);
		break;
	default:
		n = (size_t)snprintf(long_name, LONG_NAME, "/srv/%x/", i);
		memset(long_name + n, 'x', 200);
		memset(long_name + n + 200, 'y', LONG_NAME - n - 200);
		long_name[n + 200] = '/';
		s->ev.write.path.path = slice_of(long_name, LONG_NAME);
		break;
	}
}

static void a_journal_of_nothing_twice_takes_little_and_says_so(void **state)
{
	cleanup_buf struct buf text = BUF_INIT(64u << 20);
	const struct learn_settings settings = { .owner = "me" };
	struct rule_set *base = load(slice_str("")), *set;
	static char long_name[LONG_NAME];
	const struct learn_counts *n;
	struct learn_settings with = settings;
	struct view v = { .epoch = 1, .wall_ns = 5 };
	size_t before = mallinfo2().uordblks;
	struct verdict is;
	struct learn *l;

	(void)state;
	with.base = base;
	assert_int_equal(learn_new(&with, &l), 0);
	for (unsigned i = 0; i < FLOOD; i++) {
		v.seq = i + 1;
		flood(&scenes[0], i, long_name);
		assert_int_equal(
			learn_take(l, &v, &scenes[0].ev, &scenes[0].img), 0);
	}
	print_message("# %u events, %zu KiB kept\n", FLOOD,
		      (mallinfo2().uordblks - before) >> 10);
	assert_true(mallinfo2().uordblks - before < 48u << 20);
	n = learn_counts(l);
	assert_true(n->learned > 10000);
	assert_true(n->crowded > 10000);
	assert_int_equal(n->refused, FLOOD / 6 + (FLOOD % 6 > 4));
	assert_int_equal(n->crowded + n->learned + n->refused, FLOOD);
	assert_int_equal(learn_finish(l), 0);
	learn_text(l, &text);
	learn_refusals(l, &text);
	set = load(buf_slice(&text));
	buf_add_char(&text, '\0');
	assert_non_null(strstr(
		text.p, "more such than are kept: write by /nowhere/a\n"));
	assert_non_null(strstr(text.p, "more such than are kept: connect\n"));
	assert_non_null(strstr(text.p, " of which nothing more is kept\n"));
	/* Whom there was no room for is not allowed everything. */
	for (unsigned i = 0; i < FLOOD; i++) {
		flood(&scenes[0], i, long_name);
		if (scenes[0].ev.kind != EVENT_WRITE)
			continue;
		scenes[0].ev.write.path = path_of("/etc/shadow");
		is = rule_set_match(set, &scenes[0].ev, &scenes[0].img);
		if (is.answer == ANSWER_ALLOWED)
			fail_msg("%s is allowed by %s", scenes[0].exe, is.rule);
	}
	rule_set_free(set);
	learn_free(l);
	rule_set_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_is_learned_is_allowed_whatever_its_names_are),
		cmocka_unit_test(
			a_claimed_name_on_no_mount_of_the_host_is_refused),
		cmocka_unit_test(what_anybody_may_replace_is_refused),
		cmocka_unit_test(a_network_stands_for_many_hosts_only),
		cmocka_unit_test(ephemeral_ports_are_a_range),
		cmocka_unit_test(what_was_never_done_to_files_is_not_allowed),
		cmocka_unit_test(many_users_and_those_who_log_in_are_anybody),
		cmocka_unit_test(a_service_starts_by_who_started_it),
		cmocka_unit_test(a_container_is_known_by_its_image),
		cmocka_unit_test(
			a_journal_of_nothing_twice_takes_little_and_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
