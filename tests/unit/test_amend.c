// SPDX-License-Identifier: Apache-2.0
/*
 * What becomes known later: outcomes of connections, totals of writes, and
 * the descriptions that events refer to. A real journal, a kernel of ours.
 */
#include <errno.h>

#include "app/describe.h"
#include "app/outcomes.h"
#include "app/pipeline.h"
#include "app/totals.h"
#include "out/view.h"
#include "sense/sensor.h"
#include "store_dir.h"

/* ---- the kernel's side, played by a table -------------------------------- */

static struct {
	struct wire_written_key key;
	struct wire_written sums;
	bool there;
	uint64_t added_ns; /* when something was last added to it */
} kernel[4];
static unsigned taken;

bool sensor_has_written(const struct sensor *s,
			const struct wire_written_key *key, uint64_t since_ns)
{
	(void)s;
	for (size_t i = 0; i < 4; i++)
		if (memcmp(&kernel[i].key, key, sizeof(*key)) == 0)
			return kernel[i].added_ns >= since_ns;
	return false;
}

int sensor_take_written(struct sensor *s, const struct wire_written_key *key,
			struct wire_written *ret)
{
	(void)s;
	for (size_t i = 0; i < 4; i++) {
		if (!kernel[i].there ||
		    memcmp(&kernel[i].key, key, sizeof(*key)))
			continue;
		kernel[i].there = false;
		*ret = kernel[i].sums;
		taken++;
		return 0;
	}
	return -ENOENT;
}

void sensor_kept(struct sensor *s, uint32_t epoch, uint64_t seq)
{
	(void)s;
	(void)epoch;
	(void)seq;
}

/* ---- a pipeline that has only what amendments need ----------------------- */

struct fixture {
	struct store_dir dir;
	struct pipeline p;
};

static void begin(struct fixture *f)
{
	*f = (struct fixture){ 0 };
	memset(kernel, 0, sizeof(kernel));
	taken = 0;
	store_begin(&f->dir);
	store_open(&f->dir);
	f->p.journal = f->dir.j;
	f->p.epoch = f->dir.opening.epoch;
	assert_int_equal(pipeline_init(&f->p), 0);
	(void)journal_segment(f->dir.j);
}

static void end(struct fixture *f)
{
	pipeline_done(&f->p);
	store_end(&f->dir);
}

static struct event connect_event(uint64_t sock)
{
	struct event ev = { .kind = EVENT_CONNECT, .time_ns = 1000 };

	ev.connect.sock = sock;
	return ev;
}

static struct event result_event(uint64_t sock, uint16_t error)
{
	struct event ev = { .kind = EVENT_CONNECT_RESULT, .time_ns = 2000 };

	ev.result.sock = sock;
	ev.result.error = error;
	ev.result.peer.family = ev.result.local.family = 2;
	ev.result.peer_port = 443;
	return ev;
}

static struct event write_event(uint64_t ino, uint64_t time_ns)
{
	struct event ev = { .kind = EVENT_WRITE, .time_ns = time_ns };

	ev.actor.proc = (struct proc_key){ .tgid = 42, .start_ns = 7 };
	ev.actor.image_number = 3;
	ev.write.op = OP_WRITE;
	ev.write.bytes = 100;
	ev.write.file = (struct file_id){ .known = true, .ino = ino, .dev = 9 };
	return ev;
}

static void kernel_sums(size_t i, uint64_t ino, uint64_t count)
{
	kernel[i].there = true;
	kernel[i].key = (struct wire_written_key){
		.start_ns = 7, .tgid = 42, .image = 3, .ino = ino, .dev = 9
	};
	kernel[i].added_ns = 1000;
	kernel[i].sums.count = count;
	kernel[i].sums.bytes = count * 100;
	kernel[i].sums.told_count = 1;
	kernel[i].sums.told_bytes = 100;
	kernel[i].sums.ops = 1u << OP_WRITE;
}

/* The amendments in the journal, in order. */
struct found {
	size_t n;
	struct {
		uint64_t seq, count, bytes;
		uint32_t error;
		bool is_connect;
	} list[8];
};

static struct found amendments(struct fixture *f)
{
	struct found found = { 0 };
	struct view_images *images = NULL;
	struct reader_frame frame;
	struct reader *r = NULL;

	assert_int_equal(journal_flush(f->dir.j, 5000), 0);
	assert_int_equal(view_images_new(&images), 0);
	assert_int_equal(reader_open(f->dir.journal, READER_OLDEST, 0, 0, &r),
			 0);
	while (reader_next(r, &frame) == 1) {
		struct view v;

		if (view_take(images, reader_journal_id(r), &frame, &v) != 1)
			continue;
		if (v.amendment && found.n < 8) {
			const Picket__V1__Amendment *a = v.amendment;

			found.list[found.n].seq = a->seq;
			found.list[found.n].is_connect = a->connect;
			if (a->connect)
				found.list[found.n].error = a->connect->error;
			if (a->write) {
				found.list[found.n].count = a->write->count;
				found.list[found.n].bytes = a->write->bytes;
			}
			found.n++;
		}
		view_done(&v);
	}
	reader_close(r);
	view_images_free(images);
	return found;
}

/* ---- outcomes ------------------------------------------------------------ */

static void outcome_amends_the_connect_of_its_socket_once(void **state)
{
	struct event a = connect_event(0xa), b = connect_event(0xb);
	struct event refused = result_event(0xb, 111);
	struct found found;
	struct fixture f;

	(void)state;
	begin(&f);
	outcomes_expect(f.p.outcomes, &a, (struct amend_target){ 10, 1 });
	outcomes_expect(f.p.outcomes, &b, (struct amend_target){ 11, 1 });
	outcomes_settle(f.p.outcomes, &f.p, &refused);
	outcomes_settle(f.p.outcomes, &f.p, &refused);
	found = amendments(&f);
	assert_int_equal(found.n, 1);
	assert_true(found.list[0].is_connect);
	assert_int_equal(found.list[0].seq, 11);
	assert_int_equal(found.list[0].error, 111);
	assert_int_equal(outcomes_waiting(f.p.outcomes), 1);
	end(&f);
}

static void newer_connect_on_a_reused_address_is_the_one_amended(void **state)
{
	struct event a = connect_event(0xa), ok = result_event(0xa, 0);
	struct found found;
	struct fixture f;

	(void)state;
	begin(&f);
	outcomes_expect(f.p.outcomes, &a, (struct amend_target){ 20, 1 });
	outcomes_expect(f.p.outcomes, &a, (struct amend_target){ 21, 1 });
	outcomes_settle(f.p.outcomes, &f.p, &ok);
	found = amendments(&f);
	assert_int_equal(found.n, 1);
	assert_int_equal(found.list[0].seq, 21);
	end(&f);
}

/* ---- totals -------------------------------------------------------------- */

static void exit_amends_each_file_that_was_written_again(void **state)
{
	struct event a = write_event(1, 100), b = write_event(2, 200),
		     once = write_event(3, 300);
	struct found found;
	struct fixture f;

	(void)state;
	begin(&f);
	totals_expect(f.p.totals, &a, (struct amend_target){ 31, 1 });
	totals_expect(f.p.totals, &b, (struct amend_target){ 32, 1 });
	totals_expect(f.p.totals, &once, (struct amend_target){ 33, 1 });
	kernel_sums(0, 1, 5);
	kernel_sums(1, 2, 9);
	kernel_sums(2, 3, 1);
	totals_of_process(f.p.totals, a.actor.proc, 1000);
	totals_of_process(f.p.totals, a.actor.proc, 1000);
	found = amendments(&f);
	assert_int_equal(taken, 3);
	assert_int_equal(found.n, 2);
	assert_int_equal(found.list[0].seq, 32);
	assert_int_equal(found.list[0].count, 9);
	assert_int_equal(found.list[0].bytes, 900);
	assert_int_equal(found.list[1].seq, 31);
	assert_int_equal(found.list[1].count, 5);
	end(&f);
}

static void window_that_is_over_is_fetched_and_a_young_one_waits(void **state)
{
	struct event old = write_event(1, 100), young = write_event(2, 900);
	struct found found;
	struct fixture f;

	(void)state;
	begin(&f);
	totals_expect(f.p.totals, &old, (struct amend_target){ 41, 1 });
	totals_expect(f.p.totals, &young, (struct amend_target){ 42, 1 });
	kernel_sums(0, 1, 2);
	kernel_sums(1, 2, 2);
	assert_int_equal(totals_due(f.p.totals, 1000, 500), 1400);
	found = amendments(&f);
	assert_int_equal(found.n, 1);
	assert_int_equal(found.list[0].seq, 41);
	assert_int_equal(totals_due(f.p.totals, 2000, 500), 0);
	assert_int_equal(amendments(&f).n, 2);
	end(&f);
}

static void operations_told_by_events_are_not_told_again(void **state)
{
	struct event open = write_event(1, 100), write = write_event(1, 110);
	struct fixture f;

	(void)state;
	begin(&f);
	open.write.op = OP_OPEN;
	totals_expect(f.p.totals, &open, (struct amend_target){ 51, 1 });
	totals_expect(f.p.totals, &write, (struct amend_target){ 52, 1 });
	kernel_sums(0, 1, 2);
	kernel[0].sums.told_count = 2;
	kernel[0].sums.told_bytes = 200;
	totals_of_process(f.p.totals, open.actor.proc, 1000);
	assert_int_equal(taken, 1);
	assert_int_equal(amendments(&f).n, 0);
	end(&f);
}

static void bytes_that_no_event_told_are_told(void **state)
{
	struct event open = write_event(1, 100), write = write_event(1, 110);
	struct found found;
	struct fixture f;

	(void)state;
	begin(&f);
	open.write.op = OP_OPEN;
	open.write.bytes = 0;
	write.write.bytes = 0;
	totals_expect(f.p.totals, &open, (struct amend_target){ 55, 1 });
	totals_expect(f.p.totals, &write, (struct amend_target){ 56, 1 });
	kernel_sums(0, 1, 2);
	kernel[0].sums.told_count = 2;
	kernel[0].sums.told_bytes = 0;
	totals_of_process(f.p.totals, open.actor.proc, 1000);
	found = amendments(&f);
	assert_int_equal(found.n, 1);
	assert_int_equal(found.list[0].seq, 56);
	assert_int_equal(found.list[0].bytes, 200);
	end(&f);
}

static void names_and_claimed_files_have_no_totals(void **state)
{
	struct event unlink = write_event(1, 100),
		     claimed = write_event(2, 100);
	struct fixture f;

	(void)state;
	begin(&f);
	unlink.write.op = OP_UNLINK;
	claimed.write.path.flags = PATH_F_CLAIMED;
	totals_expect(f.p.totals, &unlink, (struct amend_target){ 61, 1 });
	totals_expect(f.p.totals, &claimed, (struct amend_target){ 62, 1 });
	kernel_sums(0, 1, 5);
	kernel_sums(1, 2, 5);
	totals_of_process(f.p.totals, unlink.actor.proc, 1000);
	assert_int_equal(taken, 0);
	end(&f);
}

static void a_sum_that_nothing_was_added_to_is_not_asked_for(void **state)
{
	struct event opened = write_event(1, 100), again = write_event(1, 400),
		     quiet = write_event(2, 300);
	struct found found;
	struct fixture f;

	(void)state;
	begin(&f);
	totals_expect(f.p.totals, &opened, (struct amend_target){ 71, 1 });
	totals_expect(f.p.totals, &again, (struct amend_target){ 72, 1 });
	totals_expect(f.p.totals, &quiet, (struct amend_target){ 73, 1 });
	/* Two were told before these, and are in the sum still. */
	kernel_sums(0, 1, 9);
	kernel[0].sums.told_count = 4;
	kernel[0].sums.told_bytes = 400;
	kernel_sums(1, 2, 1);
	/* Between two events of one file; and before the other's. */
	kernel[0].added_ns = kernel[1].added_ns = 200;
	assert_int_equal(totals_due(f.p.totals, 1000, 500), 0);
	found = amendments(&f);
	assert_int_equal(taken, 1);
	assert_int_equal(found.n, 1);
	assert_int_equal(found.list[0].seq, 72);
	assert_int_equal(found.list[0].count, 2 + 5);
	assert_int_equal(found.list[0].bytes, 700);
	end(&f);
}

/* Only of what was added to can something be lost. */
static void a_sum_that_gave_way_is_lost_if_it_was_added_to(void **state)
{
	struct event plain = write_event(1, 100), again = write_event(2, 100);
	struct fixture f;

	(void)state;
	begin(&f);
	totals_expect(f.p.totals, &plain, (struct amend_target){ 81, 1 });
	totals_expect(f.p.totals, &again, (struct amend_target){ 82, 1 });
	kernel_sums(1, 2, 5);
	kernel[1].there = false;
	totals_of_process(f.p.totals, plain.actor.proc, 1000);
	assert_int_equal(f.p.counts.totals_lost, 1);
	for (uint64_t ino = 100; ino < 100 + (1 << 15) + 1; ino++) {
		again = write_event(ino, 100);
		totals_expect(f.p.totals, &again,
			      (struct amend_target){ ino, 1 });
		if (ino == 100)
			kernel_sums(2, ino, 5);
	}
	assert_int_equal(f.p.counts.totals_lost, 2);
	end(&f);
}

/* ---- descriptions -------------------------------------------------------- */

static void describe(struct fixture *f, struct image *img)
{
	const struct describer d = {
		.journal = f->dir.j,
		.likes = f->p.likes,
		.packed = &f->p.packed,
		.redacted = &f->p.redacted,
	};

	describe_image(&d, 1, img);
}

static void line_is_described_once_per_segment_ancestors_first(void **state)
{
	struct image init = { .id = 1 }, shell = { .id = 2, .parent = &init };
	struct image before = { .id = 3, .parent = &shell };
	struct image now = { .id = 4, .parent = &shell, .prev = &before };
	uint64_t ids[8];
	struct reader_frame frame;
	struct reader *r = NULL;
	struct fixture f;
	size_t n = 0;

	(void)state;
	begin(&f);
	describe(&f, &now);
	describe(&f, &now);
	describe(&f, &shell);
	assert_int_equal(now.described_in, 1);
	assert_int_equal(init.described_in, 1);
	describe(&f, NULL);
	assert_int_equal(journal_flush(f.dir.j, 5000), 0);
	assert_int_equal(reader_open(f.dir.journal, READER_OLDEST, 0, 0, &r),
			 0);
	while (reader_next(r, &frame) == 1) {
		Picket__V1__Image *img;

		if (frame.type != JOURNAL_DESCRIPTION)
			continue;
		img = picket__v1__image__unpack(
			NULL, frame.payload.n,
			(const uint8_t *)frame.payload.p);
		assert_non_null(img);
		assert_true(n < 8);
		ids[n++] = img->id;
		picket__v1__image__free_unpacked(img, NULL);
	}
	reader_close(r);
	assert_int_equal(n, 4);
	assert_int_equal(ids[0], 1);
	assert_int_equal(ids[1], 2);
	assert_int_equal(ids[2], 3);
	assert_int_equal(ids[3], 4);
	end(&f);
}

static void very_long_line_is_cut_and_still_describes_the_actor(void **state)
{
	static struct image line[200];
	struct fixture f;

	(void)state;
	begin(&f);
	for (size_t i = 0; i < 200; i++)
		line[i] = (struct image){ .id = i + 1,
					  .parent = i ? &line[i - 1] : NULL };
	describe(&f, &line[199]);
	assert_int_equal(line[199].described_in, 1);
	assert_int_equal(line[150].described_in, 1);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outcome_amends_the_connect_of_its_socket_once),
		cmocka_unit_test(
			newer_connect_on_a_reused_address_is_the_one_amended),
		cmocka_unit_test(exit_amends_each_file_that_was_written_again),
		cmocka_unit_test(
			window_that_is_over_is_fetched_and_a_young_one_waits),
		cmocka_unit_test(operations_told_by_events_are_not_told_again),
		cmocka_unit_test(bytes_that_no_event_told_are_told),
		cmocka_unit_test(
			a_sum_that_nothing_was_added_to_is_not_asked_for),
		cmocka_unit_test(
			a_sum_that_gave_way_is_lost_if_it_was_added_to),
		cmocka_unit_test(names_and_claimed_files_have_no_totals),
		cmocka_unit_test(
			line_is_described_once_per_segment_ancestors_first),
		cmocka_unit_test(
			very_long_line_is_cut_and_still_describes_the_actor),
	};

	return cmocka_run_group_tests_name("amend", tests, NULL, NULL);
}
