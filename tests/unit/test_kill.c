/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writers that are killed at random, on disks that work, cut writes short and
 * fail: after each, the independent reader finds every frame that was
 * acknowledged, nothing that was never appended, and no number missing. Many
 * rounds on one journal: what one leaves, the next recovers. 20 rounds of
 * each, 500 with PICKET_TEST_LONG; PICKET_SEED repeats a run.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "seed.h"
#include "store/verify.h"
#include "store_dir.h"

/* What a writer tells of itself, in memory that outlives it. */
struct told {
	atomic_uint epoch;
	atomic_ullong first;   /* the number it began with */
	atomic_ullong asked;   /* the next one it may give */
	atomic_ullong sealed;  /* acknowledged up to here */
	atomic_ullong trimmed; /* of its journal, the oldest number there */
	atomic_ullong dropped;
};

#define ROUNDS_MAX 512
#define MAX_SIZE   (160u << 10)

struct killing {
	struct store_dir d;
	struct told *told; /* of each round */
	unsigned round;	   /* 1 … */
	unsigned seed;
	/* While the independent reader's frames are gone through: */
	uint64_t next_acked; /* to be found next, of the newest epoch */
	uint64_t frames;
	bool trimmed_since; /* more than the writer had told */
};

/* ---- the writer, in a process of its own --------------------------------- */

static unsigned fault_seed;
static bool faulty;

/* One call in so many fails. */
#define FAULT_EVERY 25

static int fault(void)
{
	static const int errors[] = { EIO, ENOSPC, EROFS };

	if (!faulty || rand_r(&fault_seed) % FAULT_EVERY)
		return 0;
	return errors[rand_r(&fault_seed) % 3];
}

static int sick_create(int dirfd, const char *name, mode_t mode)
{
	int r = fault();

	return r ? -r : store_io_real.create(dirfd, name, mode);
}

static ssize_t sick_pwritev(int fd, const struct iovec *v, int n, off_t off)
{
	size_t part = v[0].iov_len;
	int r = fault();

	if (faulty && part > 1 && rand_r(&fault_seed) % 4 == 0)
		part = 1 + (size_t)rand_r(&fault_seed) % part;
	if (r || part < v[0].iov_len) {
		/* Of a call that fails, some arrives all the same. */
		ssize_t did = pwrite(fd, v[0].iov_base, part, off);

		return r ? -r : did;
	}
	return store_io_real.pwritev(fd, v, n, off);
}

static int sick_fdatasync(int fd)
{
	int r = fault();

	return r ? -r : store_io_real.fdatasync(fd);
}

static int sick_rename(int dirfd, const char *from, const char *to)
{
	int r = fault();

	return r ? -r : store_io_real.rename(dirfd, from, to);
}

static int sick_sync_dir(int dirfd)
{
	int r = fault();

	return r ? -r : store_io_real.sync_dir(dirfd);
}

static const struct store_io sick = {
	.create = sick_create,
	.pwritev = sick_pwritev,
	.fdatasync = sick_fdatasync,
	.rename = sick_rename,
	.sync_dir = sick_sync_dir,
};

static void tell(struct store_dir *d, struct told *t)
{
	struct journal_stats st = store_stats(d);

	t->trimmed = st.first_seq;
	t->dropped = st.dropped;
	t->sealed = st.sealed_seq;
}

/* "round R number N ....": who gave which number, and how long it is. */
static size_t make_payload(unsigned round, uint64_t seq, char buf[static 256])
{
	int n = snprintf(buf, 256, "round %u number %" PRIu64 " ", round, seq);

	memset(buf + n, '.', 256 - (size_t)n);
	return 40 + (size_t)(seq * 7 % 150);
}

static void write_until_killed(struct killing *k)
{
	struct told *t = &k->told[k->round];
	unsigned seed = k->seed + k->round;
	char payload[256];
	uint64_t seq;
	size_t n;

	fault_seed = seed;
	while (1) {
		char what[256];
		int holder;

		/* On a disk that fails, a start may: systemd tries again. */
		k->d.settings.dir = k->d.journal;
		if (journal_open(&k->d.settings, &k->d.j, &k->d.opening,
				 &holder, what) == 0)
			break;
	}
	t->first = k->d.opening.next_seq;
	t->asked = t->first;
	t->sealed = t->first - 1;
	t->epoch = k->d.opening.epoch;
	for (;;) {
		(void)journal_segment(k->d.j);
		if (rand_r(&seed) % 10 == 0)
			(void)journal_append(k->d.j, JOURNAL_DESCRIPTION, 0, 1,
					     slice_str("an image"), &seq);
		n = make_payload(k->round, t->asked, payload);
		t->asked++;
		(void)journal_append(k->d.j, JOURNAL_EVENT,
				     rand_r(&seed) % 10 ? 0 : JOURNAL_URGENT,
				     clock_wall_ns(), slice_of(payload, n),
				     &seq);
		if (seq != t->asked - 1)
			_exit(1);
		if (rand_r(&seed) % 4 == 0)
			tell(&k->d, t);
		if (rand_r(&seed) % 20 == 0)
			(void)usleep(rand_r(&seed) % 1000);
	}
}

/* ---- what the independent reader finds ------------------------------------ */

static unsigned round_of(const struct killing *k, unsigned epoch)
{
	unsigned i;

	for (i = 1; i <= k->round; i++)
		if (k->told[i].epoch == epoch)
			return i;
	fail_msg("nobody ever had epoch %u", epoch);
	return 0;
}

/* "EPOCH SEQ KIND FLAGS WALL HEX" */
static void check_frame(const char *line, void *arg)
{
	struct killing *k = arg;
	char payload[256], hex[520];
	unsigned epoch, kind, round;
	uint64_t seq;
	size_t n, i;
	int at;

	if (sscanf(line, "%u %" SCNu64 " %u %*u %*d %n", &epoch, &seq, &kind,
		   &at) < 3)
		fail_msg("what is '%s'?", line);
	round = round_of(k, epoch);
	n = make_payload(round, seq, payload);
	for (i = 0; i < n; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", (uint8_t)payload[i]);
	if (strncmp(line + at, hex, 2 * n) || line[at + (int)(2 * n)] != '\n')
		fail_msg("epoch %u number %" PRIu64 " was never: %s", epoch,
			 seq, line);
	/* It had been asked for when the writer died. */
	assert_true(seq >= k->told[round].first);
	assert_true(seq < k->told[round].asked);
	/* The oldest of all: what is before it was trimmed meanwhile. */
	if (!k->frames++ && epoch == k->told[k->round].epoch &&
	    seq > k->next_acked) {
		k->trimmed_since = true;
		k->next_acked = seq;
	}
	if (epoch == k->told[k->round].epoch && seq == k->next_acked)
		k->next_acked++;
}

/* Our own reader says that nothing is missing either. */
static uint64_t count_events(const struct killing *k)
{
	struct reader_frame f;
	struct reader *r = NULL;
	uint64_t events = 0;

	assert_int_equal(reader_open(k->d.journal, READER_OLDEST, 0, 0, &r), 0);
	while (reader_next(r, &f) == 1) {
		assert_false(f.flags & READER_MISSING);
		events += f.type == JOURNAL_EVENT;
	}
	reader_close(r);
	return events;
}

static uint64_t bytes_of(const char *dir)
{
	uint64_t bytes = 0;
	struct dirent *e;
	struct stat st;
	DIR *d = opendir(dir);

	assert_non_null(d);
	while ((e = readdir(d)))
		if (!fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) &&
		    S_ISREG(st.st_mode))
			bytes += (uint64_t)st.st_size;
	(void)closedir(d);
	return bytes;
}

static void check_journal(struct killing *k)
{
	const struct told *t = &k->told[k->round];
	struct verify_result v;
	struct store_report r;
	uint64_t i;

	k->next_acked = t->trimmed > t->first ? t->trimmed : t->first;
	k->frames = 0;
	k->trimmed_since = false;
	store_ask_frames(k->d.journal, &r, check_frame, k);
	/* Everything acknowledged is there, in order, but for what gave way. */
	if (k->trimmed_since)
		assert_true(bytes_of(k->d.journal) > MAX_SIZE / 2);
	if (!t->dropped && k->next_acked <= t->sealed)
		fail_msg("number %" PRIu64 " of %llu is not there: %s",
			 k->next_acked, t->sealed, r.text);
	assert_non_null(strstr(r.text, "\"missing\": []"));
	assert_int_equal(store_answer(&r, "events"), k->frames);
	assert_int_equal(count_events(k), k->frames);
	assert_int_equal(verify(k->d.journal, NULL, &v), 0);
	for (i = 0; i < v.n_findings && i < VERIFY_FINDINGS_MAX; i++) {
		/* A torn tail stays once enough of them are set aside. */
		if (v.findings[i].kind != VERIFY_LOST)
			fail_msg("%s in %" PRIu64 ": %s",
				 verify_kind_name(v.findings[i].kind),
				 v.findings[i].segment, v.findings[i].what);
	}
}

static void one_round(struct killing *k, unsigned *seed)
{
	struct told *t = &k->told[k->round];
	int status;
	pid_t pid;

	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		write_until_killed(k);
	/* From the first moments of a start on. */
	(void)usleep(500 + (unsigned)rand_r(seed) % 40000);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	if (!t->epoch || access(k->d.journal, F_OK))
		return;
	check_journal(k);
}

static unsigned rounds(void)
{
	return getenv("PICKET_TEST_LONG") ? 500 : 20;
}

static void kill_again_and_again(bool on_a_sick_disk)
{
	struct killing k = { .seed = (unsigned)any_seed() };
	unsigned seed = k.seed, reached = 0;
	size_t size = ROUNDS_MAX * sizeof(*k.told);

	faulty = on_a_sick_disk;
	store_begin(&k.d);
	k.d.settings.io = &sick;
	k.d.settings.segment_size = 16 << 10;
	k.d.settings.sync_interval_ms = 5;
	/* Bounded, so that the slow reader has little to read. */
	k.d.settings.max_size = MAX_SIZE;
	k.told = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(k.told != MAP_FAILED);
	for (k.round = 1; k.round <= rounds(); k.round++) {
		one_round(&k, &seed);
		reached += k.told[k.round].sealed > k.told[k.round].first;
	}
	/* Most lived long enough to have something acknowledged. */
	assert_true(reached > rounds() / 3);
	(void)munmap(k.told, size);
	store_end(&k.d);
}

static void killed_at_any_moment_keeps_what_was_acknowledged(void **state)
{
	(void)state;
	kill_again_and_again(false);
}

static void so_it_does_while_writes_are_cut_short_and_fail(void **state)
{
	(void)state;
	kill_again_and_again(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			killed_at_any_moment_keeps_what_was_acknowledged),
		cmocka_unit_test(
			so_it_does_while_writes_are_cut_short_and_fail),
	};

	return cmocka_run_group_tests_name("kill", tests, NULL, NULL);
}
