/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image's lists without their secrets. The one idea: whoever finds a
 * secret only marks its bytes, so that two who find the same, or each a part
 * of it, cannot get into each other's way; at the end each run of marks is
 * replaced by one token.
 */
#include "rules/redact.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "rules/redact_part.h"

void redact_mark(struct redacting *w, size_t from, size_t to, unsigned section)
{
	for (; from < to; from++) {
		if (!w->marks[from])
			w->marks[from] = (uint8_t)(section + 1);
	}
}

static void add_token(struct buf *out, const struct redact_key *key,
		      const char *name, struct slice value)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (!HMAC(EVP_sha256(), key->bytes, sizeof(key->bytes),
		  (const unsigned char *)value.p, value.n, mac, &n) ||
	    n < 8) {
		buf_add_str(out, "<redacted>");
		return;
	}
	buf_addf(out, "<redacted:%s:", name);
	hex_add(out, mac, 8);
	buf_add_char(out, '>');
}

struct writing {
	const struct redacting *w;
	const struct redact_key *key;
	struct buf *out;
	unsigned *tokens;
	uint64_t hidden;
};

static void add_hidden(struct writing *o, size_t from, size_t to)
{
	const struct redacting *w = o->w;
	const char *name = w->r->sections[w->marks[from] - 1].name;
	size_t last = w->list.n;

	if (last && !w->list.p[last - 1])
		last--;
	if (++*o->tokens > REDACT_TOKENS_MAX)
		buf_add_str(o->out, "<redacted>");
	else if (w->cut && to == last)
		buf_addf(o->out, "<redacted:%s:cut>", name);
	else
		add_token(o->out, o->key, name,
			  slice_of(w->list.p + from, to - from));
}

/* Behind the bytes from `from` on that are all hidden, or all not, of a string. */
static size_t run_end(const struct redacting *w, size_t from)
{
	size_t i = from;

	while (i < w->list.n && w->list.p[i] && !w->marks[i] == !w->marks[from])
		i++;
	return i;
}

static void write_list(struct writing *o)
{
	const struct redacting *w = o->w;
	size_t from, to, string = 0;

	for (from = 0; from < w->list.n; from = to) {
		to = run_end(w, from);
		if (to == from) {
			buf_add_char(o->out, '\0');
			string++;
			to++;
		} else if (w->marks[from]) {
			add_hidden(o, from, to);
			o->hidden |= 1ull << (string < 63 ? string : 63);
		} else {
			buf_add(o->out, w->list.p + from, to - from);
		}
	}
}

static bool has_marks(const struct redacting *w)
{
	size_t i;

	for (i = 0; i < w->list.n; i++) {
		if (w->marks[i])
			return true;
	}
	return false;
}

/* The list as far as it is looked at; *ret_cut: there was more. */
static struct slice bounded(struct slice list, bool *ret_cut)
{
	*ret_cut = list.n > REDACT_LIST_MAX;
	return *ret_cut ? slice_of(list.p, REDACT_LIST_MAX) : list;
}

/* Where the written lists are, once scratch moves no more. */
struct place {
	size_t at, n;
	bool written;
};

static void replace(struct writing *o, struct place *ret)
{
	if (!has_marks(o->w))
		return;
	ret->at = o->out->n;
	write_list(o);
	ret->n = o->out->n - ret->at;
	ret->written = true;
}

static void put(const struct buf *scratch, const struct place *at,
		struct slice *list)
{
	if (at->written)
		*list = slice_of(scratch->p + at->at, at->n);
}

void redact_image(const struct redactor *r, const struct redact_key *key,
		  const struct image *img, struct buf *scratch,
		  struct redacted *ret)
{
	struct redacting w = { .r = r };
	struct place args = { 0 }, env = { 0 };
	unsigned tokens = 0;
	struct writing o = {
		.w = &w,
		.key = key,
		.out = scratch,
		.tokens = &tokens,
	};

	*ret = (struct redacted){ .args = img->args, .env = img->env };
	if (!r || (!img->args.n && !img->env.n) ||
	    redact_clean_has(r->clean, img))
		return;
	ret->args = bounded(img->args, &ret->args_cut);
	ret->env = bounded(img->env, &ret->env_cut);
	buf_reset(scratch);
	w.marks = calloc(
		1, (ret->args.n > ret->env.n ? ret->args.n : ret->env.n) + 1);
	if (!w.marks) {
		*ret = (struct redacted){ .args_cut = true, .env_cut = true };
		return;
	}
	w.list = ret->args;
	w.cut = ret->args_cut || (img->flags & IMAGE_F_ARGS_TRUNCATED);
	redact_args(&w, img);
	replace(&o, &args);
	ret->args_hidden = o.hidden;

	memset(w.marks, 0, ret->args.n);
	o.hidden = 0;
	w.list = ret->env;
	w.cut = ret->env_cut || (img->flags & IMAGE_F_ENV_TRUNCATED);
	redact_env(&w);
	replace(&o, &env);
	ret->env_hidden = o.hidden;
	free(w.marks);

	if (!args.written && !env.written)
		redact_clean_add(r->clean, img);
	put(scratch, &args, &ret->args);
	put(scratch, &env, &ret->env);
	if (scratch->failed)
		*ret = (struct redacted){ .args_cut = true, .env_cut = true };
}
