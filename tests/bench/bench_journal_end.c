/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the start after a kill reads of the journal: as many records from its
 * end as are gone through for alerts' windows, and for verdicts that were
 * pending. Once with the files not in memory, and then with them there.
 *
 *	bench_journal_end DIR	(made by make_journal, say; it is only read)
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/agent.h"
#include "app/journal_end.h"
#include "base/clock.h"
#include "store/reader.h"

#define ROUNDS 5

static void die(const char *what, int r)
{
	(void)fprintf(stderr, "bench_journal_end: %s: %s\n", what,
		      strerrordesc_np(-r));
	exit(1);
}

static uint64_t last_seq(const char *dir)
{
	struct reader_frame f;
	uint64_t last = 0;
	struct reader *r;
	int k = reader_open(dir, READER_OLDEST, 0, READER_SEALED_ONLY, &r);

	if (k < 0)
		die(dir, k);
	while ((k = reader_next(r, &f)) > 0)
		last = f.seq > last ? f.seq : last;
	reader_close(r);
	return last;
}

/* Clean pages of these files alone: others on the machine keep theirs. */
static void forget_files(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int fd;

	while (d && (e = readdir(d))) {
		fd = openat(dirfd(d), e->d_name, O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		if (fd >= 0)
			(void)close(fd);
	}
	if (d)
		(void)closedir(d);
}

static int count(void *arg, const struct view_images *images, struct view *v)
{
	uint64_t *n = arg;

	(void)images;
	(void)v;
	++*n;
	return 0;
}

static uint64_t cpu_ns(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return ((uint64_t)u.ru_utime.tv_sec + (uint64_t)u.ru_stime.tv_sec) *
		       NS_PER_S +
	       ((uint64_t)u.ru_utime.tv_usec + (uint64_t)u.ru_stime.tv_usec) *
		       1000;
}

static void measure(const struct agent *a, const char *what, uint64_t span)
{
	uint64_t next = a->opening.next_seq;
	uint64_t from = next > span ? next - span : 1;

	forget_files(a->s->journal_dir);
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t wall = clock_boot_ns(), cpu = cpu_ns(), n = 0;
		int r = journal_end_read(a, from, count, &n);

		if (r < 0)
			die("read", r);
		(void)printf("%-8s %-5s %7" PRIu64 " records %8.1f ms, of a "
			     "processor %8.1f\n",
			     what, i ? "warm" : "cold", n,
			     (double)(clock_boot_ns() - wall) / 1e6,
			     (double)(cpu_ns() - cpu) / 1e6);
	}
}

int main(int argc, char **argv)
{
	struct daemon_settings s = { 0 };
	struct agent a = { .s = &s };

	if (argc != 2) {
		(void)fprintf(stderr, "usage: bench_journal_end DIR\n");
		return 2;
	}
	s.journal_dir = argv[1];
	a.opening.next_seq = last_seq(argv[1]) + 1;
	measure(&a, "windows", 2 * JOURNAL_END_PENDING);
	measure(&a, "pending", JOURNAL_END_PENDING);
	return 0;
}
