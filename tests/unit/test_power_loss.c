/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Power loss, simulated: what reached the file layer is logged, and the
 * directory is made again as the disk may have it after any of those calls:
 * what was synced, and any subset of what was written later, sector by sector.
 * A disk that lies has lost synced writes as well. No name may be given twice,
 * and least of all one that a collector has: a shipper runs along, with a
 * cursor that may itself be lost, and what was received is held against the
 * journal before and after.
 */
#include <pthread.h>

#include "base/crc32c.h"
#include "seed.h"
#include "store/cursor.h"

#include "store_dir.h"

enum op_kind { OP_WRITE, OP_SYNC, OP_RENAME, OP_SYNC_DIR };

/* What reached the file layer, in order. */
struct op {
	enum op_kind kind;
	ino_t file;
	char name[SEGMENT_NAME_MAX];
	off_t off;
	size_t n;
	uint8_t *bytes;
};

#define OPS_MAX 20000
static struct op ops[OPS_MAX];
static unsigned n_ops;
static pthread_mutex_t ops_lock = PTHREAD_MUTEX_INITIALIZER;

static ino_t inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : st.st_ino;
}

static void log_op(struct op o)
{
	(void)pthread_mutex_lock(&ops_lock);
	if (n_ops == OPS_MAX)
		abort();
	ops[n_ops++] = o;
	(void)pthread_mutex_unlock(&ops_lock);
}

static unsigned ops_so_far(void)
{
	unsigned n;

	(void)pthread_mutex_lock(&ops_lock);
	n = n_ops;
	(void)pthread_mutex_unlock(&ops_lock);
	return n;
}

static ssize_t logged_pwritev(int fd, const struct iovec *v, int n, off_t off)
{
	struct op o = { .kind = OP_WRITE, .file = inode(fd), .off = off };
	size_t size = 1;
	int i;

	for (i = 0; i < n; i++)
		size += v[i].iov_len;
	o.bytes = malloc(size);
	for (i = 0; i < n; i++) {
		memcpy(o.bytes + o.n, v[i].iov_base, v[i].iov_len);
		o.n += v[i].iov_len;
	}
	log_op(o);
	return store_io_real.pwritev(fd, v, n, off);
}

static int logged_fdatasync(int fd)
{
	log_op((struct op){ .kind = OP_SYNC, .file = inode(fd) });
	return 0;
}

static int logged_rename(int dirfd, const char *from, const char *to)
{
	struct op o = { .kind = OP_RENAME };
	struct stat st;

	if (fstatat(dirfd, from, &st, 0) == 0)
		o.file = st.st_ino;
	(void)snprintf(o.name, sizeof(o.name), "%s", to);
	log_op(o);
	return store_io_real.rename(dirfd, from, to);
}

static int logged_sync_dir(int dirfd)
{
	(void)dirfd;
	log_op((struct op){ .kind = OP_SYNC_DIR });
	return 0;
}

static struct store_io logged = {
	.create = NULL, /* set from the real one */
	.pwritev = logged_pwritev,
	.fdatasync = logged_fdatasync,
	.rename = logged_rename,
	.sync_dir = logged_sync_dir,
};

static void forget_ops(void)
{
	while (n_ops)
		free(ops[--n_ops].bytes);
}

/* Is what op i wrote durable by a sync before op `durable`? */
static bool is_synced(unsigned i, unsigned durable)
{
	unsigned k;

	for (k = i + 1; k < durable; k++) {
		if (ops[k].kind == OP_SYNC && ops[k].file == ops[i].file)
			return true;
	}
	return false;
}

/* Some of a write: sectors of 512 bytes, each there or not. */
static void write_some(int fd, const struct op *o, unsigned *seed)
{
	size_t at, n;

	for (at = 0; at < o->n; at += n) {
		n = 512 - (size_t)(o->off + (off_t)at) % 512;
		n = n < o->n - at ? n : o->n - at;
		if (rand_r(seed) % 2)
			(void)!pwrite(fd, o->bytes + at, n, o->off + (off_t)at);
	}
}

/*
 * The directory as a power loss after op `last` leaves it: what was synced
 * before op `durable`, and any subset of the later writes. Segments of
 * earlier runs and the state file are there.
 */
static void power_loss(struct store_dir *d, unsigned durable, unsigned last,
		       unsigned *seed)
{
	char path[256];
	unsigned i, k;
	int fd;

	for (i = 0; i < n_ops; i++) {
		const struct op *made = &ops[i];

		if (made->kind != OP_RENAME)
			continue;
		(void)unlink(store_path(d, made->name, path));
		if (i >= last)
			continue;
		for (k = i; k < last && ops[k].kind != OP_SYNC_DIR; k++)
			;
		/* The name itself may be lost. */
		if (k == last && rand_r(seed) % 2)
			continue;
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
		assert_true(fd >= 0);
		for (k = 0; k < last; k++) {
			if (ops[k].kind != OP_WRITE ||
			    ops[k].file != made->file)
				continue;
			/* The header was synced before the name was given. */
			if (k < i || is_synced(k, durable))
				(void)!pwrite(fd, ops[k].bytes, ops[k].n,
					      ops[k].off);
			else
				write_some(fd, &ops[k], seed);
		}
		(void)close(fd);
	}
}

/* Payload "run R event N": which run gave this name. */
static void run_events(struct store_dir *d, unsigned run, unsigned n,
		       unsigned *seed)
{
	char payload[600];
	uint64_t seq;
	int len;

	memset(payload, '.', sizeof(payload));
	while (n--) {
		(void)journal_segment(d->j);
		len = snprintf(payload, 40, "run %u", run);
		payload[len] = ' ';
		assert_int_equal(
			journal_append(
				d->j, JOURNAL_EVENT,
				rand_r(seed) % 8 ? 0 : JOURNAL_URGENT, 1,
				slice_of(payload,
					 40 + (size_t)rand_r(seed) % 500),
				&seq),
			0);
		if (rand_r(seed) % 20 == 0)
			(void)usleep(rand_r(seed) % 3000);
	}
}

/* ---- the collector -------------------------------------------------------- */

#define EPOCHS_MAX 24
#define SEQ_MAX	   4096

struct collector {
	/* By name: a sum of the payload that came with it; 0: none. */
	uint32_t got[EPOCHS_MAX][SEQ_MAX];
	struct cursor cursor; /* the shipper's, as it is on disk */
	bool has_cursor;
	unsigned received, again;
};

static uint32_t sum_of(struct slice payload)
{
	return crc32c(0, payload.p, payload.n) | 1;
}

static void receive(struct collector *c, const struct reader_frame *f)
{
	uint32_t *got;

	assert_true(f->epoch < EPOCHS_MAX && f->seq < SEQ_MAX);
	got = &c->got[f->epoch][f->seq];
	if (*got && *got != sum_of(f->payload))
		fail_msg("name %u.%" PRIu64 " came twice, for two events",
			 f->epoch, f->seq);
	c->received++;
	c->again += *got != 0;
	*got = sum_of(f->payload);
}

/* Everything sealed from the cursor on; in the end the cursor is saved. */
static void ship(struct collector *c, const struct store_dir *d, bool saved)
{
	struct cursor next = c->cursor;
	struct reader *r = NULL;
	struct reader_frame f;

	assert_int_equal(c->has_cursor
				 ? reader_open_cursor(d->journal, &c->cursor,
						      READER_SEALED_ONLY, &r)
				 : reader_open(d->journal, READER_OLDEST, 0,
					       READER_SEALED_ONLY, &r),
			 0);
	while (reader_next(r, &f) == 1) {
		if (!f.seq)
			continue;
		if (f.type == JOURNAL_EVENT)
			receive(c, &f);
		memcpy(next.journal, reader_journal_id(r),
		       sizeof(next.journal));
		next.epoch = f.epoch;
		next.seq = f.seq_end - 1;
	}
	reader_close(r);
	if (saved && next.seq) {
		c->cursor = next;
		c->has_cursor = true;
	}
}

/*
 * What the journal holds and the collector has are the same events under the
 * same names. all: the collector has all of it; kept: the journal has all
 * that the collector was given.
 */
static void compare(const struct collector *c, const struct store_dir *d,
		    bool all, bool kept)
{
	static bool there[EPOCHS_MAX][SEQ_MAX];
	struct reader *r = NULL;
	struct reader_frame f;
	unsigned e, s;
	uint32_t got;

	memset(there, 0, sizeof(there));
	assert_int_equal(reader_open(d->journal, READER_OLDEST, 0, 0, &r), 0);
	while (reader_next(r, &f) == 1) {
		if (f.type != JOURNAL_EVENT)
			continue;
		got = c->got[f.epoch][f.seq];
		there[f.epoch][f.seq] = true;
		if (got ? got != sum_of(f.payload) : all)
			fail_msg("%u.%" PRIu64 " is %s", f.epoch, f.seq,
				 got ? "another event at the collector"
				     : "not at the collector");
	}
	reader_close(r);
	for (e = 0; kept && e < EPOCHS_MAX; e++)
		for (s = 0; s < SEQ_MAX; s++)
			if (c->got[e][s] && !there[e][s])
				fail_msg("%u.%u was delivered and is lost", e,
					 s);
}

/*
 * Read everything; each name's run must be the one that had its epoch. The
 * first number behind everything.
 */
static uint64_t check_names(struct store_dir *d, const unsigned *run_of_epoch,
			    unsigned flags)
{
	struct reader *r = NULL;
	struct reader_frame f;
	uint64_t next = 0;
	uint32_t epoch = 0;
	int n;

	assert_int_equal(reader_open(d->journal, READER_OLDEST, 0, flags, &r),
			 0);
	while ((n = reader_next(r, &f)) > 0) {
		if (!f.seq)
			continue;
		if (epoch == f.epoch && next)
			assert_int_equal(f.seq, next);
		assert_true(f.epoch >= epoch);
		epoch = f.epoch;
		next = f.seq_end;
		if (f.type == JOURNAL_EVENT)
			assert_int_equal(strtoul(f.payload.p + 4, NULL, 10),
					 run_of_epoch[f.epoch]);
	}
	assert_int_equal(n, 0);
	reader_close(r);
	return next;
}

static void power_loss_round(unsigned seed, bool honest)
{
	static struct collector c;
	unsigned run_of_epoch[16] = { 0 }, run, last, durable, i;
	struct store_dir d;
	uint64_t sealed = 0;
	char path[128];

	c = (struct collector){ 0 };
	store_begin(&d);
	logged.create = store_io_real.create;
	d.settings.io = &logged;
	d.settings.segment_size = 16 << 10;
	d.settings.sync_interval_ms = 3;
	for (run = 1; run <= 8; run++) {
		forget_ops();
		store_open(&d);
		/* Never one that was used. */
		assert_int_equal(run_of_epoch[d.opening.epoch], 0);
		run_of_epoch[d.opening.epoch] = run;
		/* An honest disk has everything that was acknowledged. */
		if (honest)
			assert_true(d.opening.next_seq > sealed);
		assert_int_equal(check_names(&d, run_of_epoch, 0)
					 ?: d.opening.next_seq,
				 d.opening.next_seq);
		compare(&c, &d, false, honest);
		for (i = 0; i < 10; i++) {
			run_events(&d, run, 20, &seed);
			if (rand_r(&seed) % 2)
				store_flush(&d);
			if (rand_r(&seed) % 3)
				ship(&c, &d, rand_r(&seed) % 4);
		}
		sealed = store_stats(&d).sealed_seq;
		last = ops_so_far();
		durable = honest ? last : (unsigned)rand_r(&seed) % last;
		(void)snprintf(path, sizeof(path), "%s/%u", d.base, run % 2);
		store_remove(path);
		store_crash(&d, path + strlen(d.base) + 1);
		power_loss(&d, durable, last, &seed);
	}
	store_open(&d);
	store_close(&d);
	(void)check_names(&d, run_of_epoch, READER_SEALED_ONLY);
	ship(&c, &d, true);
	compare(&c, &d, true, honest);
	assert_true(c.received > c.again && c.again > 0);
	/* Synced bytes that are gone break the chain: that is for verify. */
	if (honest)
		(void)store_check(d.journal, "next");
	forget_ops();
	store_end(&d);
}

static unsigned rounds(void)
{
	return getenv("PICKET_TEST_LONG") ? 200 : 5;
}

static void power_loss_keeps_sealed_frames_and_names(void **state)
{
	unsigned seed = (unsigned)any_seed(), i;

	(void)state;
	for (i = 0; i < rounds(); i++)
		power_loss_round(seed + i, true);
}

static void lying_disk_never_makes_a_name_twice(void **state)
{
	unsigned seed = (unsigned)any_seed(), i;

	(void)state;
	for (i = 0; i < rounds(); i++)
		power_loss_round(seed + i, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(power_loss_keeps_sealed_frames_and_names),
		cmocka_unit_test(lying_disk_never_makes_a_name_twice),
	};

	return cmocka_run_group_tests_name("power_loss", tests, NULL, NULL);
}
