/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is the caller's word where system calls tell: names, and descriptors of
 * a table that is shared; and names as whole as any, whoever tells them.
 */
#include "change.h"
#include "place.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static int act_names(void *arg)
{
	int dir;

	(void)arg;
	TRY(chdir(place()));
	TRY(mknod("n1", S_IFREG | 0600, 0));
	TRY(rename("n1", "n2"));
	TRY(link("n2", in_place("n3")));
	TRY(symlink("to \xff nowhere", "n4"));
	TRY(chmod("n2", 0751));
	TRY(chown("n2", 12, 34));
	TRY(setxattr("n2", "trusted.a", "b", 1, 0));
	TRY(truncate("n2", 5));
	TRY(unlink("n4"));
	TRY(dir = open(".", O_RDONLY | O_DIRECTORY));
	TRY(renameat2(dir, "n2", AT_FDCWD, "n3", 0));
	TRY(mkdirat(dir, "sub", 0711));
	TRY(unlinkat(dir, "sub", AT_REMOVEDIR));
	TRY(mkdir("sub2", 0700));
	TRY(rmdir("sub2"));
	TRY(fchmodat(dir, "n3", 0640, 0));
	TRY(unlink("n3"));
	/* Nothing changed: no events. */
	if (unlink("not there") == 0 || rename("a", "b") == 0)
		return 91;
	return 0;
}

struct expected {
	enum wire_write_op op;
	const char *name;
	const char *name2;
	uint32_t arg, arg2;
};

static void calls_on_names_tell_place_and_name(void **state)
{
	static const struct expected want[] = {
		{ WIRE_OP_MKNOD, "n1", NULL, S_IFREG | 0600, 0 },
		{ WIRE_OP_RENAME, "n1", "n2", 0, 0 },
		{ WIRE_OP_LINK, "n2", "/n3", 0, 0 },
		{ WIRE_OP_SYMLINK, "n4", "to \xff nowhere", 0, 0 },
		{ WIRE_OP_CHMOD, "n2", NULL, 0751, 0 },
		{ WIRE_OP_CHOWN, "n2", NULL, 12, 34 },
		{ WIRE_OP_XATTR, "n2", NULL, 0, 0 },
		{ WIRE_OP_TRUNCATE, "n2", NULL, 0, 0 },
		{ WIRE_OP_UNLINK, "n4", NULL, 0, 0 },
		{ WIRE_OP_RENAME, "n2", "n3", 0, 0 },
		{ WIRE_OP_MKDIR, "sub", NULL, 0711, 0 },
		{ WIRE_OP_RMDIR, "sub", NULL, 0, 0 },
		{ WIRE_OP_MKDIR, "sub2", NULL, 0700, 0 },
		{ WIRE_OP_RMDIR, "sub2", NULL, 0, 0 },
		{ WIRE_OP_CHMOD, "n3", NULL, 0640, 0 },
		{ WIRE_OP_UNLINK, "n3", NULL, 0, 0 },
	};
	const struct wire_write *r;
	struct seen *w = *state;
	struct stat st;
	size_t i;

	assert_int_equal(stat(place(), &st), 0);
	seen_run(w, act_names, NULL);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_WRITE),
			 sizeof(want) / sizeof(want[0]));
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		r = seen_nth(w, WIRE_WRITE, i);
		assert_int_equal(r->op, want[i].op);
		assert_int_equal(r->flags, WIRE_WRITE_NAME_CLAIMED);
		assert_path(r, &r->path, place());
		assert_str(r, r->name, want[i].name);
		assert_int_equal(r->file.ino, st.st_ino);
		assert_int_equal(r->arg, want[i].arg);
		assert_int_equal(r->arg2, want[i].arg2);
		if (want[i].op == WIRE_OP_LINK) {
			/* An absolute name starts from the root. */
			assert_path(r, &r->path2, "/");
			assert_int_equal(r->path2.tail, 0);
			assert_str(r, r->name2, in_place("n3"));
		} else if (want[i].op == WIRE_OP_SYMLINK) {
			assert_int_equal(r->path2.path.len, 0);
			assert_str(r, r->name2, want[i].name2);
		} else if (want[i].name2) {
			assert_path(r, &r->path2, place());
			assert_str(r, r->name2, want[i].name2);
		} else {
			assert_int_equal(r->path2.path.len, 0);
			assert_int_equal(r->name2.len, 0);
		}
	}
}

static int act_chroot(void *arg)
{
	int fd, out;

	(void)arg;
	TRY(out = open("/", O_RDONLY | O_DIRECTORY));
	TRY(chroot(place()));
	TRY(chdir("/"));
	TRY(fd = open("/jailed", O_WRONLY | O_CREAT, 0644));
	TRY(rename("/jailed", "freed"));
	return unlinkat(out, "no such", 0) == 0;
}

static void chroot_hides_no_part_of_the_path(void **state)
{
	const struct wire_write *r;
	struct seen *w = *state;

	seen_run(w, act_chroot, NULL);
	assert_int_equal(w->status, 0);
	r = seen_write(w, WIRE_OP_OPEN, 0);
	assert_path(r, &r->path, in_place("jailed"));
	r = seen_write(w, WIRE_OP_RENAME, 0);
	assert_string_equal(told_path(r), in_place("jailed"));
	assert_string_equal(told_path2(r), in_place("freed"));
	if (is_from_kernel(r))
		return;
	assert_path(r, &r->path, place());
	assert_str(r, r->name, "/jailed");
	assert_path(r, &r->path2, place());
	assert_str(r, r->name2, "freed");
}

static void *write_shared(void *arg)
{
	return write(*(int *)arg, "x", 1) == 1 ? arg : NULL;
}

static int act_shared(void *arg)
{
	void *ok = NULL;
	pthread_t t;
	int fd;

	(void)arg;
	TRY(chdir(place()));
	TRY(fd = open("shared", O_WRONLY | O_CREAT, 0644));
	if (pthread_create(&t, NULL, write_shared, &fd) != 0)
		return 93;
	(void)pthread_join(t, &ok);
	return ok ? 0 : 94;
}

static void shared_table_makes_descriptors_claims(void **state)
{
	const struct wire_write *r;
	struct seen *w = *state;

	seen_run(w, act_shared, NULL);
	assert_int_equal(w->status, 0);
	r = seen_write(w, WIRE_OP_WRITE, 0);
	assert_non_null(r);
	assert_path(r, &r->path, in_place("shared"));
	assert_int_equal(r->flags, WIRE_WRITE_FD_CLAIMED);
	assert_int_not_equal(r->hdr.tid, r->hdr.tgid);
}

#if defined(__x86_64__)
/* i386 numbers, by the gate that 64-bit programs can use as well. */
static long int80(long nr, long a, long b, long c)
{
	long r;

	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(nr), "b"(a), "c"(b), "d"(c)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)r;
}

static int act_compat(void *arg)
{
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long fd;

	(void)arg;
	if (low == MAP_FAILED)
		return 92;
	TRY(chdir(place()));
	(void)strcpy(low, "compat");
	fd = int80(8, (long)low, 0644, 0); /* creat */
	TRY(fd);
	TRY(int80(4, fd, (long)low, 6)); /* write */
	TRY(int80(10, (long)low, 0, 0)); /* unlink */
	return 0;
}

static void calls_by_int_80_are_events(void **state)
{
	const struct wire_write *r;
	struct seen *w = *state;

	seen_run(w, act_compat, NULL);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_WRITE), 3);
	r = seen_write(w, WIRE_OP_OPEN, 0);
	assert_path(r, &r->path, in_place("compat"));
	assert_int_equal(r->syscall, 8);
	assert_true(r->hdr.flags & WIRE_F_COMPAT);
	r = seen_write(w, WIRE_OP_WRITE, 0);
	assert_int_equal(r->bytes, 6);
	r = seen_write(w, WIRE_OP_UNLINK, 0);
	assert_str(r, r->name, "compat");
}
#else
static void calls_by_int_80_are_events(void **state)
{
	(void)state;
	skip();
}
#endif

static int act_long_name(void *arg)
{
	static char up[4000];
	size_t i;

	(void)arg;
	/* 3 997 bytes of ./././… and a name: longer than one piece. */
	for (i = 0; i + 2 < sizeof(up) - 4; i += 2)
		memcpy(up + i, "./", 2);
	(void)strcpy(up + i, "ln");
	TRY(chdir(place()));
	TRY(mkdir(up, 0755));
	return 0;
}

static void long_name_is_whole(void **state)
{
	const struct wire_write *r;
	struct seen *w = *state;

	seen_run(w, act_long_name, NULL);
	assert_int_equal(w->status, 0);
	r = seen_write(w, WIRE_OP_MKDIR, 0);
	assert_non_null(r);
	if (is_from_kernel(r)) {
		assert_string_equal(told_path(r), in_place("ln"));
		return;
	}
	assert_int_equal(r->flags, WIRE_WRITE_NAME_CLAIMED);
	assert_true(r->name.len > 3990);
	assert_memory_equal((const char *)r + r->name.off + r->name.len - 4,
			    "./ln", 4);
}

static const struct CMUnitTest of_calls[] = {
	cmocka_unit_test(calls_on_names_tell_place_and_name),
	cmocka_unit_test(chroot_hides_no_part_of_the_path),
	cmocka_unit_test(shared_table_makes_descriptors_claims),
	cmocka_unit_test(calls_by_int_80_are_events),
	cmocka_unit_test(long_name_is_whole),
};

/* Where hooks inside the kernel tell. */
static const struct CMUnitTest of_any[] = {
	cmocka_unit_test(chroot_hides_no_part_of_the_path),
	cmocka_unit_test(long_name_is_whole),
};

int main(void)
{
	return by_calls()
		       ? cmocka_run_group_tests_name("write claims", of_calls,
						     place_setup, seen_teardown)
		       : cmocka_run_group_tests_name("write claims", of_any,
						     place_setup,
						     seen_teardown);
}
