/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as agent.ini. Property: what is accepted prints to a
 * configuration that loads and prints the same; what is not has words.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/escape.h"
#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once = BUF_INIT(1 << 20), twice = BUF_INIT(1 << 20);
	struct conf_error err;
	struct conf c;
	int r;

	r = conf_load_text("fuzz.ini", slice_of((const char *)data, size), &c,
			   &err);
	if (r < 0) {
		assert(r == -EINVAL && err.what[0]);
		assert(utf8_valid(slice_str(err.what)));
		return 0;
	}
	conf_print(&once, &c);
	conf_done(&c);
	assert(!once.failed);
	r = conf_load_text("again.ini", buf_slice(&once), &c, &err);
	assert(r == 0);
	conf_print(&twice, &c);
	conf_done(&c);
	assert(slice_eq(buf_slice(&once), buf_slice(&twice)));
	buf_done(&once);
	buf_done(&twice);
	return 0;
}
