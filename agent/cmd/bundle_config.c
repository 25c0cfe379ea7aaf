// SPDX-License-Identifier: Apache-2.0
/*
 * A configuration that picket does not take, for somebody else to read. The
 * one idea: what is not understood may be a credential that was put in the
 * wrong place, so only what is right is told, and of the rest that it is there.
 */
#include "cmd/bundle.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/ini.h"
#include "conf/conf.h"
#include "conf/conf_key.h"

struct telling {
	struct conf scratch; /* where values are tried */
	struct buf *out;
	bool told;
};

/* A key of that name in any section takes this value. */
static bool is_right(struct telling *t, const char *key, const char *value)
{
	const struct conf_key *k;
	char what[200];

	for (k = conf_keys; k < conf_keys + conf_keys_n; k++)
		if (!strcmp(k->name, key) &&
		    conf_key_set(k, conf_key_place(k, &t->scratch, 0), value,
				 what) >= 0)
			return true;
	return false;
}

static int on_line(void *arg, unsigned line, const char *section,
		   const char *key, const char *value)
{
	struct telling *t = arg;

	(void)section;
	if (line < 2)
		return 0;
	t->told = true;
	if (!key) {
		buf_addf(t->out, "[%s]\n", section);
	} else if (is_right(t, key, value)) {
		buf_addf(t->out, "%s = ", key);
		bundle_add_public(t->out, slice_str(value));
		buf_add_char(t->out, '\n');
	} else {
		buf_addf(t->out, "%s = (taken out)\n", key);
	}
	return 0;
}

/* Each line by itself: one that cannot be read takes no other with it. */
static void tell_line(struct telling *t, struct slice line)
{
	cleanup_buf struct buf text = BUF_INIT(2 * INI_LINE_MAX);
	struct ini_error error;
	int r;

	buf_add_str(&text, "[any]\n");
	buf_add(&text, line.p, line.n);
	t->told = false;
	r = text.failed ? -EFBIG
			: ini_read(buf_slice(&text), on_line, t, &error);
	if (r < 0 && !t->told)
		buf_add_str(t->out, "# (a line that is not understood)\n");
	else if (!t->told)
		buf_add_char(t->out, '\n');
}

void bundle_add_wrong_config(struct buf *out, struct slice text)
{
	struct telling t = { .out = out };

	if (conf_init(&t.scratch) < 0)
		return;
	while (text.n) {
		const char *end = memchr(text.p, '\n', text.n);
		size_t n = end ? (size_t)(end - text.p) : text.n;

		tell_line(&t, slice_of(text.p, n));
		n += end != NULL;
		text = slice_of(text.p + n, text.n - n);
	}
	conf_done(&t.scratch);
}
