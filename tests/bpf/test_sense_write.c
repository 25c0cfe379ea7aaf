/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes to files as system calls tell them, which names the caller's word:
 * each call really made by a child, in a directory with a deep name that is
 * not ASCII. What is the same whoever tells it is in test_sense_write_names
 * and test_sense_write_ways.
 */
#include "forced.h"
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#define NAME "d\xc3\xbcrer/\xe2\x82\xac uro"

/* What is asked for from outside, else the system calls. */
static uint8_t backend(void)
{
	uint8_t force[WIRE_FAM_COUNT] = { 0 };

	forced_by_env(force);
	return force[WIRE_FAM_WRITE] ?: WIRE_BACKEND_TP_BTF;
}

static const char *place(void)
{
	static char dir[256];
	char up[256];

	if (!*dir) {
		(void)snprintf(up, sizeof(up), "%s/d\xc3\xbcrer", work_dir());
		(void)snprintf(dir, sizeof(dir), "%s/" NAME, work_dir());
		assert_int_equal(mkdir(up, 0755), 0);
		assert_int_equal(mkdir(dir, 0755), 0);
	}
	return dir;
}

static const char *in_place(const char *name)
{
	static char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", place(), name);
	return path;
}

/* Acts: all begin in place(), 0 when everything worked. */

#define TRY(what)                  \
	do {                       \
		if ((what) < 0)    \
			return 90; \
	} while (0)

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
	assert_int_equal(o->hdr.backend, backend());
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

	key = (struct wire_written_key){
		.start_ns = d->hdr.start_ns,
		.ino = d->file.ino,
		.tgid = d->hdr.tgid,
		.image = d->hdr.image,
		.dev = d->file.dev,
		.generation = d->file.generation,
	};
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
		{ WIRE_OP_OPEN, NULL, NULL, O_RDWR | O_CREAT, 0 },
		{ WIRE_OP_CHMOD, NULL, NULL, 0600, 0 },
		{ WIRE_OP_CHMOD, NULL, NULL, 0644, 0 },
		{ WIRE_OP_CHOWN, NULL, NULL, 1, 2 },
		{ WIRE_OP_XATTR, NULL, NULL, 0, 0 },
		{ WIRE_OP_TRUNCATE, NULL, NULL, 0, 0 },
		{ WIRE_OP_MMAP, NULL, NULL, 0, 0 },
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

static int act_pseudo_files(void *arg)
{
	int fd;

	(void)arg;
	TRY(fd = open("/proc/sys/kernel/panic", O_WRONLY));
	TRY(fd = open("/proc/self/mem", O_RDWR));
	TRY(fd = open("/sys/kernel/mm/transparent_hugepage/enabled", O_WRONLY));
	return fd < 0;
}

static void pseudo_files_that_matter_are_events(void **state)
{
	const struct wire_write *r;
	struct seen *w = *state;
	char mem[64];

	if (access("/sys/kernel/mm/transparent_hugepage/enabled", W_OK) < 0)
		skip();
	seen_run(w, act_pseudo_files, NULL);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_WRITE), 3);
	r = seen_write(w, WIRE_OP_OPEN, 0);
	assert_path(r, &r->path, "/proc/sys/kernel/panic");
	r = seen_write(w, WIRE_OP_OPEN, 1);
	(void)snprintf(mem, sizeof(mem), "/proc/%u/mem", w->child);
	assert_path(r, &r->path, mem);
	r = seen_write(w, WIRE_OP_OPEN, 2);
	assert_path(r, &r->path, "/sys/kernel/mm/transparent_hugepage/enabled");
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
	assert_path(r, &r->path, place());
	assert_str(r, r->name, "/jailed");
	assert_path(r, &r->path2, place());
	assert_str(r, r->name2, "freed");
}

struct swap {
	int pipe[2];
	int victim, other;
};

static void *swap_while_blocked(void *arg)
{
	struct swap *s = arg;

	/* Until the other thread sleeps in splice: there is no way to ask. */
	(void)usleep(200 * 1000);
	(void)dup2(s->other, s->victim);
	(void)!write(s->pipe[1], "hidden", 6);
	return NULL;
}

static int act_swap(void *arg)
{
	struct swap s;
	pthread_t t;

	(void)arg;
	TRY(chdir(place()));
	TRY(pipe(s.pipe));
	TRY(s.victim = open("victim", O_WRONLY | O_CREAT, 0644));
	TRY(s.other = open("other", O_WRONLY | O_CREAT, 0644));
	if (pthread_create(&t, NULL, swap_while_blocked, &s) != 0)
		return 93;
	TRY(splice(s.pipe[0], NULL, s.victim, NULL, 6, 0));
	(void)pthread_join(t, NULL);
	return 0;
}

static void swapped_descriptor_tells_both_files(void **state)
{
	const uint16_t both = WIRE_WRITE_FD_CLAIMED | WIRE_WRITE_FD_CHANGED;
	const struct wire_write *r[2];
	struct seen *w = *state;
	struct stat st;

	seen_run(w, act_swap, NULL);
	assert_int_equal(w->status, 0);
	assert_int_equal(stat(in_place("victim"), &st), 0);
	assert_int_equal(st.st_size, 6);
	assert_int_equal(seen_writes(w, WIRE_OP_WRITE), 2);
	r[0] = seen_write(w, WIRE_OP_WRITE, 0);
	r[1] = seen_write(w, WIRE_OP_WRITE, 1);
	assert_path(r[0], &r[0]->path, in_place("victim"));
	assert_path(r[1], &r[1]->path, in_place("other"));
	assert_int_equal(r[0]->flags, both);
	assert_int_equal(r[1]->flags, both);
	assert_int_equal(r[0]->file.ino, st.st_ino);
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
	assert_int_equal(r->flags, WIRE_WRITE_NAME_CLAIMED);
	assert_true(r->name.len > 3990);
	assert_memory_equal((const char *)r + r->name.off + r->name.len - 4,
			    "./ln", 4);
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

static const struct CMUnitTest by_calls[] = {
	cmocka_unit_test(created_file_and_first_write_are_events),
	cmocka_unit_test(every_call_that_writes_is_an_event),
	cmocka_unit_test(calls_on_names_tell_place_and_name),
	cmocka_unit_test(calls_on_descriptors_tell_the_file),
	cmocka_unit_test(truncating_open_is_an_event_of_its_own),
	cmocka_unit_test(what_is_no_file_is_no_event),
	cmocka_unit_test(pseudo_files_that_matter_are_events),
	cmocka_unit_test(chroot_hides_no_part_of_the_path),
	cmocka_unit_test(swapped_descriptor_tells_both_files),
	cmocka_unit_test(shared_table_makes_descriptors_claims),
	cmocka_unit_test(calls_by_int_80_are_events),
	cmocka_unit_test(long_name_is_whole),
	cmocka_unit_test(own_writes_are_not_events),
};

/* Where hooks inside the kernel tell. */
static const struct CMUnitTest by_any[] = {
	cmocka_unit_test(what_is_no_file_is_no_event),
	cmocka_unit_test(pseudo_files_that_matter_are_events),
	cmocka_unit_test(own_writes_are_not_events),
};

static int setup(void **state)
{
	struct sensor_settings s = {
		.ring_bytes = 8u << 20,
		.window_ms = 3600 * 1000,
		.env_names = seen_env_names,
		.self_tgid = (uint32_t)getpid(),
	};
	char what[256] = "";
	struct seen *w;

	/* It must be there before the first child goes to it. */
	(void)place();
	forced_by_env(s.force);
	s.force[WIRE_FAM_WRITE] = backend();
	if (seen_try(&s, &w, what) < 0) {
		print_error("sensor_open: %s\n", what);
		return -1;
	}
	*state = w;
	return 0;
}

int main(void)
{
	if (backend() == WIRE_BACKEND_TP_BTF ||
	    backend() == WIRE_BACKEND_RAW_TP)
		return cmocka_run_group_tests_name("write", by_calls, setup,
						   seen_teardown);
	return cmocka_run_group_tests_name("write", by_any, setup,
					   seen_teardown);
}
