/* SPDX-License-Identifier: Apache-2.0 */
/* Ring records, made by hand, and what the decoder makes of them. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "sense/decode.h"
#include "wire_builder.h"

static struct wire_builder b;
static struct decode_scratch scratch;
static const char *why;

static struct event decode_ok(void)
{
	struct event ev;

	wb_end(&b);
	why = NULL;
	assert_int_equal(decode_record(b.bytes, b.used, &scratch, &ev, &why),
			 0);
	assert_null(why);
	return ev;
}

static void decode_refused(const char *want)
{
	struct event ev;
	struct event before;

	memset(&ev, 0x5a, sizeof(ev));
	before = ev;
	why = NULL;
	assert_int_equal(decode_record(b.bytes, b.used, &scratch, &ev, &why),
			 -EBADMSG);
	assert_string_equal(why, want);
	assert_memory_equal(&ev, &before, sizeof(ev));
}

static void assert_slice(struct slice s, const char *want)
{
	assert_int_equal(s.n, strlen(want));
	if (s.n)
		assert_memory_equal(s.p, want, s.n);
}

static void header_becomes_the_actor(void **state)
{
	struct wire_hdr *hdr = wb_begin(&b, WIRE_EXIT);
	struct event ev;

	(void)state;
	hdr->tid = 101;
	hdr->uid = 1;
	hdr->euid = 2;
	hdr->gid = 3;
	hdr->cpu = 7;
	hdr->image = 9;
	hdr->cgroup_id = 77;
	hdr->cgroup_v1_id = 78;
	hdr->flags = WIRE_F_KTHREAD;
	((struct wire_exit *)b.bytes)->status = 0x0900;
	ev = decode_ok();
	assert_int_equal(ev.kind, EVENT_EXIT);
	assert_int_equal(ev.backend, WIRE_BACKEND_TP_BTF);
	assert_int_equal(ev.time_ns, 5000000000ull);
	assert_int_equal(ev.cpu, 7);
	assert_int_equal(ev.exit.status, 0x0900);
	assert_int_equal(ev.actor.proc.tgid, 100);
	assert_int_equal(ev.actor.proc.start_ns, 1000);
	assert_int_equal(ev.actor.tid, 101);
	assert_int_equal(ev.actor.image_number, 9);
	assert_int_equal(ev.actor.uid, 1);
	assert_int_equal(ev.actor.euid, 2);
	assert_int_equal(ev.actor.gid, 3);
	assert_int_equal(ev.actor.cgroup_id, 77);
	assert_int_equal(ev.actor.cgroup_v1_id, 78);
	assert_int_equal(ev.actor.mnt_ns, 4026531841u);
	assert_true(ev.actor.kthread);
	assert_false(ev.actor.none);
}

static void fork_names_the_parent(void **state)
{
	struct wire_fork *w = wb_begin(&b, WIRE_FORK);
	struct event ev;

	(void)state;
	w->parent_tgid = 50;
	w->parent_start_ns = 500;
	w->parent_image = 3;
	w->hdr.flags = WIRE_F_NO_TASK;
	ev = decode_ok();
	assert_int_equal(ev.kind, EVENT_FORK);
	assert_int_equal(ev.fork.parent.tgid, 50);
	assert_int_equal(ev.fork.parent.start_ns, 500);
	assert_int_equal(ev.fork.parent_image, 3);
	assert_true(ev.actor.none);
}

static void exec_hands_over_every_string(void **state)
{
	struct wire_exec *w = wb_begin(&b, WIRE_EXEC);
	struct event ev;

	(void)state;
	wb_path(&b, &w->exe, "/usr/bin/env");
	wb_path(&b, &w->cwd, "/root");
	w->exe.flags = WIRE_PATH_DELETED;
	w->filename = wb_bytes(&b, "./x\0junk", 8);
	w->interp = wb_str(&b, "/bin/sh");
	w->args = wb_bytes(&b, "a\0\0b c\0cut", 10);
	w->env = wb_bytes(&b, "TERM=x\0", 7);
	w->parent_tgid = 4;
	w->parent_start_ns = 40;
	w->parent_image = 5;
	w->old_tid = 6;
	w->file.ino = 12;
	w->file.dev = 8 << 20 | 1;
	w->file.flags = WIRE_FILE_MEMFD | WIRE_FILE_OVERLAY_LOWER;
	ev = decode_ok();
	assert_int_equal(ev.kind, EVENT_EXEC);
	assert_slice(ev.exec.exe.path, "/usr/bin/env");
	assert_slice(ev.exec.exe.fs_path, "/usr/bin/env");
	assert_int_equal(ev.exec.exe.flags, PATH_F_DELETED);
	assert_slice(ev.exec.cwd.path, "/root");
	assert_slice(ev.exec.filename, "./x");
	assert_slice(ev.exec.interp, "/bin/sh");
	assert_int_equal(ev.exec.args.n, 10);
	assert_memory_equal(ev.exec.args.p, "a\0\0b c\0cut", 10);
	assert_int_equal(ev.exec.env.n, 7);
	assert_int_equal(ev.exec.parent.tgid, 4);
	assert_int_equal(ev.exec.parent.start_ns, 40);
	assert_int_equal(ev.exec.parent_image, 5);
	assert_int_equal(ev.exec.old_tid, 6);
	assert_ptr_equal(ev.exec.wire, w);
	assert_true(ev.exec.file.known);
	assert_int_equal(ev.exec.file.ino, 12);
	assert_true(ev.exec.file.memfd);
	assert_false(ev.exec.file.overlay_upper);
	assert_true(ev.exec.file.overlay_lower);
}

static const struct fs_case {
	const char *path, *prefix;
	int tail; /* -1: all of path */
	unsigned flags;
	const char *want;
} fs_cases[] = {
	{ "/etc/x", "", -1, 0, "/etc/x" },
	{ "/mnt/a/x", "", 4, 0, "/a/x" },
	{ "/mnt/a/x", "/srv/data", 4, 0, "/srv/data/a/x" },
	{ "/mnt/a/x", "/srv/data/", 4, 0, "/srv/data/a/x" },
	/* tail given without its slash */
	{ "/mnt/a/x", "/srv", 3, 0, "/srv/a/x" },
	{ "/mnt/a/x", "", 3, 0, "/a/x" },
	/* the root of the mount itself */
	{ "/mnt", "", 0, 0, "/" },
	{ "/mnt", "/srv", 0, 0, "/srv" },
	{ "/", "/srv", 1, 0, "/srv" },
	{ "/", "", 0, 0, "/" },
	{ "", "", 0, 0, "" },
	/* cut in front: known only below a mount that shows all */
	{ "rest/of/it", "", -1, WIRE_PATH_TRUNCATED, "" },
	{ "/rest/of/it", "/srv", 3, WIRE_PATH_TRUNCATED, "" },
	{ "rest/of/it", "", 3, WIRE_PATH_TRUNCATED, "/it" },
	/* a prefix is absolute or it is nothing */
	{ "/mnt/a", "srv", 2, 0, "" },
};

static void path_from_the_fs_root_is_prefix_and_tail(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(fs_cases) / sizeof(*fs_cases); i++) {
		const struct fs_case *c = &fs_cases[i];
		struct wire_exec *w = wb_begin(&b, WIRE_EXEC);
		struct event ev;

		wb_path(&b, &w->exe, c->path);
		w->exe.prefix = wb_str(&b, c->prefix);
		w->exe.flags = (__u16)c->flags;
		if (c->tail >= 0)
			w->exe.tail = (__u16)c->tail;
		ev = decode_ok();
		assert_slice(ev.exec.exe.path, c->path);
		assert_slice(ev.exec.exe.fs_path, c->want);
		assert_int_equal(ev.exec.exe.flags, c->flags);
	}
}

static const struct name_case {
	const char *base, *prefix;
	int tail;
	const char *name, *want, *want_fs;
} name_cases[] = {
	{ "/etc", "", -1, "passwd", "/etc/passwd", "/etc/passwd" },
	{ "/etc", "", -1, "a/./b/..//c/", "/etc/a/c", "/etc/a/c" },
	{ "/etc/x", "", -1, "../../../../y", "/y", "/y" },
	{ "/", "", -1, "/etc/../x", "/x", "/x" },
	{ "/", "", 0, "/etc/x", "/etc/x", "/etc/x" },
	/* a chroot: nothing leads above it */
	{ "/jail", "", -1, "/etc/x", "/jail/etc/x", "/jail/etc/x" },
	{ "/jail", "", -1, "/../../x", "/jail/x", "/jail/x" },
	/* below a mount that shows a subdirectory */
	{ "/mnt/d", "/vol/1", 2, "x", "/mnt/d/x", "/vol/1/d/x" },
	{ "/mnt/d", "/vol/1", 2, "../x", "/mnt/x", "/vol/1/x" },
	/* out of the mount: another file system's name is not guessed */
	{ "/mnt/d", "/vol/1", 2, "../../x", "/x", "" },
	{ "/mnt/d", "", 2, "../../x", "/x", "" },
	{ "/", "/vol/1", 1, "../x", "/x", "/vol/1/x" },
	/* a chroot that is a mount: its root holds */
	{ "/mnt", "/vol/1", 0, "/../x", "/mnt/x", "/vol/1/x" },
	/* nothing was asked for below: the base is the file */
	{ "/mnt/d", "/vol/1", 2, "", "/mnt/d", "/vol/1/d" },
};

static void claimed_names_are_joined_to_their_base(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(name_cases) / sizeof(*name_cases); i++) {
		const struct name_case *c = &name_cases[i];
		struct wire_write *w = wb_begin(&b, WIRE_WRITE);
		struct event ev;

		w->op = WIRE_OP_UNLINK;
		w->flags = WIRE_WRITE_NAME_CLAIMED;
		wb_path(&b, &w->path, c->base);
		w->path.prefix = wb_str(&b, c->prefix);
		if (c->tail >= 0)
			w->path.tail = (__u16)c->tail;
		w->name = wb_str(&b, c->name);
		ev = decode_ok();
		assert_int_equal(ev.write.op, OP_UNLINK);
		assert_slice(ev.write.path.path, c->want);
		assert_slice(ev.write.path.fs_path, c->want_fs);
		assert_int_equal(ev.write.path.flags, PATH_F_CLAIMED);
		assert_int_equal(ev.write.new_path.path.n, 0);
	}
}

static void rename_has_both_names(void **state)
{
	struct wire_write *w = wb_begin(&b, WIRE_WRITE);
	struct event ev;

	(void)state;
	w->op = WIRE_OP_RENAME;
	w->flags = WIRE_WRITE_NAME_CLAIMED | WIRE_WRITE_EXCHANGE |
		   WIRE_WRITE_NAME_CUT;
	wb_path(&b, &w->path, "/a");
	wb_path(&b, &w->path2, "/b");
	w->name = wb_str(&b, "old");
	w->name2 = wb_str(&b, "new");
	ev = decode_ok();
	assert_slice(ev.write.path.path, "/a/old");
	assert_slice(ev.write.new_path.path, "/b/new");
	assert_int_equal(ev.write.flags, WRITE_F_EXCHANGE);
	assert_int_equal(ev.write.new_path.flags,
			 PATH_F_CLAIMED | PATH_F_TRUNCATED);
	assert_int_equal(ev.write.target.n, 0);
}

static void symlink_target_stays_as_it_says(void **state)
{
	struct wire_write *w = wb_begin(&b, WIRE_WRITE);
	struct event ev;

	(void)state;
	w->op = WIRE_OP_SYMLINK;
	w->flags = WIRE_WRITE_NAME_CLAIMED;
	wb_path(&b, &w->path, "/tmp");
	w->name = wb_str(&b, "l");
	w->name2 = wb_str(&b, "../../etc//shadow");
	ev = decode_ok();
	assert_slice(ev.write.path.path, "/tmp/l");
	assert_slice(ev.write.target, "../../etc//shadow");
	assert_int_equal(ev.write.new_path.path.n, 0);
}

static void every_write_flag_is_carried(void **state)
{
	static const struct {
		unsigned wire, event;
	} flags[] = {
		{ WIRE_WRITE_CREATED, WRITE_F_CREATED },
		{ WIRE_WRITE_TRUNC, WRITE_F_TRUNC },
		{ WIRE_WRITE_APPEND, WRITE_F_APPEND },
		{ WIRE_WRITE_FD_CLAIMED, WRITE_F_FD_CLAIMED },
		{ WIRE_WRITE_FD_CHANGED, WRITE_F_FD_CHANGED },
		{ WIRE_WRITE_EXCHANGE, WRITE_F_EXCHANGE },
		{ WIRE_WRITE_SUBMITTED, WRITE_F_SUBMITTED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		struct wire_write *w = wb_begin(&b, WIRE_WRITE);
		struct event ev;

		w->op = WIRE_OP_OPEN;
		w->flags = (__u16)flags[i].wire;
		w->bytes = 1ull << 40;
		w->arg = 0644;
		w->arg2 = 7;
		w->syscall = 257;
		wb_path(&b, &w->path, "/x");
		ev = decode_ok();
		assert_int_equal(ev.write.flags, flags[i].event);
		assert_int_equal(ev.write.bytes, 1ull << 40);
		assert_int_equal(ev.write.arg, 0644);
		assert_int_equal(ev.write.arg2, 7);
		assert_int_equal(ev.write.syscall, 257);
		assert_int_equal(ev.write.path.flags, 0);
		assert_false(ev.write.file.known);
	}
}

static struct wire_connect *begin_connect(unsigned family)
{
	struct wire_connect *w = wb_begin(&b, WIRE_CONNECT);

	w->op = WIRE_CONNECT_CONNECT;
	w->family = (__u16)family;
	w->port = 443;
	w->type = SOCK_STREAM;
	w->protocol = IPPROTO_TCP;
	w->sock = 0xffff888000000000ull;
	w->net_ns = 4026531840u;
	return w;
}

static void connect_has_its_destination(void **state)
{
	struct wire_connect *w = begin_connect(AF_INET);
	struct event ev;

	(void)state;
	memcpy(w->addr, "\x0a\x00\x00\x01tail", 8);
	ev = decode_ok();
	assert_int_equal(ev.kind, EVENT_CONNECT);
	assert_int_equal(ev.connect.peer.addr.family, AF_INET);
	assert_memory_equal(ev.connect.peer.addr.bytes,
			    "\x0a\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	assert_int_equal(ev.connect.peer.port, 443);
	assert_int_equal(ev.connect.peer.type, SOCK_STREAM);
	assert_int_equal(ev.connect.peer.protocol, IPPROTO_TCP);
	assert_int_equal(ev.connect.sock, 0xffff888000000000ull);
	assert_int_equal(ev.connect.peer.net_ns, 4026531840u);
	assert_false(ev.connect.is_send);

	w = begin_connect(AF_INET6);
	w->op = WIRE_CONNECT_SEND;
	memcpy(w->addr, "\x20\x01\x0d\xb8\0\0\0\0\0\0\xff\xff\x01\x02\x03\x04",
	       16);
	ev = decode_ok();
	assert_int_equal(ev.connect.peer.addr.family, AF_INET6);
	assert_memory_equal(ev.connect.peer.addr.bytes, w->addr, 16);
	assert_true(ev.connect.is_send);
}

static void mapped_addresses_become_ipv4(void **state)
{
	static const unsigned char mapped[16] = { [10] = 0xff, 0xff, 192,
						  0,	       2,    1 };
	struct wire_connect *w = begin_connect(AF_INET6);
	struct wire_connect_result *res;
	struct event ev;

	(void)state;
	memcpy(w->addr, mapped, 16);
	ev = decode_ok();
	assert_int_equal(ev.connect.peer.addr.family, AF_INET);
	assert_memory_equal(ev.connect.peer.addr.bytes,
			    "\xc0\0\x02\x01\0\0\0\0\0\0\0\0\0\0\0\0", 16);

	res = wb_begin(&b, WIRE_CONNECT_RESULT);
	res->family = AF_INET6;
	res->error = ECONNREFUSED;
	res->sock = 9;
	res->local_port = 1024;
	res->peer_port = 80;
	memcpy(res->peer_addr, mapped, 16);
	ev = decode_ok();
	assert_int_equal(ev.kind, EVENT_CONNECT_RESULT);
	assert_int_equal(ev.result.peer.family, AF_INET);
	assert_int_equal(ev.result.local.family, AF_INET6);
	assert_int_equal(ev.result.error, ECONNREFUSED);
	assert_int_equal(ev.result.local_port, 1024);
	assert_int_equal(ev.result.peer_port, 80);
	assert_int_equal(ev.result.sock, 9);
}

static void cgroup_tells_id_and_path(void **state)
{
	struct wire_cgroup *w = wb_begin(&b, WIRE_CGROUP);
	struct event ev;

	(void)state;
	w->id = 1ull << 33;
	w->hierarchy = 4;
	w->path = wb_str(&b, "/system.slice/x.service");
	ev = decode_ok();
	assert_int_equal(ev.kind, EVENT_CGROUP);
	assert_int_equal(ev.cgroup.id, 1ull << 33);
	assert_int_equal(ev.cgroup.hierarchy, 4);
	assert_slice(ev.cgroup.path, "/system.slice/x.service");
}

static void what_is_no_record_is_refused(void **state)
{
	struct event ev;

	(void)state;
	wb_begin(&b, WIRE_EXIT);
	wb_end(&b);
	b.used = sizeof(struct wire_hdr) - 1;
	decode_refused("shorter than a header");
	b.used = sizeof(struct wire_exit);
	wb_hdr(&b)->size++;
	decode_refused("says it is longer than it is");
	wb_hdr(&b)->size = sizeof(struct wire_exit) - 1;
	decode_refused("shorter than its type");
	wb_end(&b);
	wb_hdr(&b)->type = WIRE_NONE;
	decode_refused("unknown record type");
	wb_hdr(&b)->type = WIRE_TYPE_COUNT;
	decode_refused("unknown record type");
	wb_hdr(&b)->type = WIRE_EXIT;
	wb_hdr(&b)->backend = WIRE_BACKEND_COUNT;
	decode_refused("unknown backend");
	assert_int_equal(
		decode_record(b.bytes + 4, b.used, &scratch, &ev, &why),
		-EBADMSG);
	assert_string_equal(why, "record is not aligned");
}

static void unknown_values_are_refused(void **state)
{
	struct wire_write *w;

	(void)state;
	begin_connect(0);
	wb_end(&b);
	decode_refused("no address family");
	begin_connect(AF_INET)->op = WIRE_CONNECT_SOCKET + 1;
	wb_end(&b);
	decode_refused("unknown connect operation");
	w = wb_begin(&b, WIRE_WRITE);
	w->op = WIRE_OP_COUNT;
	wb_end(&b);
	decode_refused("unknown write operation");
	w->op = WIRE_OP_NONE;
	decode_refused("unknown write operation");
}

static void strings_outside_the_record_are_refused(void **state)
{
	static const struct wire_str bad[] = {
		{ 0, 1 },
		{ sizeof(struct wire_exec) - 1, 4 },
		{ sizeof(struct wire_exec), 9 },
		{ sizeof(struct wire_exec) + 8, 1 },
		{ 0xffff, 0xffff },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct wire_exec *w = wb_begin(&b, WIRE_EXEC);

		(void)wb_str(&b, "eight888");
		w->args = bad[i];
		wb_end(&b);
		/* Stale bytes after the record's end are no excuse. */
		b.used += 4096;
		decode_refused("string outside the record");
	}
}

static void names_longer_than_their_kind_are_refused(void **state)
{
	static char name[WIRE_NAME_MAX + 1];
	struct wire_exec *w = wb_begin(&b, WIRE_EXEC);
	struct wire_write *u;
	struct event ev;

	(void)state;
	memset(name, 'n', sizeof(name));
	name[0] = '/';
	w->exe.path = wb_bytes(&b, name, sizeof(name));
	wb_end(&b);
	decode_refused("string longer than its kind may be");

	/* The longest that may be: everything is there, and joined. */
	u = wb_begin(&b, WIRE_WRITE);
	u->op = WIRE_OP_RENAME;
	u->path.path = u->path.prefix = wb_bytes(&b, name, WIRE_NAME_MAX);
	u->path.tail = WIRE_NAME_MAX;
	u->path2 = u->path;
	u->name = u->name2 = u->path.path;
	ev = decode_ok();
	assert_int_equal(ev.write.path.path.n, 2 * WIRE_NAME_MAX);
	assert_int_equal(ev.write.new_path.fs_path.n, 3 * WIRE_NAME_MAX);
}

static void tail_longer_than_its_path_is_refused(void **state)
{
	struct wire_exec *w = wb_begin(&b, WIRE_EXEC);

	(void)state;
	wb_path(&b, &w->exe, "/x");
	w->exe.tail = 3;
	wb_end(&b);
	decode_refused("tail longer than its path");
}

static void family_is_told_for_every_type(void **state)
{
	static const int want[WIRE_TYPE_COUNT] = {
		[WIRE_NONE] = -1,
		[WIRE_FORK] = WIRE_FAM_FORK,
		[WIRE_EXEC] = WIRE_FAM_EXEC,
		[WIRE_EXIT] = WIRE_FAM_EXIT,
		[WIRE_CONNECT] = WIRE_FAM_CONNECT,
		[WIRE_CONNECT_RESULT] = WIRE_FAM_CONNECT,
		[WIRE_WRITE] = WIRE_FAM_WRITE,
		[WIRE_CGROUP] = WIRE_FAM_CGROUP,
		[WIRE_SCRIPT] = WIRE_FAM_EXEC,
		[WIRE_LISTEN] = WIRE_FAM_LISTEN,
		[WIRE_LOAD] = WIRE_FAM_LOAD,
		[WIRE_TAMPER] = WIRE_FAM_TAMPER,
	};

	(void)state;
	for (int t = 0; t < WIRE_TYPE_COUNT; t++) {
		wb_begin(&b, (enum wire_type)t);
		assert_int_equal(decode_family(b.bytes, b.used), want[t]);
		/* Also of a record that decode refuses. */
		assert_int_equal(
			decode_family(b.bytes, sizeof(struct wire_hdr)),
			want[t]);
	}
	wb_hdr(&b)->type = 200;
	assert_int_equal(decode_family(b.bytes, b.used), -1);
	assert_int_equal(decode_family(b.bytes, 3), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_becomes_the_actor),
		cmocka_unit_test(fork_names_the_parent),
		cmocka_unit_test(exec_hands_over_every_string),
		cmocka_unit_test(path_from_the_fs_root_is_prefix_and_tail),
		cmocka_unit_test(claimed_names_are_joined_to_their_base),
		cmocka_unit_test(rename_has_both_names),
		cmocka_unit_test(symlink_target_stays_as_it_says),
		cmocka_unit_test(every_write_flag_is_carried),
		cmocka_unit_test(connect_has_its_destination),
		cmocka_unit_test(mapped_addresses_become_ipv4),
		cmocka_unit_test(cgroup_tells_id_and_path),
		cmocka_unit_test(what_is_no_record_is_refused),
		cmocka_unit_test(unknown_values_are_refused),
		cmocka_unit_test(strings_outside_the_record_are_refused),
		cmocka_unit_test(names_longer_than_their_kind_are_refused),
		cmocka_unit_test(tail_longer_than_its_path_is_refused),
		cmocka_unit_test(family_is_told_for_every_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
