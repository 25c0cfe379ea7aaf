/* SPDX-License-Identifier: Apache-2.0 */
#include "change.h"

#include <fcntl.h>
#include <linux/aio_abi.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

bool is_from_kernel(const struct wire_write *r)
{
	return r->hdr.backend == WIRE_BACKEND_LSM ||
	       r->hdr.backend == WIRE_BACKEND_FENTRY ||
	       r->hdr.backend == WIRE_BACKEND_KPROBE;
}

static const char *join(const struct wire_write *r, const struct wire_path *p,
			struct wire_str name)
{
	static char paths[4][2 * WIRE_NAME_MAX + 2];
	static unsigned next;
	const char *bytes = (const char *)r;
	char *out = paths[next++ % 4];
	bool root = p->path.len == 1;

	assert_true((size_t)p->path.off + p->path.len <= r->hdr.size);
	assert_true((size_t)name.off + name.len <= r->hdr.size);
	(void)snprintf(out, sizeof(paths[0]), "%.*s%s%.*s",
		       (int)(root && name.len ? 0 : p->path.len),
		       bytes + p->path.off,
		       name.len && bytes[name.off] != '/' ? "/" : "",
		       (int)name.len, bytes + name.off);
	return out;
}

const char *told_path(const struct wire_write *r)
{
	return join(r, &r->path, r->name);
}

const char *told_path2(const struct wire_write *r)
{
	return join(r, &r->path2, r->name2);
}

static const char *whole(const char *path)
{
	return *path == '/' ? path : work_path(path);
}

void assert_change(const struct wire_write *r, const struct change *want)
{
	const uint16_t claims = WIRE_WRITE_NAME_CLAIMED | WIRE_WRITE_FD_CLAIMED;

	assert_non_null(r);
	assert_int_equal(r->op, want->op);
	assert_string_equal(told_path(r), whole(want->path));
	if (want->op == WIRE_OP_SYMLINK)
		assert_str(r, r->name2, want->path2);
	else if (want->path2)
		assert_string_equal(told_path2(r), whole(want->path2));
	else
		assert_int_equal(r->path2.path.len + r->name2.len, 0);
	assert_int_equal(r->arg, want->arg);
	assert_int_equal(r->arg2, want->arg2);
	assert_int_equal(r->flags & ~claims, want->flags);
	if (is_from_kernel(r)) {
		assert_int_equal(r->flags & claims, 0);
		assert_int_equal(r->syscall, WIRE_NO_SYSCALL);
	}
	if (r->name.len)
		assert_true(is_from_kernel(r) !=
			    !!(r->flags & WIRE_WRITE_NAME_CLAIMED));
}

void assert_said(const struct seen *w, const char *hook, const char *words)
{
	struct sensor_row row = seen_row(w, hook);

	if (!strstr(row.reason, words))
		fail_msg("'%s' by %s says '%s', not '%s'", hook, row.backend,
			 row.reason, words);
}

static void print_record(const struct wire_write *r)
{
	print_error("  op %u %s -> %s backend %u flags %#x\n", r->op,
		    told_path(r), told_path2(r), r->hdr.backend, r->flags);
}

void assert_changes(const struct seen *w, uint32_t ops,
		    const struct change *want, size_t count)
{
	const struct wire_write *r;
	size_t i, n = 0;

	for (i = 0; (r = seen_nth(w, WIRE_WRITE, i)); i++)
		n += !!(ops & 1u << r->op);
	if (n != count)
		for (i = 0; (r = seen_nth(w, WIRE_WRITE, i)); i++)
			print_record(r);
	assert_int_equal(n, count);
	for (i = n = 0; (r = seen_nth(w, WIRE_WRITE, i)); i++)
		if (ops & 1u << r->op)
			assert_change(r, &want[n++]);
}

bool can_run(struct seen *w, int (*act)(void *arg), const char *what)
{
	seen_run(w, act, NULL);
	if (WEXITSTATUS(w->status) == CANNOT) {
		print_message("# %s: not on this machine\n", what);
		return false;
	}
	assert_int_equal(w->status, 0);
	return true;
}

int aio_write(int fd, int64_t *ret_result)
{
	struct iocb cb = {
		.aio_lio_opcode = IOCB_CMD_PWRITE,
		.aio_fildes = (uint32_t)fd,
		.aio_buf = (uintptr_t) "xyz",
		.aio_nbytes = 3,
	};
	struct iocb *list = &cb;
	struct io_event done;
	aio_context_t ctx = 0;

	if (syscall(SYS_io_setup, 1, &ctx) < 0)
		return CANNOT;
	TRY(syscall(SYS_io_submit, ctx, 1, &list));
	TRY(syscall(SYS_io_getevents, ctx, 1, 1, &done, NULL));
	*ret_result = done.res;
	return 0;
}

int by_splice(int fd)
{
	int p[2];

	TRY(pipe(p));
	TRY(write(p[1], "xyz", 3));
	TRY(splice(p[0], NULL, fd, NULL, 3, 0));
	return 0;
}

int by_aio(int fd)
{
	int64_t result;
	int r = aio_write(fd, &result);

	return r ? r : result == 3 ? 0 : 93;
}

int enter_mounts(void)
{
	if (unshare(CLONE_NEWNS) < 0)
		return -1;
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

struct wire_written_key sum_key(const struct wire_write *r)
{
	return (struct wire_written_key){
		.start_ns = r->hdr.start_ns,
		.ino = r->file.ino,
		.tgid = r->hdr.tgid,
		.image = r->hdr.image,
		.dev = r->file.dev,
		.version = r->file.generation ^ r->file.object,
	};
}
