/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the file of what was counted of rules, with the checksum put
 * right so that the lines behind it are reached. Properties: refused, or taken
 * and written again as something that is taken again and says the same.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>

#include "base/crc32c.h"
#include "rules/stats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t journal[16] = { 1 };

static struct rule_set *load(void)
{
	static const char text[] = "[deny a]\nexe = /a\n[allow b]\nexe = /b\n";
	const struct rule_options opt = { .now_wall_ns = 1 };
	struct rule_error err;
	struct rule_set *set = NULL;
	int r = rule_set_load_text("p.ini", slice_str(text), &opt, &set, &err);

	assert(r == 0);
	return set;
}

/* All but the last line is the input's; its count is that of its lines. */
static void add_end(struct buf *file)
{
	unsigned lines = 0;

	for (size_t i = 0; i < file->n; i++)
		lines += file->p[i] == '\n';
	buf_addf(file, "end %u %08x\n", lines ? lines - 1 : 0,
		 crc32c(0, file->p, file->n));
}

static void take(struct slice text)
{
	struct buf once = BUF_INIT(1u << 20), twice = BUF_INIT(1u << 20);
	struct rule_set *set = load(), *again = load();
	int r = rule_stats_read(set, text, journal);

	assert(r == 0 || r == -EBADMSG || r == -ENOMEM);
	rule_stats_write(&once, set, journal);
	assert(rule_stats_read(again, buf_slice(&once), journal) == 0);
	rule_stats_write(&twice, again, journal);
	assert(slice_eq(buf_slice(&once), buf_slice(&twice)));
	rule_set_free(set);
	rule_set_free(again);
	buf_done(&once);
	buf_done(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf file = BUF_INIT(2u << 20);

	take(slice_of((const char *)data, size));
	buf_add(&file, data, size);
	add_end(&file);
	if (!file.failed)
		take(buf_slice(&file));
	buf_done(&file);
	return 0;
}
