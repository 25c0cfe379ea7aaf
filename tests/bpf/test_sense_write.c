/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes to files as system calls tell them: each call really made by a child.
 * What is the caller's word there is in test_sense_write_claims; what is the
 * same whoever tells it, in test_sense_write_names and test_sense_write_ways.
 */
#include "base/clock.h"
#include "change.h"
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

static int act_create(void *arg)
{
	int fd;

	(void)arg;
	TRY(chdir(place()));
	TRY(fd = open("made", O_WRONLY | O_CREAT | O_EXCL | O_APPEND, 0640));
	TRY(write(fd, "twelve bytes", 12));
	TRY(write(fd, "more", 4));
	return 0;
}

static void created_file_and_first_write_are_events(void **state)
{
	const struct wire_write *o, *d;
	struct seen *w = *state;
	struct wire_counters before = seen_counters(w, WIRE_FAM_WRITE), after;
	struct wire_written_key key;
	struct wire_written sum;
	struct stat st;

	seen_run(w, act_create, NULL);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_WRITE), 2);
	o = seen_write(w, WIRE_OP_OPEN, 0);
	d = seen_write(w, WIRE_OP_WRITE, 0);
	assert_non_null(o);
	assert_non_null(d);
	assert_int_equal(o->hdr.backend, place_backend());
	assert_int_equal(o->hdr.tgid, w->child);
	assert_path(o, &o->path, in_place("made"));
	assert_int_equal(o->flags, WIRE_WRITE_CREATED | WIRE_WRITE_APPEND);
	assert_int_equal(o->syscall, SYS_openat);
	assert_int_equal(o->name.len, 0);
	assert_int_equal(stat(in_place("made"), &st), 0);
	assert_int_equal(o->file.ino, st.st_ino);
	assert_int_equal(o->file.dev,
			 major(st.st_dev) << 20 | minor(st.st_dev));
	assert_int_equal(o->file.mode, S_IFREG | 0640);
	assert_path(d, &d->path, in_place("made"));
	assert_int_equal(d->bytes, 12);
	assert_int_equal(d->flags, 0);
	assert_int_equal(d->syscall, SYS_write);
	after = seen_counters(w, WIRE_FAM_WRITE);
	assert_true(after.summed > before.summed);

	key = sum_key(d);
	/* The second write was added to its sum, and nothing since. */
	assert_true(sensor_has_written(w->sensor, &key, d->hdr.time_ns));
	assert_false(sensor_has_written(w->sensor, &key,
					d->hdr.time_ns + 60 * NS_PER_S));
	assert_int_equal(sensor_take_written(w->sensor, &key, &sum), 0);
	assert_int_equal(sum.count, 3);
	assert_int_equal(sum.bytes, 16);
	assert_int_equal(sum.ops, 1 << WIRE_OP_OPEN | 1 << WIRE_OP_WRITE);
	assert_int_equal(sensor_take_written(w->sensor, &key, &sum), -ENOENT);
}

static int act_each_write(void *arg)
{
	struct iovec io = { (char[]){ "xyz" }, 3 };
	int i, fd, in, p[2];
	loff_t at = 0;

	(void)arg;
	TRY(chdir(place()));
	TRY(in = open("source", O_RDWR | O_CREAT, 0644));
	TRY(write(in, "source", 6));
	TRY(pipe(p));
	for (i = 0; i < 10; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "w%d", i);
		TRY(fd = open(name, O_RDWR | O_CREAT, 0644));
		switch (i) {
		case 0:
			TRY(write(fd, "xyz", 3));
			break;
		case 1:
			TRY(pwrite(fd, "xyz", 3, 0));
			break;
		case 2:
			TRY(writev(fd, &io, 1));
			break;
		case 3:
			TRY(pwritev(fd, &io, 1, 0));
			break;
		case 4:
			TRY(pwritev2(fd, &io, 1, 0, 0));
			break;
		case 5:
			at = 0;
			TRY(sendfile(fd, in, &at, 3));
			break;
		case 6:
			TRY(write(p[1], "xyz", 3));
			TRY(splice(p[0], NULL, fd, NULL, 3, 0));
			break;
		case 7:
			at = 0;
			TRY(copy_file_range(in, &at, fd, NULL, 3, 0));
			break;
		case 8:
			TRY(fallocate(fd, 0, 0, 3));
			break;
		case 9:
			TRY(ftruncate(fd, 3));
			break;
		}
		TRY(close(fd));
	}
	return 0;
}

static void every_call_that_writes_is_an_event(void **state)
{
	static const long calls[] = {
		SYS_write,     SYS_pwrite64,  SYS_writev, SYS_pwritev,
		SYS_pwritev2,  SYS_sendfile,  SYS_splice, SYS_copy_file_range,
		SYS_fallocate, SYS_ftruncate,
	};
	const struct wire_write *r;
	struct seen *w = *state;
	char name[16];
	size_t i;

	seen_run(w, act_each_write, NULL);
	assert_int_equal(w->status, 0);
	/* source and ten files, opened and written each; nothing for the pipe */
	assert_int_equal(seen_writes(w, WIRE_OP_OPEN), 11);
	assert_int_equal(seen_writes(w, WIRE_OP_WRITE), 10);
	assert_int_equal(seen_count(w, WIRE_WRITE), 22);
	for (i = 0; i < 10; i++) {
		r = i < 9 ? seen_write(w, WIRE_OP_WRITE, i + 1)
			  : seen_write(w, WIRE_OP_TRUNCATE, 0);
		(void)snprintf(name, sizeof(name), "w%zu", i);
		assert_non_null(r);
		assert_path(r, &r->path, in_place(name));
		assert_int_equal(r->syscall, calls[i]);
		assert_int_equal(r->bytes, i < 8 ? 3 : 0);
	}
}

struct expected {
	enum wire_write_op op;
	uint32_t arg, arg2;
};

static int act_descriptor(void *arg)
{
	char *m;
	int fd;

	(void)arg;
	TRY(chdir(place()));
	TRY(fd = open("by-fd", O_RDWR | O_CREAT, 0644));
	TRY(fchmod(fd, 0600));
	TRY(fchmod(fd, 0644));
	TRY(fchown(fd, 1, 2));
	TRY(fsetxattr(fd, "trusted.a", "b", 1, 0));
	TRY(ftruncate(fd, 4096));
	m = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	if (m == MAP_FAILED)
		return 92;
	m = mmap(NULL, 4096, PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (m == MAP_FAILED)
		return 92;
	m = mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0);
	return m == MAP_FAILED ? 92 : 0;
}

static void calls_on_descriptors_tell_the_file(void **state)
{
	static const struct expected want[] = {
		{ WIRE_OP_OPEN, O_RDWR | O_CREAT, 0 },
		{ WIRE_OP_CHMOD, 0600, 0 },
		{ WIRE_OP_CHMOD, 0644, 0 },
		{ WIRE_OP_CHOWN, 1, 2 },
		{ WIRE_OP_XATTR, 0, 0 },
		{ WIRE_OP_TRUNCATE, 0, 0 },
		{ WIRE_OP_MMAP, 0, 0 },
	};
	const struct wire_write *r;
	struct seen *w = *state;
	size_t i;

	seen_run(w, act_descriptor, NULL);
	assert_int_equal(w->status, 0);
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		r = seen_nth(w, WIRE_WRITE, i);
		assert_non_null(r);
		assert_int_equal(r->op, want[i].op);
		assert_path(r, &r->path, in_place("by-fd"));
		assert_int_equal(r->arg & ~O_LARGEFILE, want[i].arg);
		assert_int_equal(r->arg2, want[i].arg2);
		assert_int_equal(r->flags, i ? 0 : WIRE_WRITE_CREATED);
	}
	assert_int_equal(seen_count(w, WIRE_WRITE), i);
}

/* Architectures that came late have no creat(2): open does it. */
#ifdef SYS_creat
#define CREAT_CALL SYS_creat
#else
#define CREAT_CALL SYS_openat
#endif

static int act_open_flags(void *arg)
{
	struct {
		uint64_t flags, mode, resolve;
	} how = { O_WRONLY | O_TRUNC, 0, 0 };
	int fd;

	(void)arg;
	TRY(chdir(place()));
	TRY(fd = creat("of", 0600));
	TRY(close(fd));
	TRY(fd = open("of", O_RDONLY));
	TRY(close(fd));
	TRY(fd = open("of", O_RDONLY | O_TRUNC));
	TRY(close(fd));
	TRY(fd = (int)syscall(SYS_openat2, AT_FDCWD, "of", &how, sizeof(how)));
	/* Neither of these can change the file. */
	TRY(fd = open("of", O_PATH | O_TRUNC));
	return mmap(NULL, 4096, PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, fd,
		    0) == MAP_FAILED;
}

static void truncating_open_is_an_event_of_its_own(void **state)
{
	const struct wire_write *r;
	struct seen *w = *state;

	seen_run(w, act_open_flags, NULL);
	assert_int_equal(w->status, 0);
	r = seen_write(w, WIRE_OP_OPEN, 0);
	assert_int_equal(r->syscall, CREAT_CALL);
	assert_int_equal(r->flags, WIRE_WRITE_CREATED | WIRE_WRITE_TRUNC);
	r = seen_write(w, WIRE_OP_OPEN, 1);
	assert_non_null(r);
	assert_int_equal(r->syscall, SYS_openat);
	assert_int_equal(r->flags, WIRE_WRITE_TRUNC);
	/* The same once more is a repeat, and is counted. */
	assert_int_equal(seen_count(w, WIRE_WRITE), 2);
}

static int act_not_files(void *arg)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int p[2], s[2], fd;

	(void)arg;
	TRY(pipe(p));
	TRY(write(p[1], "x", 1));
	TRY(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	TRY(write(s[0], "x", 1));
	TRY(fd = open("/dev/null", O_WRONLY));
	TRY(write(fd, "x", 1));
	TRY(fd = open("/proc/self/oom_score_adj", O_WRONLY));
	TRY(write(fd, "0", 1));
	(void)connect(s[0], (struct sockaddr *)&to, sizeof(to));
	return 0;
}

static void what_is_no_file_is_no_event(void **state)
{
	struct seen *w = *state;
	struct wire_counters before = seen_counters(w, WIRE_FAM_WRITE), after;

	seen_run(w, act_not_files, NULL);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_WRITE), 0);
	after = seen_counters(w, WIRE_FAM_WRITE);
	assert_true(after.skipped >= before.skipped + 2);
}

/* Not every kernel is built with it. */
#define SYSRQ "/proc/sysrq-trigger"

static int act_pseudo_files(void *arg)
{
	int fd;

	(void)arg;
	TRY(fd = open("/proc/sys/kernel/panic", O_WRONLY));
	TRY(fd = open("/proc/self/mem", O_RDWR));
	TRY(fd = open("/sys/kernel/mm/transparent_hugepage/enabled", O_WRONLY));
	if (access(SYSRQ, W_OK) == 0)
		TRY(fd = open(SYSRQ, O_WRONLY));
	return fd < 0;
}

static void pseudo_files_that_matter_are_events(void **state)
{
	const struct wire_write *r;
	bool has_sysrq = access(SYSRQ, W_OK) == 0;
	struct seen *w = *state;
	char mem[64];

	if (access("/sys/kernel/mm/transparent_hugepage/enabled", W_OK) < 0)
		skip();
	seen_run(w, act_pseudo_files, NULL);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_WRITE), 3 + has_sysrq);
	r = seen_write(w, WIRE_OP_OPEN, 0);
	assert_path(r, &r->path, "/proc/sys/kernel/panic");
	r = seen_write(w, WIRE_OP_OPEN, 1);
	(void)snprintf(mem, sizeof(mem), "/proc/%u/mem", w->child);
	assert_path(r, &r->path, mem);
	r = seen_write(w, WIRE_OP_OPEN, 2);
	assert_path(r, &r->path, "/sys/kernel/mm/transparent_hugepage/enabled");
	if (!has_sysrq)
		return;
	r = seen_write(w, WIRE_OP_OPEN, 3);
	assert_path(r, &r->path, SYSRQ);
}

/* Of those that this kernel has: opened, which changes nothing. */
static const struct {
	const char *type, *file;
	bool is_told;
} security_files[] = {
	{ "securityfs", "lockdown", true },
	{ "securityfs", "apparmor/.remove", true },
	{ "securityfs", "apparmor/.access", false }, /* asks a question */
	{ "selinuxfs", "enforce", true },
	{ "selinuxfs", "load", true },
	{ "selinuxfs", "access", false },
};

#define SECURITY_FILES (sizeof(security_files) / sizeof(*security_files))

/* One char for each: whether it was there. */
static int act_security_files(void *there)
{
	char path[512];
	size_t i;
	int fd;

	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mkdir(work_path("security"), 0755) < 0)
		return 80;
	for (i = 0; i < SECURITY_FILES; i++) {
		if (mount("none", work_path("security"), security_files[i].type,
			  0, NULL) < 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s",
			       work_path("security"), security_files[i].file);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		((char *)there)[i] = fd >= 0;
		(void)close(fd);
		if (umount(work_path("security")) < 0)
			return 81;
	}
	return rmdir(work_path("security")) < 0;
}

static void what_turns_a_security_module_off_is_an_event(void **state)
{
	const struct wire_write *r;
	struct seen *w = *state;
	char *there = mmap(NULL, SECURITY_FILES, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	size_t i, told = 0;

	assert_ptr_not_equal(there, MAP_FAILED);

	seen_run(w, act_security_files, there);
	assert_int_equal(w->status, 0);
	for (i = 0; i < SECURITY_FILES; i++) {
		char path[512];

		if (!there[i] || !security_files[i].is_told)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s",
			       work_path("security"), security_files[i].file);
		r = seen_write(w, WIRE_OP_OPEN, told++);
		assert_non_null(r);
		assert_path(r, &r->path, path);
	}
	assert_int_equal(seen_writes(w, WIRE_OP_OPEN), told);
	assert_int_equal(munmap(there, SECURITY_FILES), 0);
	if (!told)
		skip();
}

static int count_own(void *arg, const void *data, size_t size)
{
	const struct wire_hdr *h = data;

	(void)size;
	if (h->type == WIRE_WRITE && h->tgid == (uint32_t)getpid())
		++*(int *)arg;
	return 0;
}

static void own_writes_are_not_events(void **state)
{
	struct seen *w = *state;
	int fd, own = 0;

	while (sensor_read(w->sensor, count_own, &own, 1000) > 0)
		;
	fd = open(in_place("own"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(rename(in_place("own"), work_path("own2")), 0);
	(void)close(fd);
	while (sensor_read(w->sensor, count_own, &own, 1000) > 0)
		;
	assert_int_equal(own, 0);
}

static const struct CMUnitTest of_calls[] = {
	cmocka_unit_test(created_file_and_first_write_are_events),
	cmocka_unit_test(every_call_that_writes_is_an_event),
	cmocka_unit_test(calls_on_descriptors_tell_the_file),
	cmocka_unit_test(truncating_open_is_an_event_of_its_own),
	cmocka_unit_test(what_is_no_file_is_no_event),
	cmocka_unit_test(pseudo_files_that_matter_are_events),
	cmocka_unit_test(what_turns_a_security_module_off_is_an_event),
	cmocka_unit_test(own_writes_are_not_events),
};

/* Where hooks inside the kernel tell. */
static const struct CMUnitTest of_any[] = {
	cmocka_unit_test(what_is_no_file_is_no_event),
	cmocka_unit_test(pseudo_files_that_matter_are_events),
	cmocka_unit_test(what_turns_a_security_module_off_is_an_event),
	cmocka_unit_test(own_writes_are_not_events),
};

int main(void)
{
	return by_calls()
		       ? cmocka_run_group_tests_name("write", of_calls,
						     place_setup, seen_teardown)
		       : cmocka_run_group_tests_name(
				 "write", of_any, place_setup, seen_teardown);
}
