/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal of a picket that was killed, for tests of what the next one makes
 * of its end: execs of one program, and what became of their verdicts.
 */
#pragma once

#include "app/agent.h"
#include "no_sensor.h"
#include "out/record.h"
#include "out/view.h"
#include "store_dir.h"

struct dead {
	struct store_dir dir;
	struct daemon_settings settings;
	struct agent a; /* the next one */
	struct image img;
};

static inline void dead_begin(struct dead *d)
{
	*d = (struct dead){ 0 };
	store_begin(&d->dir);
	store_open(&d->dir);
	d->settings.journal_dir = d->dir.journal;
	d->a.s = &d->settings;
	d->img.id = 1;
	d->img.exe.path = slice_str("/nowhere/program");
	d->img.exe_file =
		(struct file_id){ .known = true, .ino = 7, .nlink = 1 };
}

static inline uint64_t dead_append(struct dead *d, uint8_t type,
				   struct buf *payload)
{
	uint64_t seq;

	assert_false(payload->failed);
	while (journal_append(d->dir.j, type, 0, clock_wall_ns(),
			      buf_slice(payload), &seq) == -ENOBUFS)
		assert_int_equal(journal_flush(d->dir.j, 60000), 0);
	buf_done(payload);
	return seq;
}

static inline void dead_describe(struct dead *d)
{
	struct buf out = BUF_INIT(PICKET_RECORD_MAX);

	(void)journal_segment(d->dir.j);
	record_pack_image(&out, &d->img);
	(void)dead_append(d, JOURNAL_DESCRIPTION, &out);
}

static inline uint64_t dead_exec(struct dead *d, const struct verdict *v,
				 bool canary)
{
	struct buf out = BUF_INIT(PICKET_RECORD_MAX);
	const struct event ev = { .kind = EVENT_EXEC, .canary = canary };

	record_pack_event(&out, &ev, &d->img, v, RECORD_WALL_OF_FRAME);
	return dead_append(d, JOURNAL_EVENT, &out);
}

static inline uint64_t dead_pending(struct dead *d)
{
	const struct verdict v = { .answer = ANSWER_PENDING };

	return dead_exec(d, &v, false);
}

static inline void dead_settled(struct dead *d, uint32_t epoch, uint64_t seq,
				const struct verdict *v)
{
	const struct resolution r = {
		.verdict = v,
		.exe_package = "",
		.script_package = "",
	};
	struct buf out = BUF_INIT(PICKET_RECORD_MAX);

	record_pack_resolution(
		&out,
		&(struct record_amends){ epoch, seq, 1, RECORD_WALL_OF_FRAME },
		&r);
	(void)dead_append(d, JOURNAL_AMENDMENT, &out);
}

/* The next one begins, so many epochs later; 0: the journal was closed. */
static inline void dead_dies(struct dead *d, uint32_t epochs)
{
	struct journal_stats now;

	assert_int_equal(journal_flush(d->dir.j, 60000), 0);
	journal_stats(d->dir.j, &now);
	d->a.opening = d->dir.opening;
	d->a.opening.created = false;
	d->a.opening.unclean = epochs > 0;
	d->a.opening.epoch += epochs;
	d->a.opening.next_seq = now.next_seq;
	d->a.journal = d->dir.j;
	d->a.pipeline.journal = d->dir.j;
	d->a.pipeline.wall_offset_ns = clock_offset_ns();
}
