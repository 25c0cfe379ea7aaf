// SPDX-License-Identifier: Apache-2.0
#include "cmd/findings_read.h"

#include <inttypes.h>

#include "base/log.h"
#include "cmd/query_read.h"

static int take(void *arg, const struct view_images *images,
		const struct view *v)
{
	(void)images;
	findings_take(arg, v);
	return 0;
}

int findings_add(const char *journal, const struct span *span,
		 struct findings *f)
{
	const struct query_match any = { 0 };
	const struct query_source source = {
		.dir = journal,
		.span = *span,
		.match = &any,
		.take = take,
		.arg = f,
	};
	struct query_sum sum = { 0 };

	return query_read(&source, &sum);
}

int findings_read(const char *journal, const struct span *span,
		  struct findings **ret)
{
	struct findings *f;
	int r = findings_new(&f);

	if (r < 0)
		return r;
	r = findings_add(journal, span, f);
	if (r < 0) {
		findings_free(f);
		return r;
	}
	*ret = f;
	return 0;
}

/* ---- of one event -------------------------------------------------------- */

struct finding {
	struct findings *f;
	const struct view *of;
	int64_t wall_ns;
	bool is_found;
};

static bool wants_none(const void *arg, const struct view_images *images,
		       const Picket__V1__Image *img)
{
	(void)arg;
	(void)images;
	(void)img;
	return false;
}

static bool wants_about(const void *arg, uint32_t epoch, uint64_t seq)
{
	const struct finding *one = arg;

	return one->of->epoch == epoch && one->of->seq == seq;
}

static int find(void *arg, const struct view_images *images,
		const struct view *v)
{
	struct finding *one = arg;

	(void)images;
	if (!v->amendment || !v->amendment->resolution)
		return 0;
	findings_take(one->f, v);
	one->wall_ns = v->wall_ns;
	one->is_found = true;
	return 0;
}

int findings_find(const char *journal, const struct view *v, struct findings *f,
		  int64_t *ret_wall_ns)
{
	const struct query_match any = { 0 };
	struct finding one = { .f = f, .of = v };
	const struct query_source source = {
		.dir = journal,
		.span = { v->wall_ns, INT64_MAX },
		.match = &any,
		.take = find,
		.wants_of = wants_none,
		.wants_about = wants_about,
		.arg = &one,
	};
	struct query_sum sum = { 0 };
	int r = query_read(&source, &sum);

	if (r < 0 || !one.is_found)
		return r < 0 ? r : 0;
	*ret_wall_ns = one.wall_ns;
	return 1;
}

/* -------------------------------------------------------------------------- */

void findings_tell(const struct findings *f)
{
	struct findings_left left;

	findings_left(f, &left);
	if (left.files || left.verdicts)
		log_warning("too much was found out in this time: %" PRIu64
			    " times what a file is, and %" PRIu64
			    " verdicts that were pending, are left out; ask "
			    "about less time",
			    left.files, left.verdicts);
}
