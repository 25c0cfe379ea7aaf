/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules' matcher, a second time, straight from their description: each
 * condition of each rule is asked of each event, and of all that hold the
 * strongest decides. What rules/match.c is held against.
 */
#pragma once

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "base/buf.h"
#include "limits.h"
#include "naive_glob.h"
#include "rules/rules.h"
#include "rules_made_up.h"

enum { NO, YES, UNKNOWN, PENDING };

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

/* Has a name that is missing its front none that the host knows? */
static bool is_cut(const struct file_path *f)
{
	if (!(f->flags & (PATH_F_TRUNCATED | PATH_F_UNRESOLVED)))
		return false;
	if (f->flags & (PATH_F_TRUNCATED | PATH_F_CLAIMED))
		return true;
	return !f->host_path.n || !f->fs_path.n ||
	       (f->fs_path.n == f->path.n &&
		!memcmp(f->fs_path.p, f->path.p, f->path.n));
}

static int plain_file(const struct mcond *c, const struct file_path *f,
		      bool sure, uint32_t mnt_ns)
{
	bool cut = is_cut(f);
	struct slice path = f->path, host = f->host_path;
	bool lost = f->flags & (PATH_F_TRUNCATED | PATH_F_UNRESOLVED);
	/* Claimed, in a mount that the host does not show. */
	bool anywhere = (f->flags & PATH_F_CLAIMED) &&
			(f->flags & PATH_F_FOREIGN) && !by_container;

	if (sure) {
		if (cut || !path.n)
			return UNKNOWN;
		if (anywhere)
			return UNKNOWN;
		if (!host.n)
			return any_glob(c, path, true);
		return any_glob(c, host, true) ||
		       (!lost &&
			(by_container || (mnt_ns && mnt_ns == host_ns)) &&
			any_glob(c, path, true));
	}
	if (lost)
		path = from_slash(path);
	if (cut)
		host = from_slash(host);
	if ((path.n && any_glob(c, path, true)) ||
	    (host.n && any_glob(c, host, true)))
		return YES;
	return cut || anywhere || !f->path.n ? UNKNOWN : NO;
}

/* What no mount of the host shows, anyone may have named. */
static int plain_code(const struct mcond *c, const struct file_path *f,
		      bool sure, uint32_t mnt_ns)
{
	int fits = plain_file(c, f, sure, mnt_ns);

	if (!(f->flags & PATH_F_FOREIGN) || by_container)
		return fits;
	return !sure && fits == YES ? YES : UNKNOWN;
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

/* The words of the files' states that rules of the model use. */
static const char *trust_word(const struct file_facts *f)
{
	return f->trust == TRUST_PACKAGE   ? "package"
	       : f->trust == TRUST_CHANGED ? "changed"
					   : "unpackaged";
}

static bool has_a_file(const struct image *img, bool script)
{
	if (script)
		return img->script.n && img->script_file.known;
	return img->exe_file.known && img->exe.path.n && !is_cut(&img->exe) &&
	       !img->exe_file.memfd && img->exe_file.nlink &&
	       !(img->exe.flags & PATH_F_DELETED);
}

static bool writes(const struct mcond *c, unsigned who)
{
	return (any_word(c, "others") && who & WRITABLE_OTHERS) ||
	       (any_word(c, "group") && who & WRITABLE_GROUP) ||
	       (any_word(c, "user") && who & WRITABLE_USER);
}

static bool is_gone_or_memory(const struct image *img)
{
	return (img->exe_file.known &&
		(img->exe_file.memfd || !img->exe_file.nlink)) ||
	       (img->exe.flags & PATH_F_DELETED);
}

/* Of one file. */
static int plain_fact(const struct mcond *c, const struct image *img,
		      bool script)
{
	const struct file_facts *f =
		script ? &img->script_facts : &img->exe_facts;
	char sum[65];
	int i;

	if (c->key == TRUST && !script &&
	    (is_gone_or_memory(img) ||
	     (img->container.n &&
	      (img->exe_file.overlay_lower || img->exe_file.overlay_upper))))
		return any_word(c, "unpackaged");
	if (!has_a_file(img, script))
		return UNKNOWN;
	if (!f->known)
		return PENDING;
	if (c->key == TRUST)
		return f->trust == TRUST_UNKNOWN ? UNKNOWN
						 : any_word(c, trust_word(f));
	if (f->hash != HASH_DONE)
		return UNKNOWN;
	if (c->key == WRITABLE)
		return writes(c, f->writable);
	for (i = 0; i < 32; i++)
		(void)snprintf(sum + 2 * i, 3, "%02x", f->sha256[i]);
	return any_word(c, sum);
}

static int plain_facts(const struct mcond *c, const struct image *img,
		       bool sure)
{
	bool both = c->key == TRUST && sure;
	int x, y, i;
	const int order[] = { both ? NO : YES, both ? UNKNOWN : PENDING,
			      both ? PENDING : UNKNOWN };

	if (img->flags & IMAGE_F_KTHREAD)
		return NO;
	if (!img->script.n && !(img->flags & IMAGE_F_SCRIPT))
		return plain_fact(c, img, false);
	x = c->key == SHA256 && sure ? plain_fact(c, img, true)
				     : plain_fact(c, img, false);
	y = plain_fact(c, img, true);
	for (i = 0; i < 3; i++)
		if (x == order[i] || y == order[i])
			return order[i];
	return both ? YES : NO;
}

static int plain_origin(const struct mcond *c, const struct image *img)
{
	bool known = img->exe_file.known, placed;
	int unplaced;

	if (img->flags & IMAGE_F_KTHREAD)
		return NO;
	if (!known && !img->exe.path.n)
		return UNKNOWN;
	if (known && img->exe_file.memfd)
		return any_word(c, "memfd");
	if (is_gone_or_memory(img))
		return any_word(c, "deleted");
	placed = any_word(c, "image") || any_word(c, "drift");
	if (img->container.n && !known)
		return placed ? UNKNOWN : NO;
	if (img->container.n)
		return any_word(c, img->exe_file.overlay_lower ? "image"
							       : "drift");
	unplaced = placed && !img->cgroup.n ? UNKNOWN : NO;
	if (!any_word(c, "package"))
		return unplaced;
	if (!has_a_file(img, false))
		return UNKNOWN;
	if (!img->exe_facts.known)
		return PENDING;
	if (img->exe_facts.trust == TRUST_UNKNOWN)
		return UNKNOWN;
	return img->exe_facts.trust == TRUST_PACKAGE ? YES : unplaced;
}

/* What can be asked of any image that is there. */
static int plain_image(const struct mcond *c, const struct image *img,
		       bool sure)
{
	struct slice s = c->key == UNIT	       ? img->unit
			 : c->key == CONTAINER ? img->container
			 : c->key == POD       ? img->pod
					       : img->cgroup;

	if (c->key == USER)
		return any_number(c, img->euid);
	if (img->flags & IMAGE_F_UNKNOWN)
		return c->key == UNIT || c->key == CONTAINER || c->key == POD ||
				       c->key == CGROUP
			       ? (s.n ? any_glob(c, s, c->key == CGROUP)
				      : UNKNOWN)
			       : UNKNOWN;
	switch ((int)c->key) {
	case EXE:
		if (!img->exe.path.n && (img->flags & IMAGE_F_KTHREAD))
			return NO;
		return plain_code(c, &img->exe, sure, img->mnt_ns);
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
	case POD:
	case CGROUP:
		if (c->key == POD && !s.n && img->container.n &&
		    !img->container_known)
			return UNKNOWN;
		if (s.n)
			return any_glob(c, s, c->key == CGROUP);
		return img->cgroup.n ? NO : UNKNOWN;
	case ORIGIN:
		return plain_origin(c, img);
	case TRUST:
	case SHA256:
	case WRITABLE:
		return plain_facts(c, img, sure);
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
	bool unknown = !img, pending = false;
	int r;

	while (img && before(img)) {
		img = before(img);
		r = plain_image(c, img, sure);
		if (r == YES)
			return YES;
		unknown |= r == UNKNOWN;
		pending |= r == PENDING;
	}
	if (pending)
		return PENDING;
	if (img && img->proc.tgid != 1 && !(img->flags & IMAGE_F_KTHREAD))
		unknown = true;
	return unknown ? UNKNOWN : NO;
}

/* Yes, no, or pending, of this one. */
static int fits_all(const struct mrule *r, const struct image *img)
{
	int i, t, all = YES;

	for (i = 0; i < r->n; i++) {
		if (r->conds[i].whose != ANCESTOR || r->conds[i].negated)
			continue;
		t = plain_image(&r->conds[i], img, r->action != DENY);
		if (t != YES && t != PENDING)
			return NO;
		if (t == PENDING)
			all = PENDING;
	}
	return all;
}

static int joint_holds(const struct mrule *r, const struct image *img)
{
	bool any = false;
	int i, t, best = NO;

	for (i = 0; i < r->n; i++)
		any |= r->conds[i].whose == ANCESTOR && !r->conds[i].negated;
	if (!any)
		return YES;
	for (img = img ? before(img) : NULL; img; img = before(img)) {
		t = fits_all(r, img);
		if (t == YES)
			return YES;
		if (t == PENDING)
			best = PENDING;
	}
	return best;
}

static int plain_holds(const struct mrule *r, const struct event *ev,
		       const struct image *img)
{
	bool strict = r->action != DENY, pending = false;
	int i, t;

	by_container = false;
	for (i = 0; i < r->n; i++)
		by_container |= (r->conds[i].key == CONTAINER ||
				 r->conds[i].key == POD) &&
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
		pending |= t == PENDING;
		if (t == PENDING)
			continue;
		if (c->negated ? (strict ? t != NO : t == YES) : t != YES)
			return NO;
	}
	t = joint_holds(r, img);
	return t == YES && pending ? PENDING : t;
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

static const struct mrule *strongest(const bool *holds)
{
	const struct mrule *best = NULL;
	bool silenced[RULES] = { false };
	int i;

	for (i = 0; i < RULES; i++) {
		if (holds[i] && rules[i].except >= 0)
			silenced[rules[i].except] = true;
	}
	for (i = 0; i < RULES; i++) {
		if (holds[i] && !silenced[i] && is_stronger(&rules[i], best))
			best = &rules[i];
	}
	return best;
}

/* What decides; *ret_pending: whether what is not known yet could change it. */
static const struct mrule *plain_match(const struct event *ev,
				       const struct image *img,
				       bool *ret_pending)
{
	const struct mrule *best;
	bool holds[RULES], maybe[RULES];
	int i, t;

	host_ns = find_host_ns(img);
	for (i = 0; i < RULES; i++) {
		t = rules[i].events[ev->kind] ? plain_holds(&rules[i], ev, img)
					      : NO;
		holds[i] = t == YES;
		maybe[i] = t == PENDING;
	}
	best = strongest(holds);
	*ret_pending = false;
	for (i = 0; i < RULES; i++) {
		if (!maybe[i])
			continue;
		holds[i] = true;
		/* One alert does not wait for another. */
		*ret_pending |= strongest(holds) != best &&
				!(best && best->action == DENY &&
				  rules[i].action == DENY);
		holds[i] = false;
	}
	return best;
}
