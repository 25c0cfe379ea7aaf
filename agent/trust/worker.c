// SPDX-License-Identifier: Apache-2.0
/*
 * One lock, held for copying alone. What was asked first is answered first;
 * a database that is offered goes before all of it.
 */
#include "trust/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct item {
	struct work work;
	char *path;
};

struct worker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool started;
	volatile bool stopping; /* also read without the lock */
	int event_fd;

	/* Under the lock: rings. */
	struct item in[WORK_MAX];
	unsigned in_first, in_n;
	struct done out[WORK_MAX];
	unsigned out_first, out_n;
	int offered_fd; /* -1: none */
	bool has_offered;
	struct offered offered;

	/* The thread's own. */
	struct trust_sources sources;
	struct examiner *examiner;
	struct trust_db *db;
	uint32_t db_number;
};

static void tell(struct worker *w)
{
	uint64_t one = 1;

	(void)!write(w->event_fd, &one, sizeof(one));
}

/* ---- the thread --------------------------------------------------------- */

/* Have packages changed since the database was made? */
static bool is_old(const struct worker *w)
{
	uint8_t now[TRUST_STAMP_SIZE];

	return trust_stamp(&w->sources, now) >= 0 &&
	       memcmp(now, trust_db_header(w->db)->stamp, sizeof(now)) != 0;
}

static void judge(struct worker *w, const struct examination *x, struct done *d)
{
	uint32_t package;

	if (!w->db)
		return;
	d->db_number = w->db_number;
	d->facts.trust = (uint8_t)judge_trust(w->db, x, &package);
	if (package != UINT32_MAX) {
		const char *name = trust_db_package(w->db, package);
		size_t n = strnlen(name, sizeof(d->package) - 1);

		memcpy(d->package, name, n);
		d->package[n] = '\0';
	}
	d->is_stale = d->facts.trust != TRUST_PACKAGE &&
		      d->facts.trust != TRUST_WRITABLE && is_old(w);
}

static void work_on(struct worker *w, const struct item *i, struct done *ret)
{
	struct examination x = {
		.path = i->work.path,
		.id = i->work.id,
		.digests = i->work.digests,
	};

	examine(w->examiner, &x);
	*ret = (struct done){
		.id = x.id,
		.facts = x.facts,
		.digests = x.digests,
		.path_hash = i->work.path_hash,
		.way_number = i->work.way_number,
		.was_read = !i->work.digests.known,
	};
	judge(w, &x, ret);
}

static struct offered take_db(struct worker *w, int fd)
{
	struct trust_db *fresh = NULL;
	struct offered o = { .result = trust_db_open(fd, &fresh) };

	(void)close(fd);
	if (o.result >= 0) {
		trust_db_close(w->db);
		w->db = fresh;
		o.number = ++w->db_number;
		o.header = *trust_db_header(fresh);
	}
	return o;
}

static bool has_work(const struct worker *w)
{
	return w->offered_fd >= 0 || (w->in_n && w->out_n < WORK_MAX);
}

/* Called with the lock, which it lets go of meanwhile. */
static void turn(struct worker *w)
{
	int fd = w->offered_fd;
	struct item item;
	struct offered o;
	struct done d;

	if (fd >= 0) {
		(void)pthread_mutex_unlock(&w->lock);
		o = take_db(w, fd);
		(void)pthread_mutex_lock(&w->lock);
		w->offered_fd = -1;
		w->offered = o;
		w->has_offered = true;
		return;
	}
	item = w->in[w->in_first];
	(void)pthread_mutex_unlock(&w->lock);
	work_on(w, &item, &d);
	free(item.path);
	(void)pthread_mutex_lock(&w->lock);
	w->in_first = (w->in_first + 1) % WORK_MAX;
	w->in_n--;
	w->out[(w->out_first + w->out_n++) % WORK_MAX] = d;
}

static void *run(void *arg)
{
	struct worker *w = arg;

	(void)pthread_mutex_lock(&w->lock);
	while (!w->stopping) {
		if (!has_work(w)) {
			(void)pthread_cond_wait(&w->wake, &w->lock);
			continue;
		}
		turn(w);
		tell(w);
	}
	(void)pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* ---- the loop's side ---------------------------------------------------- */

static int start_thread(struct worker *w)
{
	sigset_t all, old;
	int r;

	/* Signals are the loop's, by descriptor. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&w->thread, NULL, run, w);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	w->started = !r;
	return -r;
}

int worker_start(const struct trust_settings *s, struct worker **ret)
{
	struct examiner_settings es = {
		.root_fd = s->sources.root_fd,
		.mountinfo = s->mountinfo,
		.max_size = s->max_size,
		.rate = s->rate,
	};
	struct worker *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	es.stop = &w->stopping;
	w->offered_fd = -1;
	w->sources = s->sources;
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->wake, NULL);
	w->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	r = w->event_fd < 0 ? -errno : examiner_new(&es, &w->examiner);
	if (r >= 0)
		r = start_thread(w);
	if (r < 0) {
		worker_stop(w);
		return r;
	}
	*ret = w;
	return 0;
}

void worker_stop(struct worker *w)
{
	if (!w)
		return;
	if (w->started) {
		(void)pthread_mutex_lock(&w->lock);
		w->stopping = true;
		(void)pthread_cond_signal(&w->wake);
		(void)pthread_mutex_unlock(&w->lock);
		(void)pthread_join(w->thread, NULL);
	}
	for (; w->in_n; w->in_n--) {
		free(w->in[w->in_first].path);
		w->in_first = (w->in_first + 1) % WORK_MAX;
	}
	if (w->offered_fd >= 0)
		(void)close(w->offered_fd);
	if (w->event_fd >= 0)
		(void)close(w->event_fd);
	examiner_free(w->examiner);
	trust_db_close(w->db);
	(void)pthread_cond_destroy(&w->wake);
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
}

int worker_fd(const struct worker *w)
{
	return w->event_fd;
}

void worker_clear(struct worker *w)
{
	uint64_t n;

	(void)!read(w->event_fd, &n, sizeof(n));
}

uint64_t worker_queued(struct worker *w)
{
	uint64_t n;

	(void)pthread_mutex_lock(&w->lock);
	n = w->in_n;
	(void)pthread_mutex_unlock(&w->lock);
	return n;
}

int worker_send(struct worker *w, const struct work *work)
{
	struct item item = { .work = *work };
	int r = -EAGAIN;

	item.path = strndup(work->path.p, work->path.n);
	if (!item.path)
		return -EAGAIN;
	item.work.path.p = item.path;
	(void)pthread_mutex_lock(&w->lock);
	if (w->in_n < WORK_MAX) {
		w->in[(w->in_first + w->in_n++) % WORK_MAX] = item;
		(void)pthread_cond_signal(&w->wake);
		r = 0;
	}
	(void)pthread_mutex_unlock(&w->lock);
	if (r < 0)
		free(item.path);
	return r;
}

bool worker_take(struct worker *w, struct done *ret)
{
	bool any;

	(void)pthread_mutex_lock(&w->lock);
	any = w->out_n;
	if (any) {
		*ret = w->out[w->out_first];
		w->out_first = (w->out_first + 1) % WORK_MAX;
		w->out_n--;
		(void)pthread_cond_signal(&w->wake);
	}
	(void)pthread_mutex_unlock(&w->lock);
	return any;
}

int worker_offer(struct worker *w, int fd)
{
	int r = -EAGAIN;

	(void)pthread_mutex_lock(&w->lock);
	if (w->offered_fd < 0) {
		w->offered_fd = fd;
		(void)pthread_cond_signal(&w->wake);
		r = 0;
	}
	(void)pthread_mutex_unlock(&w->lock);
	if (r < 0)
		(void)close(fd);
	return r;
}

bool worker_offered(struct worker *w, struct offered *ret)
{
	bool any;

	(void)pthread_mutex_lock(&w->lock);
	any = w->has_offered;
	if (any)
		*ret = w->offered;
	w->has_offered = false;
	(void)pthread_mutex_unlock(&w->lock);
	return any;
}
