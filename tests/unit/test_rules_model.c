/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiled rule set against a plain one: every made-up rule is tried on
 * every made-up event by a loop that knows no index, and the verdicts must be
 * the same.
 *
 * PICKET_TEST_SEED repeats a run, PICKET_TEST_PAIRS makes it longer.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "limits.h"
#include "naive_glob.h"
#include "rules/rules.h"
#include "rules_made_up.h"

#define PAIRS 400000u

/* ---- the plain matcher -------------------------------------------------- */

enum { NO, YES, UNKNOWN };

static bool any_glob(const struct mcond *c, struct slice s, bool path)
{
	int i;

	for (i = 0; i < c->n; i++) {
		if (naive_glob(c->values[i], s, path))
			return true;
	}
	return false;
}

static bool any_number(const struct mcond *c, uint32_t v)
{
	unsigned lo, hi;
	int i, n;

	for (i = 0; i < c->n; i++) {
		lo = !strcmp(c->values[i], "tcp")    ? 6
		     : !strcmp(c->values[i], "udp")  ? 17
		     : !strcmp(c->values[i], "root") ? 0
						     : UINT32_MAX;
		hi = lo;
		n = lo != UINT32_MAX ? 2
				     : sscanf(c->values[i], "%u-%u", &lo, &hi);
		if (n == 1)
			hi = lo;
		if (v >= lo && v <= hi)
			return true;
	}
	return false;
}

static bool any_word(const struct mcond *c, const char *word)
{
	int i;

	for (i = 0; i < c->n; i++) {
		if (!strcmp(c->values[i], word))
			return true;
	}
	return false;
}

static int bit_of(const uint8_t *p, int i)
{
	return p[i / 8] >> (7 - i % 8) & 1;
}

static bool in_cidr(const char *text, const struct ip_addr *a)
{
	char name[64];
	uint8_t range[16] = { 0 }, *r = range;
	char *slash;
	int len, i, family;

	strcpy(name, text);
	slash = strchr(name, '/');
	if (slash)
		*slash = '\0';
	family = strchr(name, ':') ? AF_INET6 : AF_INET;
	(void)inet_pton(family, name, range);
	len = slash ? atoi(slash + 1) : family == AF_INET ? 32 : 128;
	if (!strncmp(name, "::ffff:", 7)) {
		family = AF_INET;
		r += 12;
		len -= 96;
	}
	for (i = 0; i < len && family == a->family; i++) {
		if (bit_of(r, i) != bit_of(a->bytes, i))
			return false;
	}
	return family == a->family;
}

static struct slice from_slash(struct slice s)
{
	while (s.n && *s.p != '/') {
		s.p++;
		s.n--;
	}
	return s;
}

/* May a rule go by the name within a mount namespace? Set for each rule. */
static bool by_container;
static uint32_t host_ns; /* 0: not known */

static int plain_file(const struct mcond *c, const struct file_path *f,
		      bool sure, uint32_t mnt_ns)
{
	bool cut = f->flags & (PATH_F_TRUNCATED | PATH_F_UNRESOLVED);
	struct slice path = f->path, host = f->host_path;

	if (sure) {
		if (cut || !path.n)
			return UNKNOWN;
		if (!host.n)
			return any_glob(c, path, true);
		return any_glob(c, host, true) ||
		       ((by_container || (mnt_ns && mnt_ns == host_ns)) &&
			any_glob(c, path, true));
	}
	if (cut) {
		path = from_slash(path);
		host = from_slash(host);
	}
	if ((path.n && any_glob(c, path, true)) ||
	    (host.n && any_glob(c, host, true)))
		return YES;
	return cut || !f->path.n ? UNKNOWN : NO;
}

static int plain_path(const struct mcond *c, const struct write_info *w,
		      bool sure, uint32_t ns)
{
	bool two = w->op == OP_RENAME || w->op == OP_LINK;
	int a = plain_file(c, &w->path, sure, ns);
	int b = two ? plain_file(c, &w->new_path, sure, ns) : a;
	int wins = sure ? NO : YES;

	if (c->key == OLD_PATH)
		return two ? a : NO;
	if (a == wins || b == wins)
		return wins;
	return a == UNKNOWN || b == UNKNOWN ? UNKNOWN : !wins;
}

static int plain_list(const struct mcond *c, struct slice list, bool cut,
		      bool sure)
{
	size_t i, begin = 0;

	for (i = 0; i <= list.n; i++) {
		bool end = i == list.n;

		if (!(end ? i > begin : !list.p[i]))
			continue;
		if (!(sure && cut && i + 1 >= list.n) &&
		    any_glob(c, slice_of(list.p + begin, i - begin), false))
			return YES;
		begin = i + 1;
	}
	return cut ? UNKNOWN : NO;
}

static int plain_stdio(const struct mcond *c, const struct image *img)
{
	static const char *const kinds[] = { "closed", "file", "pipe",
					     "socket", "tty",  "null",
					     "device", "other" };
	int i;

	if ((img->flags & IMAGE_F_SNAPSHOT) && !img->stdio[0].kind &&
	    !img->stdio[1].kind && !img->stdio[2].kind)
		return UNKNOWN;
	for (i = c->key == STDOUT; i < (c->key == STDOUT ? 2 : 3); i++) {
		if (any_word(c, kinds[img->stdio[i].kind]))
			return YES;
	}
	return NO;
}

static int plain_origin(const struct mcond *c, const struct image *img)
{
	bool known = img->exe_file.known;
	bool deleted = (img->exe.flags & PATH_F_DELETED) ||
		       (known && !img->exe_file.nlink);

	if (img->flags & IMAGE_F_KTHREAD)
		return NO;
	if (!known && !img->exe.path.n)
		return UNKNOWN;
	if (known && img->exe_file.memfd)
		return any_word(c, "memfd");
	return deleted && any_word(c, "deleted");
}

/* What can be asked of any image that is there. */
static int plain_image(const struct mcond *c, const struct image *img,
		       bool sure)
{
	struct slice s = c->key == UNIT	       ? img->unit
			 : c->key == CONTAINER ? img->container
					       : img->cgroup;

	if (c->key == USER)
		return any_number(c, img->euid);
	if (img->flags & IMAGE_F_UNKNOWN)
		return c->key == UNIT || c->key == CONTAINER || c->key == CGROUP
			       ? (s.n ? any_glob(c, s, c->key == CGROUP)
				      : UNKNOWN)
			       : UNKNOWN;
	switch ((int)c->key) {
	case EXE:
		if (!img->exe.path.n && (img->flags & IMAGE_F_KTHREAD))
			return NO;
		return plain_file(c, &img->exe, sure, img->mnt_ns);
	case SCRIPT:
		if (img->script.n)
			return any_glob(c, img->script, true);
		return img->flags & IMAGE_F_SNAPSHOT ? UNKNOWN : NO;
	case ARGS:
		return plain_list(c, img->args,
				  img->flags & IMAGE_F_ARGS_TRUNCATED, sure);
	case ENV:
		return plain_list(c, img->env,
				  img->flags & IMAGE_F_ENV_TRUNCATED, sure);
	case GROUP:
		return any_number(c, img->egid);
	case UNIT:
	case CONTAINER:
	case CGROUP:
		if (s.n)
			return any_glob(c, s, c->key == CGROUP);
		return img->cgroup.n ? NO : UNKNOWN;
	case ORIGIN:
		return plain_origin(c, img);
	case TTY:
		return any_word(c, img->tty ? "yes" : "no");
	default:
		return plain_stdio(c, img);
	}
}

static int plain_event(const struct mcond *c, const struct event *ev, bool sure)
{
	const struct connect_info *cn = &ev->connect;
	int i;

	switch ((int)c->key) {
	case PATH:
	case OLD_PATH:
		return plain_path(c, &ev->write, sure, ev->actor.mnt_ns);
	case OP:
		return any_word(c, write_op_name(ev->write.op));
	case PORT:
		return any_number(c, cn->peer.port);
	case PROTO:
		return any_number(c, cn->peer.protocol) ||
		       (cn->peer.protocol == 262 && any_number(c, 6));
	default:
		if (cn->peer.addr.family == AF_UNIX)
			return UNKNOWN;
		for (i = 0; i < c->n; i++) {
			if (in_cidr(c->values[i], &cn->peer.addr))
				return YES;
		}
		return NO;
	}
}

static int plain_self(const struct mcond *c, const struct event *ev,
		      const struct image *img, bool sure)
{
	if (c->key == USER || c->key == GROUP) {
		if (ev->actor.none)
			return UNKNOWN;
		return any_number(c, c->key == USER ? ev->actor.euid
						    : ev->actor.gid);
	}
	return img ? plain_image(c, img, sure) : UNKNOWN;
}

static const struct image *before(const struct image *img)
{
	return img->prev ? img->prev : img->parent;
}

static int plain_ancestors(const struct mcond *c, const struct image *img,
			   bool sure)
{
	bool unknown = !img;
	int r;

	while (img && before(img)) {
		img = before(img);
		r = plain_image(c, img, sure);
		if (r == YES)
			return YES;
		unknown |= r == UNKNOWN;
	}
	if (img && img->proc.tgid != 1 && !(img->flags & IMAGE_F_KTHREAD))
		unknown = true;
	return unknown ? UNKNOWN : NO;
}

static bool joint_holds(const struct mrule *r, const struct image *img)
{
	bool all = true, any = false;
	int i;

	for (i = 0; i < r->n; i++)
		any |= r->conds[i].whose == ANCESTOR && !r->conds[i].negated;
	if (!any)
		return true;
	for (img = img ? before(img) : NULL; img; img = before(img)) {
		all = true;
		for (i = 0; i < r->n; i++) {
			if (r->conds[i].whose == ANCESTOR &&
			    !r->conds[i].negated)
				all &= plain_image(&r->conds[i], img,
						   r->action != DENY) == YES;
		}
		if (all)
			return true;
	}
	return false;
}

static bool plain_holds(const struct mrule *r, const struct event *ev,
			const struct image *img)
{
	bool strict = r->action != DENY;
	int i, t;

	by_container = false;
	for (i = 0; i < r->n; i++)
		by_container |= r->conds[i].key == CONTAINER &&
				!r->conds[i].negated &&
				r->conds[i].whose == SELF;
	for (i = 0; i < r->n; i++) {
		const struct mcond *c = &r->conds[i];
		bool sure = strict != c->negated;

		if (c->key <= PROTO)
			t = plain_event(c, ev, sure);
		else if (c->whose == SELF)
			t = plain_self(c, ev, img, sure);
		else if (c->whose == PARENT)
			t = img && img->parent
				    ? plain_image(c, img->parent, sure)
				    : UNKNOWN;
		else if (c->negated)
			t = plain_ancestors(c, img, sure);
		else
			continue;
		if (c->negated ? (strict ? t != NO : t == YES) : t != YES)
			return false;
	}
	return joint_holds(r, img);
}

static bool is_stronger(const struct mrule *a, const struct mrule *b)
{
	static const int order[] = { [DENY] = 0, [IGNORE] = 1, [ALLOW] = 2 };

	if (!b || order[a->action] != order[b->action])
		return !b || order[a->action] < order[b->action];
	if (a->action == DENY && a->severity != b->severity)
		return a->severity > b->severity;
	return strcmp(a->name, b->name) < 0;
}

static uint32_t find_host_ns(const struct image *img)
{
	while (img && before(img))
		img = before(img);
	return img && img->proc.tgid == 1 ? img->mnt_ns : 0;
}

static const struct mrule *plain_match(const struct event *ev,
				       const struct image *img)
{
	bool holds[RULES], silenced[RULES] = { false };
	const struct mrule *best = NULL;
	int i;

	host_ns = find_host_ns(img);
	for (i = 0; i < RULES; i++) {
		holds[i] = rules[i].events[ev->kind] &&
			   plain_holds(&rules[i], ev, img);
		if (holds[i] && rules[i].except >= 0)
			silenced[rules[i].except] = true;
	}
	for (i = 0; i < RULES; i++) {
		if (holds[i] && !silenced[i] && is_stronger(&rules[i], best))
			best = &rules[i];
	}
	return best;
}

/* ---- the comparison ----------------------------------------------------- */

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

static struct rule_set *compile(struct buf *text)
{
	struct rule_options opt = { .now_wall_ns = 1 };
	struct rule_set *set = NULL;
	struct rule_error err;
	int i;

	buf_reset(text);
	for (i = 0; i < RULES; i++)
		print_rule(text, &rules[i]);
	assert_false(text->failed);
	if (rule_set_load_text("model.ini", buf_slice(text), &opt, &set, &err) <
	    0)
		fail_msg("line %u: %s", err.line, err.what);
	return set;
}

static void compare(struct rule_set *set, uint64_t seed, uint64_t *ret_hits)
{
	static const enum answer answers[] = { [ALLOW] = ANSWER_ALLOWED,
					       [DENY] = ANSWER_DENIED,
					       [IGNORE] = ANSWER_IGNORED };
	static struct scene scene;
	const struct mrule *want;
	struct verdict got;
	int i;

	for (i = 0; i < EVENTS; i++) {
		/* What acts once more may meet what was remembered of it. */
		if (!i || one_in(3))
			make_line(&scene);
		else if (one_in(3))
			move_one(&scene);
		make_event(&scene);
		want = plain_match(&scene.ev, scene.img);
		got = rule_set_match(set, &scene.ev, scene.img);
		if (strcmp(want ? want->name : "none",
			   got.rule ? got.rule : "none"))
			fail_msg("seed %" PRIu64 ", event %d: %s, not %s", seed,
				 i, got.rule ? got.rule : "none",
				 want ? want->name : "none");
		assert_int_equal(got.answer, want ? answers[want->action]
						  : ANSWER_UNLISTED);
		assert_int_equal(got.alert, want && want->action == DENY);
		if (want && want->action == DENY)
			assert_int_equal(got.severity, want->severity);
		*ret_hits += !!want;
	}
}

static void compiled_and_plain_matcher_agree(void **state)
{
	uint64_t pairs = from_environment("PICKET_TEST_PAIRS", PAIRS);
	uint64_t seed = from_environment("PICKET_TEST_SEED",
					 (uint64_t)time(NULL) * 1000);
	uint64_t done, hits = 0;
	struct buf text = BUF_INIT(4u << 20);
	int i;

	(void)state;
	print_message("# PICKET_TEST_SEED=%" PRIu64 "\n", seed);
	for (done = 0; done < pairs; done += RULES * EVENTS, seed++) {
		struct rule_set *set;

		chance_state = seed;
		for (i = 0; i < RULES; i++)
			make_rule(i);
		set = compile(&text);
		compare(set, seed, &hits);
		rule_set_free(set);
	}
	print_message("# %" PRIu64 " pairs, a rule decided %" PRIu64
		      " of %" PRIu64 " events\n",
		      done, hits, done / RULES);
	/* Rules and events that never meet would prove nothing. */
	assert_true(hits > done / RULES / 10);
	buf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compiled_and_plain_matcher_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
