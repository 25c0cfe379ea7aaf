/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a verdict costs: decoded event to verdict with 10, 10 000 and 100 000
 * rules of a realistic mix (half exact paths, a third prefixes, the rest
 * globs with ** in the middle, address ranges and ports), and the same
 * question asked of the same rules one after the other with fnmatch.
 *
 * Each figure is the median over groups of 32 different events, so that the
 * clock's own cost is shared and one interruption does not show.
 *
 * With a number it is for a profiler: so many rules are loaded, and asked about
 * each event ROUNDS times (valgrind --toggle-collect=ask_all); with a second
 * one they are only loaded.
 */
#include <arpa/inet.h>
#include <fnmatch.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "rules/rules.h"

#define EVENTS	    8192u
/*
 * So few that what they need of the rules stays in the second cache: what is
 * left is the work. Of all of them the rules come from the third cache, or
 * from memory, as they do where an agent does other things between events.
 */
#define EVENTS_NEAR 512u
#define GROUP	    32u
#define ROUNDS	    8u

enum shape { EXACT_WRITE, EXACT_EXEC, BELOW, GLOB, ADDRESS, PORTS };

static uint32_t chance(uint32_t n)
{
	static uint64_t state = 42;
	uint64_t z = state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (uint32_t)((z ^ z >> 31) >> 32) % n;
}

static enum shape shape_of(uint32_t rule)
{
	static const enum shape shapes[] = {
		EXACT_WRITE, BELOW,   EXACT_EXEC,  GLOB,  EXACT_WRITE, BELOW,
		EXACT_EXEC,  ADDRESS, EXACT_WRITE, BELOW, EXACT_EXEC,  BELOW,
		EXACT_WRITE, BELOW,   EXACT_EXEC,  GLOB,  EXACT_WRITE, PORTS,
	};

	return shapes[rule % (sizeof(shapes) / sizeof(shapes[0]))];
}

static void print_rule(struct buf *b, uint32_t i)
{
	buf_addf(b, "[%s rule-%u]\n", i % 20 ? "allow" : "deny", i);
	switch (shape_of(i)) {
	case EXACT_WRITE:
		buf_addf(b,
			 "event = write\nexe = /usr/sbin/service-%u\n"
			 "path = /var/lib/app-%u/state/journal-%u.db\n",
			 i % 50, i / 4, i);
		return;
	case EXACT_EXEC:
		buf_addf(b,
			 "event = exec\nexe = /usr/lib/app-%u/bin/tool-%u\n"
			 "user = root\n",
			 i / 8, i);
		return;
	case BELOW:
		buf_addf(b, "event = write\npath = /srv/tenant-%u/data-%u/**\n",
			 i / 16, i);
		return;
	case GLOB:
		buf_addf(b,
			 "event = write\npath = "
			 "/srv/www/site-%u/**/cache-*/*.tmp\nop = open\n",
			 i);
		return;
	case ADDRESS:
		buf_addf(b,
			 "event = connect\nexe = /usr/sbin/service-%u\n"
			 "dest = 10.%u.%u.0/24\nport = 8080-8089\n",
			 i % 50, i / 256 % 256, i % 256);
		return;
	case PORTS:
		buf_addf(b,
			 "event = connect\nexe = /usr/sbin/service-%u\n"
			 "port = %u-%u\nproto = tcp\n",
			 i % 50, 1024 + i % 60000, 1028 + i % 60000);
		return;
	}
}

struct sample {
	struct event ev;
	struct image self, parent, init;
	char path[128], exe[128];
};

static struct sample *samples;

static struct slice set_text(char *to, const char *fmt, uint32_t a, uint32_t b)
{
	int n;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	n = snprintf(to, 128, fmt, a, b);
#pragma GCC diagnostic pop
	return slice_of(to, (size_t)n);
}

/* Half of the events fit a rule, half nearly do. */
static void make_sample(struct sample *s, uint32_t n_rules)
{
	uint32_t i = chance(n_rules), off = chance(2) ? 0 : n_rules;
	struct event *ev = &s->ev;

	static uint64_t ids = 1;

	*ev = (struct event){ .kind = EVENT_WRITE, .write.op = OP_OPEN };
	s->init = (struct image){ .id = 1, .proc.tgid = 1 };
	s->init.exe.path = slice_str("/usr/lib/systemd/systemd");
	s->parent = s->init;
	s->parent.proc.tgid = 200;
	s->parent.parent = &s->init;
	s->self = s->parent;
	s->self.parent = &s->parent;
	s->self.id = ++ids;
	s->self.unit = slice_str("service.service");
	s->self.cgroup = slice_str("/system.slice/service.service");
	s->self.args = slice_of("service\0--foreground", 21);
	s->self.exe.path = set_text(s->exe, "/usr/sbin/service-%u", i % 50, 0);
	switch (shape_of(i)) {
	case EXACT_WRITE:
		ev->write.path.path =
			set_text(s->path, "/var/lib/app-%u/state/journal-%u.db",
				 i / 4, i + off);
		return;
	case EXACT_EXEC:
		ev->kind = EVENT_EXEC;
		s->self.exe.path = set_text(
			s->exe, "/usr/lib/app-%u/bin/tool-%u", i / 8, i + off);
		return;
	case BELOW:
		ev->write.path.path = set_text(
			s->path, "/srv/tenant-%u/data-%u/2026/11/23/part.bin",
			i / 16, i + off);
		return;
	case GLOB:
		ev->write.path.path = set_text(
			s->path, "/srv/www/site-%u/htdocs/en/cache-%u/ab.tmp",
			i + off, i);
		return;
	case ADDRESS:
	case PORTS:
		ev->kind = EVENT_CONNECT;
		ev->connect.peer.addr = (struct ip_addr){
			.bytes = { 10, (uint8_t)(i / 256), (uint8_t)i, 7 },
			.family = AF_INET,
		};
		ev->connect.peer.protocol = 6;
		ev->connect.peer.port = shape_of(i) == ADDRESS
						? 8083
						: (uint16_t)(1025 + i % 60000);
		if (off)
			ev->connect.peer.port = 22;
		return;
	}
}

static int compare_doubles(const void *a, const void *b)
{
	const double *da = a, *db = b;

	return (*da > *db) - (*da < *db);
}

static volatile unsigned sink;

/* What has just been decoded is in the cache; the rules need not be. */
static void warm(const struct sample *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t i;

	for (i = 0; i < n * sizeof(*s); i += 64)
		sink += p[i];
}

/* The first n_events in turn, each as often as it takes for one figure. */
static double median_match_us(struct rule_set *set, size_t n_events)
{
	static double took[EVENTS / GROUP * ROUNDS];
	size_t rounds = ROUNDS * (EVENTS / n_events);
	size_t n = 0, round, at, i;
	uint64_t begin;

	for (round = 0; round < rounds; round++) {
		for (at = 0; at < n_events; at += GROUP) {
			warm(&samples[at], GROUP);
			begin = clock_mono_ns();
			for (i = at; i < at + GROUP; i++)
				sink += rule_set_match(set, &samples[i].ev,
						       &samples[i].self)
						.answer;
			took[n++] = (double)(clock_mono_ns() - begin) / GROUP /
				    1000;
		}
	}
	qsort(took, n, sizeof(took[0]), compare_doubles);
	return took[n / 2];
}

/* ---- the same rules, one after the other -------------------------------- */

struct line {
	enum event_kind kind;
	char pattern[96];
	uint32_t net, lo, hi;
};

static struct line *lines;

static void make_line(uint32_t i)
{
	struct line *l = &lines[i];

	*l = (struct line){ .kind = EVENT_WRITE, .hi = 65535 };
	switch (shape_of(i)) {
	case EXACT_WRITE:
		(void)snprintf(l->pattern, sizeof(l->pattern),
			       "/var/lib/app-%u/state/journal-%u.db", i / 4, i);
		return;
	case EXACT_EXEC:
		l->kind = EVENT_EXEC;
		(void)snprintf(l->pattern, sizeof(l->pattern),
			       "/usr/lib/app-%u/bin/tool-%u", i / 8, i);
		return;
	case BELOW:
		(void)snprintf(l->pattern, sizeof(l->pattern),
			       "/srv/tenant-%u/data-%u/*", i / 16, i);
		return;
	case GLOB:
		(void)snprintf(l->pattern, sizeof(l->pattern),
			       "/srv/www/site-%u/*/cache-*/*.tmp", i);
		return;
	case ADDRESS:
	case PORTS:
		l->kind = EVENT_CONNECT;
		l->net =
			shape_of(i) == ADDRESS
				? 10u << 24 | i / 256 % 256 << 16 | i % 256 << 8
				: 0;
		l->lo = shape_of(i) == ADDRESS ? 8080 : 1024 + i % 60000;
		l->hi = shape_of(i) == ADDRESS ? 8089 : 1028 + i % 60000;
		return;
	}
}

static bool line_fits(const struct line *l, const struct sample *s)
{
	const struct connect_info *c = &s->ev.connect;
	uint32_t addr;

	if (l->kind != s->ev.kind)
		return false;
	if (l->kind != EVENT_CONNECT)
		return !fnmatch(l->pattern,
				l->kind == EVENT_EXEC ? s->exe : s->path, 0);
	memcpy(&addr, c->peer.addr.bytes, 4);
	return (!l->net || l->net == (ntohl(addr) & 0xffffff00u)) &&
	       c->peer.port >= l->lo && c->peer.port <= l->hi;
}

static double median_linear_us(uint32_t n_rules)
{
	static double took[EVENTS];
	size_t n = n_rules > 1000 ? 128 : EVENTS, i;
	uint64_t begin;
	uint32_t k;

	for (i = 0; i < n; i++) {
		begin = clock_mono_ns();
		for (k = 0; k < n_rules; k++)
			sink += line_fits(&lines[k], &samples[i]);
		took[i] = (double)(clock_mono_ns() - begin) / 1000;
	}
	qsort(took, n, sizeof(took[0]), compare_doubles);
	return took[n / 2];
}

/* ---- for a profiler -------------------------------------------------------- */

__attribute__((noinline)) static void ask_all(struct rule_set *set)
{
	for (size_t i = 0; i < EVENTS; i++)
		sink += rule_set_match(set, &samples[i].ev, &samples[i].self)
				.answer;
}

static int profile(uint32_t n_rules, bool ask)
{
	struct rule_options opt = { .now_wall_ns = clock_wall_ns() };
	struct buf text = BUF_INIT(64u << 20);
	struct rule_set *set = NULL;
	struct rule_error err;

	for (uint32_t i = 0; i < n_rules; i++)
		print_rule(&text, i);
	for (uint32_t i = 0; i < EVENTS; i++)
		make_sample(&samples[i], n_rules);
	if (rule_set_load_text("bench.ini", buf_slice(&text), &opt, &set,
			       &err) < 0)
		return 1;
	for (unsigned i = 0; ask && i < ROUNDS; i++)
		ask_all(set);
	rule_set_free(set);
	buf_done(&text);
	return 0;
}

/* ---- all of it ------------------------------------------------------------ */

struct cost {
	double us, near_us;
};

static int measure(uint32_t n_rules, struct cost *ret)
{
	struct rule_options opt = { .now_wall_ns = clock_wall_ns() };
	struct buf text = BUF_INIT(64u << 20);
	struct rule_set *set = NULL;
	struct rule_error err;
	size_t before, after;
	uint64_t begin, took, denied = 0, none = 0;
	struct rusage use;
	uint32_t i;

	for (i = 0; i < n_rules; i++)
		print_rule(&text, i);
	lines = calloc(n_rules, sizeof(*lines));
	if (!lines || text.failed)
		return 1;
	for (i = 0; i < n_rules; i++)
		make_line(i);
	for (i = 0; i < EVENTS; i++)
		make_sample(&samples[i], n_rules);
	before = mallinfo2().uordblks + mallinfo2().hblkhd;
	begin = clock_mono_ns();
	if (rule_set_load_text("bench.ini", buf_slice(&text), &opt, &set,
			       &err) < 0) {
		fprintf(stderr, "line %u: %s\n", err.line, err.what);
		return 1;
	}
	took = clock_mono_ns() - begin;
	after = mallinfo2().uordblks + mallinfo2().hblkhd;
	for (i = 0; i < EVENTS; i++) {
		enum answer a =
			rule_set_match(set, &samples[i].ev, &samples[i].self)
				.answer;

		denied += a == ANSWER_DENIED;
		none += a == ANSWER_UNLISTED;
	}
	ret->us = median_match_us(set, EVENTS);
	ret->near_us = median_match_us(set, EVENTS_NEAR);
	(void)getrusage(RUSAGE_SELF, &use);
	printf("%6u rules: %6.3f us a verdict, %6.3f us of %u events in turn, "
	       "%10.1f us with fnmatch in line; compiled in %4.0f ms, %6.1f MiB (peak of the process "
	       "%.0f MiB); %llu%% unlisted, %llu%% denied\n",
	       n_rules, ret->us, ret->near_us, EVENTS_NEAR,
	       median_linear_us(n_rules), (double)took / 1e6,
	       (double)(after - before) / (1 << 20),
	       (double)use.ru_maxrss / 1024,
	       (unsigned long long)(100 * none / EVENTS),
	       (unsigned long long)(100 * denied / EVENTS));
	rule_set_free(set);
	free(lines);
	buf_done(&text);
	return 0;
}

int main(int argc, char **argv)
{
	struct cost few, many, most;

	samples = calloc(EVENTS, sizeof(*samples));
	if (samples && argc > 1)
		return profile((uint32_t)strtoul(argv[1], NULL, 10), argc < 3);
	if (!samples || measure(10, &few) || measure(10000, &many) ||
	    measure(100000, &most))
		return 1;
	printf("10 000 rules cost %.2f times what 10 cost; of %u events in "
	       "turn %.2f times\n",
	       many.us / few.us, EVENTS_NEAR, many.near_us / few.near_us);
	free(samples);
	return 0;
}
