/* SPDX-License-Identifier: Apache-2.0 */
/* Does a rule hold for an event? Pure: looks at its arguments alone. */
#pragma once

#include "rules/rule.h"

struct question {
	const struct rule_set *set;
	const struct event *ev;
	const struct image *img;	/* who acted; NULL: not known */
	/* Set when an answer hung on what is redacted; NULL: nobody asks. */
	bool *ret_redacted;
};

enum tri { TRI_NO, TRI_YES, TRI_UNKNOWN, TRI_PENDING };

/*
 * holds.c: all conditions of the rule, whatever found it. Yes, no, or pending:
 * yes if what is not known yet is so.
 */
enum tri rule_holds(const struct question *q, const struct rule *rule);

/*
 * holds.c: do those of its conditions hold that are about what an image never
 * changes, its program and those before it? False is final for this image.
 */
bool rule_fits_image(const struct question *q, const struct rule *rule);

/* holds.c: note what a rule that is pending waits for. */
void rule_note_wants(const struct question *q, const struct rule *rule,
		     struct rule_wants *wants);

/*
 * holds.c: one condition of the rule by itself, as rule_holds would take it;
 * *ret_asked is the answer without its not-. Of several positive conditions
 * on ancestors each may hold of another one.
 */
bool cond_holds_alone(const struct question *q, const struct rule *rule,
		      const struct cond *c, enum tri *ret_asked);

/* One condition, without its not-, put to one image. */
struct asking {
	const struct question *q;
	const struct cond *c;
	const struct image *img;	/* whose property; may be NULL */
	bool sure;
	bool in_container;	/* the rule names a container */
	struct rule_wants *wants; /* where to note what is wanted; NULL: not */
};

/* ask.c; pending is an answer of ask_facts.c alone */
enum tri cond_ask(const struct asking *a);
enum tri ask_facts(const struct asking *a);

/* The socket's end that rules ask about: a connection's peer, or our own. */
const struct endpoint *event_end(const struct event *ev);

/*
 * What `socket` is held against: the path of a unix socket, or '@' and its
 * abstract name; empty of any other socket.
 */
#define SOCKET_NAME_MAX 128
struct slice socket_name(const struct endpoint *e,
			 char buf[static SOCKET_NAME_MAX]);

/* What can be told of a path whose front is missing: from a '/' on. */
struct slice path_end(struct slice s);

static inline bool path_is_cut(const struct file_path *f)
{
	return f->flags & (PATH_F_TRUNCATED | PATH_F_UNRESOLVED);
}

/*
 * A file that was bound alone to a mount in no tree has no name there, but its
 * file system's is whole, and so is the host's: runc starts containers so.
 */
static inline bool path_is_hosts(const struct file_path *f)
{
	return f->host_path.n && f->fs_path.n &&
	       !(f->flags & (PATH_F_TRUNCATED | PATH_F_CLAIMED)) &&
	       !slice_eq(f->fs_path, f->path);
}

/* What can be told of the host's name. */
static inline struct slice path_of_host(const struct file_path *f)
{
	return path_is_cut(f) && !path_is_hosts(f) ? path_end(f->host_path)
						   : f->host_path;
}

/* The next of several zero-terminated strings; false at the end. */
bool next_string(struct slice *rest, struct slice *ret);

/* Who was there before: an earlier program of the process, or its parent. */
static inline const struct image *image_before(const struct image *img)
{
	return img->prev ? img->prev : img->parent;
}
