/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a policy file. Properties: refused with a line and a phrase
 * that can be printed, or a set that can be asked and told about.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>

#include "rules/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(const struct rule_error *err, int r)
{
	const char *c;

	if (r == -ENOMEM)
		return;
	assert(r == -EINVAL && err->what[0]);
	for (c = err->what; *c; c++)
		assert((unsigned char)*c >= 0x20 && *c != 0x7f);
}

static void ask(struct rule_set *set)
{
	struct image init = { .id = 1, .proc.tgid = 1 };
	struct image img = {
		.id = 2,
		.proc.tgid = 7,
		.parent = &init,
		.exe.path = slice_str("/usr/bin/a"),
		.exe.host_path = slice_str("/host/usr/bin/a"),
		.args = slice_of("a\0-b\0", 5),
		.unit = slice_str("a.service"),
		.cgroup = slice_str("/system.slice/a.service"),
	};
	struct event events[] = {
		{ .kind = EVENT_EXEC },
		{ .kind = EVENT_CONNECT,
		  .connect.peer = { .addr = { .bytes = { 10, 1, 2, 3 },
					      .family = AF_INET },
				    .port = 80,
				    .protocol = 6 } },
		{ .kind = EVENT_CONNECT,
		  .connect.peer.unix_path = slice_str("/run/a.sock") },
		{ .kind = EVENT_LISTEN,
		  .listen.local = { .addr.family = AF_INET6, .port = 4444 } },
		{ .kind = EVENT_LOAD,
		  .load = { .op = LOAD_MMAP,
			    .path.path = slice_str("/tmp/x.so") } },
		{ .kind = EVENT_LOAD,
		  .load = { .op = LOAD_MODULE, .name = slice_str("evil") } },
		{ .kind = EVENT_TAMPER,
		  .tamper = { .op = TAMPER_PTRACE, .of_picket = true } },
		{ .kind = EVENT_WRITE,
		  .write = { .op = OP_RENAME,
			     .path.path = slice_str("/etc/cron.d/a"),
			     .new_path.path = slice_str("/etc/b") } },
	};
	struct rule_info info;
	struct verdict v;
	uint64_t hits = 0, decided = 0;
	size_t i;

	for (i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		v = rule_set_match(set, &events[i], &img);
		assert(v.alert == (v.answer == ANSWER_DENIED));
		decided += !!v.rule;
	}
	for (i = 0; i < rule_set_count(set); i++) {
		rule_set_info(set, i, &info);
		assert(info.name && info.file && info.action && info.line);
		hits += info.hits;
	}
	assert(hits == decided);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rule_options opt = { .now_wall_ns = 1795000000000000000 };
	struct rule_set *set;
	struct rule_error err;
	int r;

	r = rule_set_load_text("fuzz.ini", slice_of((const char *)data, size),
			       &opt, &set, &err);
	if (r < 0) {
		check_error(&err, r);
		return 0;
	}
	ask(set);
	rule_set_free(set);
	return 0;
}
