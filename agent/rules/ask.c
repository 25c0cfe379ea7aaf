/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions against an event. The one idea: what is not known for certain
 * never speaks for an allow rule, and what is possible is enough for a deny.
 *
 * So each condition is asked in one of two ways. "Surely" (an allow rule's
 * condition, a deny rule's not-condition) all names of a file must fit, in
 * full, by the name that the host has for it. "Possibly" (the other two) any
 * name will do, by the process's view or the host's, and of a path whose
 * front was cut, its end. The answer is yes, no, or unknown; unknown fails
 * an allow rule either way, and in a deny rule it is not a yes.
 */
#include "rules/ask.h"

#include <netinet/in.h>

#include "limits.h"

static enum tri tri(bool yes)
{
	return yes ? TRI_YES : TRI_NO;
}

/* ---- values ------------------------------------------------------------- */

static bool has_number(const struct asking *a, uint32_t v)
{
	const uint64_t *n = a->q->set->numbers + a->c->first;
	uint32_t lo = 0, hi = a->c->n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if ((uint32_t)n[mid] < v)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < a->c->n && n[lo] >> 32 <= v;
}

static bool has_string(const struct asking *a, struct slice s)
{
	const struct rule_set *set = a->q->set;
	uint32_t i;

	if (a->c->n == 1)
		return pattern_match(a->c->pattern, s);
	if (a->c->n > COND_FEW)
		return str_index_any(a->c->patterns, s);
	for (i = 0; i < a->c->n; i++) {
		if (pattern_match(set->patterns[set->numbers[a->c->first + i]],
				  s))
			return true;
	}
	return false;
}

static bool has_address(const struct asking *a, const struct cidr *addr)
{
	const struct cidr *ranges = a->q->set->cidrs + a->c->first;
	uint32_t i;

	if (a->c->n > COND_FEW)
		return trie_any(addr->v6 ? &a->c->cidrs->v6 : &a->c->cidrs->v4,
				addr->bits);
	for (i = 0; i < a->c->n; i++) {
		if (cidr_has(&ranges[i], addr))
			return true;
	}
	return false;
}

/* ---- paths -------------------------------------------------------------- */

struct slice path_end(struct slice s)
{
	const char *slash = s.n ? memchr(s.p, '/', s.n) : NULL;

	return slash ? slice_of(slash, (size_t)(s.p + s.n - slash))
		     : slice_of(NULL, 0);
}

/* Is this the mount namespace of process 1, who is everyone's ancestor? */
static bool is_of_host(const struct asking *a, uint32_t mnt_ns)
{
	const struct image *img = a->q->img;
	unsigned n;

	for (n = 0; img && n < PICKET_ANCESTORS_MAX; n++) {
		if (!image_before(img))
			break;
		img = image_before(img);
	}
	return img && img->proc.tgid == 1 && mnt_ns && img->mnt_ns == mnt_ns;
}

/*
 * A name that was only claimed, in a mount that the host does not show: it may
 * lead on to any file, by a link or a mount below that.
 */
static bool leads_anywhere(const struct asking *a, const struct file_path *f)
{
	const uint8_t both = PATH_F_CLAIMED | PATH_F_FOREIGN;

	return (f->flags & both) == both && !a->in_container;
}

static enum tri ask_surely(const struct asking *a, const struct file_path *f,
			   uint32_t mnt_ns)
{
	if (!f->path.n || path_is_lost(f))
		return TRI_UNKNOWN;
	if (leads_anywhere(a, f))
		return TRI_UNKNOWN;
	/*
	 * A mount namespace is anyone's to make, so that a process can give
	 * any file any name of its own. The host's name is the one to trust,
	 * but for a rule that says it speaks of a container's files. Where
	 * the host has two names for a file, both are the host's.
	 */
	if (!f->host_path.n)
		return tri(has_string(a, f->path));
	if (has_string(a, f->host_path))
		return TRI_YES;
	if (path_is_cut(f))
		return TRI_NO;
	return tri(has_string(a, f->path) &&
		   (a->in_container || is_of_host(a, mnt_ns)));
}

static enum tri ask_possibly(const struct asking *a, const struct file_path *f)
{
	struct slice path = path_is_cut(f) ? path_end(f->path) : f->path;
	struct slice host = path_of_host(f);

	if ((path.n && has_string(a, path)) || (host.n && has_string(a, host)))
		return TRI_YES;
	if (path_is_lost(f) || leads_anywhere(a, f) || !f->path.n)
		return TRI_UNKNOWN;
	return TRI_NO;
}

/* mnt_ns: in which the file was named so. */
static enum tri ask_file(const struct asking *a, const struct file_path *f,
			 uint32_t mnt_ns)
{
	return a->sure ? ask_surely(a, f, mnt_ns) : ask_possibly(a, f);
}

/*
 * Code that no mount of the host shows has the name that whoever mounted it
 * gave: a file system of a process's own, a tree that is in no namespace. Only
 * a rule that speaks of a container's files may go by it.
 */
static enum tri ask_code(const struct asking *a, const struct file_path *f,
			 uint32_t mnt_ns)
{
	enum tri t = ask_file(a, f, mnt_ns);

	if (!(f->flags & PATH_F_FOREIGN) || a->in_container)
		return t;
	return a->sure || t == TRI_NO ? TRI_UNKNOWN : t;
}

static bool has_two_names(const struct write_info *w)
{
	return w->op == OP_RENAME || w->op == OP_LINK;
}

/* A renamed or linked file: surely if both names fit, possibly if one does. */
static enum tri ask_path(const struct asking *a)
{
	const struct write_info *w = &a->q->ev->write;
	uint32_t mnt_ns = a->q->ev->actor.mnt_ns;
	enum tri was = ask_file(a, &w->path, mnt_ns), is;

	if (!has_two_names(w))
		return was;
	is = ask_file(a, &w->new_path, mnt_ns);
	if (a->sure) {
		if (was == TRI_YES && is == TRI_YES)
			return TRI_YES;
		return was == TRI_NO || is == TRI_NO ? TRI_NO : TRI_UNKNOWN;
	}
	if (was == TRI_YES || is == TRI_YES)
		return TRI_YES;
	return was == TRI_NO && is == TRI_NO ? TRI_NO : TRI_UNKNOWN;
}

static enum tri ask_old_path(const struct asking *a)
{
	const struct write_info *w = &a->q->ev->write;

	if (!has_two_names(w))
		return TRI_NO;
	return ask_file(a, &w->path, a->q->ev->actor.mnt_ns);
}

/* ---- the event ---------------------------------------------------------- */

const struct endpoint *event_end(const struct event *ev)
{
	return ev->kind == EVENT_LISTEN ? &ev->listen.local : &ev->connect.peer;
}

struct slice socket_name(const struct endpoint *e,
			 char buf[static SOCKET_NAME_MAX])
{
	struct slice s = e->unix_path;

	if (!s.n || s.n > SOCKET_NAME_MAX || s.p[0])
		return s;
	memcpy(buf, s.p, s.n);
	buf[0] = '@';
	return slice_of(buf, s.n);
}

/* Of a family that has neither internet addresses nor ports. */
static bool has_other_family(const struct asking *a)
{
	return !event_end(a->q->ev)->addr.family;
}

static enum tri ask_dest(const struct asking *a)
{
	struct cidr addr;

	if (!cidr_of_addr(&event_end(a->q->ev)->addr, &addr))
		return has_other_family(a) ? TRI_NO : TRI_UNKNOWN;
	return tri(has_address(a, &addr));
}

static enum tri ask_port(const struct asking *a)
{
	if (has_other_family(a))
		return TRI_NO;
	return tri(has_number(a, event_end(a->q->ev)->port));
}

static enum tri ask_socket(const struct asking *a)
{
	char name[SOCKET_NAME_MAX];
	struct slice s = socket_name(event_end(a->q->ev), name);

	return s.n ? tri(has_string(a, s)) : TRI_NO;
}

static enum tri ask_target(const struct asking *a)
{
	const struct image *img = a->q->ev->tamper.target_img;

	if (!a->q->ev->tamper.target.start_ns)
		return TRI_NO;
	return img ? ask_code(a, &img->exe, img->mnt_ns) : TRI_UNKNOWN;
}

static enum tri ask_proto(const struct asking *a)
{
	uint32_t proto = event_end(a->q->ev)->protocol;

	if (has_other_family(a))
		return TRI_NO;

	/* Multipath TCP is TCP to everyone on the way. */
	return tri(has_number(a, proto) ||
		   (proto == IPPROTO_MPTCP && has_number(a, IPPROTO_TCP)));
}

/* ---- the process -------------------------------------------------------- */

static bool is_unknown(const struct image *img)
{
	return !img || (img->flags & IMAGE_F_UNKNOWN);
}

/*
 * A memfd has no directory, so its walk ends before a root; but its name is
 * whole, and begins with "/memfd:" whatever its maker called it.
 */
static bool is_whole_memfd(const struct image *img)
{
	return img->exe_file.known && img->exe_file.memfd &&
	       !(img->exe.flags & PATH_F_TRUNCATED) &&
	       slice_starts(img->exe.path, slice_str("/memfd:"));
}

static enum tri ask_exe(const struct asking *a)
{
	if (is_unknown(a->img))
		return TRI_UNKNOWN;
	if (!a->img->exe.path.n && (a->img->flags & IMAGE_F_KTHREAD))
		return TRI_NO;
	if (is_whole_memfd(a->img))
		return tri(has_string(a, a->img->exe.path));
	return ask_code(a, &a->img->exe, a->img->mnt_ns);
}

static enum tri ask_script(const struct asking *a)
{
	if (is_unknown(a->img))
		return TRI_UNKNOWN;
	if (a->img->script.n)
		return tri(has_string(a, a->img->script));
	/* /proc does not tell whether a program was started as a script. */
	return a->img->flags & (IMAGE_F_SCRIPT | IMAGE_F_SNAPSHOT) ? TRI_UNKNOWN
								   : TRI_NO;
}

bool next_string(struct slice *rest, struct slice *ret)
{
	const char *end;
	size_t n;

	if (!rest->n)
		return false;
	end = memchr(rest->p, '\0', rest->n);
	n = end ? (size_t)(end - rest->p) : rest->n;
	*ret = slice_of(rest->p, n);
	n += !!end;
	*rest = slice_of(rest->p + n, rest->n - n);
	return true;
}

/*
 * One of several strings, of which the last kept one may be cut. Bits of
 * hidden: what stands there is not what was there, so it is neither.
 */
static enum tri ask_list(const struct asking *a, struct slice list, bool cut,
			 uint64_t hidden)
{
	struct slice s;
	unsigned i;

	if (is_unknown(a->img))
		return TRI_UNKNOWN;
	for (i = 0; next_string(&list, &s); i += i < 63) {
		if (cut && a->sure && !list.n)
			break;
		if (!(hidden >> i & 1) && has_string(a, s))
			return TRI_YES;
	}
	if (hidden && a->q->ret_redacted)
		*a->q->ret_redacted = true;
	return cut || hidden ? TRI_UNKNOWN : TRI_NO;
}

/* Of a string that says where the process belongs. */
static enum tri ask_place(const struct asking *a, struct slice s)
{
	if (s.n)
		return tri(has_string(a, s));
	return is_unknown(a->img) || !a->img->cgroup.n ? TRI_UNKNOWN : TRI_NO;
}

/* What only the container's runtime can tell. */
static enum tri ask_container(const struct asking *a, struct slice s)
{
	if (!s.n && a->img && a->img->container.n && !a->img->container_known)
		return TRI_UNKNOWN;
	return ask_place(a, s);
}

static enum tri ask_user(const struct asking *a)
{
	const struct actor *actor = &a->q->ev->actor;

	if (a->c->who == WHO_SELF)
		return actor->none ? TRI_UNKNOWN
				   : tri(has_number(a, actor->euid));
	return a->img ? tri(has_number(a, a->img->euid)) : TRI_UNKNOWN;
}

static enum tri ask_group(const struct asking *a)
{
	const struct actor *actor = &a->q->ev->actor;

	if (a->c->who == WHO_SELF)
		return actor->none ? TRI_UNKNOWN
				   : tri(has_number(a, actor->gid));
	return is_unknown(a->img) ? TRI_UNKNOWN
				  : tri(has_number(a, a->img->egid));
}

static enum tri ask_tty(const struct asking *a)
{
	if (is_unknown(a->img))
		return TRI_UNKNOWN;
	return tri(a->c->mask >> !!a->img->tty & 1);
}

/* Descriptors from..to, as they were when the program began. */
static enum tri ask_stdio(const struct asking *a, int from, int to)
{
	bool yes = false, seen = false;
	int i;

	if (is_unknown(a->img))
		return TRI_UNKNOWN;
	for (i = 0; i < 3; i++) {
		seen |= a->img->stdio[i].kind != STDIO_CLOSED;
		if (i >= from && i <= to)
			yes |= a->c->mask >> a->img->stdio[i].kind & 1;
	}
	/* Three closed ones in a snapshot: nobody could look. */
	if (!seen && (a->img->flags & IMAGE_F_SNAPSHOT))
		return TRI_UNKNOWN;
	return tri(yes);
}

enum tri cond_ask(const struct asking *a)
{
	const struct event *ev = a->q->ev;
	const struct image *img = a->img;
	struct slice none = { 0 };

	switch ((enum subject)a->c->subject) {
	case SUBJECT_OP:
		return tri(a->c->mask >> ev->write.op & 1);
	case SUBJECT_PROTO:
		return ask_proto(a);
	case SUBJECT_PORT:
		return ask_port(a);
	case SUBJECT_LOAD:
		return tri(a->c->mask >> ev->load.op & 1);
	case SUBJECT_TAMPER:
		return tri(a->c->mask >> ev->tamper.op & 1);
	case SUBJECT_OF_PICKET:
		return tri(a->c->mask >> ev->tamper.of_picket & 1);
	case SUBJECT_USER:
		return ask_user(a);
	case SUBJECT_GROUP:
		return ask_group(a);
	case SUBJECT_TTY:
		return ask_tty(a);
	case SUBJECT_STDIN:
		return ask_stdio(a, 0, 0);
	case SUBJECT_STDOUT:
		return ask_stdio(a, 1, 1);
	case SUBJECT_STDERR:
		return ask_stdio(a, 2, 2);
	case SUBJECT_STDIO:
		return ask_stdio(a, 0, 2);
	case SUBJECT_DEST:
	case SUBJECT_ADDRESS:
		return ask_dest(a);
	case SUBJECT_SOCKET:
		return ask_socket(a);
	case SUBJECT_NAME:
		return tri(ev->load.name.n && has_string(a, ev->load.name));
	case SUBJECT_TARGET:
		return ask_target(a);
	case SUBJECT_LOADED:
		if (!ev->load.path.path.n && ev->load.op != LOAD_MMAP)
			return TRI_NO;
		return ask_code(a, &ev->load.path, ev->actor.mnt_ns);
	case SUBJECT_PATH:
		return ask_path(a);
	case SUBJECT_OLD_PATH:
		return ask_old_path(a);
	case SUBJECT_EXE:
		return ask_exe(a);
	case SUBJECT_SCRIPT:
		return ask_script(a);
	case SUBJECT_UNIT:
		return ask_place(a, img ? img->unit : none);
	case SUBJECT_CONTAINER:
		return ask_place(a, img ? img->container : none);
	case SUBJECT_IMAGE:
		return ask_container(a, img ? img->container_image : none);
	case SUBJECT_POD:
		return ask_container(a, img ? img->pod : none);
	case SUBJECT_NAMESPACE:
		return ask_container(a, img ? img->pod_namespace : none);
	case SUBJECT_CGROUP:
		return ask_place(a, img ? img->cgroup : none);
	case SUBJECT_ARGS:
		return ask_list(a, img ? img->args : none,
				img && (img->flags & IMAGE_F_ARGS_TRUNCATED),
				img ? img->args_hidden : 0);
	case SUBJECT_ENV:
		return ask_list(a, img ? img->env : none,
				img && (img->flags & IMAGE_F_ENV_TRUNCATED),
				img ? img->env_hidden : 0);
	case SUBJECT_ORIGIN:
	case SUBJECT_WRITABLE:
	case SUBJECT_SHA256:
	case SUBJECT_TRUST:
		return ask_facts(a);
	case SUBJECT_COUNT:
		break;
	}
	return TRI_UNKNOWN;
}
