/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions in words. The deciding is ask.c's and holds.c's; here stands only
 * what a condition asks for, what the event has instead, and which value would
 * have made it hold.
 */
#include "rules/explain.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/escape.h"
#include "base/hex.h"
#include "rules/ask.h"
#include "rules/literal.h"
#include "rules/names.h"
#include "rules/parse.h"

#define VALUES_SHOWN 4u

/* ---- text --------------------------------------------------------------- */

/* Cut to fit, between characters. */
static void put(char *to, size_t size, const struct buf *b)
{
	size_t n = b->failed ? 0 : b->n;

	if (n >= size) {
		n = size - 1;
		while (n && ((unsigned char)b->p[n] & 0xc0) == 0x80)
			n--;
	}
	if (n)
		memcpy(to, b->p, n);
	to[n] = '\0';
}

static void add_cidr(struct buf *out, const struct cidr *c)
{
	unsigned char bytes[16];
	char text[INET6_ADDRSTRLEN];
	unsigned i;

	for (i = 0; i < 16; i++)
		bytes[i] = (unsigned char)((i < 8 ? c->bits.hi : c->bits.lo) >>
					   (56 - 8 * (i % 8)));
	if (inet_ntop(c->v6 ? AF_INET6 : AF_INET, bytes, text, sizeof(text)))
		buf_addf(out, "%s/%u", text, c->len);
}

static const struct word_list *words_of(enum subject s)
{
	static const char *const truth[] = { "no", "yes" };
	static const struct word_list truths = { .words = truth, .n = 2 };

	switch (s) {
	case SUBJECT_OP:
		return &op_words;
	case SUBJECT_LOAD:
		return &load_words;
	case SUBJECT_TAMPER:
		return &tamper_words;
	case SUBJECT_ORIGIN:
		return &origin_words;
	case SUBJECT_TRUST:
		return &trust_words;
	case SUBJECT_WRITABLE:
		return &writable_words;
	case SUBJECT_TTY:
	case SUBJECT_OF_PICKET:
		return &truths;
	default:
		return &stdio_words;
	}
}

static void add_words(struct buf *out, const struct cond *c)
{
	const struct word_list *list = words_of((enum subject)c->subject);
	const char *join = "";
	size_t i;

	for (i = 0; i < list->n; i++) {
		if (!(c->mask >> i & 1) || !list->words[i])
			continue;
		buf_addf(out, "%s%s", join, list->words[i]);
		join = " | ";
	}
}

static void add_value(struct buf *out, const struct rule_set *set,
		      const struct cond *c, uint32_t i)
{
	uint64_t range;

	switch ((enum value_form)c->form) {
	case FORM_PATTERNS:
		escape_text(out,
			    pattern_text(
				    set->patterns[set->numbers[c->first + i]]));
		break;
	case FORM_CIDRS:
		add_cidr(out, &set->cidrs[c->first + i]);
		break;
	case FORM_NUMBERS:
		range = set->numbers[c->first + i];
		buf_addf(out, "%" PRIu64, range >> 32);
		if (range >> 32 != (range & UINT32_MAX))
			buf_addf(out, "-%" PRIu64, range & UINT32_MAX);
		break;
	case FORM_HASHES:
		hex_add(out, set->hashes[c->first + i], 32);
		break;
	case FORM_MASK:
		break;
	}
}

static void add_values(struct buf *out, const struct rule_set *set,
		       const struct cond *c)
{
	uint32_t i;

	if (c->form == FORM_MASK) {
		add_words(out, c);
		return;
	}
	for (i = 0; i < c->n && i < VALUES_SHOWN; i++) {
		if (i)
			buf_add_str(out, " | ");
		add_value(out, set, c, i);
	}
	if (c->n > VALUES_SHOWN)
		buf_addf(out, " | …(+%u)", c->n - VALUES_SHOWN);
}

/* ---- what there is ------------------------------------------------------ */

/* The host's name where there is one: that is what an allow goes by. */
static struct slice name_of(const struct file_path *f)
{
	return f->host_path.n ? f->host_path : f->path;
}

static struct slice string_of(const struct asking *a)
{
	const struct event *ev = a->q->ev;
	const struct image *img = a->img;
	struct slice none = { 0 };

	switch ((enum subject)a->c->subject) {
	case SUBJECT_PATH:
	case SUBJECT_OLD_PATH:
		return name_of(&ev->write.path);
	case SUBJECT_LOADED:
		return name_of(&ev->load.path);
	case SUBJECT_NAME:
		return ev->load.name;
	case SUBJECT_TARGET:
		return ev->tamper.target_img
			       ? name_of(&ev->tamper.target_img->exe)
			       : none;
	case SUBJECT_EXE:
		return img ? name_of(&img->exe) : none;
	case SUBJECT_SCRIPT:
		return img ? img->script : none;
	case SUBJECT_UNIT:
		return img ? img->unit : none;
	case SUBJECT_CONTAINER:
		return img ? img->container : none;
	case SUBJECT_IMAGE:
		return img ? img->container_image : none;
	case SUBJECT_POD:
		return img ? img->pod : none;
	case SUBJECT_NAMESPACE:
		return img ? img->pod_namespace : none;
	case SUBJECT_CGROUP:
		return img ? img->cgroup : none;
	default:
		return none;
	}
}

static const char *word_at(enum subject s, unsigned i)
{
	const struct word_list *list = words_of(s);

	return i < list->n && list->words[i] ? list->words[i] : "";
}

static void add_number(struct buf *out, const struct asking *a)
{
	const struct event *ev = a->q->ev;
	bool self = a->c->who == WHO_SELF;

	switch ((enum subject)a->c->subject) {
	case SUBJECT_PORT:
		buf_addf(out, "%u", event_end(ev)->port);
		break;
	case SUBJECT_PROTO:
		buf_addf(out, "%u", event_end(ev)->protocol);
		break;
	case SUBJECT_USER:
		if (self || a->img)
			buf_addf(out, "%u",
				 self ? ev->actor.euid : a->img->euid);
		break;
	case SUBJECT_GROUP:
		if (self || a->img)
			buf_addf(out, "%u",
				 self ? ev->actor.gid : a->img->egid);
		break;
	default:
		break;
	}
}

static unsigned worse_trust(const struct image *img)
{
	if (img->exe_facts.trust != TRUST_PACKAGE || !img->script_facts.known)
		return img->exe_facts.trust;
	return img->script_facts.trust;
}

/* With tracepoints alone; so nothing is known of the file that ran. */
static bool has_claimed_script(const struct image *img)
{
	return (img->script.n || (img->flags & IMAGE_F_SCRIPT)) &&
	       !img->script_file.known;
}

static void add_trust(struct buf *out, const struct image *img)
{
	if (img->exe_facts.known)
		buf_add_str(out, word_at(SUBJECT_TRUST, worse_trust(img)));
	if (has_claimed_script(img))
		buf_addf(out,
			 "%sof its script only the name that the caller gave "
			 "is known",
			 img->exe_facts.known ? ", and " : "");
}

static void add_writers(struct buf *out, unsigned writable)
{
	const char *join = "";
	unsigned i;

	for (i = 0; i < writable_words.n; i++) {
		if (!(writable >> i & 1))
			continue;
		buf_addf(out, "%s%s", join, writable_words.words[i]);
		join = " | ";
	}
}

static void add_word(struct buf *out, const struct asking *a)
{
	const struct event *ev = a->q->ev;
	enum subject s = (enum subject)a->c->subject;
	const struct image *img = a->img;

	switch (s) {
	case SUBJECT_OP:
		buf_add_str(out, word_at(s, ev->write.op));
		break;
	case SUBJECT_LOAD:
		buf_add_str(out, word_at(s, ev->load.op));
		break;
	case SUBJECT_TAMPER:
		buf_add_str(out, word_at(s, ev->tamper.op));
		break;
	case SUBJECT_OF_PICKET:
		buf_add_str(out, word_at(s, ev->tamper.of_picket));
		break;
	case SUBJECT_TTY:
		if (img)
			buf_add_str(out, word_at(s, !!img->tty));
		break;
	case SUBJECT_STDIN:
	case SUBJECT_STDOUT:
	case SUBJECT_STDERR:
		if (img)
			buf_add_str(
				out,
				word_at(s, img->stdio[s - SUBJECT_STDIN].kind));
		break;
	case SUBJECT_TRUST:
		if (img)
			add_trust(out, img);
		break;
	case SUBJECT_WRITABLE:
		if (img)
			add_writers(out, img->exe_facts.writable |
						 img->script_facts.writable);
		break;
	default:
		break;
	}
}

/* Of a script and its interpreter, what stands in the way. */
static const struct file_facts *what_runs(const struct image *img)
{
	return img->script_facts.known ? &img->script_facts : &img->exe_facts;
}

static void add_own_digest(struct buf *out, const struct image *img)
{
	if (img && what_runs(img)->hash == HASH_DONE)
		hex_add(out, what_runs(img)->sha256, 32);
}

static void add_address(struct buf *out, const struct asking *a)
{
	struct cidr addr;

	if (cidr_of_addr(&event_end(a->q->ev)->addr, &addr))
		add_cidr(out, &addr);
}

static void add_socket(struct buf *out, const struct asking *a)
{
	char name[SOCKET_NAME_MAX];

	literal_add(out, socket_name(event_end(a->q->ev), name));
}

/* As a policy file would have it; nothing where there is no one value. */
static void add_actual(struct buf *out, const struct asking *a)
{
	if (a->c->subject == SUBJECT_SOCKET)
		add_socket(out, a);
	else if (a->c->form == FORM_HASHES)
		add_own_digest(out, a->img);
	else if (a->c->form == FORM_PATTERNS)
		literal_add(out, string_of(a));
	else if (a->c->form == FORM_NUMBERS)
		add_number(out, a);
	else if (a->c->form == FORM_CIDRS)
		add_address(out, a);
	else
		add_word(out, a);
}

/* ---- rules -------------------------------------------------------------- */

static void explain_cond(const struct question *q, const struct rule *rule,
			 const struct cond *c, struct explain_cond *ret)
{
	struct asking a = {
		.q = q,
		.c = c,
		.img = c->who == WHO_PARENT ? (q->img ? q->img->parent : NULL)
					    : q->img,
		.in_container = rule->in_container,
	};
	struct buf text = BUF_INIT(64u << 10);
	enum tri t;

	memset(ret, 0, sizeof(*ret));
	(void)snprintf(
		ret->key, sizeof(ret->key), "%s%s", c->negated ? "not-" : "",
		cond_key_name((enum subject)c->subject, (enum who)c->who));
	add_values(&text, q->set, c);
	put(ret->values, sizeof(ret->values), &text);
	ret->line = c->line;
	ret->holds = cond_holds_alone(q, rule, c, &t);
	ret->unknown = t == TRI_UNKNOWN || t == TRI_PENDING;
	/* Of many ancestors, or of two names, there is no one value. */
	buf_reset(&text);
	if (c->who != WHO_ANCESTOR)
		add_actual(&text, &a);
	put(ret->actual, sizeof(ret->actual), &text);
	/* That a file is to be what it is not is no edit. */
	if (!c->negated && text.n < sizeof(ret->value) && !ret->unknown &&
	    c->subject != SUBJECT_TRUST)
		put(ret->value, sizeof(ret->value), &text);
	buf_done(&text);
}

int rule_set_explain(const struct rule_set *set, const struct event *ev,
		     const struct image *img, explain_fn fn, void *arg)
{
	const struct question q = { .set = set, .ev = ev, .img = img };
	struct explain_cond *conds = NULL, *more;
	struct explain_rule e;
	uint32_t i, k;
	int r = 0;

	for (i = 0; i < set->n_rules && r >= 0; i++) {
		const struct rule *rule = &set->rules[set->by_place[i]];

		if (!(rule->kinds >> ev->kind & 1))
			continue;
		more = reallocarray(conds, rule->n_conds + 1u, sizeof(*more));
		if (!more) {
			r = -ENOMEM;
			break;
		}
		conds = more;
		e = (struct explain_rule){
			.holds = rule_holds(&q, rule) == TRI_YES,
			.final = rule->final,
			.conds = conds,
			.n_conds = rule->n_conds,
		};
		rule_set_info(set, i, &e.info);
		for (k = 0; k < rule->n_conds; k++) {
			explain_cond(&q, rule,
				     &set->conds[rule->first_cond + k],
				     &conds[k]);
			e.n_failed += !conds[k].holds;
		}
		/* Each fits some ancestor, but none fits all of them. */
		if (!e.holds && !e.n_failed)
			e.n_failed = 1;
		r = fn(arg, &e);
	}
	free(conds);
	return r < 0 ? r : 0;
}
