// SPDX-License-Identifier: Apache-2.0
/*
 * The one idea: that something stirs is only a hint. After a moment of quiet
 * the files are looked at, and if name, size or times of one are not what they
 * were, the policy is read anew. So a swap of a link, an editor's temporary
 * files and a directory that is put in the place of another are all the same,
 * and a look too many costs a few stats and no reload.
 */
#include "app/policy_watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/agent.h"
#include "app/reload.h"
#include "base/loop.h"
#include "conf/conf.h"
#include "rules/rules.h"
#include "store/watch.h"

/* Whoever copies files one by one is done by then. */
#define QUIET_MS 500

enum { POLICY, SHADOW, DIRS };

struct policy_watch {
	struct agent *a;
	struct loop_timer *timer;
	struct {
		const char *path; /* empty: none */
		struct watch watch;
		uint64_t seen; /* sum of its files */
	} dirs[DIRS];
};

/* ---- what lies there ---------------------------------------------------- */

static uint64_t mix(uint64_t sum, const void *p, size_t n)
{
	const unsigned char *at = p;

	/* FNV-1a: who may write here may write a policy, too. */
	for (size_t i = 0; i < n; i++)
		sum = (sum ^ at[i]) * 0x100000001b3ull;
	return sum;
}

static uint64_t sum_of_file(int dirfd, const char *name)
{
	uint64_t sum = mix(0xcbf29ce484222325ull, name, strlen(name));
	struct stat st;

	if (fstatat(dirfd, name, &st, 0) < 0)
		return sum;
	sum = mix(sum, &st.st_ino, sizeof(st.st_ino));
	sum = mix(sum, &st.st_size, sizeof(st.st_size));
	sum = mix(sum, &st.st_mtim, sizeof(st.st_mtim));
	return mix(sum, &st.st_ctim, sizeof(st.st_ctim));
}

/* In whatever order names come. */
static uint64_t sum_of_dir(const char *path)
{
	int fd = rule_files_open(path);
	uint64_t sum = 1;
	struct dirent *d;
	DIR *dir;

	if (fd < 0)
		return 0;
	dir = fdopendir(fd);
	if (!dir) {
		/* One file: its directory is not watched, but it is looked at. */
		(void)close(fd);
		return sum_of_file(AT_FDCWD, path);
	}
	while ((d = readdir(dir)))
		if (rule_files_is_name(d->d_name))
			sum += sum_of_file(dirfd(dir), d->d_name);
	(void)closedir(dir);
	return sum;
}

/* ---- looking ------------------------------------------------------------ */

static int look(void *arg)
{
	struct policy_watch *w = arg;
	bool changed = false;

	for (size_t i = 0; i < DIRS; i++) {
		uint64_t sum;

		if (!*w->dirs[i].path)
			continue;
		/* Anew, before the look: it may be another directory now. */
		watch_set(&w->dirs[i].watch, w->dirs[i].path);
		sum = sum_of_dir(w->dirs[i].path);
		changed |= sum != w->dirs[i].seen;
		w->dirs[i].seen = sum;
	}
	if (changed)
		reload_by_watch(w->a->reload);
	return 0;
}

static int stirred(int fd, uint32_t events, void *arg)
{
	struct policy_watch *w = arg;

	(void)events;
	for (size_t i = 0; i < DIRS; i++)
		if (w->dirs[i].watch.fd == fd)
			watch_clear(&w->dirs[i].watch);
	return loop_timer_arm(w->timer, QUIET_MS);
}

/* ---- putting together --------------------------------------------------- */

static int start(struct policy_watch *w, size_t i)
{
	int r = watch_open(&w->dirs[i].watch);

	if (r < 0)
		return r;
	return loop_add(w->a->loop, w->dirs[i].watch.fd, EPOLLIN, stirred, w);
}

int policy_watch_new(struct agent *a, struct policy_watch **ret)
{
	struct policy_watch *w;
	int r;

	*ret = NULL;
	if (!a->s->conf->rules.watch)
		return 0;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->a = a;
	w->dirs[POLICY].path = a->s->policy_dir;
	w->dirs[SHADOW].path = a->shadow.dir;
	for (size_t i = 0; i < DIRS; i++)
		w->dirs[i].watch = (struct watch)WATCH_INIT;
	r = loop_timer_new(a->loop, 0, look, w, &w->timer);
	for (size_t i = 0; r >= 0 && i < DIRS; i++)
		if (*w->dirs[i].path)
			r = start(w, i);
	/* What changed since it was loaded is found at the first look. */
	if (r >= 0)
		r = loop_timer_arm(w->timer, 1);
	if (r < 0) {
		policy_watch_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

void policy_watch_free(struct policy_watch *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < DIRS; i++) {
		if (w->dirs[i].watch.fd >= 0)
			loop_remove(w->a->loop, w->dirs[i].watch.fd);
		watch_close(&w->dirs[i].watch);
	}
	free(w);
}
