// SPDX-License-Identifier: Apache-2.0
/*
 * What comes out of a record is what went in, as far as rules can tell: made-up
 * rules say the same of made-up events and of what is recalled of them.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "out/recall.h"
#include "out_samples.h"
#include "rules/rules.h"
#include "rules_made_up.h"

#define ROUNDS	300
#define PER_SET 40

static struct rule_set *compile(struct buf *text)
{
	struct rule_options opt = { .now_wall_ns = 1 };
	struct rule_set *set = NULL;
	struct rule_error err;

	if (rule_set_load_text("model.ini", buf_slice(text), &opt, &set, &err) <
	    0)
		fail_msg("line %u: %s", err.line, err.what);
	return set;
}

/* Only what a record holds: the pipeline would not have the rest either. */
static void make_recordable(struct scene *scene)
{
	struct event *ev = &scene->ev;

	for (int i = 0; i < LINE; i++)
		if (scene->line[i].flags & IMAGE_F_UNKNOWN)
			scene->line[i].mnt_ns = 0;
	if (scene->img) {
		ev->actor.none = false;
		ev->actor.proc = scene->img->proc;
		ev->actor.tid = ev->actor.proc.tgid;
	} else {
		ev->actor.none = true;
	}
	if (ev->kind == EVENT_CONNECT) {
		if (ev->connect.peer.addr.family == AF_UNIX)
			ev->connect.peer.addr.family = 0;
		ev->connect.peer.family = ev->connect.peer.addr.family
						  ? ev->connect.peer.addr.family
						  : AF_UNIX;
		if (!ev->connect.peer.addr.family)
			ev->connect.peer.port = 0;
	}
}

static void describe_line(struct sample *s, struct scene *scene)
{
	for (int i = LINE - 1; i >= 0; i--)
		if (scene->line[i].id)
			assert_int_equal(sample_describe(s, &scene->line[i]),
					 0);
}

static void rules_say_the_same_of_what_is_recalled(void **state)
{
	const char *given = getenv("PICKET_TEST_SEED");
	uint64_t seed =
		given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 1000;
	struct buf text = BUF_INIT(4u << 20);
	static struct scene scene;
	uint64_t decided = 0;

	(void)state;
	print_message("# PICKET_TEST_SEED=%" PRIu64 "\n", seed);
	for (int round = 0; round < ROUNDS; round++, seed++) {
		struct rule_set *was, *is;
		struct recall *recall;
		struct sample s;

		chance_state = seed;
		buf_reset(&text);
		for (int i = 0; i < RULES; i++)
			make_rule(i);
		for (int i = 0; i < RULES; i++)
			print_rule(&text, &rules[i]);
		was = compile(&text);
		is = compile(&text);
		sample_begin(&s);
		assert_int_equal(recall_new(&recall), 0);
		for (int i = 0; i < PER_SET; i++) {
			const struct image *img;
			struct verdict want, got;
			struct event ev;

			memset(scene.line, 0, sizeof(scene.line));
			make_line(&scene);
			if (one_in(4))
				move_one(&scene);
			make_event(&scene);
			make_recordable(&scene);
			describe_line(&s, &scene);
			want = rule_set_match(was, &scene.ev, scene.img);
			assert_int_equal(
				sample_take(&s, &scene.ev, scene.img, NULL), 1);
			assert_int_equal(recall_event(recall, s.images, &s.view,
						      &ev, &img),
					 1);
			got = rule_set_match(is, &ev, img);
			if (strcmp(want.rule ? want.rule : "none",
				   got.rule ? got.rule : "none"))
				fail_msg("seed %" PRIu64 ", event %d: %s, "
					 "not %s",
					 seed, i, got.rule ? got.rule : "none",
					 want.rule ? want.rule : "none");
			assert_int_equal(got.answer, want.answer);
			decided += !!want.rule;
		}
		recall_free(recall);
		sample_end(&s);
		rule_set_free(was);
		rule_set_free(is);
	}
	assert_true(decided > ROUNDS * PER_SET / 10);
	buf_done(&text);
}

/* What is read of the record that this event becomes, and who did it. */
static const struct image *take_back(struct sample *s, struct recall *recall,
				     const struct event *ev, struct event *got)
{
	const struct image *img;

	assert_int_equal(sample_take(s, ev, &s->shell, NULL), 1);
	assert_int_equal(recall_event(recall, s->images, &s->view, got, &img),
			 1);
	return img;
}

/* What rules do not ask yet is there all the same. */
static void acts_come_back_whole(void **state)
{
	struct event ev = sample_event(EVENT_LOAD), got;
	const struct image *img;
	struct recall *recall;
	struct sample s;

	(void)state;
	sample_begin(&s);
	assert_int_equal(recall_new(&recall), 0);
	ev.load.op = LOAD_MMAP;
	ev.load.flags = LOAD_F_MPROTECT;
	ev.load.path = sample_path("/tmp/x.so");
	ev.load.file = sample_file();
	img = take_back(&s, recall, &ev, &got);
	assert_int_equal(got.kind, EVENT_LOAD);
	assert_int_equal(got.load.op, LOAD_MMAP);
	assert_int_equal(got.load.flags, LOAD_F_MPROTECT);
	assert_true(slice_eq(got.load.path.path, ev.load.path.path));
	assert_true(slice_eq(got.load.path.fs_path, ev.load.path.fs_path));
	assert_true(got.load.file.known);
	assert_int_equal(got.load.file.ino, ev.load.file.ino);
	assert_int_equal(got.load.file.generation, ev.load.file.generation);
	assert_int_equal(got.load.file.size, ev.load.file.size);
	assert_int_equal(got.load.file.mode, ev.load.file.mode);
	assert_int_equal(got.time_ns, SAMPLE_BOOT_NS);
	/* The line of ancestors, and what the process ran before. */
	assert_int_equal(img->proc.tgid, 4711);
	assert_true(slice_eq(img->args, s.shell.args) ||
		    img->args.n == s.shell.args.n + 1);
	assert_int_equal(img->prev->proc.tgid, 4001);
	assert_int_equal(img->parent->parent->parent->parent->proc.tgid, 1);
	assert_null(img->parent->parent->parent->parent->parent);

	ev = sample_event(EVENT_TAMPER);
	ev.tamper.op = TAMPER_SIGNAL;
	ev.tamper.of_picket = true;
	ev.tamper.claimed = true;
	ev.tamper.target = (struct proc_key){ 7, 4001 };
	ev.tamper.target_img = &s.bash;
	ev.tamper.arg = 9;
	(void)take_back(&s, recall, &ev, &got);
	assert_true(got.tamper.of_picket);
	assert_true(got.tamper.claimed);
	assert_int_equal(got.tamper.arg, 9);
	assert_true(slice_eq(got.tamper.target_img->exe.path, s.bash.exe.path));
	assert_false(got.tamper.is_before_known);

	ev.tamper.op = TAMPER_LIMIT;
	ev.tamper.limit = (struct limit){ 1, UINT64_MAX };
	ev.tamper.before = (struct limit){ 0, 3 };
	ev.tamper.is_before_known = true;
	(void)take_back(&s, recall, &ev, &got);
	assert_int_equal(got.tamper.limit.soft, 1);
	assert_int_equal(got.tamper.limit.hard, UINT64_MAX);
	assert_true(got.tamper.is_before_known);
	assert_int_equal(got.tamper.before.hard, 3);

	ev.tamper.op = TAMPER_FREEZE;
	ev.tamper.cgroup = slice_str("/a/b");
	ev.tamper.hierarchy = 6;
	(void)take_back(&s, recall, &ev, &got);
	assert_int_equal(got.tamper.op, TAMPER_FREEZE);
	assert_true(slice_eq(got.tamper.cgroup, ev.tamper.cgroup));
	assert_int_equal(got.tamper.hierarchy, 6);
	recall_free(recall);
	sample_end(&s);
}

/* What a shared table of descriptors leaves in doubt stays so. */
static void claims_of_sockets_come_back(void **state)
{
	struct event ev = sample_event(EVENT_CONNECT), got;
	struct recall *recall;
	struct sample s;

	(void)state;
	sample_begin(&s);
	assert_int_equal(recall_new(&recall), 0);
	ev.connect.peer.family = AF_UNIX;
	ev.connect.is_fd_claimed = true;
	(void)take_back(&s, recall, &ev, &got);
	assert_true(got.connect.is_fd_claimed);
	assert_false(got.connect.is_claimed);
	ev = sample_event(EVENT_LISTEN);
	ev.listen.local.family = AF_UNIX;
	ev.listen.is_fd_claimed = true;
	(void)take_back(&s, recall, &ev, &got);
	assert_true(got.listen.is_fd_claimed);
	recall_free(recall);
	sample_end(&s);
}

/* The agent was restarted: its numbers name other processes now. */
static void numbers_that_begin_again_are_other_images(void **state)
{
	struct event ev = sample_event(EVENT_EXEC), got;
	const struct image *img;
	struct image other;
	struct recall *recall;
	struct sample s;

	(void)state;
	sample_begin(&s);
	assert_int_equal(recall_new(&recall), 0);
	(void)take_back(&s, recall, &ev, &got);
	other = sample_image(s.shell.id, 99, "/bin/other", NULL);
	assert_int_equal(sample_describe(&s, &other), 0);
	assert_int_equal(sample_take(&s, &ev, &other, NULL), 1);
	assert_int_equal(recall_event(recall, s.images, &s.view, &got, &img),
			 1);
	assert_int_equal(img->proc.tgid, 99);
	assert_true(slice_eq(img->exe.path, slice_str("/bin/other")));
	assert_null(img->parent);
	recall_free(recall);
	sample_end(&s);
}

/* The runtime is asked once the container runs; its events go on. */
static void what_a_container_is_may_become_known_later(void **state)
{
	struct event ev = sample_event(EVENT_EXEC), got;
	const struct image *img;
	struct recall *recall;
	struct image named;
	struct sample s;

	(void)state;
	sample_begin(&s);
	assert_int_equal(recall_new(&recall), 0);
	named = s.shell;
	named.container = slice_str("0123456789ab");
	named.container_known = false;
	named.container_image = named.pod = slice_of(NULL, 0);
	assert_int_equal(sample_describe(&s, &named), 0);
	assert_int_equal(sample_take(&s, &ev, &named, NULL), 1);
	assert_int_equal(recall_event(recall, s.images, &s.view, &got, &img),
			 1);
	assert_false(img->container_known);
	named.container_known = true;
	named.container_image = slice_str("web:1");
	named.pod_namespace = slice_str("shop");
	assert_int_equal(sample_describe(&s, &named), 0);
	assert_int_equal(sample_take(&s, &ev, &named, NULL), 1);
	assert_int_equal(recall_event(recall, s.images, &s.view, &got, &img),
			 1);
	assert_true(img->container_known);
	assert_true(slice_eq(img->container_image, slice_str("web:1")));
	assert_true(slice_eq(img->pod_namespace, slice_str("shop")));
	recall_free(recall);
	sample_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_say_the_same_of_what_is_recalled),
		cmocka_unit_test(acts_come_back_whole),
		cmocka_unit_test(claims_of_sockets_come_back),
		cmocka_unit_test(numbers_that_begin_again_are_other_images),
		cmocka_unit_test(what_a_container_is_may_become_known_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
