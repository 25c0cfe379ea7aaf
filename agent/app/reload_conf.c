/* SPDX-License-Identifier: Apache-2.0 */
#include "app/reload_conf.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "conf/conf.h"

static void say_error(const struct conf_error *e, char to[static 1])
{
	if (e->line)
		(void)snprintf(to, RELOAD_CONF_MAX, "%s:%u: %s", e->file,
			       e->line, e->what);
	else
		(void)snprintf(to, RELOAD_CONF_MAX, "%s: %s", e->file, e->what);
}

void reload_conf_check(const struct conf *running, const char *path,
		       struct reload_conf *ret)
{
	cleanup_buf struct buf keys = BUF_INIT(RELOAD_CONF_MAX - 1);
	struct conf_error err = { .line = 0 };
	struct conf now = { 0 };

	*ret = (struct reload_conf){ .changed = "" };
	if (conf_load(path, &now, &err) < 0) {
		say_error(&err, ret->error);
		return;
	}
	if (conf_diff(running, &now, &keys))
		(void)snprintf(ret->changed, sizeof(ret->changed), "%.*s",
			       (int)keys.n, keys.p);
	if (keys.failed)
		(void)snprintf(ret->changed, sizeof(ret->changed),
			       "more keys than can be told");
	conf_done(&now);
}
