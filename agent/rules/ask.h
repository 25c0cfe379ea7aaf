/* SPDX-License-Identifier: Apache-2.0 */
/* Does a rule hold for an event? Pure: looks at its arguments alone. */
#pragma once

#include "rules/rule.h"

struct question {
	const struct rule_set *set;
	const struct event *ev;
	const struct image *img;	/* who acted; NULL: not known */
	/* Set if an answer depended on a redacted string; or NULL. */
	bool *ret_redacted;
};

enum tri { TRI_NO, TRI_YES, TRI_UNKNOWN, TRI_PENDING };

/*
 * holds.c: do all conditions of the rule hold? TRI_PENDING: yes, if facts that
 * are not known yet turn out so.
 */
enum tri rule_holds(const struct question *q, const struct rule *rule);

/*
 * holds.c: do the conditions hold that depend only on what never changes for an
 * image (its program and earlier ones)? False is final for this image.
 */
bool rule_fits_image(const struct question *q, const struct rule *rule);

/* holds.c: add the facts that a pending rule waits for to wants. */
void rule_note_wants(const struct question *q, const struct rule *rule,
		     struct rule_wants *wants);

/*
 * holds.c: does one condition of the rule hold, taken alone? *ret_asked is the
 * answer before its not-. Unlike in rule_holds, several conditions on ancestors
 * may each hold for another ancestor.
 */
bool cond_holds_alone(const struct question *q, const struct rule *rule,
		      const struct cond *c, enum tri *ret_asked);

/* One condition, without its not-, applied to one image. */
struct asking {
	const struct question *q;
	const struct cond *c;
	const struct image *img;	/* whose property; may be NULL */
	bool sure;
	bool in_container;	/* the rule names a container */
	struct rule_wants *wants; /* where to note what is wanted; NULL: not */
};

/* ask.c and ask_facts.c; only the latter answers TRI_PENDING. */
enum tri cond_ask(const struct asking *a);
enum tri ask_facts(const struct asking *a);

/* The socket's end that rules ask about: a connection's peer, or our own. */
const struct endpoint *event_end(const struct event *ev);

/*
 * The string that a condition `socket` is matched with: the path of a unix
 * socket, or '@' and its abstract name; empty for other sockets.
 */
#define SOCKET_NAME_MAX 128
struct slice socket_name(const struct endpoint *e,
			 char buf[static SOCKET_NAME_MAX]);

/* The known end of a path whose front is missing, from its first '/' on. */
struct slice path_end(struct slice s);

static inline bool path_is_cut(const struct file_path *f)
{
	return f->flags & (PATH_F_TRUNCATED | PATH_F_UNRESOLVED);
}

/*
 * A file on a detached mount has no name in the namespace, but a complete one
 * in its file system and on the host. (runc starts containers from such a
 * file.)
 */
static inline bool path_is_hosts(const struct file_path *f)
{
	return f->host_path.n && f->fs_path.n &&
	       !(f->flags & (PATH_F_TRUNCATED | PATH_F_CLAIMED)) &&
	       !slice_eq(f->fs_path, f->path);
}

/* Neither the namespace nor the host has a complete name for it. */
static inline bool path_is_lost(const struct file_path *f)
{
	return path_is_cut(f) && !path_is_hosts(f);
}

/* The known part of the name on the host. */
static inline struct slice path_of_host(const struct file_path *f)
{
	return path_is_lost(f) ? path_end(f->host_path) : f->host_path;
}

/* The next of several zero-terminated strings; false at the end. */
bool next_string(struct slice *rest, struct slice *ret);

/* The one before: an earlier program of the process, or its parent. */
static inline const struct image *image_before(const struct image *img)
{
	return img->prev ? img->prev : img->parent;
}
