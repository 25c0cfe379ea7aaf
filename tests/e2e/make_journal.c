/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A journal without a kernel: synthetic events by the journal's own code, as
 * many as wanted, for tests of what reads journals. Prints the name of each
 * record, "JOURNAL.EPOCH.SEQ KIND", once it is sealed.
 *
 *	make_journal --journal DIR --count N [--poison I] [--segment-size B]
 *		[--max-size B] [--quiet] [--span DURATION] [--late DURATION]
 *		[--pending] [--programs N] [--calm]
 *
 * Every fiftieth event is an alert, but with --calm; every tenth connection is
 * amended, some names are not UTF-8. Event I, counted from 1, writes to a file
 * named poison.
 * With --span the events are of so long up to now, evenly. With --late what
 * becomes known of the first connection comes so much later. With --pending
 * two of twenty events wait for their verdicts, and soon one of them is denied,
 * with an alert, and the other one allowed, by turns; with --late, too, the
 * first of all, which is denied, so much later, and its program is told to be
 * of a package then. With --programs there are only so many, and each time they
 * write another file, in some directory, and connect to another host.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/text.h"
#include "out_samples.h"
#include "store/journal.h"

#define FLUSH_EVERY 2000
#define WAIT_MS	    10000

struct wish {
	const char *dir;
	uint64_t count, poison, segment_size, max_size, span_ms, late_ms;
	uint64_t programs; /* 0: another one each time */
	bool quiet, pending, calm;
};

struct maker {
	struct wish wish;
	struct journal *journal;
	struct journal_opening opening;
	struct sample sample;
	struct image worker, late_worker;
	char exe[64], late_exe[64], path[96];
	struct buf payload;
	int64_t now_ns, began_ns, wall_ns;
	uint64_t late_seq, late_pending; /* 0: none waits */
	uint64_t pending[2];
	int64_t late_ns;
};

static void die(const char *what, int r)
{
	(void)fprintf(stderr, "make_journal: %s: %s\n", what, strerror(-r));
	exit(1);
}

static uint64_t number(const char *text)
{
	uint64_t v;

	if (text_size(slice_str(text), &v) < 0)
		die(text, -EINVAL);
	return v;
}

static void parse(int argc, char **argv, struct wish *w)
{
	static const struct option longs[] = {
		{ "journal", required_argument, NULL, 'j' },
		{ "count", required_argument, NULL, 'n' },
		{ "poison", required_argument, NULL, 'p' },
		{ "segment-size", required_argument, NULL, 's' },
		{ "max-size", required_argument, NULL, 'm' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "span", required_argument, NULL, 't' },
		{ "late", required_argument, NULL, 'l' },
		{ "pending", no_argument, NULL, 'w' },
		{ "programs", required_argument, NULL, 'g' },
		{ "calm", no_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*w = (struct wish){ .segment_size = 16u << 20, .max_size = 1u << 30 };
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'j':
			w->dir = optarg;
			break;
		case 'n':
			w->count = number(optarg);
			break;
		case 'p':
			w->poison = number(optarg);
			break;
		case 's':
			w->segment_size = number(optarg);
			break;
		case 'm':
			w->max_size = number(optarg);
			break;
		case 'q':
			w->quiet = true;
			break;
		case 'w':
			w->pending = true;
			break;
		case 'c':
			w->calm = true;
			break;
		case 'g':
			w->programs = number(optarg);
			break;
		case 't':
			if (text_duration(slice_str(optarg), &w->span_ms) < 0)
				die(optarg, -EINVAL);
			break;
		case 'l':
			if (text_duration(slice_str(optarg), &w->late_ms) < 0)
				die(optarg, -EINVAL);
			break;
		default:
			exit(2);
		}
	}
	if (!w->dir)
		die("--journal", -EINVAL);
}

static uint64_t append(struct maker *m, uint8_t type, unsigned flags)
{
	uint64_t seq;
	int r;

	if (m->payload.failed)
		die("pack", -ENOMEM);
	r = journal_append(m->journal, type, flags, m->wall_ns,
			   buf_slice(&m->payload), &seq);
	if (r < 0)
		die("append", r);
	return seq;
}

static void describe(struct maker *m, struct image *img)
{
	uint64_t segment = journal_segment(m->journal);

	if (!img || img->described_in == segment)
		return;
	describe(m, (struct image *)(uintptr_t)img->parent);
	buf_reset(&m->payload);
	record_pack_image(&m->payload, img);
	(void)append(m, JOURNAL_DESCRIPTION, 0);
	img->described_in = segment;
}

static void say(const struct maker *m, uint64_t seq, const char *kind)
{
	size_t i;

	if (m->wish.quiet)
		return;
	for (i = 0; i < sizeof(m->opening.id); i++)
		(void)printf("%02x", m->opening.id[i]);
	(void)printf(".%" PRIu32 ".%" PRIu64 " %s\n", m->opening.epoch, seq,
		     kind);
}

/* A new program every seventh event. */
static void change_worker(struct maker *m, uint64_t i)
{
	static const char args[] = "worker\0--name=\xff\xfe\0two words\0";
	struct image *w = &m->worker;

	uint64_t program = m->wish.programs ? i % m->wish.programs : i;

	(void)snprintf(m->exe, sizeof(m->exe), "/srv/app/worker-%" PRIu64,
		       program);
	*w = sample_image(1000 + i, (uint32_t)(5000 + i % 60000), m->exe,
			  &m->sample.bash);
	w->args = slice_of(args, sizeof(args) - 1);
	w->argc = 3;
	w->args_bytes = sizeof(args) - 1;
	w->exe_file.ino = 1000 + program;
}

static void keep_worker(struct maker *m)
{
	memcpy(m->late_exe, m->exe, sizeof(m->late_exe));
	m->late_worker = m->worker;
	m->late_worker.exe = sample_path(m->late_exe);
	m->late_worker.exe_facts =
		(struct file_facts){ .known = true, .trust = TRUST_PACKAGE };
}

/* Each number once, in no order (64 bits, finalized as splitmix64 does). */
static uint64_t mixed(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

/* Letters alone: names that nothing generalises, in 676 directories. */
static void name_other(struct maker *m, uint64_t i)
{
	uint64_t x = mixed(i);
	char word[12] = { 0 };

	for (size_t k = 0; k < sizeof(word) - 1; k++, x /= 26)
		word[k] = (char)('a' + x % 26);
	(void)snprintf(m->path, sizeof(m->path), "/srv/data/%.2s/%s", word,
		       word + 2);
}

static struct event make_connect(const void *ip, uint16_t port)
{
	struct event ev = { .kind = EVENT_CONNECT };

	ev.connect.peer.addr.family = AF_INET;
	memcpy(ev.connect.peer.addr.bytes, ip, 4);
	ev.connect.peer.port = port;
	ev.connect.peer.type = SOCK_STREAM;
	ev.connect.peer.protocol = IPPROTO_TCP;
	return ev;
}

static struct event make_write(struct maker *m, uint64_t i)
{
	if (m->wish.programs)
		name_other(m, i);
	else
		(void)snprintf(m->path, sizeof(m->path),
			       i == m->wish.poison ? "/srv/poison-%" PRIu64
			       : i % 9 == 0 ? "/srv/bytes-\xc3\x28-%" PRIu64
					    : "/srv/data/f\xc3\xa4-%" PRIu64,
			       i);
	return sample_write(m->path, OP_OPEN);
}

static struct event make_event(struct maker *m, uint64_t i)
{
	uint64_t other = mixed(i);
	struct event ev = { .kind = EVENT_EXEC };

	if (i == m->wish.poison || i % 3 == 0)
		ev = make_write(m, i);
	else if (i % 3 == 2)
		ev = make_connect(m->wish.programs ? (void *)&other
						   : "\x7f\0\0\1",
				  (uint16_t)(i % 65536));
	ev.backend = 4;
	ev.time_ns = clock_boot_ns();
	ev.actor.proc = m->worker.proc;
	ev.actor.image_number = m->worker.number;
	return ev;
}

static const char *kind_name(enum event_kind k)
{
	return k == EVENT_EXEC	  ? "exec"
	       : k == EVENT_WRITE ? "write"
				  : "connect";
}

static void amend(struct maker *m, uint64_t seq)
{
	struct event ev = { .kind = EVENT_CONNECT_RESULT };

	ev.time_ns = clock_boot_ns();
	ev.result.local.family = AF_INET;
	ev.result.peer.family = AF_INET;
	ev.result.error = ECONNREFUSED;
	buf_reset(&m->payload);
	record_pack_connect_result(&m->payload,
				   &(struct record_amends){ m->opening.epoch,
							    seq, ev.time_ns,
							    m->wall_ns },
				   &ev.result);
	say(m, append(m, JOURNAL_AMENDMENT, 0), "amendment");
}

/* img: what it was found to be; NULL: nothing. */
static void settle(struct maker *m, uint64_t seq, bool is_denied,
		   const struct image *img)
{
	const struct verdict v = { .answer = is_denied ? ANSWER_DENIED
						       : ANSWER_ALLOWED,
				   .alert = is_denied,
				   .rule = "late" };
	const struct resolution r = { .verdict = &v,
				      .img = img,
				      .exe_package = "",
				      .script_package = "" };

	buf_reset(&m->payload);
	record_pack_resolution(&m->payload,
			       &(struct record_amends){ m->opening.epoch, seq,
							clock_boot_ns(),
							m->wall_ns },
			       &r);
	say(m, append(m, JOURNAL_AMENDMENT, v.alert ? JOURNAL_URGENT : 0),
	    "amendment");
}

static int64_t wall_of(const struct maker *m, uint64_t i)
{
	if (!m->wish.span_ms)
		return clock_wall_ns();
	return m->began_ns +
	       (m->now_ns - m->began_ns) / (int64_t)m->wish.count * (int64_t)i;
}

static void make_one(struct maker *m, uint64_t i)
{
	struct verdict v = { .answer = ANSWER_UNLISTED };
	struct event ev;
	uint64_t seq;

	m->wall_ns = wall_of(m, i);
	if (i % 7 == 1)
		change_worker(m, i);
	if (i % 50 == 0 && !m->wish.calm)
		v = (struct verdict){ .answer = ANSWER_DENIED,
				      .severity = SEVERITY_HIGH,
				      .alert = true,
				      .rule = "no-workers",
				      .tag = "T1059" };
	if (m->wish.pending && (i % 20 == 5 || i % 20 == 6))
		v.answer = ANSWER_PENDING;
	describe(m, &m->worker);
	ev = make_event(m, i);
	buf_reset(&m->payload);
	record_pack_event(&m->payload, &ev, &m->worker, &v, m->wall_ns);
	seq = append(m, JOURNAL_EVENT, v.alert ? JOURNAL_URGENT : 0);
	say(m, seq, kind_name(ev.kind));
	if (i == 2 && m->wish.late_ms) {
		m->late_seq = seq;
		m->late_ns =
			m->wall_ns + (int64_t)(m->wish.late_ms * NS_PER_MS);
	} else if (ev.kind == EVENT_CONNECT && i % 10 == 2) {
		amend(m, seq);
	}
	if (v.answer == ANSWER_PENDING)
		m->pending[i % 20 == 6] = seq;
	if (i == 5) /* the first that waits, if any does */
		keep_worker(m);
	if (m->wish.pending && i % 20 == 9) {
		if (i == 9 && m->wish.late_ms)
			m->late_pending = m->pending[0];
		else
			settle(m, m->pending[0], i % 40 == 9, NULL);
		settle(m, m->pending[1], i % 40 != 9, NULL);
	}
	if (m->late_seq && m->wall_ns >= m->late_ns) {
		amend(m, m->late_seq);
		m->late_seq = 0;
		if (m->late_pending)
			settle(m, m->late_pending, true, &m->late_worker);
	}
}

int main(int argc, char **argv)
{
	struct maker m = { .now_ns = clock_wall_ns() };
	struct journal_settings s = {
		.buffer_size = 16u << 20,
		.sync_interval_ms = 50,
		.file_mode = 0640,
	};
	char what[256];
	int holder, r;
	uint64_t i;

	parse(argc, argv, &m.wish);
	s.dir = m.wish.dir;
	s.segment_size = m.wish.segment_size;
	s.max_size = m.wish.max_size;
	r = journal_open(&s, &m.journal, &m.opening, &holder, what);
	if (r < 0)
		die(what, r);
	m.wall_ns = m.now_ns;
	m.began_ns = m.now_ns - (int64_t)(m.wish.span_ms * NS_PER_MS);
	sample_begin(&m.sample);
	buf_init(&m.payload, JOURNAL_PAYLOAD_MAX);
	/* Programs are numbered on where the last run left off. */
	change_worker(&m, m.opening.next_seq);
	for (i = 1; i <= m.wish.count; i++) {
		make_one(&m, i);
		if (i % FLUSH_EVERY == 0) {
			r = journal_flush(m.journal, WAIT_MS);
			if (r < 0)
				die("flush", r);
		}
	}
	r = journal_flush(m.journal, WAIT_MS);
	if (r < 0)
		die("flush", r);
	journal_close(m.journal);
	sample_end(&m.sample);
	buf_done(&m.payload);
	return 0;
}
