/* SPDX-License-Identifier: Apache-2.0 */
/* One subject that does what alerts, and what the journal is told of it. */
#pragma once

#include "app/alerts.h"
#include "app/pipeline.h"
#include "no_sensor.h"
#include "out/view.h"
#include "store_dir.h"

#define SECOND_NS 1000000000ull

struct fixture {
	struct store_dir dir;
	struct pipeline p;
	struct alerts *a;
	struct image shell, self;
	struct event ev;
	uint64_t seq; /* of the last event */
};

static inline void begin(struct fixture *f, const struct alert_limits *limits)
{
	*f = (struct fixture){ 0 };
	store_begin(&f->dir);
	store_open(&f->dir);
	f->p.journal = f->dir.j;
	f->p.epoch = 3;
	assert_int_equal(pipeline_init(&f->p), 0);
	(void)journal_segment(f->dir.j);
	assert_int_equal(alerts_new(limits, &f->p, &f->a), 0);
	f->shell.exe.path = slice_str("/bin/sh");
	f->self.parent = &f->shell;
	f->self.exe.path = slice_str("/tmp/x");
	f->self.exe_file = (struct file_id){ .known = true, .ino = 7 };
	f->ev = (struct event){ .kind = EVENT_WRITE, .time_ns = SECOND_NS };
	f->ev.write.path.path = slice_str("/etc/cron.d/a");
	f->seq = 100;
}

static inline void end(struct fixture *f)
{
	alerts_free(f->a);
	pipeline_done(&f->p);
	store_end(&f->dir);
}

/* Does it pass? The event is kept as the next one in any case. */
static inline bool passes_by(struct fixture *f, const char *rule)
{
	struct verdict v = {
		.answer = ANSWER_DENIED,
		.alert = true,
		.severity = SEVERITY_HIGH,
		.rule = rule,
		.tag = "T1",
	};

	alerts_judge(f->a, &f->ev, &f->self, &v);
	assert_int_equal(v.alert, !v.repeated);
	alerts_kept(f->a, (struct amend_target){ .epoch = 3, .seq = ++f->seq });
	return v.alert;
}

static inline bool passes(struct fixture *f)
{
	return passes_by(f, "cron");
}

/* After all windows. */
#define FAR_NS (1ull << 60)
static inline void all_are_over(struct fixture *f)
{
	while (alerts_due(f->a, FAR_NS))
		;
}

struct told {
	size_t n;
	struct {
		uint64_t seq, count, alerted, last, since_ns;
		int64_t since_wall_ns, until_wall_ns;
		char rule[32];
	} v[8];
};

static inline void read_told(struct fixture *f, struct told *ret)
{
	struct reader_frame frame;
	struct reader *r = NULL;

	*ret = (struct told){ 0 };
	assert_int_equal(journal_flush(f->dir.j, 5000), 0);
	assert_int_equal(reader_open(f->dir.journal, READER_OLDEST, 0, 0, &r),
			 0);
	while (reader_next(r, &frame) == 1) {
		Picket__V1__Amendment *m;

		if (frame.type != JOURNAL_AMENDMENT)
			continue;
		m = picket__v1__amendment__unpack(
			NULL, frame.payload.n,
			(const uint8_t *)frame.payload.p);
		assert_non_null(m);
		assert_non_null(m->repeats);
		assert_true(ret->n < 8);
		assert_int_equal(m->epoch, 3);
		assert_int_equal(m->repeats->last_epoch, 3);
		assert_int_equal(m->repeats->severity, SEVERITY_HIGH);
		ret->v[ret->n].seq = m->seq;
		ret->v[ret->n].count = m->repeats->count;
		ret->v[ret->n].alerted = m->repeats->alerted;
		ret->v[ret->n].last = m->repeats->last_seq;
		ret->v[ret->n].since_ns = m->repeats->since_ns;
		ret->v[ret->n].since_wall_ns = m->repeats->since_wall_ns;
		ret->v[ret->n].until_wall_ns = m->repeats->until_wall_ns;
		(void)snprintf(ret->v[ret->n].rule, 32, "%s", m->repeats->rule);
		ret->n++;
		picket__v1__amendment__free_unpacked(m, NULL);
	}
	reader_close(r);
}

static const struct alert_limits usual = {
	.window_ns = 60 * SECOND_NS,
	.subjects = 64,
	.objects = 3,
};
