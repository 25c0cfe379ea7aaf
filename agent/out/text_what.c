// SPDX-License-Identifier: Apache-2.0
/*
 * What was done to what, in words, and what the rules said of it.
 *
 * A path or a word that a process chose is escaped and quoted, so that no
 * name can pass for the words round it; what is long loses its middle or its
 * end visibly ("…"), never its kind.
 */
#include "out/text_part.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/escape.h"
#include "out/names.h"

/* Longer paths lose their middle: where it begins and what it is both tell. */
#define PATH_HEAD	 160
#define PATH_TAIL	 240
#define ARG_MAX_BYTES	 120
#define ARGS_MAX_BYTES	 280
#define ARG0_MAX_BYTES	 40
#define ANSWER_MAX_BYTES 320
#define RULE_MAX_BYTES	 80

void text_path(struct buf *out, struct slice p)
{
	size_t from;

	if (!p.n) {
		buf_add_char(out, '?');
		return;
	}
	if (p.n <= PATH_HEAD + PATH_TAIL) {
		escape_word(out, p);
		return;
	}
	text_cut_word(out, p, PATH_HEAD);
	from = p.n - PATH_TAIL;
	while (from < p.n && (p.p[from] & 0xc0) == 0x80)
		from++;
	escape_word(out, slice_of(p.p + from, p.n - from));
}

static void add_path(struct buf *out, const Picket__V1__Path *p)
{
	text_path(out, p ? text_slice(p->path) : slice_of(NULL, 0));
}

/* "(created, append)": nothing at all when none of them holds. */
struct marks {
	struct buf *out;
	bool open;
};

static void mark(struct marks *m, bool holds, const char *name)
{
	if (!holds)
		return;
	buf_add_str(m->out, m->open ? ", " : " (");
	buf_add_str(m->out, name);
	m->open = true;
}

static void mark_path(struct marks *m, const Picket__V1__Path *p)
{
	if (!p)
		return;
	mark(m, p->claimed, "claimed");
	mark(m, p->deleted, "deleted");
	mark(m, p->truncated, "front cut");
	mark(m, p->unresolved, "unresolved");
	mark(m, p->foreign, "not on the host");
}

static void marks_end(struct marks *m)
{
	if (m->open)
		buf_add_char(m->out, ')');
}

/* ---- exec, exit, connect ------------------------------------------------ */

static bool is_base_of(struct slice name, struct slice path)
{
	/* A login shell's name begins with '-'. */
	if (name.n && name.p[0] == '-')
		name = slice_of(name.p + 1, name.n - 1);
	if (slice_eq(name, path))
		return true;
	for (size_t i = name.n; i; i--)
		if (name.p[i - 1] == '/') {
			name = slice_of(name.p + i, name.n - i);
			break;
		}
	return path.n > name.n && path.p[path.n - name.n - 1] == '/' &&
	       slice_eq(slice_of(path.p + path.n - name.n, name.n), name);
}

static void add_args(struct buf *out, const Picket__V1__Image *img)
{
	size_t begin = out->n, i;
	size_t all = img->argc > img->n_args ? img->argc : img->n_args;

	for (i = 1; i < img->n_args; i++) {
		if (out->n - begin > ARGS_MAX_BYTES)
			break;
		buf_add_char(out, ' ');
		text_cut_word(out, text_slice(img->args[i]), ARG_MAX_BYTES);
	}
	if (i < all && all > 1)
		buf_addf(out, " …(+%zu)", all - i);
	else if (img->args_truncated)
		buf_add_str(out, "…");
}

static void add_exec(struct buf *out, const struct view *v)
{
	const Picket__V1__Image *img = v->image;
	struct marks m = { out, false };

	if (!img) {
		buf_add_str(out, "a program not described in this segment");
		return;
	}
	add_path(out, img->exe);
	mark_path(&m, img->exe);
	mark(&m, img->exe_file && img->exe_file->memfd, "memfd");
	mark(&m, img->secure, "secure");
	marks_end(&m);
	if (img->n_args && img->exe &&
	    !is_base_of(text_slice(img->args[0]), text_slice(img->exe->path))) {
		buf_add_str(out, " (as ");
		text_cut_word(out, text_slice(img->args[0]), ARG0_MAX_BYTES);
		buf_add_char(out, ')');
	}
	add_args(out, img);
}

static void add_exit(struct buf *out, const struct view *v)
{
	int status = (int)v->event->exit->status;
	uint32_t signo = (uint32_t)WTERMSIG(status);
	char name[16];

	if (WIFEXITED(status)) {
		buf_addf(out, "status %d", WEXITSTATUS(status));
		return;
	}
	if (name_signal(signo, name))
		buf_addf(out, "killed by %s", name);
	else
		buf_addf(out, "killed by signal %" PRIu32, signo);
	if (WCOREDUMP(status))
		buf_add_str(out, ", core dumped");
}

void text_address(struct buf *out, const Picket__V1__Address *a, bool with_port)
{
	char ip[INET6_ADDRSTRLEN];
	bool is6 = a->ip.len == 16;

	if (!inet_ntop(is6 ? AF_INET6 : AF_INET, a->ip.data, ip, sizeof(ip)))
		return;
	if (!with_port)
		buf_add_str(out, ip);
	else
		buf_addf(out, is6 ? "[%s]:%" PRIu32 : "%s:%" PRIu32, ip,
			 a->port);
}

/* One end of a socket, whichever event it belongs to. */
struct text_end {
	const Picket__V1__Address *address;
	uint32_t family, type, protocol;
	struct slice unix_path;
	const Picket__V1__Vsock *vsock;
};

/* An abstract name begins with a zero, and is written with an '@' for it. */
static void add_unix_path(struct buf *out, struct slice path)
{
	if (path.n && !path.p[0]) {
		buf_add_char(out, '@');
		path = slice_of(path.p + 1, path.n - 1);
	}
	if (path.n)
		escape_word(out, path);
}

static void add_vsock(struct buf *out, const Picket__V1__Vsock *v)
{
	if (v->cid == UINT32_MAX)
		buf_addf(out, " *:%" PRIu32, v->port);
	else
		buf_addf(out, " %" PRIu32 ":%" PRIu32, v->cid, v->port);
}

static void add_family(struct buf *out, const struct text_end *e)
{
	const char *name = name_address_family(e->family);

	if (name)
		buf_add_str(out, name);
	else
		buf_addf(out, "address family %" PRIu32, e->family);
}

static void add_end(struct buf *out, const struct text_end *e, bool with_port)
{
	const char *protocol = name_protocol(e->protocol, e->type);

	if (!e->address) {
		add_family(out, e);
		if (e->unix_path.n)
			buf_add_char(out, ' ');
		add_unix_path(out, e->unix_path);
		if (e->vsock)
			add_vsock(out, e->vsock);
		return;
	}
	if (protocol)
		buf_addf(out, "%s ", protocol);
	else
		buf_addf(out, "protocol %" PRIu32 " ", e->protocol);
	text_address(out, e->address, with_port);
}

static void add_connect(struct buf *out, const struct view *v)
{
	const Picket__V1__Connect *c = v->event->connect;
	struct marks m = { out, false };
	const struct text_end end = {
		.address = c->peer,
		.family = c->family,
		.type = c->type,
		.protocol = c->protocol,
		.unix_path = text_slice(c->unix_path),
		.vsock = c->vsock,
	};

	if (c->socket) {
		buf_add_str(out, "raw socket ");
		add_family(out, &end);
		buf_addf(out, ", protocol %" PRIu32, c->protocol);
	} else {
		add_end(out, &end, c->peer && c->peer->port);
	}
	mark(&m, c->send, "datagram");
	mark(&m, c->claimed, "claimed");
	mark(&m, c->fd_claimed, "descriptor claimed");
	marks_end(&m);
}

static void add_listen(struct buf *out, const struct view *v)
{
	const Picket__V1__Listen *l = v->event->listen;
	struct marks m = { out, false };
	const struct text_end end = {
		.address = l->local,
		.family = l->family,
		.type = l->type,
		.protocol = l->protocol,
		.unix_path = text_slice(l->unix_path),
		.vsock = l->vsock,
	};

	add_end(out, &end, true);
	mark(&m, l->bind, "datagrams");
	mark(&m, l->fd_claimed, "descriptor claimed");
	marks_end(&m);
}

/* ---- load, tamper ------------------------------------------------------- */

static void add_load(struct buf *out, const struct view *v)
{
	const Picket__V1__Load *l = v->event->load;
	struct marks m = { out, false };

	buf_add_str(out, name_load(l->type));
	if (l->name.len) {
		buf_add_char(out, ' ');
		text_cut_word(out, text_slice(l->name), ARG_MAX_BYTES);
	}
	if (l->path) {
		buf_add_char(out, ' ');
		add_path(out, l->path);
	}
	mark_path(&m, l->path);
	mark(&m, l->file && l->file->memfd, "memfd");
	mark(&m, l->mprotect, "made executable");
	mark(&m, l->fd_claimed, "descriptor claimed");
	marks_end(&m);
	if (l->program_id)
		buf_addf(out, " id %" PRIu32, l->program_id);
}

static void add_limit(struct buf *out, const char *before,
		      const Picket__V1__Tamper__Limit *l)
{
	const uint64_t values[] = { l->soft, l->hard };
	size_t i;

	for (i = 0; i < 2; i++) {
		buf_add_str(out, i ? ":" : before);
		if (values[i] == UINT64_MAX)
			buf_add_str(out, "unlimited");
		else
			buf_addf(out, "%" PRIu64, values[i]);
	}
}

static void add_limits(struct buf *out, const Picket__V1__Tamper *t)
{
	if (!t->limit)
		return;
	buf_addf(out, " %s", name_resource(t->arg));
	add_limit(out, "=", t->limit);
	if (t->before)
		add_limit(out, " was ", t->before);
}

static void add_cgroup(struct buf *out, const Picket__V1__Tamper *t)
{
	if (!t->cgroup.len)
		return;
	buf_add_str(out, t->type == PICKET__V1__TAMPER__TYPE__FREEZE ? " in "
								     : " to ");
	text_path(out, text_slice(t->cgroup));
	if (t->hierarchy)
		buf_addf(out, " of hierarchy %" PRIu32, t->hierarchy);
}

static void add_tamper(struct buf *out, const struct view *v)
{
	const Picket__V1__Tamper *t = v->event->tamper;
	struct marks m = { out, false };
	char name[16];

	if (t->type == PICKET__V1__TAMPER__TYPE__SIGNAL &&
	    name_signal(t->arg, name))
		buf_addf(out, "%s to ", name);
	else
		buf_addf(out, "%s of ", name_tamper(t->type));
	if (t->of_picket)
		buf_add_str(out, "picket ");
	if (t->target_exe.len)
		text_path(out, text_slice(t->target_exe));
	if (t->target_pid)
		buf_addf(out, "[%" PRIu32 "]", t->target_pid);
	else if (t->object_id)
		buf_addf(out, "object %" PRIu32, t->object_id);
	add_limits(out, t);
	add_cgroup(out, t);
	mark(&m, t->claimed, "claimed");
	marks_end(&m);
}

/* ---- write -------------------------------------------------------------- */

static void add_owner(struct buf *out, uint32_t id)
{
	if (id == UINT32_MAX)
		buf_add_char(out, '-'); /* left as it was */
	else
		buf_addf(out, "%" PRIu32, id);
}

static void add_write_operand(struct buf *out, const Picket__V1__Write *w)
{
	/* All others are named by their path alone. */
	if (w->operation == PICKET__V1__OPERATION__OPERATION_CHMOD ||
	    w->operation == PICKET__V1__OPERATION__OPERATION_MKNOD) {
		buf_addf(out, "%04o ", w->arg & 07777);
	} else if (w->operation == PICKET__V1__OPERATION__OPERATION_CHOWN) {
		add_owner(out, w->arg);
		buf_add_char(out, ':');
		add_owner(out, w->arg2);
		buf_add_char(out, ' ');
	}
}

static void add_write(struct buf *out, const struct view *v)
{
	const Picket__V1__Write *w = v->event->write;
	struct marks m = { out, false };

	buf_addf(out, "%s ", name_operation(w->operation));
	add_write_operand(out, w);
	add_path(out, w->path);
	if (w->new_path) {
		buf_add_str(out, w->exchange ? " ↔ " : " → ");
		add_path(out, w->new_path);
	} else if (w->target.len) {
		buf_add_str(out, " → ");
		text_path(out, text_slice(w->target));
	}
	mark(&m, w->created, "created");
	mark(&m, w->truncated, "truncated");
	mark(&m, w->append, "append");
	mark_path(&m, w->path);
	mark(&m, w->new_path && w->new_path->claimed && !w->path->claimed,
	     "new name claimed");
	mark(&m, w->fd_claimed, "descriptor claimed");
	mark(&m, w->fd_changed, "descriptor changed");
	mark(&m, w->submitted, "asked for");
	marks_end(&m);
}

/* ---- what picket says of itself ----------------------------------------- */

static void add_agent(struct buf *out, const struct view *v)
{
	const Picket__V1__Agent *a = v->event->agent;

	if (a->text && *a->text)
		text_cut(out, slice_str(a->text), TEXT_SENTENCE_MAX);
	else
		buf_add_str(out, name_what(a->what));
}

static void add_gap(struct buf *out, const struct view *v)
{
	const Picket__V1__Gap *g = v->gap;

	if (g->count == 1)
		buf_addf(out, "record %" PRIu64 " is missing", g->first_seq);
	else
		buf_addf(out,
			 "%" PRIu64 " records, %" PRIu64 " to %" PRIu64
			 ", are missing",
			 g->count, g->first_seq, g->first_seq + g->count - 1);
	if (g->reason && *g->reason) {
		buf_add_str(out, ": ");
		text_cut(out, slice_str(g->reason), TEXT_SENTENCE_MAX);
	}
}

/* ---- all of them -------------------------------------------------------- */

static void (*const add_act[])(struct buf *, const struct view *) = {
	[PICKET__V1__KIND__KIND_EXEC] = add_exec,
	[PICKET__V1__KIND__KIND_EXIT] = add_exit,
	[PICKET__V1__KIND__KIND_CONNECT] = add_connect,
	[PICKET__V1__KIND__KIND_WRITE] = add_write,
	[PICKET__V1__KIND__KIND_AGENT] = add_agent,
	[PICKET__V1__KIND__KIND_LISTEN] = add_listen,
	[PICKET__V1__KIND__KIND_LOAD] = add_load,
	[PICKET__V1__KIND__KIND_TAMPER] = add_tamper,
};

void text_what(struct buf *out, const struct view *v)
{
	uint64_t kind = v->event ? (uint64_t)v->event->kind : 0;

	if (v->gap)
		add_gap(out, v);
	else if (v->amendment)
		text_amendment(out, v);
	else if (kind < sizeof(add_act) / sizeof(*add_act) && add_act[kind])
		add_act[kind](out, v);
	else
		buf_add_str(out, "something that a newer picket recorded");
}

static void add_rule(struct buf *out, const char *rule, const char *tag)
{
	if (rule && *rule) {
		buf_add_str(out, " by ");
		text_cut_word(out, slice_str(rule), RULE_MAX_BYTES);
	}
	if (tag && *tag) {
		buf_add_str(out, " (");
		text_cut_word(out, slice_str(tag), RULE_MAX_BYTES);
		buf_add_char(out, ')');
	}
}

void text_verdict(struct buf *out, const struct view *v)
{
	const Picket__V1__Verdict *d = v->event ? v->event->verdict : NULL;

	if (v->amendment && v->amendment->resolution)
		d = v->amendment->resolution->verdict;
	if (v->amendment && v->amendment->repeats) {
		buf_add_str(out, "repeated");
		add_rule(out, v->amendment->repeats->rule,
			 v->amendment->repeats->tag);
	}
	if (!d)
		return;
	buf_add_str(out, name_answer(d->answer));
	add_rule(out, d->rule, d->tag);
	if (d->repeated)
		buf_add_str(out, ", repeated");
}

void text_refusal(struct buf *out, const struct view *v)
{
	const Picket__V1__Refusal *r = v->event ? v->event->refusal : NULL;
	char time[32];

	if (!r)
		return;
	buf_add_str(out, "refused by ");
	if (*r->destination)
		text_cut_word(out, slice_str(r->destination), RULE_MAX_BYTES);
	else
		buf_add_str(out, "the collector");
	buf_addf(out, " at %s: ", clock_print(r->wall_ns, time));
	text_cut(out, slice_str(r->answer), ANSWER_MAX_BYTES);
}
