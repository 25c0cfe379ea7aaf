/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events and images for tests of what comes after the pipeline, and the way
 * they take there: packed as the pipeline does it, taken by a view as every
 * reader does.
 *
 *	struct sample s;
 *
 *	sample_begin(&s);			shell and its ancestors known
 *	struct event ev = sample_write("/etc/passwd", OP_OPEN);
 *	sample_take(&s, &ev, s.shell, &verdict);	s.view is the record
 *	… text_line(&out, s.images, &s.view, &style) …
 *	sample_end(&s);
 */
#pragma once

#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "event.h"
#include "out/record.h"
#include "out/view.h"

/* 2026-11-23T21:04:05.678Z */
#define SAMPLE_WALL_NS 1795467845678000000ll
#define SAMPLE_BOOT_NS 5000000000ull

static const uint8_t sample_journal[16] = { 0xa0, 1, 2,	 3,  4,	 5,  6,	 7,
					    8,	  9, 10, 11, 12, 13, 14, 15 };

struct sample {
	struct view_images *images;
	struct buf payload;
	struct view view;
	bool has_view;
	uint64_t seq, segment;
	struct image systemd, sshd, session, bash, shell;
};

static inline struct slice sample_str(const char *s)
{
	return slice_str(s);
}

static inline struct file_path sample_path(const char *s)
{
	return (struct file_path){ .path = slice_str(s),
				   .fs_path = slice_str(s) };
}

static inline struct file_id sample_file(void)
{
	return (struct file_id){
		.known = true,
		.ino = 1234567,
		.dev = 8u << 20 | 1,
		.generation = 3456789012u,
		.mode = 0100644,
		.nlink = 1,
		.size = 1024,
		.mtime_ns = SAMPLE_WALL_NS - 1000,
		.ctime_ns = SAMPLE_WALL_NS - 500,
	};
}

static inline struct image sample_image(uint64_t id, uint32_t pid,
					const char *exe, struct image *parent)
{
	return (struct image){
		.id = id,
		.proc = { .start_ns = pid * 1000ull, .tgid = pid },
		.number = 2,
		.parent = parent,
		.began_ns = pid * 1000ull + 10,
		.exe = sample_path(exe),
		.exe_file = sample_file(),
		.cwd = slice_str("/root"),
		.comm = "anything",
		.login_uid = UINT32_MAX,
		.session_id = UINT32_MAX,
		.cap_effective = 0x1ffffffffff,
		.mnt_ns = 4026531841u,
		.stdio = { [0] = { .kind = STDIO_TTY, .rdev = 136u << 20 },
			   [1] = { .kind = STDIO_PIPE, .ino = 77 },
			   [2] = { .kind = STDIO_NULL } },
		.cgroup_id = 42,
	};
}

static inline int sample_frame(struct sample *s, uint8_t type)
{
	static const uint8_t numbered[] = { [JOURNAL_EVENT] = 1,
					    [JOURNAL_AMENDMENT] = 1,
					    [JOURNAL_GAP] = 1,
					    [JOURNAL_DESCRIPTION] = 0 };
	struct reader_frame f = {
		.type = type,
		.epoch = 1,
		.wall_ns = SAMPLE_WALL_NS,
		.segment = s->segment,
		.payload = buf_slice(&s->payload),
	};
	int r;

	if (numbered[type]) {
		f.seq = s->seq++;
		f.seq_end = s->seq;
	}
	if (s->has_view)
		view_done(&s->view);
	s->has_view = false;
	r = view_take(s->images, sample_journal, &f, &s->view);
	s->has_view = r > 0;
	return r;
}

static inline int sample_describe(struct sample *s, const struct image *img)
{
	buf_reset(&s->payload);
	record_pack_image(&s->payload, img);
	return sample_frame(s, JOURNAL_DESCRIPTION);
}

static inline int sample_take(struct sample *s, const struct event *ev,
			      const struct image *img, const struct verdict *v)
{
	buf_reset(&s->payload);
	record_pack_event(&s->payload, ev, img, v, SAMPLE_WALL_NS);
	return sample_frame(s, JOURNAL_EVENT);
}

/* systemd, sshd, sshd, bash, and a second bash in which all happens. */
static inline void sample_begin(struct sample *s)
{
	int r;

	memset(s, 0, sizeof(*s));
	buf_init(&s->payload, JOURNAL_PAYLOAD_MAX);
	s->seq = 1;
	s->segment = 1;
	r = view_images_new(&s->images);
	assert(r == 0);
	s->systemd = sample_image(1, 1, "/usr/lib/systemd/systemd", NULL);
	s->sshd = sample_image(2, 700, "/usr/sbin/sshd", &s->systemd);
	s->session = sample_image(3, 4000, "/usr/sbin/sshd", &s->sshd);
	s->bash = sample_image(4, 4001, "/usr/bin/bash", &s->session);
	s->shell = sample_image(5, 4711, "/usr/bin/curl", &s->bash);
	s->shell.prev = &s->bash;
	s->shell.args = slice_of("curl\0-s\0https://x.test/a b", 26);
	s->shell.argc = 3;
	s->shell.unit = slice_str("ssh.service");
	for (struct image *i = &s->systemd; i <= &s->shell; i++) {
		r = sample_describe(s, i);
		assert(r == 0);
	}
	(void)r;
}

static inline void sample_end(struct sample *s)
{
	if (s->has_view)
		view_done(&s->view);
	view_images_free(s->images);
	buf_done(&s->payload);
}

/* For cmocka: each test has a sample of its own as its state. */
static inline int sample_setup(void **state)
{
	struct sample *s = malloc(sizeof(*s));

	sample_begin(s);
	*state = s;
	return 0;
}

static inline int sample_teardown(void **state)
{
	sample_end(*state);
	free(*state);
	return 0;
}

/* Records 120 to 133 are missing, as a reader tells it. */
static inline int sample_take_gap(struct sample *s)
{
	static const struct journal_gap gap = { .first = 120,
						.count = 14,
						.reason = JOURNAL_GAP_TRIMMED };
	struct reader_frame f = { .type = JOURNAL_GAP,
				  .flags = READER_MISSING,
				  .epoch = 1,
				  .seq = 120,
				  .seq_end = 134,
				  .payload = slice_of((const char *)&gap,
						      sizeof(gap)) };
	int r = view_take(s->images, sample_journal, &f, &s->view);

	s->has_view = r > 0;
	return r;
}

/* An event by the process of s->shell, as root, where that image runs. */
static inline struct event sample_event(enum event_kind kind)
{
	return (struct event){
		.kind = kind,
		.backend = 4,
		.cpu = 1,
		.time_ns = SAMPLE_BOOT_NS,
		.actor = { .proc = { .start_ns = 4711000, .tgid = 4711 },
			   .image_number = 2,
			   .tid = 4711,
			   .mnt_ns = 4026531841u,
			   .cgroup_id = 42 },
	};
}

static inline struct event sample_write(const char *path, enum write_op op)
{
	struct event ev = sample_event(EVENT_WRITE);

	ev.write.op = op;
	ev.write.path = sample_path(path);
	ev.write.file = sample_file();
	return ev;
}

static inline struct event sample_connect(struct ip_addr addr, uint16_t port)
{
	struct event ev = sample_event(EVENT_CONNECT);

	ev.backend = 6;
	ev.connect.peer.addr = addr;
	ev.connect.peer.port = port;
	ev.connect.peer.type = SOCK_STREAM;
	ev.connect.peer.protocol = IPPROTO_TCP;
	return ev;
}

static inline struct ip_addr sample_ip4(uint8_t a, uint8_t b, uint8_t c,
					uint8_t d)
{
	return (struct ip_addr){ .bytes = { a, b, c, d }, .family = AF_INET };
}

static inline struct ip_addr sample_ip6(void)
{
	return (struct ip_addr){ .bytes = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 },
				 .family = AF_INET6 };
}
