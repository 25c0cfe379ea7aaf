// SPDX-License-Identifier: Apache-2.0
/*
 * app/set_aside, app/tail_lines: a log of alerts that looks at little says what
 * one says that looks at everything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/alert_line.h"
#include "app/set_aside.h"
#include "app/tail_lines.h"
#include "out_samples.h"
#include "seed.h"

#define IMAGES 6
#define FRAMES 400

struct both {
	unsigned seed;
	int fd;
	struct tail_lines *log;
	struct view_images *images;
	struct buf want, payload;
	uint64_t seq, segment;
	bool is_plain[FRAMES + 2]; /* by number: no alert, and never one */
	struct image img[IMAGES];
	char exe[IMAGES][32];
};

static unsigned any(struct both *b, unsigned n)
{
	return (unsigned)rand_r(&b->seed) % n;
}

static void begin(struct both *b, unsigned seed)
{
	struct tail_settings s = { .kinds = TAIL_ALL,
				   .alerts_only = true,
				   .as_log = true };

	*b = (struct both){ .seed = seed, .seq = 1, .segment = 1 };
	b->fd = memfd_create("log", MFD_CLOEXEC);
	assert_true(b->fd >= 0);
	s.fd = b->fd;
	assert_int_equal(tail_lines_new(&s, &b->log), 0);
	assert_int_equal(view_images_new(&b->images), 0);
	buf_init(&b->want, 4u << 20);
	buf_init(&b->payload, 1u << 20);
	for (unsigned i = 0; i < IMAGES; i++) {
		(void)snprintf(b->exe[i], sizeof(b->exe[i]), "/bin/actor%u", i);
		b->img[i] = sample_image(i + 1, 100 + i, b->exe[i], NULL);
		if (i)
			b->img[i].parent = &b->img[i - 1];
	}
}

static void end(struct both *b)
{
	tail_lines_free(b->log);
	view_images_free(b->images);
	buf_done(&b->want);
	buf_done(&b->payload);
	(void)close(b->fd);
}

static bool is_alert(const struct view *v)
{
	if (v->event)
		return v->event->verdict && v->event->verdict->alert;
	return v->amendment->repeats ||
	       (v->amended.known && v->amended.alert) ||
	       (v->amendment->resolution &&
		v->amendment->resolution->verdict->alert);
}

/* To the log, and to who looks at everything. */
static void take(struct both *b, uint8_t type, bool is_urgent)
{
	struct reader_frame f = {
		.type = type,
		.flags = is_urgent ? JOURNAL_FRAME_URGENT : 0,
		.epoch = 1,
		.wall_ns = SAMPLE_WALL_NS,
		.segment = b->segment,
		.payload = buf_slice(&b->payload),
	};
	struct view v;
	int r;

	if (type == JOURNAL_EVENT || type == JOURNAL_AMENDMENT) {
		f.seq = b->seq++;
		f.seq_end = b->seq;
	}
	assert_int_equal(tail_lines_take(b->log, sample_journal, &f), 0);
	r = view_take(b->images, sample_journal, &f, &v);
	assert_true(r >= 0);
	if (r > 0 && is_alert(&v)) {
		alert_line(&b->want, b->images, &v);
		buf_add_char(&b->want, '\n');
	}
	if (r > 0)
		view_done(&v);
	buf_reset(&b->payload);
}

static void assert_same(struct both *b)
{
	char *got = calloc(1, b->want.n + 1);

	assert_non_null(got);
	assert_int_equal(tail_lines_flush(b->log), 0);
	assert_int_equal(lseek(b->fd, 0, SEEK_END), b->want.n);
	assert_int_equal(pread(b->fd, got, b->want.n, 0), b->want.n);
	assert_memory_equal(got, b->want.p, b->want.n);
	free(got);
}

static void describe(struct both *b)
{
	record_pack_image(&b->payload, &b->img[any(b, IMAGES)]);
	take(b, JOURNAL_DESCRIPTION, false);
}

static void do_something(struct both *b)
{
	static const struct verdict verdicts[] = {
		{ .answer = ANSWER_ALLOWED },
		{ .answer = ANSWER_PENDING },
		{ .answer = ANSWER_DENIED, .alert = true, .rule = "no" },
	};
	/* Alerts are rare: else nothing is ever passed over. */
	unsigned i = any(b, 8) ? 0 : any(b, 3);
	struct event ev = any(b, 2) ? sample_event(EVENT_EXEC)
				    : sample_write("/some/file", OP_OPEN);

	record_pack_event(&b->payload, &ev, &b->img[any(b, IMAGES)],
			  &verdicts[i], SAMPLE_WALL_NS);
	b->is_plain[b->seq] = i == 0;
	take(b, JOURNAL_EVENT, verdicts[i].alert);
}

/* One of the last few: mostly of an event, of which kind no one knows. */
static uint64_t any_seq(struct both *b)
{
	uint64_t back = 1 + any(b, 12);

	return b->seq > back ? b->seq - back : 1;
}

static void amend(struct both *b)
{
	const struct write_totals totals = { .count = 5, .bytes = 77 };
	const struct verdict verdict = { .answer = ANSWER_DENIED,
					 .alert = any(b, 2) };
	const struct resolution res = { .verdict = &verdict };
	const struct alert_repeats repeats = { .count = 3,
					       .alerted = 1,
					       .kind = EVENT_WRITE };
	struct event result = { .kind = EVENT_CONNECT_RESULT };
	uint64_t seq = any_seq(b);

	unsigned what = any(b, 6);

	b->is_plain[b->seq] = true;
	/* Of what was no alert nobody says that it became one, or was many. */
	if (b->is_plain[seq] && what < 2)
		what = 3;
	result.result.local = result.result.peer = sample_ip4(10, 0, 0, 1);
	switch (what) {
	case 0:
		record_pack_resolution(&b->payload,
				       &(struct record_amends){ 1, seq, 1, 1 },
				       &res);
		break;
	case 1:
		record_pack_alert_repeats(
			&b->payload, &(struct record_amends){ 1, seq, 1, 1 },
			&repeats);
		break;
	case 2:
		record_pack_connect_result(
			&b->payload,
			&(struct record_amends){ 1, seq, result.time_ns, 1 },
			&result.result);
		break;
	default:
		record_pack_write_totals(
			&b->payload, &(struct record_amends){ 1, seq, 1, 1 },
			&totals);
		break;
	}
	take(b, JOURNAL_AMENDMENT, what == 0 && verdict.alert);
}

static void seal(struct both *b)
{
	const struct journal_seal s = {
		.flags = any(b, 3) ? 0 : JOURNAL_SEAL_CLEAN,
	};

	buf_add(&b->payload, &s, sizeof(s));
	take(b, JOURNAL_SEAL, false);
}

static void log_says_what_one_says_that_looks_at_everything(void **state)
{
	unsigned seed = (unsigned)any_seed();
	struct both b;
	size_t said = 0;

	(void)state;
	for (unsigned round = 0; round < 50; round++) {
		begin(&b, seed + round);
		for (unsigned i = 0; i < FRAMES; i++) {
			unsigned what = any(&b, 100);

			if (what < 40)
				describe(&b);
			else if (what < 75)
				do_something(&b);
			else if (what < 95)
				amend(&b);
			else if (what < 98)
				seal(&b);
			else
				b.segment++;
		}
		said += b.want.n;
		assert_same(&b);
		end(&b);
	}
	/* In each of so many rounds none would be strange. */
	assert_true(said > 0);
}

/* What finds no room any more is looked at before it has to go. */
static void more_than_there_is_room_for_is_looked_at_early(void **state)
{
	static const struct verdict alert = { .answer = ANSWER_DENIED,
					      .alert = true };
	static char much[3000];
	struct event ev = sample_event(EVENT_EXEC);
	struct both b;

	(void)state;
	begin(&b, 1);
	record_pack_image(&b.payload, &b.img[0]);
	take(&b, JOURNAL_DESCRIPTION, false);
	/* Not more than a view holds: then it, too, would forget the first. */
	for (unsigned i = 0; i < 4000; i++) {
		struct image img = b.img[1];

		img.id = 100 + i;
		img.cwd = slice_of(much, sizeof(much));
		record_pack_image(&b.payload, &img);
		take(&b, JOURNAL_DESCRIPTION, false);
	}
	record_pack_event(&b.payload, &ev, &b.img[0], &alert, 1);
	take(&b, JOURNAL_EVENT, true);
	buf_add_char(&b.want, '\0');
	b.want.n--;
	assert_non_null(strstr(b.want.p, "actor0"));
	assert_same(&b);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			log_says_what_one_says_that_looks_at_everything),
		cmocka_unit_test(
			more_than_there_is_room_for_is_looked_at_early),
	};

	return cmocka_run_group_tests_name("set_aside", tests, NULL, NULL);
}
