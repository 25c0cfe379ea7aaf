// SPDX-License-Identifier: Apache-2.0
/*
 * Conditions of a query. The one idea: a person who asks would rather see one
 * record too many than one too few, so whatever a file may be called counts,
 * and of a path whose front was cut, its end.
 */
#include "app/query_match.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "app/tail_lines.h"
#include "base/text.h"
#include "out/fields.h"
#include "out/names.h"
#include "out/pbwire.h"
#include "rules/pattern.h"

#define VERDICT_ALERT 0x100

const char *const query_verdict_names[] = { "allowed", "denied", "unlisted",
					    "pending", "alert" };
static const unsigned verdict_bits[QUERY_VERDICTS] = {
	1u << PICKET__V1__ANSWER__ANSWER_ALLOWED,
	1u << PICKET__V1__ANSWER__ANSWER_DENIED,
	1u << PICKET__V1__ANSWER__ANSWER_UNLISTED,
	1u << PICKET__V1__ANSWER__ANSWER_PENDING,
	VERDICT_ALERT,
};

/* ---- values ------------------------------------------------------------- */

int query_match_pid(struct query_match *m, const char *value)
{
	uint32_t pid;

	if (text_u32(slice_str(value), &pid) < 0 || !pid)
		return -EINVAL;
	if (m->n_pids == QUERY_CHOICES_MAX)
		return -E2BIG;
	m->pids[m->n_pids++] = pid;
	return 0;
}

static int add_glob(struct query_globs *g, enum pattern_kind kind,
		    const char *text)
{
	const char *why;

	if (g->n == QUERY_CHOICES_MAX)
		return -E2BIG;
	if (pattern_new(kind, slice_str(text), &g->list[g->n], &why) < 0)
		return -EINVAL;
	g->n++;
	return 0;
}

static int add_path(struct query_globs *g, const char *value)
{
	char anywhere[PATTERN_TEXT_MAX];
	int len;

	if (!*value)
		return -EINVAL;
	len = snprintf(anywhere, sizeof(anywhere), "%s%s",
		       *value == '/' ? "" : "/**/", value);
	if (len < 0 || (size_t)len >= sizeof(anywhere))
		return -EINVAL;
	return add_glob(g, PATTERN_PATH, anywhere);
}

int query_match_exe(struct query_match *m, const char *value)
{
	return add_path(&m->exes, value);
}

int query_match_path(struct query_match *m, const char *value)
{
	return add_path(&m->paths, value);
}

int query_match_unit(struct query_match *m, const char *value)
{
	return *value ? add_glob(&m->units, PATTERN_PLAIN, value) : -EINVAL;
}

int query_match_container(struct query_match *m, const char *value)
{
	char begin[PATTERN_TEXT_MAX];
	int len = snprintf(begin, sizeof(begin), "%s*", value);

	if (!*value || len < 0 || (size_t)len >= sizeof(begin))
		return -EINVAL;
	return add_glob(&m->containers, PATTERN_PLAIN, begin);
}

/* "ADDRESS:PORT", "[ADDRESS]:PORT": split; without a port all is address. */
static int split_port(struct slice *address, uint32_t *ret_port)
{
	const char *end = address->p + address->n, *colon;

	colon = memrchr(address->p, ':', address->n);
	if (address->n && *address->p == '[') {
		if (!colon || colon == address->p || colon[-1] != ']')
			return -EINVAL;
	} else if (!colon ||
		   memchr(address->p, ':', (size_t)(colon - address->p))) {
		return 0; /* none, or an IPv6 address alone */
	}
	if (text_u32(slice_of(colon + 1, (size_t)(end - colon - 1)), ret_port) <
		    0 ||
	    !*ret_port || *ret_port > UINT16_MAX)
		return -EINVAL;
	*address = *address->p == '['
			   ? slice_of(address->p + 1,
				      (size_t)(colon - address->p) - 2)
			   : slice_of(address->p, (size_t)(colon - address->p));
	return 0;
}

int query_match_dest(struct query_match *m, const char *value)
{
	struct slice address = slice_str(value);
	struct query_dest d = { 0 };
	const char *why;

	if (split_port(&address, &d.port) < 0 ||
	    cidr_parse(address, &d.range, &why) < 0)
		return -EINVAL;
	if (m->n_dests == QUERY_CHOICES_MAX)
		return -E2BIG;
	m->dests[m->n_dests++] = d;
	return 0;
}

int query_match_verdict(struct query_match *m, const char *value)
{
	unsigned places;
	int r = text_choices(slice_str(value), query_verdict_names,
			     QUERY_VERDICTS, &places);

	if (r < 0)
		return r;
	for (size_t i = 0; i < QUERY_VERDICTS; i++)
		if (places & 1u << i)
			m->verdicts |= verdict_bits[i];
	return 0;
}

void query_match_done(struct query_match *m)
{
	struct query_globs *all[] = { &m->exes, &m->paths, &m->units,
				      &m->containers };
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(*all); i++)
		while (all[i]->n)
			pattern_free(all[i]->list[--all[i]->n]);
}

/* ---- matching ----------------------------------------------------------- */

static bool any_glob(const struct query_globs *g, struct slice s)
{
	size_t i;

	for (i = 0; i < g->n; i++)
		if (pattern_match(g->list[i], s))
			return true;
	return false;
}

static bool has_slice(const struct query_globs *g, struct slice s, bool cut)
{
	const char *slash;

	if (cut) {
		slash = s.n ? memchr(s.p, '/', s.n) : NULL;
		s = slash ? slice_of(slash, (size_t)(s.p + s.n - slash))
			  : slice_of(NULL, 0);
	}
	return s.n && any_glob(g, s);
}

static bool has_name(const struct query_globs *g, ProtobufCBinaryData name,
		     bool cut)
{
	return has_slice(g, slice_of((const char *)name.data, name.len), cut);
}

static bool has_path(const struct query_globs *g, const Picket__V1__Path *p)
{
	bool cut;

	if (!p)
		return false;
	cut = p->truncated || p->unresolved;
	return has_name(g, p->path, cut) || has_name(g, p->fs_path, cut) ||
	       has_name(g, p->host_path, cut);
}

static bool has_pid(const struct query_match *m, uint32_t pid)
{
	size_t i;

	for (i = 0; i < m->n_pids; i++)
		if (m->pids[i] == pid)
			return true;
	return false;
}

static bool has_dest(const struct query_match *m,
		     const Picket__V1__Address *peer)
{
	struct ip_addr ip = { .family =
				      peer->ip.len == 4 ? AF_INET : AF_INET6 };
	struct cidr addr;
	size_t i;

	memcpy(ip.bytes, peer->ip.data, peer->ip.len);
	if (!cidr_of_addr(&ip, &addr))
		return false;
	for (i = 0; i < m->n_dests; i++)
		if (cidr_has(&m->dests[i].range, &addr) &&
		    (!m->dests[i].port || m->dests[i].port == peer->port))
			return true;
	return false;
}

static bool has_verdict(const struct query_match *m, uint64_t answer,
			bool alert)
{
	if (m->verdicts & VERDICT_ALERT && alert)
		return true;
	return answer < 8 && m->verdicts & 1u << answer;
}

static bool has_word(const struct query_globs *g, ProtobufCBinaryData word)
{
	return !g->n ||
	       any_glob(g, slice_of((const char *)word.data, word.len));
}

static bool has_process(const struct query_match *m,
			const Picket__V1__Image *img)
{
	if (!m->n_pids && !m->exes.n && !m->units.n && !m->containers.n)
		return true;
	if (!img || (m->n_pids && !has_pid(m, img->pid)))
		return false;
	return has_word(&m->units, img->unit) &&
	       has_word(&m->containers, img->container) &&
	       (!m->exes.n || has_path(&m->exes, img->exe));
}

static bool has_file(const struct query_globs *g, const Picket__V1__Event *e)
{
	if (e->write)
		return has_path(g, e->write->path) ||
		       has_path(g, e->write->new_path);
	return e->load && has_path(g, e->load->path);
}

static bool has_rest(const struct query_match *m, const struct view *v)
{
	const Picket__V1__Event *e = v->event;

	if (m->kinds && !(m->kinds & tail_kind(e->kind)))
		return false;
	if (!has_process(m, v->image))
		return false;
	if (m->paths.n && !has_file(&m->paths, e))
		return false;
	return !m->n_dests || (e->connect && e->connect->peer &&
			       has_dest(m, e->connect->peer));
}

enum query_answer query_matches(const struct query_match *m,
				const struct view *v)
{
	const Picket__V1__Verdict *is = v->event->verdict;

	if (!has_rest(m, v))
		return QUERY_NO;
	if (!m->verdicts ||
	    (is && has_verdict(m, (uint64_t)is->answer, is->alert)))
		return QUERY_YES;
	return is && is->answer == PICKET__V1__ANSWER__ANSWER_PENDING
		       ? QUERY_IF_SETTLED
		       : QUERY_NO;
}

bool query_settles(const struct query_match *m, const struct view *v)
{
	const Picket__V1__Resolution *r = v->amendment->resolution;

	return r && r->verdict &&
	       has_verdict(m, (uint64_t)r->verdict->answer, r->verdict->alert);
}

bool query_matches_amendment(const struct query_match *m, const struct view *v)
{
	const Picket__V1__ConnectResult *c = v->amendment->connect;

	if (!has_process(m, v->image))
		return false;
	if (m->paths.n &&
	    !has_slice(&m->paths, v->amended.path, v->amended.path_cut))
		return false;
	return !m->n_dests || (c && c->peer && has_dest(m, c->peer));
}

/* Of a packed verdict; on any doubt it may match. */
static bool may_have_verdict(const struct query_match *m, struct slice packed)
{
	uint64_t answer = 0, alert = 0;
	struct wire_field f;
	int r;

	while ((r = wire_next(&packed, &f)) > 0) {
		if (f.number == FIELD_VERDICT_ANSWER)
			answer = f.value;
		else if (f.number == FIELD_VERDICT_ALERT)
			alert = f.value;
	}
	return r < 0 || answer == PICKET__V1__ANSWER__ANSWER_PENDING ||
	       has_verdict(m, answer, alert);
}

struct look {
	uint64_t kind, image;
	struct slice verdict;
};

static struct look look_at(struct slice payload)
{
	struct look l = { 0 };
	struct wire_field f;

	while (wire_next(&payload, &f) > 0) {
		if (f.number == FIELD_EVENT_KIND)
			l.kind = f.value;
		else if (f.number == FIELD_EVENT_IMAGE)
			l.image = f.value;
		else if (f.number == FIELD_EVENT_VERDICT)
			l.verdict = f.bytes;
		/* As picket packs them: in order. */
		if (f.number >= FIELD_EVENT_VERDICT)
			break;
	}
	return l;
}

const Picket__V1__Image *query_actor(const struct view_images *images,
				     struct slice payload)
{
	return view_image(images, look_at(payload).image);
}

int query_amended(struct slice payload, uint32_t *ret_epoch, uint64_t *ret_seq)
{
	uint64_t epoch = 0, seq = 0;
	struct wire_field f;
	int r;

	while ((r = wire_next(&payload, &f)) > 0) {
		if (f.number == FIELD_AMENDMENT_EPOCH)
			epoch = f.value;
		else if (f.number == FIELD_AMENDMENT_SEQ)
			seq = f.value;
	}
	if (r < 0)
		return r;
	*ret_epoch = (uint32_t)epoch;
	*ret_seq = seq;
	return 0;
}

bool query_may_match(const struct query_match *m,
		     const struct view_images *images, struct slice payload)
{
	const struct look l = look_at(payload);
	const uint64_t kind = l.kind;

	if (kind == PICKET__V1__KIND__KIND_AGENT)
		return true;
	if (m->verdicts && !may_have_verdict(m, l.verdict))
		return false;
	if (m->paths.n && kind != PICKET__V1__KIND__KIND_WRITE &&
	    kind != PICKET__V1__KIND__KIND_LOAD)
		return false;
	if (m->n_dests && kind != PICKET__V1__KIND__KIND_CONNECT)
		return false;
	if (m->kinds && !(m->kinds & tail_kind((Picket__V1__Kind)kind)))
		return false;
	return has_process(m, view_image(images, l.image));
}
