/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a ring record. Property: every slice of the event lies inside
 * the record or the scratch, and can be read.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "sense/decode.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct decode_scratch scratch;
static const char *record;
static size_t record_size;
static volatile unsigned sink;

static bool within(struct slice s, const char *p, size_t n)
{
	return s.p >= p && s.p <= p + n && s.n <= (size_t)(p + n - s.p);
}

static void check(struct slice s)
{
	unsigned sum = 0;

	if (!s.n)
		return;
	assert(within(s, record, record_size) ||
	       within(s, scratch.bytes, scratch.used));
	for (size_t i = 0; i < s.n; i++)
		sum += (unsigned char)s.p[i];
	sink += sum;
}

static void check_path(const struct file_path *p)
{
	check(p->path);
	check(p->fs_path);
	assert(!p->host_path.n);
	if (p->fs_path.n)
		assert(p->fs_path.p[0] == '/');
}

static void check_end(const struct endpoint *e)
{
	check(e->unix_path);
	assert(e->family);
	assert(!e->addr.family || e->addr.family == AF_INET ||
	       e->addr.family == AF_INET6);
}

static void check_event(const struct event *ev)
{
	switch (ev->kind) {
	case EVENT_EXEC:
		check_path(&ev->exec.exe);
		check_path(&ev->exec.cwd);
		check(ev->exec.filename);
		check(ev->exec.interp);
		check(ev->exec.args);
		check(ev->exec.env);
		assert((const char *)ev->exec.wire == record);
		break;
	case EVENT_WRITE:
		check_path(&ev->write.path);
		check_path(&ev->write.new_path);
		check(ev->write.target);
		assert(ev->write.op > OP_NONE && ev->write.op < OP_COUNT);
		break;
	case EVENT_CGROUP:
		check(ev->cgroup.path);
		break;
	case EVENT_CONNECT:
		check_end(&ev->connect.peer);
		break;
	case EVENT_LISTEN:
		check_end(&ev->listen.local);
		break;
	case EVENT_LOAD:
		check_path(&ev->load.path);
		check(ev->load.name);
		assert(ev->load.op > LOAD_NONE && ev->load.op < LOAD_COUNT);
		break;
	case EVENT_SCRIPT:
		check_path(&ev->script.path);
		break;
	case EVENT_TAMPER:
		assert(ev->tamper.op > TAMPER_NONE &&
		       ev->tamper.op < TAMPER_COUNT);
		assert(!ev->tamper.target_img);
		break;
	case EVENT_FORK:
	case EVENT_EXIT:
	case EVENT_CONNECT_RESULT:
		break;
	case EVENT_NONE:
	case EVENT_AGENT:
	case EVENT_KIND_COUNT:
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *why = NULL;
	struct event ev;
	char *copy = malloc(size ? size : 1);

	if (!copy)
		return 0;
	/* Its own allocation: aligned, and the sanitizer sees the end. */
	if (size)
		memcpy(copy, data, size);
	/* Let the fuzzer find the bodies: a length that it need not guess. */
	if (size >= sizeof(struct wire_hdr) && size <= WIRE_RECORD_MAX) {
		struct wire_hdr *hdr = (struct wire_hdr *)copy;

		if (hdr->size > size)
			hdr->size = (uint32_t)size;
	}
	record = copy;
	record_size = size;
	(void)decode_family(copy, size);
	if (decode_record(copy, size, &scratch, &ev, &why) == 0)
		check_event(&ev);
	else
		assert(why);
	free(copy);
	return 0;
}
