// SPDX-License-Identifier: Apache-2.0
/* What picket knows of files and packages, as part of its status. */
#include <inttypes.h>
#include <string.h>

#include "app/health.h"
#include "base/clock.h"
#include "base/escape.h"

static void text_database(struct buf *out, const struct trust_status *t)
{
	char when[32];

	if (t->stats.files)
		buf_addf(out,
			 "%" PRIu64 " packages, %" PRIu64
			 " files, read %s in %llu ms",
			 t->stats.packages, t->stats.files,
			 clock_print(t->stats.built_wall_ns, when),
			 t->stats.build_ns / NS_PER_MS);
	else
		buf_add_str(out, t->making ? "packages are being read"
					   : "no packages are known");
	if (t->is_fixed)
		buf_add_str(out, "; NOT FOLLOWED: the process that reads "
				 "them is gone");
	if (t->error)
		buf_addf(out, "; last try: %s", strerrordesc_np(t->error));
	if (t->odd)
		buf_addf(out, "; %" PRIu32 " odd entries left out", t->odd);
	buf_add_char(out, '\n');
}

void health_trust_text(struct buf *out, const struct health *h)
{
	const struct trust_status *t = &h->trust;
	const struct trust_stats *s = &t->stats;

	if (!t->enabled) {
		buf_add_str(out, "trust     off: nothing is found out of "
				 "files\n");
		return;
	}
	buf_add_str(out, "trust     ");
	if (t->wanted)
		text_database(out, t);
	else
		buf_add_str(out, "no rule asks for packages\n");
	buf_addf(out,
		 "          %" PRIu64 " files read (%" PRIu64 " MiB)  %" PRIu64
		 " changed  %" PRIu64 " gone  %" PRIu64 " too large  %" PRIu64
		 " failed\n          %" PRIu64 " known now  %" PRIu64
		 " of %" PRIu64 " questions answered at once  %" PRIu64
		 " queued\n",
		 s->hashed, s->hashed_bytes >> 20, s->changed, s->gone,
		 s->too_large, s->failed, s->remembered, s->answered_at_once,
		 s->asked, s->queued);
	buf_addf(out,
		 "          %" PRIu64 " verdicts wait  %" PRIu64
		 " did  %" PRIu64 " in vain  %" PRIu64 " had no room\n",
		 t->pending.waiting, t->pending.waited, t->pending.timed_out,
		 t->pending.crowded);
}

void health_trust_json(struct buf *out, const struct health *h)
{
	const struct trust_status *t = &h->trust;
	const struct trust_stats *s = &t->stats;
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{ "packages", s->packages },
		{ "files", s->files },
		{ "build_ns", s->build_ns },
		{ "errno", (uint64_t)t->error },
		{ "odd", t->odd },
		{ "asked", s->asked },
		{ "answered_at_once", s->answered_at_once },
		{ "known", s->remembered },
		{ "queued", s->queued },
		{ "refused", s->refused },
		{ "forgotten", s->forgotten },
		{ "hashed", s->hashed },
		{ "hashed_bytes", s->hashed_bytes },
		{ "changed", s->changed },
		{ "gone", s->gone },
		{ "too_large", s->too_large },
		{ "failed", s->failed },
		{ "waiting", t->pending.waiting },
		{ "waited", t->pending.waited },
		{ "timed_out", t->pending.timed_out },
		{ "crowded", t->pending.crowded },
	};

	buf_addf(out,
		 ",\"trust\":{\"enabled\":%s,\"wanted\":%s,\"making\":%s,"
		 "\"followed\":%s,\"built_ns\":%" PRId64,
		 t->enabled ? "true" : "false", t->wanted ? "true" : "false",
		 t->making ? "true" : "false",
		 t->enabled && !t->is_fixed ? "true" : "false",
		 s->built_wall_ns);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		buf_addf(out, ",\"%s\":%" PRIu64, numbers[i].name,
			 numbers[i].value);
	buf_add_char(out, '}');
}
