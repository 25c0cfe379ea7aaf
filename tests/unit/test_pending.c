// SPDX-License-Identifier: Apache-2.0
/* How long a verdict waits for what nobody finds out. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "app/pending.h"
#include "app/pipeline.h"
#include "base/clock.h"
#include "no_sensor.h"
#include "rules/rules.h"
#include "store_dir.h"
#include "trust/trust.h"

#define SECOND_NS 1000000000ull

static const char rules[] = "[allow packaged]\nevent = exec\n"
			    "trust = package\n";

struct fixture {
	struct store_dir dir;
	struct pipeline p;
	struct pending *w;
	struct trust *trust; /* without a database: it never knows */
	int root_fd;
	struct image img;
	struct event ev;
	uint64_t began_ns;
};

static void release(void *arg)
{
	(void)arg;
}

static struct rule_set *load(const char *text)
{
	const struct rule_options opt = { .now_wall_ns = 1 };
	struct rule_set *set = NULL;
	struct rule_error err;

	assert_int_equal(rule_set_load_text("test.ini", slice_str(text), &opt,
					    &set, &err),
			 0);
	return set;
}

/* One exec waits. */
static void begin(struct fixture *f)
{
	*f = (struct fixture){ .root_fd = open("/", O_PATH | O_CLOEXEC) };
	store_begin(&f->dir);
	store_open(&f->dir);
	f->p.journal = f->dir.j;
	assert_int_equal(pipeline_init(&f->p), 0);
	(void)journal_segment(f->dir.j);
	f->p.rules = load(rules);
	assert_int_equal(trust_new(
				 &(struct trust_settings){
					 .sources = { f->root_fd, -1, -1 },
					 .mountinfo = "/proc/self/mountinfo",
				 },
				 &f->trust),
			 0);
	assert_int_equal(pending_new(f->trust, &f->w), 0);
	f->img.exe.path = slice_str("/nowhere/program");
	f->img.exe_file =
		(struct file_id){ .known = true, .ino = 7, .nlink = 1 };
	f->ev.kind = EVENT_EXEC;
	assert_int_equal(pending_judge(f->w, &f->p, &f->ev, &f->img).answer,
			 ANSWER_PENDING);
	pending_expect(f->w, &f->p,
		       &(struct pending_event){
			       .recalled = &f->ev,
			       .release = release,
			       .img = &f->img,
			       .target = { .epoch = 1, .seq = 1 },
		       });
	f->began_ns = clock_boot_ns();
}

static void end(struct fixture *f)
{
	pending_free(f->w);
	trust_free(f->trust);
	rule_set_free(f->p.rules);
	pipeline_done(&f->p);
	store_end(&f->dir);
	(void)close(f->root_fd);
}

static bool waits_at(struct fixture *f, unsigned seconds)
{
	uint64_t now_ns = f->began_ns + seconds * SECOND_NS;
	uint64_t next_ns = pending_settle(f->w, &f->p, now_ns);

	/* It would be looked at again and again. */
	assert_true(!next_ns || next_ns > now_ns);
	return next_ns;
}

static void making(struct fixture *f, bool is_making, unsigned seconds)
{
	pending_making(f->w, is_making, f->began_ns + seconds * SECOND_NS);
}

static void after_a_while_it_is_judged_as_it_is(void **state)
{
	struct pending_stats stats;
	struct fixture f;

	(void)state;
	begin(&f);
	assert_true(waits_at(&f, 4));
	assert_false(waits_at(&f, 6));
	pending_stats(f.w, &stats);
	assert_int_equal(stats.timed_out, 1);
	assert_int_equal(f.p.counts.answers[ANSWER_UNLISTED], 1);
	end(&f);
}

static void a_database_that_is_made_is_waited_for(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	making(&f, true, 0);
	assert_true(waits_at(&f, 20));
	/* and then for what it says */
	making(&f, false, 20);
	assert_true(waits_at(&f, 24));
	assert_false(waits_at(&f, 26));
	end(&f);
}

static void one_that_is_made_for_ever_is_not(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	for (unsigned s = 0; s < 58; s += 2) {
		making(&f, true, s);
		making(&f, false, s + 1);
		assert_true(waits_at(&f, s + 1));
	}
	making(&f, true, 58);
	assert_false(waits_at(&f, 61));
	end(&f);
}

/* Is what its file is known, once it was judged by rules that did not ask? */
static bool is_foreseen(struct fixture *f, const struct image *from)
{
	struct image img = *from;

	assert_int_equal(pending_judge(f->w, &f->p, &f->ev, &img).answer,
			 ANSWER_UNLISTED);
	return img.exe_facts.known;
}

static void what_is_known_of_a_program_is_there_before_it_is_judged(
	void **state)
{
	struct pollfd ready = { .events = POLLIN };
	struct trust_news news;
	struct trust_answer a;
	struct image odd;
	struct fixture f;

	(void)state;
	begin(&f);
	rule_set_free(f.p.rules);
	f.p.rules = load("[deny other]\nevent = exec\nexe = /other\n"
			 "writable-by = others\n");
	assert_false(is_foreseen(&f, &f.img));
	ready.fd = trust_fd(f.trust);
	while (trust_ask(f.trust,
			 &(struct trust_question){ .path = f.img.exe.path,
						   .id = f.img.exe_file },
			 &a) != 1) {
		assert_int_equal(poll(&ready, 1, 60000), 1);
		trust_collect(f.trust, &news);
	}
	assert_true(is_foreseen(&f, &f.img));
	/* What is odd about a file is for the rules to ask. */
	odd = f.img;
	odd.exe.flags = PATH_F_DELETED;
	assert_false(is_foreseen(&f, &odd));
	odd = f.img;
	odd.exe_file.nlink = 0;
	assert_false(is_foreseen(&f, &odd));
	odd = f.img;
	odd.container = slice_str("4f1c0a5d2b3e");
	assert_false(is_foreseen(&f, &odd));
	odd = f.img;
	odd.exe_file.known = false;
	assert_false(is_foreseen(&f, &odd));
	/* Nor is anything looked up for rules that ask for no file. */
	rule_set_free(f.p.rules);
	f.p.rules = load("[deny other]\nevent = exec\nexe = /other\n");
	assert_false(is_foreseen(&f, &f.img));
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_a_while_it_is_judged_as_it_is),
		cmocka_unit_test(a_database_that_is_made_is_waited_for),
		cmocka_unit_test(one_that_is_made_for_ever_is_not),
		cmocka_unit_test(
			what_is_known_of_a_program_is_there_before_it_is_judged),
	};

	return cmocka_run_group_tests_name("pending", tests, NULL, NULL);
}
