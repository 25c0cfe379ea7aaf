/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it costs to turn a journal into requests: CPU time per record for
 * reading, encoding, putting a request together and compressing it. Ratios
 * between the rows mean more than the rows.
 *
 *	bench_ship JOURNAL otlp|picket
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "out/batch.h"
#include "out/feed.h"
#include "out/gzip.h"

enum phase { READ, ENCODE, BUILD, GZIP, PHASES };

static const char *const names[] = { "read", "encode", "build", "gzip" };

struct bench {
	double cpu_s[PHASES], since;
	unsigned long records, batches, plain, packed;
	struct feed *feed;
	struct batch *batch;
	struct gzip *gzip;
	struct buf request, zipped;
};

static double cpu_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* All since the last call was this phase. */
static void charge(struct bench *b, enum phase p)
{
	double now = cpu_now();

	b->cpu_s[p] += now - b->since;
	b->since = now;
}

static void die(const char *what, int r)
{
	(void)fprintf(stderr, "bench_ship: %s: %s\n", what, strerror(-r));
	exit(1);
}

static void send_batch(struct bench *b)
{
	struct batch_seal seal = { .seq = 1 };
	struct batch_run all = { 0, batch_n(b->batch) };

	buf_reset(&b->request);
	buf_reset(&b->zipped);
	batch_build(b->batch, all, &seal, &b->request);
	charge(b, BUILD);
	if (gzip_pack(b->gzip, buf_slice(&b->request), &b->zipped) < 0)
		die("gzip", -ENOMEM);
	charge(b, GZIP);
	b->records += all.to;
	b->batches++;
	b->plain += b->request.n;
	b->packed += b->zipped.n;
	batch_begin(b->batch, 0, 1u << 20);
}

static void run(struct bench *b)
{
	const struct view *v;
	int r;

	b->since = cpu_now();
	while ((r = feed_peek(b->feed, &v)) == FEED_RECORD) {
		charge(b, READ);
		r = batch_add(b->batch, feed_images(b->feed), v);
		charge(b, ENCODE);
		if (r == 1)
			feed_taken(b->feed);
		if (r == 0 || batch_is_full(b->batch))
			send_batch(b);
	}
	if (r < 0)
		die("read", r);
	if (batch_n(b->batch))
		send_batch(b);
}

static void print(const struct bench *b)
{
	double total = 0, n = (double)b->records;
	size_t i;

	for (i = 0; i < PHASES; i++) {
		total += b->cpu_s[i];
		(void)printf("%-8s %7.2f us per record\n", names[i],
			     b->cpu_s[i] / n * 1e6);
	}
	(void)printf("%-8s %7.2f us per record, %.0f records per second\n",
		     "all", total / n * 1e6, n / total);
	(void)printf("%lu records, %lu batches, %.0f bytes per record, "
		     "%.0f compressed\n",
		     b->records, b->batches, (double)b->plain / n,
		     (double)b->packed / n);
}

int main(int argc, char **argv)
{
	struct batch_settings set = {
		.max_records = 2000,
		.max_bytes = 1u << 20,
	};
	struct bench b = { .records = 0 };
	struct feed_opening opening;
	struct host host;
	char what[256];
	int r;

	if (argc != 3)
		return 2;
	if (!strcmp(argv[2], "picket"))
		set.format = COLLECTOR_PICKET;
	host_read("", &host);
	set.host = &host;
	buf_init(&b.request, 32u << 20);
	buf_init(&b.zipped, 32u << 20);
	r = feed_open(argv[1], "/nonexistent", "none", &b.feed, &opening, what);
	if (r < 0)
		die(what, r);
	r = batch_new(&set, &b.batch);
	if (r >= 0)
		r = gzip_new(&b.gzip);
	if (r < 0)
		die("start", r);
	run(&b);
	print(&b);
	batch_free(b.batch);
	gzip_free(b.gzip);
	feed_close(b.feed);
	buf_done(&b.request);
	buf_done(&b.zipped);
	return 0;
}
