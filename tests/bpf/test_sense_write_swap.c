/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Races that an intruder makes: a second thread swaps a call's argument while
 * the call is under way, or what a name leads to between check and use. The
 * event names what the kernel used, or says that the name is the caller's.
 */
#include "change.h"
#include "thread_call.h"
#include "tries.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DECOY "decoy000000"

struct swap {
	/* Two names of one length; the swapper writes one over the other. */
	char name[16];
	char other[16];
	atomic_bool stop;
};

/* The swapper: back and forth, whole words at a time. */
static void *swap_for_ever(void *arg)
{
	struct swap *s = arg;
	char kept[16];

	memcpy(kept, s->name, sizeof(kept));
	while (!atomic_load(&s->stop)) {
		memcpy(s->name, s->other, sizeof(s->name));
		/* Both are to be there to be read, not the last alone. */
		atomic_thread_fence(memory_order_seq_cst);
		memcpy(s->name, kept, sizeof(s->name));
		atomic_thread_fence(memory_order_seq_cst);
	}
	memcpy(s->name, kept, sizeof(s->name));
	return NULL;
}

static int act_swapped_names(void *arg)
{
	static struct swap s;
	pthread_t t;
	int i, n = *(int *)arg;

	TRY(chdir(work_path("swap")));
	(void)strcpy(s.other, DECOY);
	(void)strcpy(s.name, "real0000000");
	if (pthread_create(&t, NULL, swap_for_ever, &s) != 0)
		return 92;
	for (i = 0; i < n; i++) {
		/* Of the two names one is made, whichever the kernel reads. */
		if (mkdir(s.name, 0700) < 0 && errno != EEXIST &&
		    errno != ENOENT)
			return 93;
		(void)rmdir("real0000000");
		(void)rmdir(DECOY);
	}
	atomic_store(&s.stop, true);
	(void)pthread_join(t, NULL);
	return 0;
}

/* Count removals, and of those the ones of what was made under another name. */
static size_t check_pairs(const struct seen *w, size_t *wrong)
{
	const struct wire_write *r, *made = NULL;
	size_t i, removed = 0;

	for (i = 0; (r = seen_nth(w, WIRE_WRITE, i)); i++) {
		if (r->op == WIRE_OP_MKDIR) {
			made = r;
			assert_true(is_from_kernel(r) ||
				    (r->flags & WIRE_WRITE_NAME_CLAIMED));
			continue;
		}
		assert_int_equal(r->op, WIRE_OP_RMDIR);
		assert_non_null(made);
		removed++;
		if (strcmp(told_path(made), told_path(r)) != 0) {
			assert_true(made->flags & WIRE_WRITE_NAME_CLAIMED);
			++*wrong;
		}
		made = NULL;
	}
	return removed;
}

/*
 * A directory is removed only after it was made, and the removals are not
 * swapped. So each tells which name the making used.
 */
static void a_swapped_name_is_the_kernels_or_marked(void **state)
{
	struct seen *w = *state;
	size_t wrong = 0, removed = 0;
	int left = tries(), batch;

	assert_int_equal(mkdir(work_path("swap"), 0755), 0);
	for (; left > 0; left -= batch) {
		batch = left < TRIES_TURN ? left : TRIES_TURN;
		seen_run(w, act_swapped_names, &batch);
		assert_int_equal(w->status, 0);
		removed += check_pairs(w, &wrong);
	}
	assert_true(removed >= (size_t)tries() / 2);
	assert_int_equal(seen_counters(w, WIRE_FAM_WRITE).lost, 0);
	print_message(
		"# %d tries, %zu removed, %zu told under the other name\n",
		tries(), removed, wrong);
}

struct link_swap {
	atomic_bool stop;
};

static void *swap_links(void *arg)
{
	struct link_swap *s = arg;

	while (!atomic_load(&s->stop))
		(void)renameat2(AT_FDCWD, "way", AT_FDCWD, "other",
				RENAME_EXCHANGE);
	return NULL;
}

static int act_swapped_links(void *arg)
{
	struct link_swap s = { false };
	pthread_t t;
	int i, fd, n = *(int *)arg;

	TRY(chdir(work_path("links")));
	if (pthread_create(&t, NULL, swap_links, &s) != 0)
		return 92;
	for (i = 0; i < n; i++) {
		TRY(fd = open("way/file", O_WRONLY | O_APPEND));
		TRY(write(fd, "x", 1));
		TRY(close(fd));
	}
	atomic_store(&s.stop, true);
	(void)pthread_join(t, NULL);
	return 0;
}

/* Whichever of the two the link led to: the file that grew is the one told. */
static void a_symlink_swapped_under_way_hides_no_file(void **state)
{
	static const char *const files[] = { "links/a/file", "links/b/file" };
	const struct wire_write *r;
	struct seen *w = *state;
	struct stat st;
	size_t i, k, told;
	int n = tries() / 10;

	assert_int_equal(mkdir(work_path("links"), 0755), 0);
	assert_int_equal(mkdir(work_path("links/a"), 0755), 0);
	assert_int_equal(mkdir(work_path("links/b"), 0755), 0);
	for (k = 0; k < 2; k++)
		assert_int_equal(mknod(work_path(files[k]), S_IFREG | 0644, 0),
				 0);
	assert_int_equal(symlink("a", work_path("links/way")), 0);
	assert_int_equal(symlink("b", work_path("links/other")), 0);
	seen_run(w, act_swapped_links, &n);
	assert_int_equal(w->status, 0);
	for (k = 0; k < 2; k++) {
		assert_int_equal(stat(work_path(files[k]), &st), 0);
		for (i = told = 0; (r = seen_nth(w, WIRE_WRITE, i)); i++) {
			if (r->op != WIRE_OP_OPEN && r->op != WIRE_OP_WRITE)
				continue;
			if (r->file.ino != st.st_ino)
				continue;
			assert_string_equal(told_path(r), work_path(files[k]));
			told++;
		}
		assert_int_equal(told, st.st_size ? 2 : 0);
	}
}

struct descriptors {
	int pipe[2];
	int victim, other;
	pid_t tid; /* of who splices */
};

static void *swap_while_blocked(void *arg)
{
	struct descriptors *d = arg;

	while (thread_call(d->tid) != SYS_splice)
		(void)sched_yield();
	(void)dup2(d->other, d->victim);
	(void)!write(d->pipe[1], "hidden", 6);
	return NULL;
}

static int act_swapped_descriptor(void *arg)
{
	struct descriptors d = { .tid = gettid() };
	pthread_t t;

	(void)arg;
	/* Not for ever, where nobody says who sleeps in what. */
	(void)alarm(60);
	TRY(chdir(work_dir()));
	TRY(pipe(d.pipe));
	TRY(d.victim = open("victim", O_WRONLY | O_CREAT, 0644));
	TRY(d.other = open("other", O_WRONLY | O_CREAT, 0644));
	if (pthread_create(&t, NULL, swap_while_blocked, &d) != 0)
		return 92;
	TRY(splice(d.pipe[0], NULL, d.victim, NULL, 6, 0));
	(void)pthread_join(t, NULL);
	return 0;
}

/*
 * The kernel took the file when the call began. Who sees only calls tells both
 * files, and that they are the caller's word.
 */
static void a_descriptor_swapped_in_a_call_hides_no_file(void **state)
{
	const uint16_t both = WIRE_WRITE_FD_CLAIMED | WIRE_WRITE_FD_CHANGED;
	const struct wire_write *r;
	struct seen *w = *state;
	struct stat st;

	seen_run(w, act_swapped_descriptor, NULL);
	assert_int_equal(w->status, 0);
	assert_int_equal(stat(work_path("victim"), &st), 0);
	assert_int_equal(st.st_size, 6);
	r = seen_write(w, WIRE_OP_WRITE, 0);
	assert_non_null(r);
	assert_string_equal(told_path(r), work_path("victim"));
	assert_int_equal(r->file.ino, st.st_ino);
	assert_int_equal(r->flags & both, is_from_kernel(r) ? 0 : both);
	if (is_from_kernel(r)) {
		assert_int_equal(seen_writes(w, WIRE_OP_WRITE), 1);
		return;
	}
	assert_int_equal(seen_writes(w, WIRE_OP_WRITE), 2);
	r = seen_write(w, WIRE_OP_WRITE, 1);
	assert_string_equal(told_path(r), work_path("other"));
	assert_int_equal(r->flags & both, both);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_swapped_name_is_the_kernels_or_marked),
		cmocka_unit_test(a_symlink_swapped_under_way_hides_no_file),
		cmocka_unit_test(a_descriptor_swapped_in_a_call_hides_no_file),
	};

	return cmocka_run_group_tests_name("write_swap", tests, seen_setup,
					   seen_teardown);
}
