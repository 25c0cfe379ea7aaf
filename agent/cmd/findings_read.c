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

int findings_read(const char *journal, const struct span *span,
		  struct findings **ret)
{
	const struct query_match any = { 0 };
	struct findings *f;
	struct query_sum sum = { 0 };
	struct query_source source = {
		.dir = journal, .span = *span, .match = &any, .take = take
	};
	int r = findings_new(&f);

	if (r < 0)
		return r;
	source.arg = f;
	r = query_read(&source, &sum);
	if (r < 0) {
		findings_free(f);
		return r;
	}
	*ret = f;
	return 0;
}

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
