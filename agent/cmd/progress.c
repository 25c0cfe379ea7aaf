// SPDX-License-Identifier: Apache-2.0
#include "cmd/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

#define STEP_NS	   (250 * NS_PER_MS)
#define LOOK_AFTER 1024u

void progress_begin(struct progress *p, const char *what, int64_t to_ns)
{
	int64_t now = clock_wall_ns();

	*p = (struct progress){
		.what = what,
		.on = isatty(STDERR_FILENO),
		.last_ns = to_ns < now ? to_ns : now,
		.told_ns = clock_mono_ns(),
	};
}

static unsigned percent(const struct progress *p, int64_t wall_ns)
{
	int64_t all = (p->last_ns - p->first_ns) / 1000;
	int64_t done = (wall_ns - p->first_ns) / 1000;

	if (all <= 0 || done <= 0)
		return 0;
	return done >= all ? 100 : (unsigned)(done * 100 / all);
}

void progress_step(struct progress *p, int64_t wall_ns)
{
	uint64_t now;
	char when[32];

	if (!p->on)
		return;
	if (!p->events++)
		p->first_ns = wall_ns;
	/* Asking the clock for each event would be a cost of its own. */
	if (p->events % LOOK_AFTER)
		return;
	now = clock_mono_ns();
	if (now - p->told_ns < STEP_NS)
		return;
	p->told_ns = now;
	p->shown = true;
	(void)fprintf(stderr,
		      "\r%s: %" PRIu64 " events, up to %s, %u %% \033[K",
		      p->what, p->events, clock_print(wall_ns, when),
		      percent(p, wall_ns));
	(void)fflush(stderr);
}

void progress_end(struct progress *p)
{
	if (!p->shown)
		return;
	(void)fputs("\r\033[K", stderr);
	(void)fflush(stderr);
	p->shown = false;
}
