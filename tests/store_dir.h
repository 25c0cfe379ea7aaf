/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Journals for tests: a directory of their own under $TMPDIR or /tmp, filled,
 * read back, damaged, copied, and held against tests/journal_check.py, which
 * knows the format from its text and nothing of agent/store.
 */
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "remove_tree.h"
#include "store/journal.h"
#include "store/reader.h"
#include "store/segment_write.h"

struct store_dir {
	char base[64];	  /* removed as a whole by store_end */
	char journal[96]; /* base/journal */
	struct journal *j;
	struct journal_opening opening;
	struct journal_settings settings;
};

static inline void store_remove(const char *path)
{
	(void)remove_tree(path);
}

static inline void store_begin(struct store_dir *s)
{
	const char *tmp = getenv("TMPDIR");

	/* In memory where that is possible: the tests sync a lot. */
	if (!tmp || strlen(tmp) >= 32)
		tmp = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
	*s = (struct store_dir){ 0 };
	(void)snprintf(s->base, sizeof(s->base), "%s/picket-store-XXXXXX", tmp);
	assert_non_null(mkdtemp(s->base));
	(void)snprintf(s->journal, sizeof(s->journal), "%s/journal", s->base);
	s->settings = (struct journal_settings){
		.dir = s->journal,
		.max_size = 64u << 20,
		.segment_size = 1u << 20,
		.buffer_size = 4u << 20,
		.sync_interval_ms = 50,
		.file_mode = 0640,
	};
}

static inline void store_end(struct store_dir *s)
{
	journal_close(s->j);
	s->j = NULL;
	store_remove(s->base);
}

static inline void store_open(struct store_dir *s)
{
	char what[256] = "";
	int holder = 0;
	int r;

	s->settings.dir = s->journal;
	r = journal_open(&s->settings, &s->j, &s->opening, &holder, what);

	if (r < 0)
		fail_msg("journal_open: %d %s", r, what);
}

static inline void store_close(struct store_dir *s)
{
	journal_close(s->j);
	s->j = NULL;
}

/* An event whose payload tells its number: "event 42 ....". */
#define STORE_PAYLOAD 40
static inline size_t store_payload(uint64_t seq, char buf[static 128])
{
	int n = snprintf(buf, 128, "event %" PRIu64 " ", seq);
	size_t want = STORE_PAYLOAD + seq % 50;

	memset(buf + n, '.', 128 - (size_t)n);
	return want;
}

/* Append one event; its number. */
static inline uint64_t store_event(struct store_dir *s, unsigned flags)
{
	struct journal_stats st;
	char payload[128];
	uint64_t seq = 0;
	size_t n;

	(void)journal_segment(s->j);
	journal_stats(s->j, &st);
	n = store_payload(st.next_seq, payload);
	(void)journal_append(s->j, JOURNAL_EVENT, flags, clock_wall_ns(),
			     slice_of(payload, n), &seq);
	assert_int_equal(seq, st.next_seq);
	return seq;
}

static inline void store_events(struct store_dir *s, unsigned n)
{
	while (n--)
		(void)store_event(s, 0);
}

static inline void store_describe(struct store_dir *s, const char *text)
{
	uint64_t seq;

	assert_int_equal(journal_append(s->j, JOURNAL_DESCRIPTION, 0, 1,
					slice_str(text), &seq),
			 0);
}

static inline void store_flush(struct store_dir *s)
{
	assert_int_equal(journal_flush(s->j, 10000), 0);
}

static inline struct journal_stats store_stats(struct store_dir *s)
{
	struct journal_stats st;

	journal_stats(s->j, &st);
	return st;
}

/* Wait for a condition: a minute, for a machine that does other things too. */
#define STORE_WAIT(cond)                                           \
	do {                                                       \
		uint64_t until_ = clock_mono_ns() + 60 * NS_PER_S; \
		while (!(cond)) {                                  \
			if (clock_mono_ns() > until_)              \
				fail_msg("never: %s", #cond);      \
			(void)usleep(1000);                        \
		}                                                  \
	} while (0)

/* base/journal/NAME */
static inline const char *store_path(const struct store_dir *s,
				     const char *name, char buf[static 256])
{
	(void)snprintf(buf, 256, "%s/%s", s->journal, name);
	return buf;
}

static inline const char *store_segment(const struct store_dir *s,
					uint64_t number, char buf[static 256])
{
	char name[SEGMENT_NAME_MAX];

	return store_path(s, segment_name(number, "seg", name), buf);
}

/* The youngest, where none before it is missing. */
static inline uint64_t store_last_segment(const struct store_dir *s)
{
	char path[256];
	uint64_t n = 1;

	while (!access(store_segment(s, n + 1, path), F_OK))
		n++;
	return n;
}

static inline uint8_t *store_load(const char *path, size_t *ret_n)
{
	FILE *f = fopen(path, "rbe");
	uint8_t *p;
	long n;

	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	n = ftell(f);
	rewind(f);
	p = malloc((size_t)n + 1);
	assert_non_null(p);
	assert_int_equal(fread(p, 1, (size_t)n, f), n);
	(void)fclose(f);
	*ret_n = (size_t)n;
	return p;
}

static inline void store_save(const char *path, const void *p, size_t n)
{
	FILE *f = fopen(path, "wbe");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static inline void store_flip(const char *path, off_t off)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t b;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &b, 1, off), 1);
	b ^= 0x10;
	assert_int_equal(pwrite(fd, &b, 1, off), 1);
	(void)close(fd);
}

/* Copy the files of one directory into another, which is made. */
static inline void store_copy(const char *from, const char *to)
{
	struct dirent *e;
	char *a, *b;
	uint8_t *p;
	size_t n;
	DIR *d = opendir(from);

	assert_non_null(d);
	assert_int_equal(mkdir(to, 0755), 0);
	while ((e = readdir(d))) {
		/* Both may be renamed before they are read. */
		if (e->d_name[0] == '.' || strstr(e->d_name, ".new"))
			continue;
		assert_true(asprintf(&a, "%s/%s", from, e->d_name) > 0);
		assert_true(asprintf(&b, "%s/%s", to, e->d_name) > 0);
		p = store_load(a, &n);
		store_save(b, p, n);
		free(p);
		free(a);
		free(b);
	}
	(void)closedir(d);
}

/*
 * Go on as if the writer had been killed: with a copy, called base/NAME, of
 * what is on disk while it runs.
 */
static inline void store_crash(struct store_dir *s, const char *name)
{
	char copy[sizeof(s->journal)];

	(void)snprintf(copy, sizeof(copy), "%.63s/%.20s", s->base, name);
	store_copy(s->journal, copy);
	store_close(s);
	memcpy(s->journal, copy, sizeof(copy));
}

/* What a reader handed out, summed up. */
struct store_seen {
	uint64_t events, gaps, told, missing, descriptions, seals;
	uint64_t first, end; /* numbers [first, end) without a hole */
	uint32_t epoch;	     /* of the last numbered frame */
	struct reader_frame last;
};

/*
 * Read to the end. Fails the test if numbers are not gapless, an event's
 * payload is not the one of its number, or a gap does not say what it is.
 */
static inline void store_read_on(struct reader *r, struct store_seen *ret)
{
	struct journal_gap gap;
	struct reader_frame f;
	char want[128];
	int n;

	while ((n = reader_next(r, &f)) > 0) {
		ret->last = f;
		if (!f.seq) {
			ret->descriptions += f.type == JOURNAL_DESCRIPTION;
			ret->seals += f.type == JOURNAL_SEAL;
			continue;
		}
		if (ret->end && f.epoch == ret->epoch && f.seq != ret->end)
			fail_msg("number %" PRIu64 ", expected %" PRIu64, f.seq,
				 ret->end);
		if (!ret->first)
			ret->first = f.seq;
		ret->end = f.seq_end;
		ret->epoch = f.epoch;
		if (f.type == JOURNAL_GAP) {
			memcpy(&gap, f.payload.p, sizeof(gap));
			assert_int_equal(gap.first, f.seq);
			assert_int_equal(gap.first + gap.count, f.seq_end);
			ret->gaps++;
			if (f.flags & READER_MISSING)
				ret->missing += gap.count;
			else
				ret->told += gap.count;
			continue;
		}
		assert_int_equal(f.seq_end, f.seq + 1);
		assert_int_equal(f.payload.n, store_payload(f.seq, want));
		assert_memory_equal(f.payload.p, want, f.payload.n);
		ret->events++;
	}
	assert_int_equal(n, 0);
}

static inline struct store_seen store_read_from(const struct store_dir *s,
						enum reader_from from,
						uint64_t seq, unsigned flags)
{
	struct store_seen seen = { 0 };
	struct reader *r = NULL;

	assert_int_equal(reader_open(s->journal, from, seq, flags, &r), 0);
	store_read_on(r, &seen);
	reader_close(r);
	return seen;
}

static inline struct store_seen store_read(const struct store_dir *s)
{
	return store_read_from(s, READER_OLDEST, 0, 0);
}

/* The independent reader's report. */
struct store_report {
	char text[16384];
};

/*
 * One process for all questions of a test program: what goes in, and what
 * comes out. It ends when we do.
 */
static struct {
	pid_t owner;
	ino_t mounts; /* the namespace that it sees files in */
	FILE *to, *from;
} store_checker;

static inline bool store_has_checker(void)
{
	struct stat st;

	assert_int_equal(stat("/proc/self/ns/mnt", &st), 0);
	if (store_checker.owner == getpid() &&
	    store_checker.mounts == st.st_ino)
		return true;
	store_checker.mounts = st.st_ino;
	return false;
}

static inline void store_start_checker(void)
{
	int to[2], from[2];
	pid_t pid;

	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		(void)dup2(to[0], STDIN_FILENO);
		(void)dup2(from[1], STDOUT_FILENO);
		(void)execlp("python3", "python3", "tests/journal_check.py",
			     "--serve", (char *)NULL);
		_exit(127);
	}
	(void)close(to[0]);
	(void)close(from[1]);
	store_checker.owner = getpid();
	store_checker.to = fdopen(to[1], "we");
	store_checker.from = fdopen(from[0], "re");
	assert_non_null(store_checker.to);
	assert_non_null(store_checker.from);
}

/* It stays in the mount namespace it was started in: another is due. */
static inline void store_end_checker(void)
{
	if (store_checker.owner != getpid())
		return;
	(void)fclose(store_checker.to);
	(void)fclose(store_checker.from);
	store_checker.owner = 0;
}

/* Fails the test if it found a problem. frame: for each numbered frame. */
static inline void store_ask_frames(const char *dir, struct store_report *ret,
				    void (*frame)(const char *line, void *arg),
				    void *arg)
{
	char *line = ret->text;

	if (!store_has_checker())
		store_start_checker();
	(void)fprintf(store_checker.to, "%s%s\n", frame ? "--frames " : "",
		      dir);
	(void)fflush(store_checker.to);
	do {
		if (!fgets(line, sizeof(ret->text), store_checker.from))
			fail_msg("tests/journal_check.py died on %s", dir);
		if (*line != '{')
			frame(line, arg);
	} while (*line != '{');
	if (!strstr(line, "\"problems\": []"))
		fail_msg("%s: %s", dir, line);
}

static inline void store_ask(const char *dir, struct store_report *ret)
{
	store_ask_frames(dir, ret, NULL, NULL);
}

/* A number of its report by name: "events", "next", "sealed", "damaged". */
static inline uint64_t store_answer(const struct store_report *r,
				    const char *name)
{
	const char *at;
	char key[64];

	(void)snprintf(key, sizeof(key), "\"%s\": ", name);
	at = strstr(r->text, key);
	assert_non_null(at);
	return strtoull(at + strlen(key), NULL, 10);
}

static inline uint64_t store_check(const char *dir, const char *name)
{
	struct store_report r;

	store_ask(dir, &r);
	return store_answer(&r, name);
}
