/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse_server.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tiny_program.h"

/* As the kernel asks of a reader: more than the largest write that it sends. */
#define REQUEST_MAX (1 << 17)
#define WRITE_MAX   4096

/* Nobody asks twice, however slow the machine is. */
#define VALID_S 3600

struct request {
	struct fuse_in_header head;
	char rest[REQUEST_MAX - sizeof(struct fuse_in_header)];
};

static uint64_t written; /* bytes of FUSE_FILE */

static int answer(int fd, const struct request *q, int error, const void *p,
		  size_t n)
{
	struct fuse_out_header head = {
		.len = (uint32_t)(sizeof(head) + n),
		.error = -error,
		.unique = q->head.unique,
	};
	struct iovec v[] = { { &head, sizeof(head) },
			     { (void *)(uintptr_t)p, n } };

	return writev(fd, v, n ? 2 : 1) < 0 ? -errno : 0;
}

static struct fuse_attr attr_of(uint64_t ino)
{
	char program[TINY_PROGRAM_MAX];
	struct fuse_attr a = { .ino = ino, .nlink = 1, .blksize = 4096 };

	if (ino == FUSE_ROOT_ID) {
		a.mode = S_IFDIR | 0755;
		a.nlink = 2;
	} else if (ino == FUSE_PROGRAM_INO) {
		a.mode = S_IFREG | 0755;
		a.size = tiny_program(program);
	} else {
		a.mode = S_IFREG | 0644;
		a.size = written;
	}
	return a;
}

static int look_up(int fd, const struct request *q)
{
	struct fuse_entry_out out = { .attr_valid = VALID_S,
				      .entry_valid = VALID_S };
	unsigned number;

	if (strcmp(q->rest, FUSE_FILE) == 0)
		out.nodeid = FUSE_FILE_INO;
	else if (strcmp(q->rest, FUSE_PROGRAM) == 0)
		out.nodeid = FUSE_PROGRAM_INO;
	else if (sscanf(q->rest, "%5u", &number) == 1)
		out.nodeid = FUSE_NUMBER_INO + number;
	else
		return answer(fd, q, ENOENT, NULL, 0);
	out.attr = attr_of(out.nodeid);
	return answer(fd, q, 0, &out, sizeof(out));
}

static int read_program(int fd, const struct request *q, int gate)
{
	const struct fuse_read_in *in = (const void *)q->rest;
	char program[TINY_PROGRAM_MAX];
	size_t n = tiny_program(program);
	char byte;

	if (gate >= 0 && read(gate, &byte, 1) < 0)
		return -errno;
	if (q->head.nodeid != FUSE_PROGRAM_INO || in->offset >= n)
		return answer(fd, q, 0, NULL, 0);
	n -= in->offset;
	return answer(fd, q, 0, program + in->offset,
		      n < in->size ? n : in->size);
}

static int pass(int gate)
{
	char byte = 0;

	if (gate >= 0 &&
	    (write(gate, &byte, 1) < 0 || read(gate, &byte, 1) < 0))
		return -errno;
	return 0;
}

static int tell_attr(int fd, const struct request *q)
{
	struct fuse_attr_out out = { .attr_valid = VALID_S };

	out.attr = attr_of(q->head.nodeid);
	return answer(fd, q, 0, &out, sizeof(out));
}

static int take_write(int fd, const struct request *q)
{
	const struct fuse_write_in *in = (const void *)q->rest;
	struct fuse_write_out out = { .size = in->size };

	if (in->offset + in->size > written)
		written = in->offset + in->size;
	return answer(fd, q, 0, &out, sizeof(out));
}

static int begin(int fd, const struct request *q)
{
	const struct fuse_init_in *in = (const void *)q->rest;
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = in->minor < FUSE_KERNEL_MINOR_VERSION
				 ? in->minor
				 : FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = in->max_readahead,
		.max_write = WRITE_MAX,
	};

	return answer(fd, q, 0, &out, sizeof(out));
}

static int serve_one(int fd, const struct request *q, int gate)
{
	struct fuse_open_out opened = { .fh = 1 };

	switch (q->head.opcode) {
	case FUSE_INIT:
		return begin(fd, q);
	case FUSE_LOOKUP:
		return look_up(fd, q);
	case FUSE_SETATTR:
		return pass(gate) < 0 ? -errno : tell_attr(fd, q);
	case FUSE_GETATTR:
		return tell_attr(fd, q);
	case FUSE_OPEN:
		return answer(fd, q, 0, &opened, sizeof(opened));
	case FUSE_READ:
		return read_program(fd, q, gate);
	case FUSE_WRITE:
		return take_write(fd, q);
	case FUSE_UNLINK:
	case FUSE_REMOVEXATTR:
		return pass(gate) < 0 ? -errno : answer(fd, q, 0, NULL, 0);
	case FUSE_RELEASE:
		return answer(fd, q, 0, NULL, 0);
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		return 0;
	default:
		/* FUSE_FLUSH too: who closes a file asks for it once only. */
		return answer(fd, q, ENOSYS, NULL, 0);
	}
}

int fuse_mount(const char *at)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[64];

	if (fd < 0)
		return -1;
	(void)snprintf(options, sizeof(options),
		       "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	if (mount("served", at, "fuse", 0, options) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

int fuse_serve(int fd, int gate)
{
	static struct request q;
	ssize_t n;

	for (;;) {
		n = read(fd, &q, sizeof(q));
		if (n < 0 && (errno == EINTR || errno == ENOENT))
			continue;
		/* ENODEV: unmounted. */
		if (n < (ssize_t)sizeof(q.head))
			return n < 0 && errno == ENODEV ? 0 : 1;
		if (serve_one(fd, &q, gate) < 0 && errno != ENOENT)
			return 1;
	}
}
