// SPDX-License-Identifier: Apache-2.0
#include "app/reload.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "app/agent.h"
#include "app/reload_answer.h"
#include "app/settings.h"
#include "app/status_socket.h"
#include "app/trust_run.h"
#include "base/exit_codes.h"
#include "base/log.h"
#include "rules/rules.h"
#include "rules/stats.h"

/* Clients there are eight; a signal that waits stands for all like it. */
#define WISHES_MAX 12
#define ANSWER_MAX (64u << 10)

struct wish {
	struct requester by;
	uint64_t client; /* 0: a signal's, or the watch's */
	bool json;
	bool by_watch;
};

struct reload {
	struct agent *a;
	int done_fd; /* the thread has ended */
	pthread_t thread;
	bool running;
	struct wish wishes[WISHES_MAX]; /* the first is being served */
	size_t n_wishes;

	/* The thread's, while it runs. */
	struct rule_options opt;
	struct reload_result result;
};

/* ---- the thread --------------------------------------------------------- */

static void *load(void *arg)
{
	const uint64_t one = 1;
	struct reload *r = arg;
	struct reload_result *res = &r->result;

	res->error = rule_set_load(r->a->s->policy_dir, &r->opt, &res->set,
				   &res->where);
	if (*r->a->shadow.dir &&
	    rule_set_load(r->a->shadow.dir, &r->opt, &res->shadow,
			  &res->shadow_where) < 0)
		res->shadow = NULL;
	reload_conf_check(r->a->s->conf, r->a->s->config_path, &res->conf);
	/* Of interest to who reads the answer; a signal reads none. */
	if (res->error >= 0 && r->wishes[0].client)
		reload_lint(res);
	(void)!write(r->done_fd, &one, sizeof(one));
	return NULL;
}

static int start(struct reload *r)
{
	sigset_t all, before;
	int k;

	settings_rule_options(r->a->s->conf, &r->opt);
	r->result = (struct reload_result){ 0 };
	/* Signals are the loop's. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, &before);
	k = pthread_create(&r->thread, NULL, load, r);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	r->running = !k;
	return -k;
}

/* ---- the result --------------------------------------------------------- */

static void take(struct agent *a, const struct wish *w,
		 struct reload_result *res)
{
	struct rule_set *old = a->rules;

	if (rule_stats_carry(res->set, old) < 0)
		log_warning("rules are counted anew: out of memory");
	a->rules = a->pipeline.rules = res->set;
	a->generation++;
	trust_run_rules(a);
	report_policy(a, "reloaded", &w->by);
	log_notice("policy reloaded rules=%zu generation=%" PRIu64 " by='%s' "
		   "pid=%d uid=%u",
		   rule_set_count(a->rules), a->generation, w->by.how,
		   w->by.pid, w->by.uid);
	rule_set_free(old);
	/* Rows of the old one's rules mean nothing any more. */
	shadow_reset(&a->shadow);
}

static void refuse(struct agent *a, const struct wish *w,
		   const struct reload_result *res)
{
	char what[RELOAD_ERROR_MAX];

	reload_error(res, what);
	log_error("%s", what);
	log_warning("policy not reloaded, the old one stays in force "
		    "generation=%" PRIu64,
		    a->generation);
	report_refused_policy(a, what, &w->by);
}

/* By itself: a candidate that is wrong keeps no policy from its place. */
static void take_shadow(struct agent *a, struct reload_result *res)
{
	if (!*a->shadow.dir)
		return;
	res->has_shadow = true;
	shadow_take(&a->shadow, res->shadow, &res->shadow_where);
	if (!res->shadow)
		log_warning("shadow policy not reloaded: %s", a->shadow.error);
	res->shadow = a->shadow.set;
	res->shadow_error = a->shadow.error;
}

static bool same_set(const struct rule_set *a, const struct rule_set *b)
{
	if (!a || !b)
		return a == b;
	return !memcmp(rule_set_hash(a), rule_set_hash(b), 32);
}

/* Files were touched, no more: nobody needs to know. */
static bool drop_same(struct reload *r)
{
	struct reload_result *res = &r->result;

	if (res->error < 0 || !same_set(res->set, r->a->rules) ||
	    !same_set(res->shadow, r->a->shadow.set))
		return false;
	rule_set_free(res->set);
	rule_set_free(res->shadow);
	return true;
}

/* Who sends a signal reads no answer: the log has it. */
static void say_conf(const struct reload_conf *c)
{
	if (*c->changed)
		log_warning("agent.ini is read at the start only, and says "
			    "otherwise now: %s",
			    c->changed);
	if (*c->error)
		log_warning("agent.ini is wrong now, the next start will "
			    "fail: %s",
			    c->error);
}

static void serve_next(struct reload *r);

/* The first wish is done, well or not. */
static void end(struct reload *r)
{
	cleanup_buf struct buf out = BUF_INIT(ANSWER_MAX);
	struct wish w = r->wishes[0];
	struct agent *a = r->a;

	memmove(r->wishes, r->wishes + 1, --r->n_wishes * sizeof(r->wishes[0]));
	if (w.by_watch && drop_same(r)) {
		serve_next(r);
		return;
	}
	if (r->result.error < 0)
		refuse(a, &w, &r->result);
	else
		take(a, &w, &r->result);
	take_shadow(a, &r->result);
	say_conf(&r->result.conf);
	if (w.client) {
		r->result.set = a->rules;
		r->result.generation = a->generation;
		(w.json ? reload_json : reload_text)(&out, &r->result);
		status_socket_answer(a->status, w.client, buf_slice(&out));
	}
	serve_next(r);
}

static void serve_next(struct reload *r)
{
	int k;

	while (r->n_wishes && !r->running) {
		k = start(r);
		/* Only then: else the result is the thread's to write. */
		if (k < 0) {
			r->result.error = k;
			end(r);
		}
	}
}

/* Nobody waits any more: so says the service manager, too. */
static int rest(struct reload *r)
{
	return r->n_wishes ? 0 : service_ready(r->a);
}

static int loaded(int fd, uint32_t events, void *arg)
{
	struct reload *r = arg;
	uint64_t count;

	(void)events;
	if (read(fd, &count, sizeof(count)) != (ssize_t)sizeof(count) ||
	    !r->running)
		return 0;
	(void)pthread_join(r->thread, NULL);
	r->running = false;
	end(r);
	return rest(r);
}

/* ---- wishes ------------------------------------------------------------- */

static bool add_wish(struct reload *r, struct wish *w)
{
	if (r->n_wishes == WISHES_MAX)
		return false;
	requester_find_exe(&w->by);
	service_reloading(r->a);
	r->wishes[r->n_wishes++] = *w;
	if (r->n_wishes == 1)
		serve_next(r);
	/* It may have ended without a thread. */
	(void)rest(r);
	return true;
}

static bool add_clientless(struct reload *r, struct wish *w)
{
	/* Behind the one that is served, one signal is as good as many. */
	for (size_t i = 1; i < r->n_wishes; i++)
		if (!r->wishes[i].client) {
			service_reloading(r->a);
			return true;
		}
	return add_wish(r, w);
}

void reload_by_signal(struct reload *r, struct loop_sender by)
{
	struct wish w = {
		.by = { .how = "SIGHUP", .pid = by.pid, .uid = by.uid }
	};

	if (!add_clientless(r, &w))
		log_warning("policy is being reloaded, SIGHUP adds nothing");
}

void reload_by_watch(struct reload *r)
{
	struct wish w = {
		.by = { .how = "watch", .pid = 0, .uid = geteuid() },
		.by_watch = true,
	};

	if (!add_clientless(r, &w))
		log_warning(
			"policy is being reloaded, its change adds nothing");
}

bool reload_by_client(struct reload *r, const struct status_ask *ask,
		      struct buf *out)
{
	struct wish w = {
		.by = { .how = "picket reload",
			.pid = ask->pid,
			.uid = ask->uid },
		.client = ask->client,
		.json = ask->form == STATUS_RELOAD_JSON,
	};

	if (ask->uid != 0 && ask->uid != geteuid()) {
		reload_deny(out, EXIT_CODE_PRIVILEGE,
			    "only root may reload the policy", w.json);
		return true;
	}
	if (add_wish(r, &w))
		return false;
	reload_deny(out, EXIT_CODE_FAILURE,
		    "too many want the policy reloaded at once", w.json);
	return true;
}

int reload_new(struct agent *a, struct reload **ret)
{
	struct reload *r = calloc(1, sizeof(*r));
	int k;

	if (!r)
		return -ENOMEM;
	r->a = a;
	r->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	k = r->done_fd < 0 ? -errno : 0;
	if (k == 0)
		k = loop_add(a->loop, r->done_fd, EPOLLIN, loaded, r);
	if (k < 0) {
		if (r->done_fd >= 0)
			(void)close(r->done_fd);
		free(r);
		return k;
	}
	*ret = r;
	return 0;
}

void reload_free(struct reload *r)
{
	if (!r)
		return;
	if (r->running) {
		(void)pthread_join(r->thread, NULL);
		rule_set_free(r->result.set);
		rule_set_free(r->result.shadow);
	}
	loop_remove(r->a->loop, r->done_fd);
	(void)close(r->done_fd);
	free(r);
}
