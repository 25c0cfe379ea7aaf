/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions on what a program's file is: trust, sha256, writable-by, origin.
 * These are found out after the event, so the answer may be "pending": then
 * the file is noted as wanted, and the event is judged again when it is known.
 *
 * Where a script runs, "surely" is about both files and "possibly" about
 * either; of a digest surely is the script's, since that is what was run. A
 * script's name that is only claimed says nothing of any file.
 */
#include "rules/ask.h"

static enum tri tri(bool yes)
{
	return yes ? TRI_YES : TRI_NO;
}

static void want(const struct asking *a, bool script, bool trust)
{
	struct rule_wants *w = a->wants;
	unsigned i;

	if (!w)
		return;
	for (i = 0; i < w->n; i++) {
		if (w->list[i].img != a->img || w->list[i].script != script)
			continue;
		w->list[i].trust |= trust;
		return;
	}
	/* The others are wanted when the event is judged again. */
	if (w->n < RULE_WANTS_MAX)
		w->list[w->n++] = (struct rule_want){ .img = a->img,
						      .script = script,
						      .trust = trust };
}

static bool is_script(const struct image *img)
{
	return img->script.n || (img->flags & IMAGE_F_SCRIPT);
}

static bool is_memfd(const struct image *img)
{
	if (img->exe_file.known)
		return img->exe_file.memfd;
	return (img->exe.flags & PATH_F_DELETED) &&
	       slice_starts(img->exe.path, slice_str("/memfd:"));
}

static bool is_deleted(const struct image *img)
{
	return (img->exe.flags & PATH_F_DELETED) ||
	       (img->exe_file.known && !img->exe_file.nlink);
}

/* Can nobody say more of this file than the record does? */
static bool is_beyond(const struct image *img, bool script)
{
	if (script)
		return !img->script_file.known || !img->script.n;
	return !img->exe_file.known || !img->exe.path.n ||
	       path_is_lost(&img->exe) || is_memfd(img) || is_deleted(img);
}

static const struct file_facts *facts_of(const struct asking *a, bool script,
					 bool trust)
{
	const struct file_facts *f =
		script ? &a->img->script_facts : &a->img->exe_facts;

	if (!f->known)
		want(a, script, trust);
	return f;
}

/* Both for certain: any no is a no. */
/* The first of the three that one of them is, or what is left. */
static enum tri first_of(const enum tri order[static 4], enum tri x, enum tri y)
{
	size_t i;

	for (i = 0; i < 3; i++) {
		if (x == order[i] || y == order[i])
			break;
	}
	return order[i];
}

static enum tri both(enum tri x, enum tri y)
{
	static const enum tri order[] = { TRI_NO, TRI_UNKNOWN, TRI_PENDING,
					  TRI_YES };

	return first_of(order, x, y);
}

static enum tri either(enum tri x, enum tri y)
{
	static const enum tri order[] = { TRI_YES, TRI_PENDING, TRI_UNKNOWN,
					  TRI_NO };

	return first_of(order, x, y);
}

/* ---- trust -------------------------------------------------------------- */

/* Files of an image or a container's own: no package of the host has them. */
static bool is_of_container(const struct image *img)
{
	return img->container.n &&
	       (img->exe_file.overlay_lower || img->exe_file.overlay_upper);
}

static enum trust_state state_of(const struct asking *a, bool script,
				 bool *ret_pending)
{
	const struct file_facts *f;

	*ret_pending = false;
	if (!script &&
	    (is_memfd(a->img) || is_deleted(a->img) || is_of_container(a->img)))
		return TRUST_UNPACKAGED;
	if (is_beyond(a->img, script))
		return TRUST_UNKNOWN;
	f = facts_of(a, script, true);
	*ret_pending = !f->known;
	return (enum trust_state)f->trust;
}

static enum tri trust_of(const struct asking *a, bool script)
{
	bool pending;
	enum trust_state s = state_of(a, script, &pending);

	if (pending)
		return TRI_PENDING;
	return s == TRUST_UNKNOWN ? TRI_UNKNOWN : tri(a->c->mask >> s & 1);
}

static enum tri ask_trust(const struct asking *a)
{
	enum tri exe = trust_of(a, false), script;

	if (!is_script(a->img))
		return exe;
	/* Not to be read for nothing. */
	if (exe == (a->sure ? TRI_NO : TRI_YES))
		return exe;
	script = trust_of(a, true);
	return a->sure ? both(exe, script) : either(exe, script);
}

/* ---- digests ------------------------------------------------------------ */

static bool has_digest(const struct asking *a, const uint8_t *sum)
{
	const uint8_t(*all)[32] = a->q->set->hashes + a->c->first;
	uint32_t lo = 0, hi = a->c->n, mid;
	int r;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		r = memcmp(all[mid], sum, 32);
		if (!r)
			return true;
		if (r < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

static enum tri digest_of(const struct asking *a, bool script)
{
	const struct file_facts *f;

	if (is_beyond(a->img, script))
		return TRI_UNKNOWN;
	f = facts_of(a, script, false);
	if (!f->known)
		return TRI_PENDING;
	if (f->hash != HASH_DONE)
		return TRI_UNKNOWN;
	return tri(has_digest(a, f->sha256));
}

static enum tri ask_digest(const struct asking *a)
{
	if (!is_script(a->img))
		return digest_of(a, false);
	if (a->sure)
		return digest_of(a, true);
	return either(digest_of(a, false), digest_of(a, true));
}

/* ---- who may write ------------------------------------------------------ */

static enum tri writable_of(const struct asking *a, bool script)
{
	const struct file_facts *f;

	if (is_beyond(a->img, script))
		return TRI_UNKNOWN;
	f = facts_of(a, script, false);
	if (!f->known)
		return TRI_PENDING;
	if (f->hash != HASH_DONE && f->hash != HASH_TOO_LARGE)
		return TRI_UNKNOWN;
	return tri(f->writable & a->c->mask);
}

/* If one of the two can be written to, what runs can be changed. */
static enum tri ask_writable(const struct asking *a)
{
	enum tri exe = writable_of(a, false);

	if (!is_script(a->img) || exe == TRI_YES)
		return exe;
	return either(exe, writable_of(a, true));
}

/* ---- origin ------------------------------------------------------------- */

static enum tri has_origin(const struct asking *a, enum origin o)
{
	return tri(a->c->mask >> o & 1);
}

static enum tri ask_package_origin(const struct asking *a)
{
	const uint32_t of_container = 1u << ORIGIN_IMAGE | 1u << ORIGIN_DRIFT;
	/* Whether it is in a container is not known without its cgroup. */
	enum tri no = !a->img->cgroup.n && (a->c->mask & of_container)
			      ? TRI_UNKNOWN
			      : TRI_NO;
	enum trust_state s;
	bool pending;

	if (!(a->c->mask >> ORIGIN_PACKAGE & 1))
		return no;
	s = state_of(a, false, &pending);
	if (pending)
		return TRI_PENDING;
	if (s == TRUST_UNKNOWN)
		return TRI_UNKNOWN;
	return s == TRUST_PACKAGE ? TRI_YES : no;
}

static enum tri ask_origin(const struct asking *a)
{
	const struct image *img = a->img;

	if (img->flags & IMAGE_F_KTHREAD)
		return TRI_NO;
	if (!img->exe.path.n && !img->exe_file.known)
		return TRI_UNKNOWN;
	if (is_memfd(img))
		return has_origin(a, ORIGIN_MEMFD);
	if (is_deleted(img))
		return has_origin(a, ORIGIN_DELETED);
	if (!img->container.n)
		return ask_package_origin(a);
	if (!img->exe_file.known)
		return a->c->mask & (1u << ORIGIN_IMAGE | 1u << ORIGIN_DRIFT)
			       ? TRI_UNKNOWN
			       : TRI_NO;
	/* A volume, or a file system of its own, is not of the image. */
	return has_origin(a, img->exe_file.overlay_lower ? ORIGIN_IMAGE
							 : ORIGIN_DRIFT);
}

enum tri ask_facts(const struct asking *a)
{
	const struct image *img = a->img;

	if (!img || (img->flags & IMAGE_F_UNKNOWN))
		return TRI_UNKNOWN;
	if (a->c->subject == SUBJECT_ORIGIN)
		return ask_origin(a);
	if (img->flags & IMAGE_F_KTHREAD)
		return TRI_NO;
	if (a->c->subject == SUBJECT_TRUST)
		return ask_trust(a);
	return a->c->subject == SUBJECT_SHA256 ? ask_digest(a)
					       : ask_writable(a);
}
