// SPDX-License-Identifier: Apache-2.0
#include "proc/container_ask.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "proc/container_info.h"

#define ID_MAX	  128u
#define SLOTS_MAX 64u /* questions and answers at a time */

enum state { FREE, ASKED, DONE };

struct slot {
	enum state state;
	uint64_t order; /* the oldest is answered, or gives way, first */
	size_t id_n;
	char id[ID_MAX];
	int r;
	struct container_info *info;
};

struct container_ask {
	char *root;
	container_read_fn read;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake, answered;
	bool started, busy, stopping;
	bool hangs; /* one waited in vain, and nothing was answered since */
	uint64_t orders;
	struct slot slots[SLOTS_MAX];
};

int container_ask_new(const char *root, container_read_fn read,
		      struct container_ask **ret)
{
	struct container_ask *a = calloc(1, sizeof(*a));
	pthread_condattr_t monotonic;

	if (!a)
		return -ENOMEM;
	a->read = read;
	a->root = strdup(root);
	if (!a->root) {
		free(a);
		return -ENOMEM;
	}
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&a->lock, NULL);
	(void)pthread_cond_init(&a->wake, NULL);
	(void)pthread_cond_init(&a->answered, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	*ret = a;
	return 0;
}

static struct slot *oldest(struct container_ask *a, enum state state)
{
	struct slot *found = NULL;
	size_t i;

	for (i = 0; i < SLOTS_MAX; i++) {
		struct slot *s = &a->slots[i];

		if (s->state == state && (!found || s->order < found->order))
			found = s;
	}
	return found;
}

/* ---- the thread's side ---------------------------------------------------- */

/* Called with the lock, which it lets go of meanwhile. */
static void answer(struct container_ask *a, struct slot *s)
{
	struct container_info *info = NULL;
	int r;

	a->busy = true;
	(void)pthread_mutex_unlock(&a->lock);
	/* Nobody else touches what is asked. */
	r = a->read(a->root, slice_of(s->id, s->id_n), &info);
	(void)pthread_mutex_lock(&a->lock);
	a->busy = a->hangs = false;
	s->r = r;
	s->info = info;
	s->state = DONE;
	(void)pthread_cond_broadcast(&a->answered);
}

static void *run(void *arg)
{
	struct container_ask *a = arg;
	struct slot *s;

	(void)pthread_mutex_lock(&a->lock);
	while (!a->stopping) {
		s = oldest(a, ASKED);
		if (s)
			answer(a, s);
		else
			(void)pthread_cond_wait(&a->wake, &a->lock);
	}
	(void)pthread_mutex_unlock(&a->lock);
	return NULL;
}

/* ---- the caller's --------------------------------------------------------- */

static int start(struct container_ask *a)
{
	sigset_t all, old;
	int r;

	if (a->started)
		return 0;
	/* Signals are the loop's, by descriptor. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&a->thread, NULL, run, a);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	a->started = !r;
	return -r;
}

static struct slot *find(struct container_ask *a, struct slice id)
{
	size_t i;

	for (i = 0; i < SLOTS_MAX; i++) {
		struct slot *s = &a->slots[i];

		if (s->state != FREE && slice_eq(slice_of(s->id, s->id_n), id))
			return s;
	}
	return NULL;
}

static void clear(struct slot *s)
{
	container_info_free(s->info);
	*s = (struct slot){ .state = FREE };
}

/* An answer that nobody came for gives way: its cgroup is forgotten. */
static struct slot *put(struct container_ask *a, struct slice id)
{
	struct slot *s = oldest(a, FREE);

	if (!s)
		s = oldest(a, DONE);
	if (!s)
		return NULL;
	clear(s);
	s->state = ASKED;
	s->order = ++a->orders;
	s->id_n = id.n;
	memcpy(s->id, id.p, id.n);
	(void)pthread_cond_signal(&a->wake);
	return s;
}

static struct timespec deadline(void)
{
	uint64_t ns = clock_mono_ns() + CONTAINER_ASK_WAIT_MS * NS_PER_MS;

	return (struct timespec){ .tv_sec = (time_t)(ns / NS_PER_S),
				  .tv_nsec = (long)(ns % NS_PER_S) };
}

/* Who hung once is waited for no more, until it answers. */
static void wait_for(struct container_ask *a, const struct slot *s)
{
	const struct timespec until = deadline();

	while (s->state == ASKED && !a->hangs)
		if (pthread_cond_timedwait(&a->answered, &a->lock, &until) ==
		    ETIMEDOUT)
			a->hangs = s->state == ASKED;
}

int container_ask(struct container_ask *a, struct slice id,
		  struct container_info **ret)
{
	struct slot *s;
	int r = -EAGAIN;

	if (!id.n || id.n > ID_MAX)
		return -ENOENT;
	if (start(a) < 0)
		return -EBUSY;
	(void)pthread_mutex_lock(&a->lock);
	s = find(a, id);
	if (!s)
		s = put(a, id);
	if (!s)
		r = -EBUSY;
	else
		wait_for(a, s);
	if (s && s->state == DONE) {
		r = s->r;
		if (r == 0)
			*ret = s->info;
		s->info = NULL;
		clear(s);
	}
	(void)pthread_mutex_unlock(&a->lock);
	return r;
}

void container_ask_free(struct container_ask *a)
{
	bool hangs;

	if (!a)
		return;
	(void)pthread_mutex_lock(&a->lock);
	a->stopping = true;
	hangs = a->busy && a->hangs;
	(void)pthread_cond_signal(&a->wake);
	(void)pthread_mutex_unlock(&a->lock);
	if (a->started && hangs) {
		(void)pthread_detach(a->thread);
		return;
	}
	if (a->started)
		(void)pthread_join(a->thread, NULL);
	for (size_t i = 0; i < SLOTS_MAX; i++)
		clear(&a->slots[i]);
	(void)pthread_cond_destroy(&a->wake);
	(void)pthread_cond_destroy(&a->answered);
	(void)pthread_mutex_destroy(&a->lock);
	free(a->root);
	free(a);
}
